// SPDX-License-Identifier: Apache-2.0
#include "engine/script/time_zone.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "engine/core/error.h"

namespace engine {
namespace {

namespace chr = std::chrono;
namespace fs = std::filesystem;

constexpr std::size_t kHeaderSize = 44;
constexpr std::int64_t kDay = 86400;

// Big-endian numbers off the front of what is left.
class Bytes {
 public:
  explicit Bytes(std::string_view bytes) : rest_(bytes) {}

  bool has(std::size_t count) const { return rest_.size() >= count; }
  std::string_view take(std::size_t count) {
    const std::string_view result = rest_.substr(0, count);
    rest_.remove_prefix(std::min(count, rest_.size()));
    return result;
  }
  std::int64_t number(std::size_t size) {
    std::uint64_t value = 0;
    for (const char byte : take(size)) value = (value << 8U) | static_cast<unsigned char>(byte);
    return size == 4 ? static_cast<std::int32_t>(value) : static_cast<std::int64_t>(value);
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

struct Header {
  char version = '\0';
  std::size_t ut_marks = 0, standard_marks = 0, leaps = 0, changes = 0, types = 0, characters = 0;

  std::size_t size(std::size_t time_size) const {
    return changes * (time_size + 1) + types * 6 + characters + leaps * (time_size + 4) +
           standard_marks + ut_marks;
  }
};

std::optional<Header> read_header(Bytes& bytes) {
  if (!bytes.has(kHeaderSize) || bytes.take(4) != "TZif") return std::nullopt;
  Header header;
  header.version = bytes.take(16)[0];
  for (std::size_t* count : {&header.ut_marks, &header.standard_marks, &header.leaps,
                             &header.changes, &header.types, &header.characters}) {
    const std::int64_t value = bytes.number(4);
    if (value < 0) return std::nullopt;
    *count = static_cast<std::size_t>(value);
  }
  return header;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The grammar of POSIX TZ, character by character.
class RuleReader {
 public:
  explicit RuleReader(std::string_view text) : rest_(text) {}

  std::optional<ZoneRule> read() {
    ZoneRule rule;
    skip_name();
    rule.standard = -read_time();
    if (good_ && !rest_.empty()) {
      skip_name();
      rule.summer = rest_.empty() || rest_[0] == ',' ? rule.standard + 3600 : -read_time();
      rule.begin = read_change();
      rule.end = read_change();
    }
    if (!good_ || !rest_.empty()) return std::nullopt;
    return rule;
  }

 private:
  bool accept(char c) {
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) { good_ = accept(c) && good_; }

  void skip_name() {
    const bool quoted = accept('<');
    std::size_t size = 0;
    while (size < rest_.size() && (quoted ? rest_[size] != '>'
                                          : (rest_[size] >= 'A' && rest_[size] <= 'Z') ||
                                                (rest_[size] >= 'a' && rest_[size] <= 'z'))) {
      ++size;
    }
    good_ = good_ && size >= 3;
    rest_.remove_prefix(size);
    if (quoted) expect('>');
  }

  int read_number() {
    int value = 0;
    good_ = good_ && !rest_.empty() && is_digit(rest_[0]);
    for (int digits = 0; digits < 4 && !rest_.empty() && is_digit(rest_[0]); ++digits) {
      value = value * 10 + (rest_[0] - '0');
      rest_.remove_prefix(1);
    }
    return value;
  }

  // [+-]hh[:mm[:ss]] in seconds
  int read_time() {
    const bool negative = accept('-');
    if (!negative) accept('+');
    int value = read_number() * 3600;
    if (accept(':')) value += read_number() * 60;
    if (accept(':')) value += read_number();
    return negative ? -value : value;
  }

  ZoneRule::Change read_change() {
    using Kind = ZoneRule::Change::Kind;
    ZoneRule::Change change;
    expect(',');
    if (accept('M')) {
      change.month = read_number();
      expect('.');
      change.week = read_number();
      expect('.');
      change.day = read_number();
      good_ = good_ && change.month >= 1 && change.month <= 12 && change.week >= 1 &&
              change.week <= 5 && change.day <= 6;
    } else {
      change.kind = accept('J') ? Kind::DayWithoutLeap : Kind::DayOfYear;
      change.day = read_number();
      good_ = good_ && change.day <= 366;
    }
    if (accept('/')) change.time = read_time();
    return change;
  }

  std::string_view rest_;
  bool good_ = true;
};

// Seconds of local time since 1970.
std::int64_t local_time_of(const ZoneRule::Change& change, chr::year year) {
  using Kind = ZoneRule::Change::Kind;
  chr::sys_days day = year / chr::January / 1;
  if (change.kind == Kind::MonthWeekDay) {
    const chr::month month(static_cast<unsigned>(change.month));
    const chr::weekday weekday(static_cast<unsigned>(change.day));
    if (change.week == 5) {
      day = year / month / weekday[chr::last];
    } else {
      day = year / month / weekday[static_cast<unsigned>(change.week)];
    }
  } else if (change.kind == Kind::DayOfYear) {
    day += chr::days(change.day);
  } else {
    day += chr::days(change.day - 1 + (year.is_leap() && change.day > 59 ? 1 : 0));
  }
  return day.time_since_epoch().count() * kDay + change.time;
}

int offset_by(const ZoneRule& rule, std::int64_t epoch) {
  if (!rule.summer) return rule.standard;
  const chr::sys_days day =
      chr::floor<chr::days>(chr::sys_seconds(chr::seconds(epoch + rule.standard)));
  const chr::year year = chr::year_month_day(day).year();
  const std::int64_t begin = local_time_of(rule.begin, year) - rule.standard;
  const std::int64_t end = local_time_of(rule.end, year) - *rule.summer;
  const bool is_summer =
      begin < end ? begin <= epoch && epoch < end : epoch >= begin || epoch < end;
  return is_summer ? *rule.summer : rule.standard;
}

bool is_zone_name(const std::string& name) {
  const fs::path path(name);
  return !name.empty() && name.find('\0') == std::string::npos && path.is_relative() &&
         std::find(path.begin(), path.end(), "..") == path.end();
}

std::optional<TimeZone> load(const std::string& name, const std::vector<fs::path>& folders) {
  constexpr std::string_view kUtc{
      "TZif\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
      "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\4\0\0\0\0\0\0UTC\0",
      kHeaderSize + 10};
  if (!is_zone_name(name)) return std::nullopt;
  for (const fs::path& folder : folders) {
    std::error_code ignored;
    if (!fs::is_regular_file(folder / name, ignored)) continue;
    std::ifstream file(folder / name, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    if (auto zone = TimeZone::parse(bytes)) return zone;
  }
  // Images without a database have this one all the same.
  return name == "UTC" ? TimeZone::parse(kUtc) : std::nullopt;
}

}  // namespace

std::optional<ZoneRule> parse_zone_rule(std::string_view text) { return RuleReader(text).read(); }

std::optional<TimeZone> TimeZone::parse(std::string_view text) {
  Bytes bytes(text);
  std::optional<Header> header = read_header(bytes);
  if (!header) return std::nullopt;
  std::size_t time_size = 4;
  if (header->version != '\0') {
    if (!bytes.has(header->size(4))) return std::nullopt;
    bytes.take(header->size(4));
    header = read_header(bytes);
    time_size = 8;
  }
  if (!header || header->types == 0 || !bytes.has(header->size(time_size))) return std::nullopt;
  TimeZone zone;
  for (std::size_t i = 0; i < header->changes; ++i)
    zone.changes_.push_back(bytes.number(time_size));
  const std::string_view kinds = bytes.take(header->changes);
  std::vector<int> types;
  for (std::size_t i = 0; i < header->types; ++i) {
    types.push_back(static_cast<int>(bytes.number(4)));
    bytes.take(2);
  }
  for (const char kind : kinds) {
    const auto type = static_cast<unsigned char>(kind);
    if (type >= types.size()) return std::nullopt;
    zone.offsets_.push_back(types[type]);
  }
  zone.first_ = types[0];
  bytes.take(header->size(time_size) - header->changes * (time_size + 1) - header->types * 6);
  std::string_view footer = bytes.rest();
  if (footer.size() > 2 && footer.front() == '\n' && footer.back() == '\n') {
    footer = footer.substr(1, footer.size() - 2);
    zone.rule_ = parse_zone_rule(footer);
    if (!zone.rule_) return std::nullopt;
  }
  return zone;
}

int TimeZone::offset_at(std::int64_t epoch) const {
  const auto next = std::upper_bound(changes_.begin(), changes_.end(), epoch);
  if (next == changes_.end() && rule_) return offset_by(*rule_, epoch);
  if (next == changes_.begin()) return first_;
  return offsets_[static_cast<std::size_t>(next - changes_.begin() - 1)];
}

std::vector<fs::path> zone_folders() {
  std::vector<fs::path> folders;
  if (const char* own = std::getenv("TZDIR"); own != nullptr && *own != '\0') {
    folders.emplace_back(own);
  }
  for (const char* folder :
       {"/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo", "/etc/zoneinfo"}) {
    folders.emplace_back(folder);
  }
  return folders;
}

TimeZone find_time_zone(const std::string& name, const std::vector<fs::path>& folders) {
  if (auto zone = load(name, folders)) return *zone;
  std::string upper = name;
  std::ranges::transform(upper, upper.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  if (auto zone = load(upper, folders)) return *zone;
  std::vector<std::string> looked_in;
  for (const fs::path& folder : folders) looked_in.push_back(folder.string());
  throw Error(Reason::InvalidUsage, fmt::format("Can't locate timezone: {}", name),
              fmt::format("`timezone` takes a name such as Europe/Paris or UTC; the time zone "
                          "database (package tzdata) was looked for in {}",
                          fmt::join(looked_in, ", ")));
}

}  // namespace engine
