// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/progress_line.h"

#include <gtest/gtest.h>

#include "engine/cli/log.h"

namespace engine {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const ProgressText::TimePoint kBegin{};

TEST(ProgressTextTest, ShowsWhatLasts) {
  ProgressText text;
  EXPECT_EQ(text.text(kBegin + seconds(5)), "");
  text.begin("[2/5] b2, add users", kBegin);
  EXPECT_EQ(text.text(kBegin + milliseconds(299)), "");
  EXPECT_EQ(text.text(kBegin + milliseconds(300)), "[2/5] b2, add users: 0 s");
  text.add("waiting for pid 7");
  EXPECT_EQ(text.text(kBegin + seconds(12)), "[2/5] b2, add users: 12 s, waiting for pid 7");
  EXPECT_EQ(text.text(kBegin + seconds(61)), "[2/5] b2, add users: 1 min 1 s, waiting for pid 7");
  text.begin("[3/5] c3", kBegin + seconds(61));
  EXPECT_EQ(text.text(kBegin + seconds(62)), "[3/5] c3: 1 s");
  text.end();
  EXPECT_EQ(text.text(kBegin + seconds(99)), "");
}

TEST(ProgressTextTest, IsOneLineThatMovesNoCursor) {
  ProgressText text;
  text.begin("a\nb\tc\033[2J", kBegin);
  EXPECT_EQ(text.text(kBegin + seconds(1)), "a b c\\x1b[2J: 1 s");
}

TEST(ShortenedToTest, CountsCharacters) {
  EXPECT_EQ(shortened_to("abc", 3), "abc");
  EXPECT_EQ(shortened_to("abc", 2), "ab");
  EXPECT_EQ(shortened_to("\xc3\xa4\xe2\x80\xa6z", 2), "\xc3\xa4\xe2\x80\xa6");
  EXPECT_EQ(shortened_to("abc", 0), "");
}

TEST(TerminalLineTest, IsDrawnAgainAndMakesRoom) {
  std::string written;
  {
    TerminalLine line([&](std::string_view text) { written += text; });
    line.clear();
    EXPECT_EQ(written, "") << "nothing is drawn";
    line.draw("a");
    line.draw("a");
    line.draw("b");
    EXPECT_EQ(written, "\r\033[Ka\r\033[Kb");
    written.clear();
    { const auto room = line.make_room(); }
    EXPECT_EQ(written, "\r\033[K");
    line.draw("b");
    EXPECT_EQ(written, "\r\033[K\r\033[Kb");
    written.clear();
  }
  EXPECT_EQ(written, "\r\033[K") << "cleared at the end";
}

TEST(TerminalLineTest, LogLinesStandAboveIt) {
  testing::internal::CaptureStderr();
  {
    TerminalLine line([](std::string_view text) { fwrite(text.data(), 1, text.size(), stderr); });
    Log log({.line = &line});
    line.draw("[1/2] a");
    log.finished("done");
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "\r\033[K[1/2] a\r\033[KINFO  [stillhead] done\n");
}

}  // namespace
}  // namespace engine
