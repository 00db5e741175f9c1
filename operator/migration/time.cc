// SPDX-License-Identifier: Apache-2.0
#include "operator/migration/time.h"

#include <fmt/format.h>

#include <array>
#include <cstdio>

namespace controller {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::hh_mm_ss;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::year_month_day;

std::string rfc3339(WallTime time) {
  const auto second = floor<seconds>(time);
  const auto day = floor<days>(second);
  const year_month_day date(day);
  const hh_mm_ss clock(second - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

namespace {

// "Z", "+02:00" or "-02:00"; empty: none of them.
std::optional<std::chrono::minutes> read_offset(const std::string& text) {
  if (text == "Z" || text == "z") return std::chrono::minutes(0);
  int hours = 0;
  int minutes = 0;
  std::array<char, 2> rest = {};
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') ||
      std::sscanf(text.c_str() + 1, "%2d:%2d%1s", &hours, &minutes, rest.data()) != 2) {
    return {};
  }
  const int total = hours * 60 + minutes;
  return std::chrono::minutes(text[0] == '-' ? -total : total);
}

}  // namespace

std::optional<WallTime> parse_rfc3339(const std::string& text) {
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  int used = 0;
  if (std::sscanf(text.c_str(), "%4d-%2u-%2uT%2d:%2d:%2d%n", &year, &month, &day, &hour, &minute,
                  &second, &used) != 6 ||
      used != 19 || hour > 23 || minute > 59 || second > 60) {
    return {};
  }
  const year_month_day date(std::chrono::year{year}, std::chrono::month{month},
                            std::chrono::day{day});
  if (!date.ok()) return {};
  auto at = static_cast<std::size_t>(used);
  long millis = 0;
  if (at < text.size() && text[at] == '.') {
    long scale = 100;
    for (++at; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, scale /= 10) {
      millis += scale * (text[at] - '0');
    }
  }
  const auto offset = read_offset(text.substr(at));
  if (!offset) return {};
  return WallTime(std::chrono::sys_days(date)) + std::chrono::hours(hour) +
         std::chrono::minutes(minute) + seconds(second) + milliseconds(millis) - *offset;
}

}  // namespace controller
