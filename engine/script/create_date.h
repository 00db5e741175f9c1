// SPDX-License-Identifier: Apache-2.0
//
// The date of a new script, in local time or in the zone of the setting `timezone`.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace engine {

struct CreateDate {
  std::int64_t epoch = 0;  // seconds since 1970 UTC
  int year = 1970;
  int month = 1;  // 1 .. 12
  int day = 1;
  int hour = 0;
  int minute = 0;
  int second = 0;
  int microsecond = 0;
  std::optional<int> offset = {};  // seconds east of Greenwich; empty: local time, not said
};

// `timezone` empty: the process's local time. Throws Error(InvalidUsage)
// "Can't locate timezone: NAME".
CreateDate create_date(std::chrono::system_clock::time_point now, const std::string& timezone);
CreateDate create_date(std::chrono::system_clock::time_point now, const std::string& timezone,
                       const std::vector<std::filesystem::path>& zone_folders);

// As Python prints a datetime: "2026-11-21 13:30:26.000421+01:00", microseconds unless 0.
std::string create_date_text(const CreateDate&);

}  // namespace engine
