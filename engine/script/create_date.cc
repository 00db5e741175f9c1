// SPDX-License-Identifier: Apache-2.0
#include "engine/script/create_date.h"

#include <fmt/format.h>

#include <cstdlib>
#include <ctime>

#include "engine/script/time_zone.h"

namespace engine {

namespace chr = std::chrono;

CreateDate create_date(chr::system_clock::time_point now, const std::string& timezone) {
  return create_date(now, timezone, zone_folders());
}

CreateDate create_date(chr::system_clock::time_point now, const std::string& timezone,
                       const std::vector<std::filesystem::path>& zone_folders) {
  const auto seconds = chr::floor<chr::seconds>(now);
  CreateDate date;
  date.epoch = seconds.time_since_epoch().count();
  date.microsecond = static_cast<int>(chr::duration_cast<chr::microseconds>(now - seconds).count());
  std::time_t shifted = date.epoch;
  std::tm fields{};
  if (timezone.empty()) {
    ::localtime_r(&shifted, &fields);
  } else {
    date.offset = find_time_zone(timezone, zone_folders).offset_at(date.epoch);
    shifted += *date.offset;
    ::gmtime_r(&shifted, &fields);
  }
  date.year = fields.tm_year + 1900;
  date.month = fields.tm_mon + 1;
  date.day = fields.tm_mday;
  date.hour = fields.tm_hour;
  date.minute = fields.tm_min;
  date.second = fields.tm_sec;
  return date;
}

std::string create_date_text(const CreateDate& date) {
  std::string text = fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", date.year, date.month,
                                 date.day, date.hour, date.minute, date.second);
  if (date.microsecond != 0) text += fmt::format(".{:06}", date.microsecond);
  if (!date.offset) return text;
  const int east = std::abs(*date.offset);
  text += fmt::format("{}{:02}:{:02}", *date.offset < 0 ? '-' : '+', east / 3600, east / 60 % 60);
  if (east % 60 != 0) text += fmt::format(":{:02}", east % 60);
  return text;
}

}  // namespace engine
