// SPDX-License-Identifier: Apache-2.0
#include "engine/script/slug.h"

#include <gtest/gtest.h>

#include "engine/core/error.h"
#include "tests/engine/core/error_of.h"

namespace engine {
namespace {

struct Case {
  std::string message = {};
  std::string slug = {};
};

// The right-hand sides are what Python 3.11 made of the left-hand ones.
TEST(SlugTest, IsMadeAsAlembicMakesIt) {
  const Case cases[] = {
      {"Add User Table", "add_user_table"},
      {"", ""},
      {"!?", ""},
      {"  a--b  ", "a_b"},
      {"_lead", "_lead"},
      {"ÄÖÜ größe", "äöü_größe"},
      {"İstanbul", "i̇stanbul"},
      {"ΟΔΟΣ ΣΑΣ", "οδος_σας"},
      {"naïve café №5", "naïve_café_5"},
      {"日本語 テスト", "日本語_テスト"},
      {"हिन्दी भाषा", "ह_न_द_भ_ष"},
      {"Привет, МИР!", "привет_мир"},
      {"ẞ Ǆ Ⅷ Ⓐ", "ß_ǆ_ⅷ"},
      {"emoji 😀 ok", "emoji_ok"},
      {"½ ² ٣", "½_²_٣"},
      {std::string(50, 'a'), std::string(40, 'a') + "_"},
      {std::string(40, 'a'), std::string(40, 'a')},
      {"x_yx_yx_yx_yx_yx_yx_yx_yx_yx_yx_yx_yx_yx_yx_yx_yx_yx_yx_yx_y",
       "x_yx_yx_yx_yx_yx_yx_yx_yx_yx_yx_yx_yx_"},
      {"A very long message that goes past the forty character slug limit for sure",
       "a_very_long_message_that_goes_past_the_"},
  };
  for (const auto& [message, slug] : cases) EXPECT_EQ(slug_of(message), slug) << message;
}

TEST(SlugTest, IsCutWhereTheSettingSays) {
  EXPECT_EQ(slug_of("add user table", 10), "add_user_");
  EXPECT_EQ(slug_of("add user table", 8), "add_");
  EXPECT_EQ(slug_of("größe und mehr", 5), "größe_");
  EXPECT_EQ(slug_of("add user table", 14), "add_user_table");
  EXPECT_EQ(slug_of(std::string(41, 'a'), 0), std::string(40, 'a') + "_");
}

TEST(SlugTest, RefusesWhatIsNotUtf8) {
  for (const char* message : {"\xFF", "a\xC3", "\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80"}) {
    const Error error = error_of([&] { slug_of(message); });
    EXPECT_EQ(error.reason(), Reason::InvalidUsage);
    EXPECT_EQ(error.message(), "cannot name the new script: its message is not UTF-8 text");
  }
}

TEST(SlugTest, CountsCharactersAndNotBytes) {
  EXPECT_EQ(first_characters("größe", 3), "grö");
  EXPECT_EQ(first_characters("ab", 9), "ab");
  EXPECT_EQ(first_characters("ab", 0), "");
}

}  // namespace
}  // namespace engine
