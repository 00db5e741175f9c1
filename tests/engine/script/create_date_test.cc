// SPDX-License-Identifier: Apache-2.0
#include "engine/script/create_date.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

#include "tests/engine/core/error_of.h"

namespace engine {
namespace {

using std::chrono::microseconds;
using std::chrono::system_clock;

system_clock::time_point at(std::int64_t epoch, int micros = 0) {
  return system_clock::time_point(std::chrono::seconds(epoch) + microseconds(micros));
}

// The process's zone for one test.
class LocalZone {
 public:
  explicit LocalZone(const char* zone) {
    if (const char* old = std::getenv("TZ")) old_ = old;
    setenv("TZ", zone, 1);
    tzset();
  }
  ~LocalZone() {
    old_.empty() ? unsetenv("TZ") : setenv("TZ", old_.c_str(), 1);
    tzset();
  }
  LocalZone(const LocalZone&) = delete;
  LocalZone& operator=(const LocalZone&) = delete;

 private:
  std::string old_ = {};
};

TEST(CreateDateTest, IsLocalTimeWithoutASetting) {
  const LocalZone zone("XYZ-5:30");
  const CreateDate date = create_date(at(1795267826, 421), "");
  EXPECT_EQ(date.epoch, 1795267826);
  EXPECT_EQ(date.year, 2026);
  EXPECT_EQ(date.month, 11);
  EXPECT_EQ(date.day, 21);
  EXPECT_EQ(date.hour, 19);
  EXPECT_EQ(date.minute, 0);
  EXPECT_EQ(date.second, 26);
  EXPECT_FALSE(date.offset);
  EXPECT_EQ(create_date_text(date), "2026-11-21 19:00:26.000421");
}

TEST(CreateDateTest, IsInTheZoneOfTheSettingWhateverTheProcessHas) {
  const LocalZone zone("XYZ-5:30");
  const CreateDate date = create_date(at(1795267826), "UTC", {});
  EXPECT_EQ(create_date_text(date), "2026-11-21 13:30:26+00:00");
  EXPECT_STREQ(std::getenv("TZ"), "XYZ-5:30");
}

TEST(CreateDateTest, PrintsOffsetsAsPythonDoes) {
  CreateDate date;
  date.offset = 7200;
  EXPECT_EQ(create_date_text(date), "1970-01-01 00:00:00+02:00");
  date.offset = -12600;
  EXPECT_EQ(create_date_text(date), "1970-01-01 00:00:00-03:30");
  date.offset = 561;
  EXPECT_EQ(create_date_text(date), "1970-01-01 00:00:00+00:09:21");
}

TEST(CreateDateTest, CountsBackBefore1970) {
  const CreateDate date = create_date(at(-1, 250000), "UTC", {});
  EXPECT_EQ(create_date_text(date), "1969-12-31 23:59:59.250000+00:00");
}

TEST(CreateDateTest, RefusesAZoneThatIsNone) {
  EXPECT_EQ(error_of([] { create_date(at(0), "Nowhere", {}); }).message(),
            "Can't locate timezone: Nowhere");
}

}  // namespace
}  // namespace engine
