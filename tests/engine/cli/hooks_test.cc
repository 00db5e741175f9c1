// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/hooks.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "tests/engine/core/error_of.h"
#include "tests/support/temporary_folder.h"

namespace engine {
namespace {

using Words = std::vector<std::string>;

HookCommand plan(const std::vector<std::pair<std::string, std::string>>& options) {
  return plan_hooks({{"fmt", options, ""}}, "/v/a b.py").at(0);
}

struct WordsCase {
  std::string options = {};
  Words words = {};
};

TEST(HooksTest, PutTheScriptWhereTheOptionsWantIt) {
  const WordsCase cases[] = {
      {"", {"/v/a b.py"}},
      {"-l 79", {"/v/a b.py", "-l", "79"}},
      {"-l 79 REVISION_SCRIPT_FILENAME", {"-l", "79", "/v/a b.py"}},
      {"--file=REVISION_SCRIPT_FILENAME 'x y' REVISION_SCRIPT_FILENAME.bak",
       {"--file=/v/a b.py", "x y", "/v/a b.py.bak"}},
  };
  for (const auto& [options, words] : cases) {
    EXPECT_EQ(plan({{"type", "exec"}, {"executable", "x"}, {"options", options}}).child.arguments,
              words);
  }
  EXPECT_EQ(plan({{"type", "exec"}, {"executable", "x"}}).child.arguments, Words{"/v/a b.py"});
}

TEST(HooksTest, KnowAlembicsTypes) {
  const HookCommand exec = plan({{"type", "exec"}, {"executable", "ruff"}, {"cwd", "/w"}});
  EXPECT_EQ(exec.child.program, "ruff");
  EXPECT_EQ(exec.child.folder, "/w");
  EXPECT_EQ(exec.missing, "");
  const HookCommand module = plan({{"type", "module"}, {"module", "ruff"}});
  EXPECT_EQ(module.child.program, "python3");
  EXPECT_EQ(module.child.arguments, (Words{"-m", "ruff", "/v/a b.py"}));
  EXPECT_EQ(module.missing, "Could not find module ruff");
  const HookCommand script = plan({{"type", "console_scripts"}, {"entrypoint", "black"}});
  EXPECT_EQ(script.child.program, "python3");
  EXPECT_EQ(script.child.arguments.at(2), "black");
  EXPECT_EQ(script.missing, "Could not find entrypoint console_scripts.black");
}

struct FaultCase {
  std::vector<std::pair<std::string, std::string>> options = {};
  std::string message = {};
};

TEST(HooksTest, AreRefusedInAlembicsWords) {
  const FaultCase cases[] = {
      {{}, "Key 'fmt.type' (or 'type' in toml) is required for post write hook 'fmt'"},
      {{{"type", "shell"}}, "No formatter with name 'shell' registered"},
      {{{"type", "exec"}}, "Key fmt.executable is required for post write hook 'fmt'"},
      {{{"type", "module"}}, "Key fmt.module is required for post write hook 'fmt'"},
      {{{"type", "console_scripts"}}, "Key fmt.entrypoint is required for post write hook 'fmt'"},
      {{{"type", "exec"}, {"executable", "x"}, {"options", "'"}},
       "options of post write hook 'fmt': No closing quotation"},
  };
  for (const auto& [options, message] : cases) {
    const Error error = error_of([&, given = options] { plan(given); });
    EXPECT_EQ(error.reason(), Reason::InvalidUsage);
    EXPECT_EQ(error.message(), message);
  }
}

class RunHooksTest : public ::testing::Test {
 protected:
  Words run(const std::vector<PostWriteHook>& hooks) {
    const char* path = std::getenv("PATH");
    return run_hooks(plan_hooks(hooks, folder_ / "script"), ChildProcess::Output::Inherit,
                     {{"PATH", path == nullptr ? "/usr/bin:/bin" : path},
                      {"PYTHONPATH", folder_.path().string()}},
                     [this](const std::string& text) { said_ += text; });
  }

  test::TemporaryFolder folder_ = {};
  std::string said_ = {};
};

TEST_F(RunHooksTest, RunsThemInTurnOnTheScript) {
  folder_.write("script", "a\n");
  const auto hook = [](const char* name, const char* text) {
    return PostWriteHook{
        name,
        {{"type", "exec"},
         {"executable", "sh"},
         {"options", std::string("-c 'echo ") + text + " >> \"$0\"' REVISION_SCRIPT_FILENAME"}},
        ""};
  };
  EXPECT_EQ(run({hook("one", "b"), hook("two", "c")}), Words{});
  EXPECT_EQ(folder_.read("script"), "a\nb\nc\n");
  EXPECT_EQ(said_,
            "Running post write hook 'one' ...\n  done\n"
            "Running post write hook 'two' ...\n  done\n");
}

TEST_F(RunHooksTest, WarnsOfBadEndsAndGoesOn) {
  const auto hook = [](const char* name, const char* text) {
    return PostWriteHook{name,
                         {{"type", "exec"},
                          {"executable", "sh"},
                          {"options", std::string("-c '") + text + "' REVISION_SCRIPT_FILENAME"}}};
  };
  EXPECT_EQ(run({hook("one", "exit 3"), hook("two", "kill -KILL $$"), hook("three", ":")}),
            (Words{"post write hook 'one' ended with exit code 3",
                   "post write hook 'two' was ended by signal 9"}));
  EXPECT_EQ(said_,
            "Running post write hook 'one' ...\n  done\n"
            "Running post write hook 'two' ...\n  done\n"
            "Running post write hook 'three' ...\n  done\n");
}

TEST_F(RunHooksTest, SaysWhatCannotBeStarted) {
  const PostWriteHook hook{"fmt", {{"type", "exec"}, {"executable", "no-such-program"}}};
  const Error error = error_of([&] { run({hook}); });
  EXPECT_EQ(error.reason(), Reason::InvalidUsage);
  EXPECT_EQ(error.message(), "cannot run no-such-program: No such file or directory");
  EXPECT_EQ(said_, "Running post write hook 'fmt' ...\n  FAILED\n");
}

TEST_F(RunHooksTest, RunsModulesAndEntryPointsOfPython) {
  folder_.write("script", "");
  folder_.write("formatter.py",
                "import sys\n"
                "def main():\n"
                "    with open(sys.argv[1], 'a') as script:\n"
                "        print(__name__, len(sys.argv), file=script)\n"
                "if __name__ == '__main__':\n"
                "    main()\n");
  folder_.write("formatter-1.0.dist-info/METADATA",
                "Metadata-Version: 2.1\nName: formatter\nVersion: 1.0\n");
  folder_.write("formatter-1.0.dist-info/entry_points.txt",
                "[console_scripts]\nformat-it = formatter:main\n");
  EXPECT_EQ(run({{"m", {{"type", "module"}, {"module", "formatter"}}},
                 {"e",
                  {{"type", "console_scripts"},
                   {"entrypoint", "format-it"},
                   {"options", "REVISION_SCRIPT_FILENAME -x"}}}}),
            Words{});
  EXPECT_EQ(folder_.read("script"), "__main__ 2\nformatter 3\n");
}

TEST_F(RunHooksTest, SaysWhichModuleOrEntryPointIsMissing) {
  const std::pair<PostWriteHook, std::string> cases[] = {
      {{"x", {{"type", "module"}, {"module", "no_such_module"}}},
       "Could not find module no_such_module"},
      {{"x", {{"type", "module"}, {"module", "no_such_package.x"}}},
       "Could not find module no_such_package.x"},
      {{"x", {{"type", "console_scripts"}, {"entrypoint", "no-such-script"}}},
       "Could not find entrypoint console_scripts.no-such-script"},
  };
  for (const auto& [hook, message] : cases) {
    const Error error = error_of([&, h = hook] { run({h}); });
    EXPECT_EQ(error.reason(), Reason::InvalidUsage);
    EXPECT_EQ(error.message(), message);
  }
}

}  // namespace
}  // namespace engine
