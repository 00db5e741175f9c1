// SPDX-License-Identifier: Apache-2.0
#include "engine/core/stamp.h"

#include <gtest/gtest.h>

#include "tests/engine/core/error_of.h"
#include "tests/engine/core/history_text.h"

namespace engine {
namespace {

constexpr const char* kFork = "a; b<a #left; c<a #right; d<c";
constexpr const char* kMerge = "a; b<a; c<a; m<b,c";
constexpr const char* kLibrary = "core1 #core; core2<core1; app1 !core1 #app; app2<app1 !core2";

// "up(b,c>m)[-b,c>m]", "down(b>)[-b]"; a branch move in upper case.
std::string described(const StampPlan& plan) {
  std::string text;
  for (const StampStep& step : plan.steps) {
    const bool up = step.direction == Direction::Up;
    text += text.empty() ? "" : " ";
    text += step.branch_move ? (up ? "UP(" : "DOWN(") : (up ? "up(" : "down(");
    text += text_of(step.from) + ">" + text_of(step.to) + ")[";
    for (const RowChange& row : step.rows) {
      text += &row == &step.rows.front() ? "" : ",";
      text += row.from.empty() ? "+" + row.to
              : row.to.empty() ? "-" + row.from
                               : row.from + ">" + row.to;
    }
    text += "]";
  }
  return text;
}

StampPlan stamp(const std::string& history, const std::string& rows, const std::string& targets,
                bool purge = false) {
  return plan_stamp(graph_of(history), split_text(rows, ' '), split_text(targets, ' '), purge);
}

TEST(StampTest, MovesRows) {
  struct Case {
    std::string history, rows, targets, steps, finish;
  };
  const std::vector<Case> cases = {
      {"a; b<a; c<b", "", "c", "UP(>c)[+c]", "c"},
      {"a; b<a; c<b", "a", "c", "up(a>c)[a>c]", "c"},
      {"a; b<a; c<b", "c", "a", "down(c>a)[c>a]", "a"},
      {"a; b<a; c<b", "c", "c", "", "c"},
      {"a; b<a; c<b", "c", "base", "DOWN(c>)[-c]", ""},
      {"a; b<a; c<b", "c", "", "DOWN(c>)[-c]", ""},  // nothing is base
      {"a; b<a; c<b", "", "base", "", ""},
      {"a; b<a; c<b", "", "-1", "UP(>b)[+b]", "b"},  // counted from the heads of the scripts
      {"a; b<a; c<b", "", "-4", "", ""},             // Alembic takes it for base
      {kFork, "", "heads", "UP(>b)[+b] UP(>d)[+d]", "b d"},
      {kFork, "d b", "a", "down(d b>a)[-d,b>a]", "a"},  // in the order of the rows
      {kFork, "b d", "a", "down(b d>a)[-b,d>a]", "a"},
      {kFork, "b", "right", "UP(>c)[+c]", "b c"},
      {kFork, "b d", "left@base", "DOWN(b>)[-b]", "d"},
      {kFork, "a", "b d", "up(a>b)[a>b] up(a>d)[+d]", "b d"},
      {kMerge, "b c", "m", "up(b c>m)[-b,c>m]", "m"},
      {kMerge, "m", "b", "down(m>b)[m>b]", "b"},
      {kLibrary, "app1", "core2", "UP(>core2)[+core2]", "app1 core2"},
      {kLibrary, "app2", "core1", "down(app2>core1)[app2>core1]", "core1"},
      {kLibrary, "core2", "app2", "up(core2>app2)[core2>app2]", "app2"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.history + " | " + c.rows + " -> " + c.targets);
    const StampPlan plan = stamp(c.history, c.rows, c.targets);
    EXPECT_EQ(described(plan), c.steps);
    EXPECT_EQ(text_of(plan.finish), c.finish);
    EXPECT_EQ(plan.start, ids_of(c.rows));
    EXPECT_FALSE(plan.purge);
  }
}

TEST(StampTest, PurgeForgetsRowsThatNoScriptHas) {
  const StampPlan plan = stamp(kFork, "beef b", "d", true);
  EXPECT_EQ(described(plan), "UP(>d)[+d]");
  EXPECT_TRUE(plan.purge);
  EXPECT_EQ(text_of(plan.start), "b beef");
  EXPECT_EQ(text_of(plan.finish), "d");
  EXPECT_EQ(text_of(stamp(kFork, "b", "base", true).finish), "");
}

TEST(StampTest, Refuses) {
  struct Refusal {
    std::string history, rows, targets;
    Reason reason;
    std::string message;
  };
  const std::string both =
      "Row 'm' is gone already when the stamp's targets are applied one after the other";
  for (const Refusal& c : {
           Refusal{kFork, "beef", "d", Reason::UnknownRevision,
                   "Can't locate revision identified by 'beef'"},
           Refusal{kFork, "", "zzz", Reason::InvalidTarget,
                   "Can't locate revision identified by 'zzz'"},
           Refusal{kFork, "b", "-1", Reason::InvalidTarget,
                   "Can't locate revision identified by '-1'"},
           Refusal{kFork, "", "head", Reason::MultipleHeads,
                   "Multiple heads are present; please specify a single target revision"},
           Refusal{"a; b<a", "", "-2", Reason::InvalidTarget,
                   "Relative revision -2 didn't produce 2 migrations"},
           Refusal{"a; b<a; c<a", "", "-1", Reason::InvalidTarget,
                   "Relative revision -1 didn't produce 1 migrations"},
           Refusal{kMerge, "m", "b c", Reason::InvalidTarget, both},
           Refusal{"a; b<a; c<b", "a c", "b", Reason::InvalidTarget,
                   "Cannot stamp 'b': there is a row above it and a row below it"},
           Refusal{
               kFork, "", "b b", Reason::InvalidTarget,
               "Row 'b' is there already when the stamp's targets are applied one after the other"},
       }) {
    SCOPED_TRACE(c.history + " | " + c.rows + " -> " + c.targets);
    const Error error = error_of([&] { stamp(c.history, c.rows, c.targets); });
    EXPECT_EQ(error.reason(), c.reason);
    EXPECT_EQ(error.message(), c.message);
  }
  EXPECT_EQ(error_of([] { stamp(kMerge, "m", "b c"); }).hint(),
            "stamp the targets one at a time, or use --purge");
  EXPECT_EQ(error_of([] { stamp("a; b<a; c<b", "a c", "b"); }).hint(),
            "delete the row that is a leftover, or use --purge");
}

}  // namespace
}  // namespace engine
