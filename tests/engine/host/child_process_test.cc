// SPDX-License-Identifier: Apache-2.0
#include "engine/host/child_process.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>

#include "tests/engine/core/error_of.h"
#include "tests/support/temporary_folder.h"

namespace engine {
namespace {

using Words = std::vector<std::string>;

const Environment kEnvironment = {{"PATH", "/usr/bin:/bin"}, {"X", "1 2"}};

std::string program(const test::TemporaryFolder& folder, const std::string& name,
                    const std::string& text) {
  const std::string file = folder.write(name, "#!/bin/sh\n" + text + "\n");
  std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  return file;
}

struct SplitCase {
  std::string text = {};
  Words words = {};
};

// The right-hand sides are what Python's shlex.split made of the left-hand ones.
TEST(SplitWordsTest, SplitsAsAShellDoes) {
  const SplitCase cases[] = {
      {"", {}},
      {"  a  b\tc\n", {"a", "b", "c"}},
      {"'a b' \"c d\"e", {"a b", "c de"}},
      {"''", {""}},
      {"a\\ b \\'", {"a b", "'"}},
      {R"("a\"b\\c\d$x")", {R"(a"b\c\d$x)"}},
      {R"('a\b')", {R"(a\b)"}},
      {"# no comment", {"#", "no", "comment"}},
      {"$HOME *.c `x` ; |", {"$HOME", "*.c", "`x`", ";", "|"}},
  };
  for (const auto& [text, words] : cases) EXPECT_EQ(split_words(text, "x"), words) << text;
}

TEST(SplitWordsTest, RefusesWhatDoesNotEnd) {
  const std::pair<std::string, std::string> cases[] = {{"a 'b", "No closing quotation"},
                                                       {"\"b\\\"", "No closing quotation"},
                                                       {"\"b\\", "No escaped character"},
                                                       {"b\\", "No escaped character"}};
  for (const auto& [text, fault] : cases) {
    const Error error = error_of([&, given = text] { split_words(given, "options"); });
    EXPECT_EQ(error.reason(), Reason::InvalidUsage);
    EXPECT_EQ(error.message(), "options: " + fault);
    EXPECT_EQ(error.hint(), "quotes and backslashes are read as a shell reads them");
  }
}

TEST(ChildProcessTest, GetsItsArgumentsEnvironmentAndFolderAndNothingElse) {
  const test::TemporaryFolder folder;
  program(folder, "show", "pwd > out; printf '%s|' \"$@\" \"$X\" \"$HOME\" >> out");
  const ChildEnd end =
      run_child({"./show", {"a b", "$X", ""}, folder.path().string(), {}}, kEnvironment);
  EXPECT_EQ(end.exit_code, 0);
  EXPECT_EQ(end.signal, 0);
  EXPECT_EQ(folder.read("out"), folder.path().string() + "\na b|$X||1 2||");
}

TEST(ChildProcessTest, TellsHowItEnded) {
  EXPECT_EQ(run_child({"sh", {"-c", "exit 7"}, {}, {}}, kEnvironment).exit_code, 7);
  const ChildEnd killed = run_child({"sh", {"-c", "kill -TERM $$"}, {}, {}}, kEnvironment);
  EXPECT_EQ(killed.signal, SIGTERM);
  EXPECT_EQ(killed.exit_code, 128 + SIGTERM);
}

TEST(ChildProcessTest, HasTheDefaultSignalsWhateverWeBlock) {
  sigset_t blocked;
  sigset_t before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  const ChildEnd end = run_child({"sh", {"-c", "kill -TERM $$; sleep 5"}, {}, {}}, kEnvironment);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  EXPECT_EQ(end.signal, SIGTERM);
}

TEST(ChildProcessTest, WritesWhereItIsTold) {
  using Output = ChildProcess::Output;
  const std::string script = "echo out; echo err >&2";
  const std::tuple<Output, std::string, std::string> cases[] = {
      {Output::Inherit, "out\n", "err\n"},
      {Output::ToStandardError, "", "out\nerr\n"},
      {Output::Nowhere, "", ""},
  };
  for (const auto& [output, out, err] : cases) {
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    run_child({"sh", {"-c", script}, {}, output}, kEnvironment);
    EXPECT_EQ(::testing::internal::GetCapturedStdout(), out);
    EXPECT_EQ(::testing::internal::GetCapturedStderr(), err);
  }
}

TEST(ChildProcessTest, SaysWhatCannotBeRun) {
  const test::TemporaryFolder folder;
  const std::string text = folder.write("text", "x");
  const Error missing = error_of([] { run_child({"no-such-program", {}, {}, {}}, kEnvironment); });
  EXPECT_EQ(missing.reason(), Reason::InvalidUsage);
  EXPECT_EQ(missing.message(), "cannot run no-such-program: No such file or directory");
  EXPECT_EQ(missing.hint(), "it is not in any folder of PATH");
  EXPECT_EQ(error_of([&] {
              run_child({text, {}, {}, {}}, kEnvironment);
            }).message(),
            "cannot run " + text + ": Permission denied");
  EXPECT_EQ(error_of([&] {
              run_child({"sh", {}, folder / "nowhere", {}}, kEnvironment);
            }).message(),
            "cannot run sh in " + (folder / "nowhere") + ": No such file or directory");
}

TEST(ChildProcessTest, LooksForProgramsAlongThePath) {
  const test::TemporaryFolder folder;
  folder.write("one/tool", "no program");
  program(folder, "two/tool", "");
  std::filesystem::create_directories(folder / "one/folder");
  const Environment environment = {{"PATH", (folder / "one") + ":" + (folder / "two")}};
  EXPECT_EQ(find_program("tool", environment), folder / "two/tool");
  EXPECT_EQ(find_program("folder", environment), "");
  EXPECT_EQ(find_program("a/b", environment), "a/b");
  EXPECT_EQ(find_program("", environment), "");
  EXPECT_EQ(find_program("tool", {}), "");
}

TEST(ChildEnvironmentTest, LosesTheLibrariesOfTheBundleAndNothingElse) {
  const Environment before = {
      {"LD_LIBRARY_PATH", "/opt/s/lib:/mine:/opt/s/lib/../lib/x:/opt/s/library"},
      {"LD_PRELOAD", "/opt/s/lib/a.so libb.so:/opt/s/lib/c.so"},
      {"LD_AUDIT", "/opt/s/lib"},
      {"PATH", "/opt/s/lib"}};
  const Environment after = {{"LD_LIBRARY_PATH", "/mine:/opt/s/library"},
                             {"LD_PRELOAD", "libb.so"},
                             {"PATH", "/opt/s/lib"}};
  for (const char* executable : {"/opt/s/bin/stillhead", "/opt/s/lib/ld.so"}) {
    EXPECT_EQ(child_environment(before, executable), after);
  }
}

TEST(ChildEnvironmentTest, DoesNotNameTheSocketOfOurOwnHost) {
  EXPECT_EQ(child_environment({{"STILLHEAD_HOST_FD", "5"}, {"A", "b"}}, "/usr/bin/stillhead"),
            (Environment{{"A", "b"}}));
}

TEST(ChildEnvironmentTest, IsLeftAloneWhereTheProgramBelongsToTheSystem) {
  const Environment before = {{"LD_LIBRARY_PATH", "/usr/lib:/lib"}};
  for (const char* executable :
       {"/usr/bin/stillhead", "/usr/local/bin/stillhead", "/bin/stillhead", ""}) {
    EXPECT_EQ(child_environment(before, executable), before);
  }
}

}  // namespace
}  // namespace engine
