// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/arrival.h"

#include <gtest/gtest.h>

#include "tests/engine/core/error_of.h"

namespace engine {
namespace {

Revision revision(const std::string& id, const std::vector<std::string>& down) {
  Revision result;
  result.id = id;
  result.down_revisions = down;
  result.file = id + ".sql";
  return result;
}

// a1 <- b2 <- c3, and x9abcd beside them.
RevisionGraph graph() {
  return RevisionGraph(
      {revision("a1", {}), revision("b2", {"a1"}), revision("c3", {"b2"}), revision("x9abcd", {})});
}

struct ArrivalCase {
  const char* what = "";
  RevisionSet wanted = {};
  DatabaseSeen seen = {};
  bool with_scripts = true;
  RevisionSet missing = {};
};

TEST(MissingOfTest, ScriptsThenHistoryThenRowsDecide) {
  const std::optional<RevisionSet> none = {};
  const ArrivalCase cases[] = {
      {"an empty database", {"a1"}, {RevisionSet{}, none}, true, {"a1"}},
      {"a row that equals it", {"b2"}, {RevisionSet{"b2"}, none}, false, {}},
      {"below a row that scripts know", {"a1"}, {RevisionSet{"c3"}, none}, true, {}},
      {"above a row", {"c3"}, {RevisionSet{"b2"}, none}, true, {"c3"}},
      {"several, one of them is there",
       {"a1", "x9abcd"},
       {RevisionSet{"b2"}, none},
       true,
       {"x9abcd"}},
      {"no scripts, no history: equality only", {"a1"}, {RevisionSet{"b2"}, none}, false, {"a1"}},
      {"no scripts, but history", {"a1"}, {RevisionSet{"b2"}, RevisionSet{"a1", "b2"}}, false, {}},
      {"the row is newer than the scripts: history",
       {"c3"},
       {RevisionSet{"d4"}, RevisionSet{"a1", "b2", "c3", "d4"}},
       true,
       {}},
      {"the row is newer than the scripts, and nothing is known",
       {"c3"},
       {RevisionSet{"d4"}, none},
       true,
       {"c3"}},
      {"another row is newer than the scripts, and one is not",
       {"b2"},
       {RevisionSet{"c3", "d4"}, none},
       true,
       {}},
      {"another tool went on, which the history has not seen",
       {"c3"},
       {RevisionSet{"c3"}, RevisionSet{"a1"}},
       true,
       {}},
      {"another tool went back, which the history has not seen",
       {"c3"},
       {RevisionSet{"b2"}, RevisionSet{"a1", "b2", "c3"}},
       true,
       {"c3"}},
      {"everything was reverted, whatever the history says",
       {"a1"},
       {RevisionSet{}, RevisionSet{"a1"}},
       false,
       {"a1"}},
      {"the history alone may be read", {"a1"}, {none, RevisionSet{"a1"}}, true, {}},
      {"and it says no", {"b2"}, {none, RevisionSet{"a1"}}, true, {"b2"}},
      {"a revision that the scripts do not have any more",
       {"old"},
       {RevisionSet{"c3"}, RevisionSet{"old", "c3"}},
       true,
       {}},
      {"nothing may be read", {"a1"}, {none, none}, true, {"a1"}},
  };
  const RevisionGraph scripts = graph();
  for (const ArrivalCase& c : cases) {
    EXPECT_EQ(missing_of(c.wanted, c.seen, c.with_scripts ? &scripts : nullptr), c.missing)
        << c.what;
  }
}

TEST(WantedRevisionsTest, NamesAreTargetsWhereThereAreScripts) {
  const RevisionGraph scripts = graph();
  EXPECT_EQ(wanted_revisions({"b2", "x9ab"}, &scripts), (RevisionSet{"b2", "x9abcd"}));
  EXPECT_EQ(wanted_revisions({"heads"}, &scripts), (RevisionSet{"c3", "x9abcd"}));
  EXPECT_EQ(wanted_revisions({"zzz"}, &scripts), (RevisionSet{"zzz"})) << "of newer scripts";
  EXPECT_EQ(wanted_revisions({"b"}, nullptr), (RevisionSet{"b"}));
}

TEST(WantedRevisionsTest, RefusesWhatCannotBeWaitedFor) {
  const RevisionGraph scripts = graph();
  const auto message = [](const std::vector<std::string>& names, const RevisionGraph* known) {
    return error_of([&] { wanted_revisions(names, known); }).message();
  };
  EXPECT_EQ(message({"base"}, &scripts), "--revision base: nothing to wait for");
  EXPECT_EQ(message({"+1"}, &scripts), "--revision +1: nothing to wait for");
  EXPECT_EQ(message({"-1"}, nullptr), "--revision -1: nothing to wait for");
  EXPECT_EQ(message({"heads"}, nullptr), "--revision heads needs the scripts, and there are none");
  EXPECT_EQ(error_of([&] { wanted_revisions({"head"}, &scripts); }).reason(),
            Reason::MultipleHeads);
}

}  // namespace
}  // namespace engine
