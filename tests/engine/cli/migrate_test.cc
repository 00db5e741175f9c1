// SPDX-License-Identifier: Apache-2.0
//
// The flow itself is tested with real databases: tests/database/program_test.cc.
#include "engine/cli/migrate.h"

#include <gtest/gtest.h>

namespace engine {
namespace {

TEST(RowsAfterTest, FollowsTheCommittedSteps) {
  Plan plan;
  plan.start = {"a"};
  plan.steps = {{Direction::Up, "b", {{"a", "b"}}},
                {Direction::Up, "x", {{"", "x"}}},
                {Direction::Up, "m", {{"b", ""}, {"x", "m"}}}};
  EXPECT_EQ(rows_after(plan, 0), (RevisionSet{"a"}));
  EXPECT_EQ(rows_after(plan, 1), (RevisionSet{"b"}));
  EXPECT_EQ(rows_after(plan, 2), (RevisionSet{"b", "x"}));
  EXPECT_EQ(rows_after(plan, 3), (RevisionSet{"m"}));
  EXPECT_EQ(rows_after(plan, 9), (RevisionSet{"m"}));
}

}  // namespace
}  // namespace engine
