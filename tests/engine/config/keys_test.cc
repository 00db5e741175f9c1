// SPDX-License-Identifier: Apache-2.0
#include "engine/config/keys.h"

#include <gtest/gtest.h>

#include <set>

namespace engine {
namespace {

TEST(KeyTableTest, HasNamesHelpAndSoundDefaults) {
  std::set<std::string_view> names;
  for (const KeyInfo& key : key_table()) {
    EXPECT_TRUE(names.insert(key.name).second) << key.name;
    EXPECT_EQ(find_key(key.name), &info(key.key));
    EXPECT_FALSE(key.help.empty()) << key.name;
    EXPECT_EQ(key.type == ValueType::Choice, !key.choices.empty()) << key.name;
    EXPECT_EQ(variables(key).empty(), key.scope == Scope::AlembicFiles) << key.name;
    if (key.default_text.empty()) continue;
    const Checked checked = check_value(key, std::string(key.default_text), "default");
    EXPECT_EQ(checked.text, key.default_text) << checked.fault;
  }
  EXPECT_EQ(find_key("script-location"), nullptr);
}

TEST(KeyTableTest, DerivesFlagsAndVariables) {
  EXPECT_EQ(flag_name(info(Key::VersionTableSchema)), "version-table-schema");
  EXPECT_EQ(variables(info(Key::LockWait)), std::vector<std::string>{"STILLHEAD_LOCK_WAIT"});
  EXPECT_EQ(variables(info(Key::DatabaseUrl)),
            (std::vector<std::string>{"DATABASE_URL", "STILLHEAD_DATABASE_URL"}));
  EXPECT_EQ(variables(info(Key::AutoMigrate)),
            (std::vector<std::string>{"AUTO_MIGRATE", "STILLHEAD_AUTO_MIGRATE"}));
}

TEST(CheckValueTest, TakesWhatTheTypeAllows) {
  const std::string digits(32, 'A');
  const struct {
    Key key;
    std::string text;
    std::string kept;
    std::string fault;
  } cases[] = {
      {Key::Owner, "anyone: =1", "anyone: =1", ""},
      {Key::RevisionEnvironment, "true", "true", ""},
      {Key::RevisionEnvironment, "1", "", "X takes `true` or `false`, not \"1\""},
      {Key::SqlEcho, "YES", "true", ""},
      {Key::SqlEcho, "1", "true", ""},
      {Key::SqlEcho, "off", "false", ""},
      {Key::SqlEcho, "debug", "", "X takes true, false, 1, 0, yes, no, on or off, not \"debug\""},
      {Key::Attempt, "007", "7", ""},
      {Key::Attempt, "0", "", "X takes a number from 1, not \"0\""},
      {Key::Attempt, "-1", "", "X takes a number from 1, not \"-1\""},
      {Key::Attempt, "1x", "", "X takes a number from 1, not \"1x\""},
      {Key::LockWait, "1h30m", "1h30m", ""},
      {Key::LockWait, "0s", "0s", ""},
      {Key::LockWait, "5", "", "X takes a duration such as 500ms, 30s or 5m, not \"5\""},
      {Key::ConnectTimeout, "0s", "", "X must be longer than 0"},
      {Key::RunId, "0123456789ABCDEF", "0123456789abcdef", ""},
      {Key::RunId, "xyz", "", "X takes 16 hexadecimal digits, not \"xyz\""},
      {Key::ScriptsSha256, digits + digits, std::string(64, 'a'), ""},
      {Key::ScriptsSha256, digits, "", "X takes 64 hexadecimal digits, not \"" + digits + "\""},
      {Key::Transaction, "single", "single", ""},
      {Key::Transaction, "one", "", "X takes `per_revision` or `single`, not \"one\""},
      {Key::LogFormat, "postgresql://u:secret@h/d", "",
       "X takes `text` or `json`, not \"postgresql://...\""},
      {Key::LogFormat, "password=secret", "", "X takes `text` or `json`, not \"password=...\""},
  };
  for (const auto& c : cases) {
    const Checked checked = check_value(info(c.key), c.text, "X");
    EXPECT_EQ(checked.text, c.kept) << c.text;
    EXPECT_EQ(checked.fault, c.fault) << c.text;
  }
}

TEST(ReadDurationTest, AddsUnits) {
  using std::chrono::milliseconds;
  const struct {
    std::string_view text;
    std::optional<milliseconds> expected;
  } cases[] = {
      {"500ms", milliseconds{500}},
      {"1h30m", milliseconds{5'400'000}},
      {"1m1s1ms", milliseconds{61'001}},
      {"0s", milliseconds{0}},
      {"8760h", milliseconds{31'536'000'000}},
      {"8761h", {}},
      {"", {}},
      {"5", {}},
      {"-5s", {}},
      {"5 s", {}},
      {"5d", {}},
      {"99999999999999999999s", {}},
  };
  for (const auto& c : cases) EXPECT_EQ(read_duration(c.text), c.expected) << c.text;
}

}  // namespace
}  // namespace engine
