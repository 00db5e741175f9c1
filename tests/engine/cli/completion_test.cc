// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/completion.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "engine/core/error.h"

namespace engine {
namespace {

using Words = std::vector<std::string>;

RevisionGraph two() {
  Revision a;
  a.id = "a1b2";
  a.branch_labels = {"left"};
  Revision b;
  b.id = "c3d4";
  b.down_revisions = {"a1b2"};
  return RevisionGraph({a, b});
}

bool offers(const Words& typed, const std::string& word) {
  const Words found = complete(typed, two());
  return std::ranges::find(found, word) != found.end();
}

TEST(CompletionTest, OffersCommandsFirst) {
  EXPECT_TRUE(offers({""}, "upgrade"));
  EXPECT_TRUE(offers({"-q", ""}, "history"));
  EXPECT_TRUE(offers({"--lock-wait", "5s", "up"}, "upgrade"));
  EXPECT_FALSE(offers({"upgrade", ""}, "history"));
}

TEST(CompletionTest, OffersRevisionsWhereACommandTakesThem) {
  for (const char* command : {"upgrade", "downgrade", "stamp", "repair", "show", "merge", "edit"}) {
    for (const char* word : {"heads", "a1b2", "c3d4", "left@head"}) {
      EXPECT_TRUE(offers({command, ""}, word)) << command << " " << word;
    }
  }
  EXPECT_TRUE(offers({"revision", "--head", ""}, "c3d4"));
  EXPECT_TRUE(offers({"history", "-r", "a1b2:c"}, "a1b2:c3d4"));
  EXPECT_TRUE(offers({"upgrade", "a1b2:"}, "a1b2:left@head"));
  EXPECT_TRUE(complete({"current", ""}, two()).empty());
  EXPECT_TRUE(complete({"init", ""}, two()).empty()) << "file names are the shell's business";
}

TEST(CompletionTest, OffersOptionsAndTheirChoices) {
  EXPECT_TRUE(offers({"current", "-"}, "--check-heads"));
  EXPECT_TRUE(offers({"current", "-"}, "--database-url"));
  EXPECT_FALSE(offers({"upgrade", "-"}, "--check-heads"));
  EXPECT_EQ(complete({"graph", "--format", ""}, two()), (Words{"text", "dot", "mermaid", "json"}));
  EXPECT_EQ(complete({"completion", ""}, two()), (Words{"bash", "zsh", "fish"}));
  EXPECT_EQ(complete({"graph", "--format=d"}, two()),
            (Words{"--format=text", "--format=dot", "--format=mermaid", "--format=json"}));
  EXPECT_TRUE(offers({"history", "--rev-range=a1b2:c"}, "--rev-range=a1b2:c3d4"));
  EXPECT_TRUE(offers({"help", ""}, "scripts"));
  EXPECT_TRUE(complete({"upgrade", "--database-url-file", ""}, two()).empty());
}

TEST(CompletionTest, HasAScriptForThreeShells) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    EXPECT_NE(completion_script(shell).find("stillhead __complete"), std::string::npos) << shell;
  }
  try {
    completion_script("csh");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.reason(), Reason::InvalidUsage);
    EXPECT_EQ(error.message(), "no completion for the shell \"csh\"");
    EXPECT_EQ(error.hint(), "say bash, zsh or fish");
  }
}

}  // namespace
}  // namespace engine
