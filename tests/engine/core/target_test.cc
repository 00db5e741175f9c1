// SPDX-License-Identifier: Apache-2.0
#include "engine/core/target.h"

#include <gtest/gtest.h>

#include <functional>

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
      {"abc; abcdef<abc", "", "abc", "abc"},      // exact before prefix
      {"abc; zzzz<abc", "", "z", "zzzz"},         // the candidate must be long, not the prefix
      {kFork, "", "heads", "left2 right2 lib2"},  // in load order
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
      {"a; b<a", "", "@head", "b"},   // an empty branch is none
      {"a; b<a", "", "base-1", "b"},  // as in Alembic, the heads come below base
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
  EXPECT_EQ(target.warnings,
            std::vector<std::string>{"downgrade -1 from multiple heads is ambiguous; this usage "
                                     "will be disallowed in a future release."});
  EXPECT_TRUE(resolve_downgrade_target(graph, "-1", {"b"}).warnings.empty());
}

constexpr const char* kUnderstood =
    "understood are heads, head, base, a revision id or the beginning of one, a branch label, "
    "BRANCH@ before any of these, and +N or -N alone or behind them";

// Alembic's texts to the letter; what is added stands in the hint.
TEST(TargetTest, RefusesWhatItCannotFindOrReach) {
  const std::string branch_hint = "name the branch, as in BRANCH@+1, or the revision itself";
  const std::string too_far = "the history ends before so many steps";
  struct Refusal {
    std::string history, current, target, message, hint;
  };
  const std::vector<Refusal> cases = {
      {"4f1c2a9b; 77aa00bb<4f1c2a9b", "", "4f1c2a9c",
       "Can't locate revision identified by '4f1c2a9c'",
       "did you mean '4f1c2a9b'? " + std::string(kUnderstood)},
      {"a; b<a", "", "zzz", "Can't locate revision identified by 'zzz'", kUnderstood},
      {"a; b<a", "", "heed", "Can't locate revision identified by 'heed'",
       "did you mean 'head'? " + std::string(kUnderstood)},
      {"1a2b3c4d; 1a2bffff<1a2b3c4d", "", "1a2b",
       "Multiple revisions start with '1a2b': '1a2b3c4d', '1a2bffff'; the identifier is ambiguous",
       "write more characters of the one you mean"},
      {kFork, "", "right@ri",
       "Multiple revisions start with 'ri': 'right', 'right1', 'right2'; the identifier is "
       "ambiguous",
       "write more characters of the one you mean"},
      {kFork, "", "nosuch@head", "Can't locate revision identified by 'nosuch'", kUnderstood},
      {kFork, "", "nosuch@left1", "Can't locate revision identified by 'nosuch'",
       "there is no branch 'nosuch'; " + std::string(kUnderstood)},
      {kFork, "", "nosuch@base", "Can't locate revision identified by 'nosuch'",
       "there is no branch 'nosuch'; " + std::string(kUnderstood)},
      {kFork, "", "left@right1", "Can't locate revision identified by 'right1'",
       "Revision right1 is not a member of branch 'left'"},
      {kFork, "", "left@@head", "Can't locate revision identified by '@head'",
       "did you mean 'head'? " + std::string(kUnderstood)},
      {"a", "", "", "Can't locate revision identified by ''", kUnderstood},
      {"a; b<a", "", "a:b", "Can't locate revision identified by 'a:b'", kUnderstood},
      {"a; b<a", "", "a+", "Can't locate revision identified by 'a+'",
       "did you mean 'a'? " + std::string(kUnderstood)},
      {"a; b<a", "", "a+1-1", "Can't locate revision identified by 'a+1-1'", kUnderstood},
      {"a; b<a", "", "+99999999999",
       "Relative revision +99999999999 didn't produce 99999999999 migrations", too_far},
      {"a; b<a", "a", "+2", "Relative revision +2 didn't produce 2 migrations", too_far},
      {"a; b<a", "a", "-1", "Relative revision -1 didn't produce 1 migrations", too_far},
      {"a; b<a", "", "head-2", "Relative revision -2 didn't produce 2 migrations", too_far},
      {"a; b<a", "", "b+1", "Relative revision +1 didn't produce 1 migrations", too_far},
      {"a; b<a; c<a", "a", "+1", "Ambiguous walk", "'a' leads to 'b', 'c'; " + branch_hint},
      {"a; b", "", "+1", "Ambiguous walk", "base leads to 'a', 'b'; " + branch_hint},
      {"a; b; m<a,b", "", "m-1", "Ambiguous walk", "'m' leads to 'a', 'b'; " + branch_hint},
      {"a; b<a; c<a", "b c", "+1", "Ambiguous upgrade from multiple current revisions",
       "the database is at 'b', 'c'; " + branch_hint},
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
      {"c", "+1", "Relative revision +1 didn't produce 1 migrations"},
      {"", "-1", "Relative revision -1 didn't produce 1 migrations"},
      {"c", "-4", "Relative revision -4 didn't produce 4 migrations"},
      {"c", "d@-1", "Relative revision -1 didn't produce 1 migrations"},
      {"", "b@-1", "Relative revision -1 didn't produce 1 migrations"},
      {"c d", "b@-1", "Relative revision -1 didn't produce 1 migrations"},
      {"c", "c-4", "Walked too far"},
      {"c", "base+4", "Ambiguous walk"},
      {"c", "c@base+4", "Walked too far"},
      {"c d", "-1", "Ambiguous downgrade from multiple current revisions: 'c', 'd'"},
      {"c", "zzz", "Can't locate revision identified by 'zzz'"},
      {"c", "zzz@a", "Can't locate revision identified by 'zzz'"},
  };
  for (const Refusal& c : cases) {
    SCOPED_TRACE(c.target + " from " + c.current);
    const Error error = error_of([&] {
      resolve_downgrade_target(graph_of("a; b<a; c<b; d<b"), c.target, ids_of(c.current));
    });
    EXPECT_EQ(error.reason(), Reason::InvalidTarget);
    EXPECT_EQ(error.message(), c.message);
  }
}

TEST(TargetTest, HeadNeedsASingleHead) {
  const RevisionGraph graph = graph_of("a #all; b<a; c<a");
  const std::string begin = "Multiple head revisions are present for given argument '";
  const std::string end = "' to narrow to a specific head, or 'heads' for all heads";
  const std::string middle = "'; please specify a specific target revision, '<branchname>@";
  for (const std::string target : {"head", "all@head", "head-1", "all@head-1"}) {
    SCOPED_TRACE(target);
    const Error error = error_of([&] { resolve_upgrade_target(graph, target, {}); });
    EXPECT_EQ(error.reason(), Reason::MultipleHeads);
    EXPECT_EQ(error.message(), begin + target + middle + target + end);
    EXPECT_EQ(error.hint(),
              "the heads are 'b', 'c'; name one of them, say BRANCH@head, use heads for all, or "
              "merge them");
  }
  const Error down = error_of([&] { resolve_downgrade_target(graph, "heads", {}); });
  EXPECT_EQ(down.reason(), Reason::MultipleHeads);
  EXPECT_EQ(down.message(), begin + "heads" + middle + "heads" + end);
}

TEST(TargetTest, AnEmptyHistoryHasAnEmptyHead) {
  EXPECT_EQ(text_of(resolve_upgrade_target(RevisionGraph(), "head", {}).revisions), "");
}

TEST(TargetTest, RowsThatNoScriptHasAreNamed) {
  const RevisionGraph graph = graph_of("a");
  for (const auto& action : std::vector<std::function<void()>>{
           [&] {
             require_known(graph, {"beef", "dead", "a"});
           },
           [&] {
             resolve_upgrade_target(graph, "a@+1", {"beef", "dead", "a"});
           },
           [&] {
             resolve_downgrade_target(graph, "-1", {"beef", "dead"});
           }}) {
    const Error error = error_of(action);
    EXPECT_EQ(error.reason(), Reason::UnknownRevision);
    EXPECT_EQ(error.message(), "Can't locate revision identified by 'beef'");
    EXPECT_EQ(
        error.hint(),
        "the version table holds 'beef', 'dead', which none of the 1 scripts has: either newer "
        "scripts were applied before and an older image or checkout runs now: run the newer one; "
        "or the version table belongs to another project: check the database URL and the name of "
        "the version table; `stillhead stamp --purge REVISION` forgets the row, once you know that "
        "the schema is that of REVISION");
  }
}

TEST(TargetTest, AnAbsoluteTargetDoesNotLookAtTheRows) {
  EXPECT_EQ(text_of(resolve_upgrade_target(graph_of("a"), "a", {"beef"}).revisions), "a");
}

TEST(TargetTest, SeveralTargetsKeepTheirOrderAndAreNamedOnce) {
  const Target target = resolve_upgrade_targets(graph_of(kFork), {"right", "left@head", "right1"});
  EXPECT_EQ(text_of(target.revisions), "right1 left2");
}

TEST(TargetTest, ResolveGivesOneRevisionOrBase) {
  EXPECT_EQ(resolve(graph_of(kFork), "left@head"), "left2");
  EXPECT_EQ(resolve(graph_of(kFork), "lib"), "lib1");
  EXPECT_EQ(resolve(graph_of(kFork), "base"), std::nullopt);
  EXPECT_EQ(resolve(graph_of(kFork), "lib@base"), std::nullopt);
  EXPECT_EQ(error_of([] { resolve(graph_of(kFork), "heads"); }).reason(), Reason::MultipleHeads);
}

TEST(TargetTest, ResolveManyAddsUpInOrder) {
  struct Many {
    std::vector<std::string> texts;
    std::string expected;
  };
  for (const Many& c : {Many{{"heads"}, "left2 right2 lib2"}, Many{{"lib2", "left1"}, "lib2 left1"},
                        Many{{"base"}, ""}, Many{{"-1"}, "left1 right1 lib1"},
                        Many{{"lib@-1", "a"}, "lib1 a"}, Many{{"a", "a"}, "a a"}}) {
    SCOPED_TRACE(c.texts.front());
    EXPECT_EQ(text_of(resolve_many(graph_of(kFork), c.texts)), c.expected);
  }
  EXPECT_EQ(error_of([] { resolve_many(graph_of("a; b<a"), {"-2"}); }).message(),
            "Relative revision -2 didn't produce 2 migrations");
}

TEST(TargetTest, CallersChooseTheWording) {
  const RevisionGraph graph = graph_of(kFork);
  const Wording library = {Wording::Layer::Library, {}, {}};
  struct Refusal {
    std::string target, message;
  };
  for (const Refusal& c :
       {Refusal{"zz",
                "No such revision or branch 'zz'; please ensure at least four characters are "
                "present for partial revision identifier matches"},
        Refusal{"zzzz", "No such revision or branch 'zzzz'"},
        Refusal{"zz@left1", "No such branch: 'zz'"},
        Refusal{"left@right1", "Revision right1 is not a member of branch 'left'"},
        Refusal{"head",
                "Multiple heads are present for given argument 'head'; left2, right2, lib2"}}) {
    EXPECT_EQ(error_of([&] { resolve(graph, c.target, library); }).message(), c.message);
  }
  const Wording own = {Wording::Layer::Command, {}, "several heads: say which"};
  EXPECT_EQ(error_of([&] { resolve(graph, "head", own); }).message(), "several heads: say which");
}

TEST(TargetTest, LineageIsAboveAndBelowByDownRevision) {
  const RevisionGraph graph = graph_of(kFork);
  EXPECT_EQ(text_of(in_lineage(graph, {"a", "left2", "right2", "lib1"}, "right")), "a right2");
  EXPECT_EQ(text_of(in_lineage(graph, {"left2", "lib1"}, "base")), "left2 lib1");
  EXPECT_EQ(text_of(bases_for(graph, "right@head")), "a");
  EXPECT_EQ(text_of(bases_for(graph, "base")), "a lib1");
}

}  // namespace
}  // namespace engine
