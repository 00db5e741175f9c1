// SPDX-License-Identifier: Apache-2.0
//
// What holds for every history: seeds 0 .. kSeeds - 1 of random_history.h.
#include <gtest/gtest.h>

#include <set>

#include "engine/core/plan.h"
#include "engine/core/range.h"
#include "tests/engine/core/history_text.h"
#include "tests/engine/core/random_history.h"

namespace engine {
namespace {

constexpr unsigned kSeeds = 500;

RevisionSet after(RevisionSet rows, const std::vector<Step>& steps) {
  for (const Step& step : steps) rows = with_changes(std::move(rows), step.rows);
  return rows;
}

// Plays the row changes through as a database would and compares with the definition of rows.
void expect_sound(const RevisionGraph& graph, const Plan& plan) {
  RevisionSet rows = plan.start;
  RevisionSet applied = graph.with_ancestors(plan.start);
  for (const Step& step : plan.steps) {
    if (step.direction == Direction::Up) {
      for (const RevisionId& below : graph.normalized_down(step.revision)) {
        EXPECT_TRUE(applied.contains(below)) << step.revision << " before " << below;
      }
      EXPECT_TRUE(applied.insert(step.revision).second);
    } else {
      EXPECT_EQ(applied.erase(step.revision), 1u);
    }
    rows = with_changes(std::move(rows), step.rows);
    EXPECT_EQ(rows, graph.maximal(applied)) << "after " << step.revision;
  }
  EXPECT_EQ(rows, plan.finish);
}

std::vector<RevisionId> revisions_of_steps(const Plan& plan) {
  std::vector<RevisionId> result;
  for (const Step& step : plan.steps) result.push_back(step.revision);
  return result;
}

TEST(PlanLawTest, RowsAreTheMaximalAppliedRevisionsAfterEachStep) {
  for (unsigned seed = 0; seed < kSeeds; ++seed) {
    SCOPED_TRACE(seed);
    RandomHistory random(seed);
    const RevisionGraph graph = random.graph();
    const RevisionSet rows = random.rows(graph);
    const Plan up = plan_upgrade(graph, rows, "heads");
    expect_sound(graph, up);
    EXPECT_EQ(up.finish, graph.effective_heads());
    const Plan down = plan_downgrade(graph, rows, "base");
    expect_sound(graph, down);
    EXPECT_TRUE(down.finish.empty());
  }
}

TEST(PlanLawTest, ApplyReachesItsTargetAndIsIdempotent) {
  for (unsigned seed = 0; seed < kSeeds; ++seed) {
    SCOPED_TRACE(seed);
    RandomHistory random(seed);
    const RevisionGraph graph = random.graph();
    const RevisionId target = random.any(graph);
    const Plan plan = plan_apply(graph, random.rows(graph), target, DowngradePolicy::Allow);
    expect_sound(graph, plan);
    EXPECT_TRUE(graph.with_ancestors(plan.finish).contains(target));
    EXPECT_TRUE(plan_apply(graph, plan.finish, target, DowngradePolicy::Forbid).steps.empty());
  }
}

TEST(PlanLawTest, WhatWentUpComesDownTheSameWay) {
  for (unsigned seed = 0; seed < kSeeds; ++seed) {
    SCOPED_TRACE(seed);
    RandomHistory random(seed);
    const RevisionGraph graph = random.graph();
    const RevisionSet rows = random.rows(graph);
    const Plan up = plan_upgrade(graph, rows, "heads");
    VersionRows back(graph, up.finish);
    for (auto step = up.steps.rbegin(); step != up.steps.rend(); ++step) {
      back.down(graph.position(step->revision).value());
    }
    EXPECT_EQ(back.rows(), rows);
    const Plan all = plan_upgrade(graph, {}, "heads");
    const Plan none = plan_downgrade(graph, all.finish, "base");
    EXPECT_TRUE(after(after({}, all.steps), none.steps).empty());
    EXPECT_EQ(all.steps.size(), none.steps.size());
  }
}

// The order of files settles only the order of what is independent.
TEST(PlanLawTest, TheOrderOfFilesChangesNeitherStepsNorRows) {
  for (unsigned seed = 0; seed < kSeeds; ++seed) {
    SCOPED_TRACE(seed);
    RandomHistory random(seed);
    std::vector<Revision> revisions = random.revisions();
    const RevisionGraph graph{std::vector<Revision>(revisions)};
    random.shuffle(revisions);
    const RevisionGraph shuffled(std::move(revisions));
    const RevisionSet rows = random.rows(graph);
    const auto expect_equal = [&](const Plan& plan, const Plan& other) {
      const std::vector<RevisionId> one = revisions_of_steps(plan);
      const std::vector<RevisionId> two = revisions_of_steps(other);
      EXPECT_EQ(RevisionSet(one.begin(), one.end()), RevisionSet(two.begin(), two.end()));
      EXPECT_EQ(plan.targets, other.targets);
      EXPECT_EQ(plan.finish, other.finish);
    };
    expect_equal(plan_upgrade(graph, rows, "heads"), plan_upgrade(shuffled, rows, "heads"));
    expect_equal(plan_downgrade(graph, rows, "base"), plan_downgrade(shuffled, rows, "base"));
  }
}

TEST(PlanLawTest, TheOrderOfFilesDoesNotMatterInALine) {
  RandomHistory random(1);
  std::vector<Revision> revisions = long_history(300, false);
  const Plan plan = plan_upgrade(RevisionGraph(revisions), {}, "head");
  random.shuffle(revisions);
  EXPECT_EQ(plan_upgrade(RevisionGraph(revisions), {}, "head").steps, plan.steps);
}

TEST(PlanLawTest, HistoryIsAWholeUpgradeReadBackwards) {
  for (unsigned seed = 0; seed < kSeeds; ++seed) {
    SCOPED_TRACE(seed);
    const RevisionGraph graph = RandomHistory(seed).graph();
    std::vector<RevisionId> history = history_range(graph, {}, {});
    std::reverse(history.begin(), history.end());
    EXPECT_EQ(history, revisions_of_steps(plan_upgrade(graph, {}, "heads")));
  }
}

// A stamp either says what is wrong or leads to the rows it names, and says nothing the second
// time.
TEST(PlanLawTest, StampsAreSoundAndIdempotent) {
  for (unsigned seed = 0; seed < kSeeds; ++seed) {
    SCOPED_TRACE(seed);
    RandomHistory random(seed);
    const RevisionGraph graph = random.graph();
    const RevisionSet rows = random.rows(graph);
    const RevisionId target = random.any(graph);
    const StampPlan plan = plan_stamp(graph, {rows.begin(), rows.end()}, {target});
    RevisionSet reached = plan.start;
    for (const StampStep& step : plan.steps) reached = with_changes(std::move(reached), step.rows);
    EXPECT_EQ(reached, plan.finish);
    EXPECT_TRUE(plan.finish.contains(target));
    const std::vector<RevisionId> finish(plan.finish.begin(), plan.finish.end());
    EXPECT_TRUE(plan_stamp(graph, finish, {target}).steps.empty());
  }
}

void expect_long_history_works(int count, bool merges) {
  const RevisionGraph graph(long_history(count, merges));
  const Plan up = plan_upgrade(graph, {}, "head");
  ASSERT_EQ(up.steps.size(), static_cast<std::size_t>(count));
  EXPECT_EQ(up.finish, graph.heads());
  const Plan down = plan_downgrade(graph, up.finish, "base");
  EXPECT_EQ(down.steps.size(), static_cast<std::size_t>(count));
  EXPECT_TRUE(down.finish.empty());
  EXPECT_EQ(history_range(graph, {}, {}).size(), static_cast<std::size_t>(count));
}

TEST(PlanLawTest, AChainOfTwentyThousandRevisionsIsPlanned) {
  expect_long_history_works(20'000, false);
}

TEST(PlanLawTest, AHundredThousandRevisionsWithMergesArePlanned) {
  expect_long_history_works(100'000, true);
}

}  // namespace
}  // namespace engine
