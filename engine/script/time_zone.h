// SPDX-License-Identifier: Apache-2.0
//
// A time zone of the system's database (TZif, RFC 8536), read without touching the process's own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace engine {

// When a zone changes between standard and summer time after its last listed change: the footer of
// a TZif file, "CET-1CEST,M3.5.0,M10.5.0/3" (POSIX TZ).
struct ZoneRule {
  struct Change {
    enum class Kind { MonthWeekDay, DayOfYear, DayWithoutLeap } kind = Kind::MonthWeekDay;
    int month = 1;
    int week = 1;     // 5: the last
    int day = 0;      // of the week, 0 is Sunday; or of the year
    int time = 7200;  // seconds of local time
  };
  int standard = 0;  // seconds east of Greenwich
  std::optional<int> summer = {};
  Change begin = {};
  Change end = {};
};

class TimeZone {
 public:
  // Empty: this is no TZif file.
  static std::optional<TimeZone> parse(std::string_view bytes);

  // Seconds east of Greenwich at `epoch`, seconds since 1970 UTC.
  int offset_at(std::int64_t epoch) const;

 private:
  std::vector<std::int64_t> changes_ = {};
  std::vector<int> offsets_ = {};  // from changes_[i] on
  int first_ = 0;                  // before the first change
  std::optional<ZoneRule> rule_ = {};
};

// Empty: not understood.
std::optional<ZoneRule> parse_zone_rule(std::string_view text);

// $TZDIR, then where systems keep the database.
std::vector<std::filesystem::path> zone_folders();

// The zone called `name`, also in capital letters ("utc"). Throws Error(InvalidUsage)
// "Can't locate timezone: NAME".
TimeZone find_time_zone(const std::string& name, const std::vector<std::filesystem::path>& folders);

}  // namespace engine
