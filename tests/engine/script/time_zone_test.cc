// SPDX-License-Identifier: Apache-2.0
#include "engine/script/time_zone.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/engine/core/error_of.h"
#include "tests/support/temporary_folder.h"

namespace engine {
namespace {

std::string number(std::int64_t value, int size) {
  std::string bytes;
  for (int i = size - 1; i >= 0; --i) {
    bytes += static_cast<char>((static_cast<std::uint64_t>(value) >> (8 * i)) & 0xFFU);
  }
  return bytes;
}

struct Change {
  std::int64_t epoch = 0;
  int offset = 0;
};

std::string block(int first, const std::vector<Change>& changes, int time_size, char version) {
  const auto count = static_cast<std::int64_t>(changes.size());
  std::string bytes = std::string("TZif") + version + std::string(15, '\0');
  for (const std::int64_t n :
       {std::int64_t{0}, std::int64_t{0}, std::int64_t{0}, count, count + 1, std::int64_t{4}}) {
    bytes += number(n, 4);
  }
  for (const Change& change : changes) bytes += number(change.epoch, time_size);
  for (std::int64_t i = 0; i < count; ++i) bytes += number(i + 1, 1);
  bytes += number(first, 4) + std::string(2, '\0');
  for (const Change& change : changes) bytes += number(change.offset, 4) + std::string(2, '\0');
  return bytes + std::string("XYZ\0", 4);
}

// A file as zic writes it: a block for old readers, the real one, the rule for what comes after.
std::string zone_file(int first, const std::vector<Change>& changes, const std::string& rule) {
  return block(0, {}, 4, '2') + block(first, changes, 8, '2') + "\n" + rule + "\n";
}

TEST(TimeZoneTest, KnowsTheOffsetAtAnyTime) {
  const auto zone =
      TimeZone::parse(zone_file(561, {{-1855958961, 0}, {-100, 3600}, {500, 7200}}, ""));
  ASSERT_TRUE(zone);
  EXPECT_EQ(zone->offset_at(-9000000000), 561);
  EXPECT_EQ(zone->offset_at(-1855958962), 561);
  EXPECT_EQ(zone->offset_at(-1855958961), 0);
  EXPECT_EQ(zone->offset_at(-101), 0);
  EXPECT_EQ(zone->offset_at(0), 3600);
  EXPECT_EQ(zone->offset_at(499), 3600);
  EXPECT_EQ(zone->offset_at(500), 7200);
  EXPECT_EQ(zone->offset_at(9000000000), 7200);
}

TEST(TimeZoneTest, ReadsFilesOfTheFirstVersion) {
  const auto zone = TimeZone::parse(block(60, {{-5, -120}}, 4, '\0'));
  ASSERT_TRUE(zone);
  EXPECT_EQ(zone->offset_at(-6), 60);
  EXPECT_EQ(zone->offset_at(-5), -120);
}

struct RuleCase {
  std::string rule = {};
  std::int64_t epoch = 0;
  int offset = 0;
};

// What Python's zoneinfo said for zones with these rules.
TEST(TimeZoneTest, FollowsTheRuleAfterTheLastChange) {
  const RuleCase cases[] = {
      {"UTC0", 4102444800, 0},
      {"IST-5:30", 4102444800, 19800},
      {"<+05>5", 0, -18000},
      {"CET-1CEST,M3.5.0,M10.5.0/3", 1795267826, 3600},
      {"CET-1CEST,M3.5.0,M10.5.0/3", 1784000000, 7200},
      {"CET-1CEST,M3.5.0,M10.5.0/3", 1774745999, 3600},
      {"CET-1CEST,M3.5.0,M10.5.0/3", 1774746000, 7200},
      {"CET-1CEST,M3.5.0,M10.5.0/3", 1792889999, 7200},
      {"CET-1CEST,M3.5.0,M10.5.0/3", 1792890000, 3600},
      {"EST5EDT,M3.2.0,M11.1.0", 4086000000, -14400},
      {"EST5EDT,M3.2.0,M11.1.0", 4102444800, -18000},
      {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", 1784000000, 37800},
      {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", 1795267826, 39600},
      {"IST-1GMT0,M10.5.0,M3.5.0/1", 1784000000, 3600},
      {"IST-1GMT0,M10.5.0,M3.5.0/1", 1795267826, 0},
      {"<-04>4<-03>,M9.1.6/24,M4.1.6/24", 1784000000, -14400},
      {"<-04>4<-03>,M9.1.6/24,M4.1.6/24", 1795267826, -10800},
      {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", 4086000000, -3600},
      {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", 4102444800, -7200},
      {"<+00>0<+02>-2,M3.5.0/1,M10.5.0/3", 1784000000, 7200},
      {"EET-2EEST,M3.4.4/50,M10.4.4/50", 1784000000, 10800},
      {"EET-2EEST,M3.4.4/50,M10.4.4/50", 4102444800, 7200},
      {"AAA0BBB,J60/0,J300/0", 1772323199, 0},     // 2026-02-28 23:59:59
      {"AAA0BBB,J60/0,J300/0", 1772323200, 3600},  // 2026-03-01
      {"AAA0BBB,J60/0,J300/0", 1835395200, 0},     // 2028-02-29
      {"AAA0BBB,J60/0,J300/0", 1835481600, 3600},  // 2028-03-01
      {"AAA0BBB,59/0,300/0", 1835395200, 3600},    // 2028-02-29
  };
  for (const auto& [rule, epoch, offset] : cases) {
    const auto zone = TimeZone::parse(zone_file(0, {}, rule));
    ASSERT_TRUE(zone) << rule;
    EXPECT_EQ(zone->offset_at(epoch), offset) << rule << " " << epoch;
  }
}

TEST(TimeZoneTest, RefusesRulesThatAreNone) {
  for (const char* rule :
       {"", "X0", "CET", "CET-", "<CET-1", "CET-1CEST,M3.5.0", "CET-1CEST,M13.1.0,M1.1.0",
        "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0", "CET-1CEST,J400,J1",
        "CET-1CEST,M3.5.0,M10.5.0/3 "}) {
    EXPECT_FALSE(parse_zone_rule(rule)) << rule;
  }
}

TEST(TimeZoneTest, RefusesFilesThatAreNone) {
  const std::string whole = zone_file(0, {{1, 2}}, "CET-1");
  for (std::size_t size = 0; size < whole.size() - 7; ++size) {
    EXPECT_FALSE(TimeZone::parse(whole.substr(0, size))) << size;
  }
  EXPECT_FALSE(TimeZone::parse(zone_file(0, {}, "nonsense")));
  EXPECT_FALSE(TimeZone::parse("TZif2" + std::string(15, '\0') + std::string(24, '\xFF')));
}

TEST(TimeZoneTest, IsFoundByNameAndByItsCapitals) {
  const test::TemporaryFolder folder;
  folder.write("empty/other", "");
  folder.write("zones/Europe/Paris", zone_file(3600, {}, ""));
  folder.write("zones/EST", zone_file(-18000, {}, ""));
  const std::vector<std::filesystem::path> folders = {folder / "empty", folder / "zones"};
  EXPECT_EQ(find_time_zone("Europe/Paris", folders).offset_at(0), 3600);
  EXPECT_EQ(find_time_zone("est", folders).offset_at(0), -18000);
  EXPECT_EQ(find_time_zone("UTC", {}).offset_at(0), 0);
  EXPECT_EQ(find_time_zone("utc", {}).offset_at(0), 0);
}

TEST(TimeZoneTest, SaysWhichNameIsNoZone) {
  const test::TemporaryFolder folder;
  folder.write("zones/Bad", "no zone");
  folder.write("secret", zone_file(0, {}, ""));
  for (const std::string& name :
       {std::string("Europe/Atlantis"), std::string("Bad"), std::string("../secret"),
        folder / "secret", std::string("."), std::string()}) {
    const Error error = error_of([&] { find_time_zone(name, {folder / "zones"}); });
    EXPECT_EQ(error.reason(), Reason::InvalidUsage);
    EXPECT_EQ(error.message(), "Can't locate timezone: " + name);
    EXPECT_EQ(error.hint(),
              "`timezone` takes a name such as Europe/Paris or UTC; the time zone "
              "database (package tzdata) was looked for in " +
                  (folder / "zones"));
  }
}

TEST(TimeZoneTest, LooksWhereTheEnvironmentSaysFirst) {
  ASSERT_EQ(setenv("TZDIR", "/somewhere", 1), 0);
  const auto with = zone_folders();
  unsetenv("TZDIR");
  const auto without = zone_folders();
  EXPECT_EQ(with.front(), "/somewhere");
  EXPECT_EQ(without.front(), "/usr/share/zoneinfo");
  EXPECT_EQ(with.size(), without.size() + 1);
}

}  // namespace
}  // namespace engine
