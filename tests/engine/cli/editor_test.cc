// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/editor.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/engine/core/error_of.h"
#include "tests/engine/core/history_text.h"
#include "tests/support/temporary_folder.h"

namespace engine {
namespace {

class EditorTest : public ::testing::Test {
 protected:
  // A program that writes down its name and arguments, then ends as `last` says.
  void install(const std::string& name, const std::string& last = "exit 0") const {
    const std::string file = folder_.write(
        name, "#!/bin/sh\nprintf '" + name + "' > " + (folder_ / "out") +
                  "\nprintf ' <%s>' \"$@\" >> " + (folder_ / "out") + "\n" + last + "\n");
    std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  }
  std::string opened_with(Environment environment) const {
    environment["PATH"] = folder_ / "bin";
    open_in_editor("/x y.sql", environment);
    return folder_.read("out");
  }

  test::TemporaryFolder folder_ = {};
};

struct Case {
  Environment environment = {};
  std::string out = {};
};

TEST_F(EditorTest, TakesTheFirstThatIsThere) {
  for (const char* name : {"bin/ed1", "bin/ed2", "bin/nano", "bin/vim", "own/my editor"})
    install(name);
  const Case cases[] = {
      {{}, "bin/nano </x y.sql>"},
      {{{"EDITOR", "ed1"}, {"VISUAL", "ed2"}}, "bin/ed1 </x y.sql>"},
      {{{"VISUAL", "ed2"}}, "bin/ed2 </x y.sql>"},
      {{{"EDITOR", "missing"}, {"VISUAL", "ed2"}}, "bin/ed2 </x y.sql>"},
      {{{"EDITOR", "missing"}}, "bin/nano </x y.sql>"},
      {{{"EDITOR", ""}}, "bin/nano </x y.sql>"},
      {{{"EDITOR", "/no/such/editor"}}, "bin/nano </x y.sql>"},
      {{{"EDITOR", "ed1 --wait 'a b'"}}, "bin/ed1 <--wait> <a b> </x y.sql>"},
      {{{"EDITOR", folder_ / "own/my editor"}}, "own/my editor </x y.sql>"},
  };
  for (const auto& [environment, out] : cases) EXPECT_EQ(opened_with(environment), out);
}

TEST_F(EditorTest, SaysInAlembicsWordsWhatWentWrong) {
  std::filesystem::create_directory(folder_ / "bin");
  const Error none = error_of([&] { opened_with({}); });
  EXPECT_EQ(none.reason(), Reason::InvalidUsage);
  EXPECT_EQ(none.message(),
            "Error executing editor (No suitable editor found. Please set the \"EDITOR\" or "
            "\"VISUAL\" environment variables)");
  install("bin/vim", "exit 1");
  const std::string command = "Command '['" + (folder_ / "bin/vim") + "', '/x y.sql']'";
  EXPECT_EQ(error_of([&] { opened_with({}); }).message(),
            "Error executing editor (" + command + " returned non-zero exit status 1.)");
  install("bin/vim", "kill -TERM $$");
  EXPECT_EQ(error_of([&] { opened_with({}); }).message(),
            "Error executing editor (" + command + " died with <Signals.SIGTERM: 15>.)");
}

TEST(FilesToEditTest, AreThoseOfTheRevisions) {
  const RevisionGraph graph = graph_of("a; b<a");
  EXPECT_EQ(text_of(files_to_edit(graph, "heads", {"b", "a"})), "b.sql a.sql");
  const Error base = error_of([&] { files_to_edit(graph, "base", {}); });
  EXPECT_EQ(base.reason(), Reason::InvalidTarget);
  EXPECT_EQ(base.message(), "No revision files indicated by symbol 'base'");
  EXPECT_EQ(error_of([&] { files_to_edit(graph, "current", {}); }).message(),
            "No current revisions");
}

}  // namespace
}  // namespace engine
