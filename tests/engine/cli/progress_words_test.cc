// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/progress_words.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace engine {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(ProgressWordsTest, TellsWhatIsKnownOfAStatement) {
  const std::pair<StatementProgress, std::string> cases[] = {
      {{}, ""},
      {{.phase = "waiting for writers"}, "waiting for writers"},
      {{"building index", 300, 1200, "blocks", 40, seconds(22), "pid 7"},
       "building index: 300 of 1200 blocks (25 %), 40 blocks/s, 22.0 s left, waiting for pid 7"},
      {{.phase = "", .done = 7, .total = 0, .unit = "rows"}, "7 rows"},
      {{.phase = "p", .done = 9, .total = 8}, "p: 9 of 8 (100 %)"},
      {{.waits_for = "pid 9"}, "waiting for pid 9"},
  };
  for (const auto& [progress, expected] : cases) EXPECT_EQ(progress_text(progress), expected);
  EXPECT_EQ(progress_fields("b2", {"building index", 300, 1200, "blocks", 40, seconds(22), "pid 7"})
                .dump(),
            R"({"revision":"b2","phase":"building index","done":300.0,"total":1200.0,)"
            R"("unit":"blocks","rate":40.0,"secondsLeft":22,"waitsFor":"pid 7"})");
}

TEST(ProgressWordsTest, TellsWhyATryIsRepeated) {
  EXPECT_EQ(retry_text(3, 10, "pid 7", milliseconds(2000)),
            "trying again in 2.0 s (attempt 3 of 10), blocked by pid 7");
  EXPECT_EQ(retry_text(1, 2, "", milliseconds(50)), "trying again in 50 ms (attempt 1 of 2)");
  EXPECT_EQ(retry_fields("b2", "statement 1", 1, 2, "pid 7", milliseconds(50)).dump(),
            R"({"revision":"b2","what":"statement 1","attempt":1,"attempts":2,)"
            R"("blockers":"pid 7","pauseMs":50})");
}

}  // namespace
}  // namespace engine
