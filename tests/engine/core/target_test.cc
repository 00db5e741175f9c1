// SPDX-License-Identifier: Apache-2.0
#include "engine/core/target.h"

#include <gtest/gtest.h>

#include "tests/engine/core/error_of.h"
#include "tests/engine/core/history_text.h"

namespace engine {
namespace {

// Two lines that fork at a, and a library on which one of them depends.
constexpr const char* kFork =
    "a; left1<a #left; left2<left1; right1<a #right; right2<right1 !lib1; lib1 #lib; lib2<lib1";

struct Case {
  std::string history, current, target, expected;
};

std::string upgraded(const Case& c) {
  return text_of(
      resolve_upgrade_target(graph_of(c.history), c.target, ids_of(c.current)).revisions);
}

std::string downgraded(const Case& c) {
  const Target target = resolve_downgrade_target(graph_of(c.history), c.target, ids_of(c.current));
  return text_of(target.revisions) + (target.branch ? "@" + *target.branch : "");
}

TEST(TargetTest, UpgradeTargetsAreLookedUp) {
  const std::vector<Case> cases = {
      {"a; b<a", "", "head", "b"},
      {"a; b<a", "", "heads", "b"},
      {"a; b<a", "b", "base", ""},
      {"a; b<a", "", "a", "a"},
      {"abcdef; abxxxx<abcdef", "", "abc", "abcdef"},
      {"abc; abcdef<abc", "", "abc", "abc"},  // exact before prefix
      {"abc; zzzz<abc", "", "z", "zzzz"},     // the candidate must be long, not the prefix
      {kFork, "", "heads", "left2 lib2 right2"},
      {kFork, "", "left", "left1"},
      {kFork, "", "left@head", "left2"},
      {kFork, "", "left1@head", "left2"},
      {kFork, "", "right@heads", "right2"},
      {kFork, "", "lib@base", ""},
      {kFork, "", "right@right1", "right1"},
      {kFork, "left1", "+1", "left2"},
      {"a; b<a; c<b", "", "+2", "b"},
      {"a; b<a; c<b", "a", "+2", "c"},
      {kFork, "", "left@+2", "left1"},
      {kFork, "left1 lib1", "lib@+1", "lib2"},
      {kFork, "right2", "lib@+1", "lib2"},  // lib1 is applied beneath right2
      {kFork, "left1", "right@+1", "right1"},
      {"a; b<a; c<b", "", "a+1", "b"},
      {"a; b<a; c<b", "", "base+1", "a"},
      {"a; b<a; c<b", "", "head-1", "b"},
      {kFork, "", "left@head-1", "left1"},
      {kFork, "", "left@base+1", "a"},
      {"a #rel-2; b<a", "", "rel-2", "a"},  // a label may look relative
      {"a #rel-2; b<a", "", "rel-2@head", "b"},
      {"0001; 0002<0001", "", "0001+1", "0002"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.target + " from " + c.current + " in " + c.history);
    EXPECT_EQ(upgraded(c), c.expected);
  }
}

TEST(TargetTest, DowngradeTargetsAreLookedUpWithTheirBranch) {
  const std::vector<Case> cases = {
      {"a; b<a; c<b", "c", "a", "a"},
      {"a; b<a; c<b", "c", "base", ""},
      {"a; b<a; c<b", "c", "-1", "b@c"},
      {"a; b<a; c<b", "c", "-3", "@c"},
      {"a; b<a; c<b", "c", "head-1", "b"},
      {"a; b<a; c<b", "c", "a+1", "b"},
      {kFork, "left2 right1", "left@-1", "left1@left1"},
      {kFork, "left2 right1", "right@base", "@right1"},
      {kFork, "right2", "lib@-1", "@lib1"},
      {kFork, "left2", "left@a", "a@left1"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.target + " from " + c.current + " in " + c.history);
    EXPECT_EQ(downgraded(c), c.expected);
  }
}

TEST(TargetTest, TheFirstRowDecidesWhereAPlainStepDownBegins) {
  const RevisionGraph graph = graph_of("a; b<a; c<a");
  const Target target = resolve_downgrade_target(graph, "-1", {"b", "c"}, "c");
  EXPECT_EQ(text_of(target.revisions), "a");
  EXPECT_EQ(target.branch, "c");
}

constexpr const char* kUnderstood =
    "understood are heads, head, base, a revision id or the beginning of one, a branch label, "
    "BRANCH@ before any of these, and +N or -N alone or behind them";

TEST(TargetTest, RefusesWhatItCannotFindOrUnderstand) {
  struct Refusal {
    std::string history, current, target, message, hint;
  };
  const std::vector<Refusal> cases = {
      {"4f1c2a9b; 77aa00bb<4f1c2a9b", "", "4f1c2a9c",
       "target '4f1c2a9c': no revision or branch answers to '4f1c2a9c'; did you mean '4f1c2a9b'?",
       kUnderstood},
      {"a; b<a", "", "zzz", "target 'zzz': no revision or branch answers to 'zzz'", kUnderstood},
      {"a; b<a", "", "haed", "target 'haed': no revision or branch answers to 'haed'", kUnderstood},
      {"a; b<a", "", "heed",
       "target 'heed': no revision or branch answers to 'heed'; did you mean "
       "'head'?",
       kUnderstood},
      {"1a2b3c4d; 1a2bffff<1a2b3c4d", "", "1a2b",
       "target '1a2b': '1a2b' is ambiguous: it begins '1a2b3c4d', '1a2bffff'",
       "write more characters of the one you mean"},
      {kFork, "", "right@ri",
       "target 'right@ri': 'ri' is ambiguous: it begins 'right', 'right1', "
       "'right2'",
       "write more characters of the one you mean"},
      {kFork, "", "nosuch@head", "target 'nosuch@head': no revision or branch answers to 'nosuch'",
       kUnderstood},
      {kFork, "", "left@right1",
       "target 'left@right1': Revision right1 is not a member of branch "
       "'left'",
       ""},
      {kFork, "", "@head", "target '@head': the branch before '@' is missing", kUnderstood},
      {kFork, "", "left@@head", "target 'left@@head': has more than one '@'", kUnderstood},
      {"a", "", "", "target '': names no revision", kUnderstood},
      {"a", "", "left@", "target 'left@': names no revision", kUnderstood},
      {"a; b<a", "", "a:b", "target 'a:b': cannot be understood", kUnderstood},
      {"a; b<a", "", "a+", "target 'a+': cannot be understood", kUnderstood},
      {"a; b<a", "", "a+1-1", "target 'a+1-1': no revision or branch answers to 'a+1'",
       kUnderstood},
      {"a; b<a", "", "+99999999999",
       "target '+99999999999': 99999999999 steps are more than can be", ""},
      {"a; b<a", "a", "+2",
       "target '+2': Relative revision +2 didn't produce 2 migrations: the "
       "history ends before",
       ""},
      {"a; b<a", "a", "-1",
       "target '-1': Relative revision -1 didn't produce 1 migrations: the "
       "history ends before",
       ""},
      {"a; b<a", "", "head-2",
       "target 'head-2': Relative revision -2 didn't produce 2 migrations: "
       "the history ends before",
       ""},
      {"a; b<a; c<a", "a", "+1", "target '+1': Ambiguous walk: 'a' leads to 'b', 'c'",
       "name the branch, as in BRANCH@+1, or the revision itself"},
      {"a; b", "", "+1", "target '+1': Ambiguous walk: base leads to 'a', 'b'",
       "name the branch, as in BRANCH@+1, or the revision itself"},
      {"a; b; m<a,b", "", "m-1", "target 'm-1': Ambiguous walk: 'm' is a merge of 'a', 'b'",
       "name the revision itself"},
      {"a; b<a; c<a", "b c", "+1",
       "target '+1': Ambiguous upgrade from multiple current revisions: "
       "'b', 'c'",
       "name the branch, as in BRANCH@+1, or the revision itself"},
  };
  for (const Refusal& c : cases) {
    SCOPED_TRACE(c.target);
    const Error error =
        error_of([&] { resolve_upgrade_target(graph_of(c.history), c.target, ids_of(c.current)); });
    EXPECT_EQ(error.reason(), Reason::InvalidTarget);
    EXPECT_EQ(error.message(), c.message);
    EXPECT_EQ(error.hint(), c.hint);
  }
}

TEST(TargetTest, RefusesADowngradeThatLeadsNowhere) {
  struct Refusal {
    std::string current, target, message;
  };
  const std::vector<Refusal> cases = {
      {"c", "+1",
       "target '+1': Relative revision +1 didn't produce 1 migrations: the history ends "
       "before"},
      {"", "-1",
       "target '-1': Relative revision -1 didn't produce 1 migrations: the history ends "
       "before"},
      {"c", "-4",
       "target '-4': Relative revision -4 didn't produce 4 migrations: the history ends "
       "before"},
      {"c d", "-1", "target '-1': the database is at several revisions: 'c', 'd'"},
      {"c", "d@-1",
       "target 'd@-1': Relative revision -1 didn't produce 1 migrations: the history "
       "ends before"},
  };
  for (const Refusal& c : cases) {
    SCOPED_TRACE(c.target);
    const Error error = error_of([&] {
      resolve_downgrade_target(graph_of("a; b<a; c<b; d<b"), c.target, ids_of(c.current));
    });
    EXPECT_EQ(error.reason(), Reason::InvalidTarget);
    EXPECT_EQ(error.message(), c.message);
  }
}

TEST(TargetTest, HeadNeedsASingleHead) {
  const Error up = error_of([] { resolve_upgrade_target(graph_of("a; b<a; c<a"), "head", {}); });
  EXPECT_EQ(up.reason(), Reason::MultipleHeads);
  EXPECT_EQ(up.message(), "target 'head': Multiple heads are present: 'b', 'c'");
  EXPECT_EQ(up.hint(), "name one of them, say BRANCH@head, use heads for all, or merge them");

  const Error down =
      error_of([] { resolve_downgrade_target(graph_of("a; b<a; c<a"), "heads", {}); });
  EXPECT_EQ(down.reason(), Reason::MultipleHeads);
  EXPECT_EQ(down.message(),
            "target 'heads': Multiple heads are present: 'b', 'c', and one is needed here");
  EXPECT_EQ(down.hint(), "name one of them, or say BRANCH@head");
}

TEST(TargetTest, AnEmptyHistoryHasAnEmptyHead) {
  EXPECT_EQ(text_of(resolve_upgrade_target(RevisionGraph(), "head", {}).revisions), "");
}

TEST(TargetTest, RowsThatNoScriptHasAreNamed) {
  const Error error = error_of([] {
    resolve_upgrade_target(graph_of("a"), "a", {"beef", "dead", "a"});
  });
  EXPECT_EQ(error.reason(), Reason::UnknownRevision);
  EXPECT_EQ(error.message(),
            "the version table holds 'beef', 'dead', which none of the 1 scripts has");
  EXPECT_EQ(
      error.hint(),
      "either newer scripts were applied before and an older image or checkout runs now: run "
      "the newer one; or the version table belongs to another project: check the database URL "
      "and the name of the version table");
}

}  // namespace
}  // namespace engine
