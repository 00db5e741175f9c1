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

TEST(StandbyLagTest, IsTheAgeOfTheOldestThatIsNotReplayed) {
  StandbyLag lag;
  const StandbyLag::Time start{};
  EXPECT_EQ(lag.seen(start, 100, 100), milliseconds(0));
  EXPECT_EQ(lag.seen(start + seconds(1), 200, 150), milliseconds(0)) << "seen just now";
  EXPECT_EQ(lag.seen(start + seconds(4), 300, 150), seconds(3));
  EXPECT_EQ(lag.seen(start + seconds(5), 400, 250), seconds(1)) << "the first one is replayed";
  EXPECT_EQ(lag.seen(start + seconds(6), 400, 400), milliseconds(0));
}

}  // namespace
}  // namespace engine
