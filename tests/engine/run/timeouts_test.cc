// SPDX-License-Identifier: Apache-2.0
#include "engine/run/timeouts.h"

#include <gtest/gtest.h>

namespace engine {
namespace {

using std::chrono::milliseconds;
using Log = std::vector<std::string>;

PreparedStep step(const Log& statements) {
  PreparedStep prepared;
  for (const std::string& sql : statements) prepared.statements.push_back({sql, 1, true});
  return prepared;
}

TEST(TimeoutsTest, TriesBecomeLonger) {
  const auto times = [](int whole) {
    Timeouts timeouts;
    timeouts.lock_timeout = milliseconds(whole);
    std::vector<long> result;
    for (int attempt = 1; attempt <= 6; ++attempt) {
      result.push_back(lock_timeout_of(timeouts, attempt).count());
    }
    return result;
  };
  EXPECT_EQ(times(3000), (std::vector<long>{375, 750, 1500, 3000, 3000, 3000}));
  EXPECT_EQ(times(400), (std::vector<long>{100, 100, 200, 400, 400, 400}));
  EXPECT_EQ(times(50), (std::vector<long>{50, 50, 50, 50, 50, 50}));
}

TEST(TimeoutsTest, PausesGrowToTheirLimitAndAreDrawnFromTheUpperHalf) {
  const Timeouts timeouts;
  EXPECT_EQ(pause_after(timeouts, 1, 1), milliseconds(1'000));
  EXPECT_EQ(pause_after(timeouts, 1, 0), milliseconds(500));
  EXPECT_EQ(pause_after(timeouts, 3, 1), milliseconds(4'000));
  EXPECT_EQ(pause_after(timeouts, 6, 1), milliseconds(30'000));
  EXPECT_EQ(pause_after(timeouts, 1'000'000, 0), milliseconds(15'000));
}

TEST(TimeoutsTest, StatementsOnRowsAreLeftAloneUntilALockIsTaken) {
  Timeouts timeouts;
  timeouts.lock_timeout = milliseconds(1'000);
  const OwnTimeouts none;
  LocalTimeouts local(timeouts, 4);
  EXPECT_EQ(local.before(none, {"UPDATE t SET a = 1", 1, true}), Log{});
  EXPECT_EQ(local.before(none, {"ALTER TABLE t VALIDATE CONSTRAINT c", 1, true}),
            Log{"SET LOCAL lock_timeout = '0'"});
  EXPECT_EQ(local.before(none, {"ALTER TABLE t ADD a int", 1, true}),
            Log{"SET LOCAL lock_timeout = '1000ms'"});
  EXPECT_EQ(local.before(none, {"ALTER TABLE t VALIDATE CONSTRAINT c", 1, true}), Log{})
      << "the transaction holds a lock by now";
  EXPECT_EQ(local.before(none, {"DROP TABLE t", 1, true}), Log{});
  local.forget();
  EXPECT_EQ(local.before(none, {"DROP TABLE t", 1, true}),
            Log{"SET LOCAL lock_timeout = '1000ms'"});
}

TEST(TimeoutsTest, WhatAScriptSetsItselfIsLeftAlone) {
  Timeouts timeouts;
  timeouts.lock_timeout = milliseconds(1'000);
  timeouts.statement_timeout = milliseconds(7);
  const OwnTimeouts own = own_timeouts(step({"DROP TABLE t", "SET LOCAL lock_timeout = '9s'"}));
  EXPECT_TRUE(own.lock);
  EXPECT_FALSE(own.statement);
  LocalTimeouts local(timeouts, 1);
  EXPECT_EQ(local.before(own, {"DROP TABLE t", 1, true}),
            Log{"SET LOCAL statement_timeout = '7ms'"});
  EXPECT_EQ(unlimited_timeouts(own), Log{"SET statement_timeout = 0"});
  EXPECT_EQ(reset_timeouts(own), Log{"RESET statement_timeout"});
}

TEST(TimeoutsTest, KnowsWhatMaySucceedLater) {
  for (const auto& [sqlstate, again] : std::vector<std::pair<std::string, bool>>{
           {"55P03", true}, {"40P01", true}, {"40001", true}, {"57014", false}, {"42P01", false}}) {
    Failure failure;
    failure.sqlstate = sqlstate;
    EXPECT_EQ(may_be_tried_again(Error(Reason::MigrationFailed, "x", failure)), again) << sqlstate;
  }
  EXPECT_FALSE(may_be_tried_again(Error(Reason::Interrupted, "x")));
}

}  // namespace
}  // namespace engine
