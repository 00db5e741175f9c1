// SPDX-License-Identifier: Apache-2.0
#include "engine/core/spelling.h"

#include <gtest/gtest.h>

namespace engine {
namespace {

TEST(SpellingTest, EditDistanceStopsAtTheLimit) {
  struct Case {
    std::string_view a, b;
    std::size_t distance;
  };
  for (const Case& c :
       {Case{"", "", 0}, Case{"abc", "abc", 0}, Case{"abc", "abd", 1}, Case{"abc", "ab", 1},
        Case{"abc", "xabc", 1}, Case{"revision", "revisoin", 2}, Case{"abc", "xyz", 3},
        Case{"a", "abcdef", 3}}) {
    SCOPED_TRACE(std::string(c.a) + "/" + std::string(c.b));
    EXPECT_EQ(edit_distance(c.a, c.b, 2), c.distance);
    EXPECT_EQ(edit_distance(c.b, c.a, 2), c.distance);
  }
}

TEST(SpellingTest, NearestPutsFewerEditsFirstAndNamesThreeAtMost) {
  EXPECT_EQ(nearest("4f1c2a9b", {"4f1c2a9d", "4f1c2a9bb", "4f1c0000", "ffffffff", "4f1c2a99"}),
            (std::vector<std::string>{"4f1c2a9bb", "4f1c2a99", "4f1c2a9d"}));
}

TEST(SpellingTest, NearestFindsACommonBeginning) {
  EXPECT_EQ(nearest("deadbeef", {"dead00000000", "feedbeef0000"}),
            (std::vector<std::string>{"dead00000000"}));
  EXPECT_TRUE(nearest("deadbeef01", {"dead00000000"}).empty());
}

TEST(SpellingTest, ShortWordsMayDifferInOneByteOnly) {
  EXPECT_EQ(nearest("hed", {"head", "base"}), (std::vector<std::string>{"head"}));
  EXPECT_TRUE(nearest("hx", {"head"}).empty());
}

TEST(SpellingTest, DidYouMeanReadsLikeASentence) {
  EXPECT_EQ(did_you_mean("hea", {"head", "heap"}), "; did you mean 'head' or 'heap'?");
  EXPECT_EQ(did_you_mean("zzz", {"head"}), "");
}

TEST(SpellingTest, QuotedListIsCutAtTheLimit) {
  EXPECT_EQ(quoted_list({"a", "b", "c"}), "'a', 'b', 'c'");
  EXPECT_EQ(quoted_list({"a", "b", "c"}, 2), "'a', 'b' and 1 more");
}

}  // namespace
}  // namespace engine
