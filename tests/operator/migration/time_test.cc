// SPDX-License-Identifier: Apache-2.0
#include "operator/migration/time.h"

#include <gtest/gtest.h>

namespace controller {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(TimeTest, PrintsWholeSeconds) {
  EXPECT_EQ(rfc3339(WallTime(milliseconds(0))), "1970-01-01T00:00:00Z");
  EXPECT_EQ(rfc3339(WallTime(milliseconds(1795161600999))), "2026-11-20T08:00:00Z");
}

TEST(TimeTest, ReadsWhatItPrints) {
  for (const long second : {0L, 1L, 951782399L, 951782400L, 1795161600L, 4102444799L}) {
    const WallTime time{seconds(second)};
    EXPECT_EQ(parse_rfc3339(rfc3339(time)), time);
  }
}

TEST(TimeTest, ReadsFractionsAndOffsets) {
  const WallTime time = *parse_rfc3339("2026-11-20T08:00:00Z");
  EXPECT_EQ(parse_rfc3339("2026-11-20T08:00:00.25Z"), time + milliseconds(250));
  EXPECT_EQ(parse_rfc3339("2026-11-20T08:00:00.123456789Z"), time + milliseconds(123));
  EXPECT_EQ(parse_rfc3339("2026-11-20T10:30:00+02:30"), time);
  EXPECT_EQ(parse_rfc3339("2026-11-20T07:00:00-01:00"), time);
}

TEST(TimeTest, RefusesWhatIsNoTime) {
  for (const char* text : {"", "now", "2026-11-20", "2026-13-20T08:00:00Z", "2026-02-30T08:00:00Z",
                           "2026-11-20T24:00:00Z", "2026-11-20T08:00:00", "2026-11-20T08:00:00+2",
                           "2026-11-20T08:00:00Zx", "2026-1-20T08:00:00Z"}) {
    EXPECT_FALSE(parse_rfc3339(text)) << text;
  }
}

}  // namespace
}  // namespace controller
