// SPDX-License-Identifier: Apache-2.0
#include "engine/core/plan.h"

#include <gtest/gtest.h>

#include "tests/engine/core/error_of.h"
#include "tests/engine/core/history_text.h"

namespace engine {
namespace {

constexpr const char* kLine = "a; b<a; c<b";
constexpr const char* kFork = "a; b<a #left; c<a #right";
constexpr const char* kMerge = "a; b<a; c<a; m<b,c";
constexpr const char* kLibrary = "core1 #core; core2<core1; app1 !core1 #app; app2<app1 !core2";

struct Case {
  std::string history, current, target, plan, finish;
};

TEST(PlanTest, Upgrades) {
  const std::vector<Case> cases = {
      {kLine, "", "head", "+a[+a] +b[a>b] +c[b>c]", "c"},
      {kLine, "a", "head", "+b[a>b] +c[b>c]", "c"},
      {kLine, "c", "head", "", "c"},
      {kLine, "", "base", "", ""},
      {kLine, "a", "+1", "+b[a>b]", "b"},
      {kFork, "", "heads", "+a[+a] +c[a>c] +b[+b]", "b c"},
      {kFork, "b", "heads", "+c[+c]", "b c"},
      {kFork, "b", "right@head", "+c[+c]", "b c"},
      {kMerge, "", "head", "+a[+a] +c[a>c] +b[+b] +m[-b,c>m]", "m"},
      {kMerge, "b c", "head", "+m[-b,c>m]", "m"},
      {kLibrary, "", "app1", "+core1[+core1] +app1[core1>app1]", "app1"},
      {kLibrary, "app1", "heads", "+core2[+core2] +app2[-app1,core2>app2]", "app2"},
      {kLibrary, "core2", "app1", "+app1[+app1]", "app1 core2"},
      {kLibrary, "app2", "core2", "", "app2"},  // applied through a dependency only
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.history + " | " + c.current + " -> " + c.target);
    const Plan plan = plan_upgrade(graph_of(c.history), ids_of(c.current), c.target);
    EXPECT_EQ(describe(plan), c.plan);
    EXPECT_EQ(text_of(plan.finish), c.finish);
    EXPECT_EQ(text_of(plan.start), c.current);
  }
}

TEST(PlanTest, Downgrades) {
  const std::vector<Case> cases = {
      {kLine, "c", "base", "-c[c>b] -b[b>a] -a[-a]", ""},
      {kLine, "c", "a", "-c[c>b] -b[b>a]", "a"},
      {kLine, "c", "-1", "-c[c>b]", "b"},
      {kLine, "c", "c", "", "c"},
      {kLine, "", "base", "", ""},
      {kFork, "b c", "a", "-b[-b] -c[c>a]", "a"},
      {kFork, "b c", "left@a", "-b[-b]", "c"},
      {kMerge, "m", "b", "-m[+b,m>c]", "b c"},
      {kMerge, "m", "a", "-m[+b,m>c] -b[-b] -c[c>a]", "a"},
      {kLibrary, "app2", "app1", "-app2[+app1,app2>core2]", "app1 core2"},
      {kLibrary, "app1 core2", "core@base", "-core2[-core2] -app1[app1>core1] -core1[-core1]", ""},
      {kLibrary, "app2", "app@base", "-app2[+app1,app2>core2] -app1[-app1]", "core2"},
      {kLine, "a c", "b", "-c[c>b]", "a b"},  // a leftover row stays as it was
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.history + " | " + c.current + " -> " + c.target);
    const Plan plan = plan_downgrade(graph_of(c.history), ids_of(c.current), c.target);
    EXPECT_EQ(describe(plan), c.plan);
    EXPECT_EQ(text_of(plan.finish), c.finish);
  }
}

TEST(PlanTest, AppliesInEitherDirection) {
  const std::vector<Case> cases = {
      {kLine, "a", "c", "+b[a>b] +c[b>c]", "c"},
      {kLine, "c", "a", "-c[c>b] -b[b>a]", "a"},
      {kLine, "b", "b", "", "b"},
      {kLine, "c", "base", "-c[c>b] -b[b>a] -a[-a]", ""},
      {kLine, "", "base", "", ""},
      {kFork, "b c", "heads", "", "b c"},
      {kFork, "b", "c", "+c[+c]", "b c"},  // a branch beside the target is left alone
      {kFork, "b c", "b", "", "b c"},
      {kFork, "b c", "a", "-b[-b] -c[c>a]", "a"},
      {kFork, "b c", "left@base", "-b[-b] -c[c>a] -a[-a]", ""},
      {"a; b<a; x; y<x", "b y", "x", "-y[y>x]", "b x"},
      {kLibrary, "app2", "core2", "", "app2"},  // nothing of core's own line is above core2
      {kLibrary, "app2", "app1", "-app2[+app1,app2>core2]", "app1 core2"},
      {kLibrary, "app2", "core1", "-app2[+app1,app2>core2] -core2[-core2]", "app1"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.history + " | " + c.current + " -> " + c.target);
    const Plan plan =
        plan_apply(graph_of(c.history), ids_of(c.current), c.target, DowngradePolicy::Allow);
    EXPECT_EQ(describe(plan), c.plan);
    EXPECT_EQ(text_of(plan.finish), c.finish);
  }
}

TEST(PlanTest, TargetsAreWhatTheTargetResolvedTo) {
  EXPECT_EQ(text_of(plan_upgrade(graph_of(kFork), {}, "heads").targets), "b c");
  EXPECT_EQ(text_of(plan_downgrade(graph_of(kLine), {"c"}, "-1").targets), "b");
}

TEST(PlanTest, ApplyRefusesToGoDownUnlessAllowed) {
  const Error error =
      error_of([] { plan_apply(graph_of(kLine), {"c"}, "a", DowngradePolicy::Forbid); });
  EXPECT_EQ(error.reason(), Reason::DowngradeForbidden);
  EXPECT_EQ(
      error.message(),
      "target 'a' lies below where the database is: 'b', 'c' would have to be downgraded, and "
      "downgrades are forbidden");
  EXPECT_EQ(
      error.hint(),
      "allow downgrades (--downgrade=allow) if what these revisions added may be lost, or name "
      "a newer target");
}

TEST(PlanTest, ApplyGoesUpAndStaysWhateverThePolicy) {
  const RevisionGraph graph = graph_of(kLine);
  EXPECT_EQ(describe(plan_apply(graph, {"b"}, "c", DowngradePolicy::Forbid)), "+c[b>c]");
  EXPECT_EQ(describe(plan_apply(graph, {"c"}, "c", DowngradePolicy::Forbid)), "");
  EXPECT_EQ(describe(plan_apply(graph, {}, "base", DowngradePolicy::Forbid)), "");
}

TEST(PlanTest, ApplyRefusesRelativeTargets) {
  for (const std::string target : {"+1", "-1", "a+1", "head-1", "left@+1"}) {
    SCOPED_TRACE(target);
    const Error error =
        error_of([&] { plan_apply(graph_of(kFork), {}, target, DowngradePolicy::Allow); });
    EXPECT_EQ(error.reason(), Reason::InvalidUsage);
    EXPECT_EQ(error.message(),
              "target '" + target + "' is relative: applying it twice would move twice");
    EXPECT_EQ(error.hint(), "name a revision, heads, base or BRANCH@head");
  }
  EXPECT_EQ(describe(plan_apply(graph_of("a #v-2"), {}, "v-2", DowngradePolicy::Allow)), "+a[+a]");
}

TEST(PlanTest, UpgradeToWhatIsLeftBehindSaysSo) {
  struct Refusal {
    std::string history, current, target;
  };
  for (const Refusal& c :
       {Refusal{kLine, "c", "a"}, Refusal{kLine, "c", "base"}, Refusal{kFork, "b", "a"},
        Refusal{kFork, "b", "left@base"}, Refusal{kLibrary, "app2", "core1"}}) {
    SCOPED_TRACE(c.history + " | " + c.current + " -> " + c.target);
    const Error error =
        error_of([&] { plan_upgrade(graph_of(c.history), ids_of(c.current), c.target); });
    EXPECT_EQ(error.reason(), Reason::DatabaseAhead);
    EXPECT_EQ(error.message(), "cannot upgrade to '" + c.target +
                                   "': the database has already left it behind and is at '" +
                                   c.current + "'");
    EXPECT_EQ(error.hint(), "to go back, say downgrade, or apply with downgrades allowed");
  }
}

TEST(PlanTest, ABranchThatIsNotAppliedCanBeAtBase) {
  EXPECT_EQ(describe(plan_upgrade(graph_of("a; x #lib"), {"a"}, "lib@base")), "");
}

TEST(PlanTest, DowngradeToWhatIsNotAppliedIsRefused) {
  const Error error = error_of([] { plan_downgrade(graph_of(kLine), {"a"}, "c"); });
  EXPECT_EQ(error.reason(), Reason::InvalidTarget);
  EXPECT_EQ(error.message(), "Destination c is not a valid downgrade target from current head(s)");
  EXPECT_EQ(error.hint(), "the database is at 'a'; name a revision that is applied, or base");
  EXPECT_EQ(error_of([] { plan_downgrade(graph_of(kLine), {}, "a"); }).hint(),
            "the database is at base; name a revision that is applied, or base");
}

TEST(PlanTest, DowngradeOfABranchThatDoesNotLeadThereIsRefused) {
  const Error error =
      error_of([] { plan_downgrade(graph_of("a; b<a; c<a; x #lib"), {"b"}, "lib@a"); });
  EXPECT_EQ(error.reason(), Reason::InvalidTarget);
  EXPECT_EQ(error.message(), "Not a valid downgrade target from current heads");
  EXPECT_EQ(error.hint(), "target 'lib@a': no revision above it leads to branch 'x'");
}

TEST(PlanTest, UnknownRowsStopEveryPlan) {
  const RevisionGraph graph = graph_of(kLine);
  const RevisionSet rows = {"beef"};
  EXPECT_EQ(error_of([&] { plan_upgrade(graph, rows, "head"); }).reason(), Reason::UnknownRevision);
  EXPECT_EQ(error_of([&] { plan_downgrade(graph, rows, "base"); }).reason(),
            Reason::UnknownRevision);
  EXPECT_EQ(error_of([&] { plan_apply(graph, rows, "head", DowngradePolicy::Allow); }).reason(),
            Reason::UnknownRevision);
}

TEST(PlanTest, OverlappingRowsStopAnUpgrade) {
  const Error error = error_of([] { plan_upgrade(graph_of(kLine), {"a", "b"}, "head"); });
  EXPECT_EQ(error.reason(), Reason::UnknownRevision);
  EXPECT_EQ(error.message(), "Requested revision b overlaps with other requested revisions a");
  EXPECT_EQ(
      error.hint(),
      "these are rows of the version table: delete the lower one from it if it is a leftover");
}

TEST(PlanTest, OverlappingTargetsAreRefused) {
  const Error error =
      error_of([] { plan_upgrade(graph_of("r #own; a<r; b<r !a"), {}, "own@heads"); });
  EXPECT_EQ(error.reason(), Reason::InvalidTarget);
  EXPECT_EQ(error.message(), "Requested revision b overlaps with other requested revisions a");
  EXPECT_EQ(error.hint(),
            "the first needs the others anyway: name the revisions or branches one by one");
}

TEST(PlanTest, SeveralTargetsAreUpgradedTogether) {
  const std::vector<std::string> targets = {"b", "c"};
  EXPECT_EQ(describe(plan_upgrade(graph_of(kFork), {}, targets)), "+a[+a] +c[a>c] +b[+b]");
}

TEST(PlanTest, ADowngradeFromSeveralRowsWarns) {
  const Plan plan = plan_downgrade(graph_of(kFork), {"b", "c"}, "-1", "c");
  EXPECT_EQ(describe(plan), "-c[-c]");
  EXPECT_EQ(plan.warnings.size(), 1u);
}

// What is wrong is told in Alembic's order: the target before the rows.
TEST(PlanTest, AWrongTargetIsToldBeforeWrongRows) {
  const RevisionGraph graph = graph_of(kLine);
  EXPECT_EQ(error_of([&] { plan_upgrade(graph, {"beef"}, "zzz"); }).reason(),
            Reason::InvalidTarget);
  EXPECT_EQ(error_of([&] { plan_downgrade(graph, {"beef"}, "zzz"); }).reason(),
            Reason::InvalidTarget);
}

}  // namespace
}  // namespace engine
