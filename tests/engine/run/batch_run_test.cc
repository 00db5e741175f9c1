// SPDX-License-Identifier: Apache-2.0
#include "engine/run/batch_run.h"

#include <gtest/gtest.h>

namespace engine {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(BatchCursorTest, GoesThroughText) {
  const BatchCursor cursor{"it's \"5\"", "9", 20, 15};
  EXPECT_EQ(BatchCursor::parse(cursor.text()), cursor);
  const BatchCursor beginning{{}, "9", 0, 0};
  EXPECT_EQ(BatchCursor::parse(beginning.text()), beginning);
  for (const char* text : {"", "5", "[]", "{}", "{\"bound\":5}"}) {
    EXPECT_EQ(BatchCursor::parse(text), std::nullopt) << text;
  }
}

TEST(BatchSizeTest, AimsAtHalfASecond) {
  EXPECT_EQ(next_batch_size(1'000, 1'000, milliseconds(100)), 1'501);
  EXPECT_EQ(next_batch_size(9'000, 1'000, milliseconds(100)), 10'000) << "ten times the first";
  EXPECT_EQ(next_batch_size(1'000, 1'000, milliseconds(400)), 1'000);
  EXPECT_EQ(next_batch_size(1'000, 1'000, milliseconds(600)), 700);
  EXPECT_EQ(next_batch_size(11, 1'000, milliseconds(9'000)), 10) << "a hundredth of the first";
  EXPECT_EQ(next_batch_size(1, 1, milliseconds(9'000)), 1);
  EXPECT_EQ(smaller_batch_size(9), 4);
  EXPECT_EQ(smaller_batch_size(1), 1);
}

TEST(StandbyLagTest, IsWhatHasGatheredBySpeed) {
  StandbyLag lag;
  const StandbyLag::Time start{};
  lag.seen(start, 0, 0);
  EXPECT_EQ(lag.time_for(100), milliseconds(0)) << "its speed is not known";
  EXPECT_EQ(lag.seen(start + seconds(1), 1'000, 100), seconds(9))
      << "100 in a second, 900 are left";
  EXPECT_EQ(lag.time_for(50), milliseconds(500));
  EXPECT_EQ(lag.seen(start + seconds(2), 1'000, 300), seconds(5)) << "smoothed: 140 a second";
  EXPECT_EQ(lag.seen(start + seconds(6), 1'000, 1'000), milliseconds(0));
  EXPECT_EQ(lag.seen(start + seconds(9), 1'010, 1'005), milliseconds(28))
      << "who has nothing to do is not slow";
}

TEST(StandbyLagTest, AnotherOneThatIsFurtherBehindBeginsAnew) {
  StandbyLag lag;
  const StandbyLag::Time start{};
  lag.seen(start, 0, 0);
  lag.seen(start + seconds(1), 1'000, 500);
  EXPECT_EQ(lag.seen(start + seconds(2), 1'000, 100), milliseconds(0)) << "nothing is known of it";
  EXPECT_EQ(lag.seen(start + seconds(3), 1'000, 400), seconds(2));
}

TEST(StandbyLagTest, OfOneThatStandsStillIsBounded) {
  StandbyLag lag;
  const StandbyLag::Time start{};
  lag.seen(start, 10, 0);
  lag.seen(start + seconds(1), 20, 1);
  for (int i = 2; i < 99; ++i) lag.seen(start + seconds(i), 1e12, 1);
  EXPECT_EQ(lag.seen(start + seconds(99), 1e12, 1), seconds(86'400));
}

TEST(StandbyLagTest, IsTheAgeOfTheOldestThatIsNotReplayed) {
  StandbyLag lag;
  const StandbyLag::Time start{};
  EXPECT_EQ(lag.seen(start, 0, 0), milliseconds(0));
  EXPECT_EQ(lag.seen(start + seconds(1), 10'000, 10'000), milliseconds(0)) << "a fast one";
  EXPECT_EQ(lag.seen(start + seconds(2), 10'100, 10'000), milliseconds(10)) << "seen just now";
  EXPECT_EQ(lag.seen(start + seconds(5), 10'200, 10'000), seconds(3));
  EXPECT_EQ(lag.seen(start + seconds(6), 10'300, 10'100), seconds(1)) << "the first is replayed";
  EXPECT_EQ(lag.seen(start + seconds(7), 10'300, 10'300), milliseconds(0));
}

}  // namespace
}  // namespace engine
