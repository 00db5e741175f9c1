// SPDX-License-Identifier: Apache-2.0
#include "operator/migration/fields.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "operator/migration/json_fields.h"

namespace controller {
namespace {

// A year, as for the engine's flags: beyond this, a duration is a slip of the pen.
constexpr double kLongestSeconds = 365 * 24 * 3600.0;

const Json kEmpty = Json::object();

// Seconds of a unit; 0: not a unit.
double seconds_of_unit(std::string_view unit) {
  if (unit == "h") return 3600;
  if (unit == "m") return 60;
  if (unit == "s") return 1;
  if (unit == "ms") return 1e-3;
  if (unit == "us" || unit == "\u00b5s") return 1e-6;
  if (unit == "ns") return 1e-9;
  return 0;
}

}  // namespace

Fields::Fields(const Json& object, std::string path, std::vector<std::string>& problems)
    : object_(object.is_object() ? object : kEmpty), path_(std::move(path)), problems_(problems) {
  if (!object.is_object() && !object.is_null()) problem({}, "must be an object");
}

bool Fields::has(const char* name) const { return !json(name).is_null(); }

Fields Fields::object(const char* name) const {
  return {json(name), path_ + "." + name, problems_};
}

std::string Fields::text(const char* name, std::string fallback) const {
  const Json& value = json(name);
  if (value.is_null()) return fallback;
  if (value.is_string()) return value.get<std::string>();
  problem(name, "must be a text");
  return fallback;
}

std::string Fields::needed_text(const char* name) const {
  std::string value = text(name);
  if (value.empty()) problem(name, "is missing");
  return value;
}

bool Fields::flag(const char* name) const {
  const Json& value = json(name);
  if (value.is_boolean()) return value.get<bool>();
  if (!value.is_null()) problem(name, "must be true or false");
  return false;
}

int Fields::number(const char* name, int least, int most, int fallback) const {
  const Json& value = json(name);
  if (value.is_null()) return fallback;
  if (value.is_number_integer() && value >= least && value <= most) return value.get<int>();
  problem(name, fmt::format("must be a whole number from {} to {}", least, most));
  return fallback;
}

std::optional<long> Fields::duration(const char* name, long least) const {
  if (!has(name)) return {};
  const std::string given = text(name);
  const auto seconds = duration_seconds(given);
  if (seconds && *seconds >= least) return seconds;
  problem(name, fmt::format("\"{}\" is not a duration of at least {} s and at most a year "
                            "(8760h), such as 90s or 1h30m",
                            given, least));
  return {};
}

std::string Fields::choice(const char* name, const std::vector<std::string>& words) const {
  std::string given = text(name, words.front());
  if (std::ranges::find(words, given) != words.end()) return given;
  problem(name, fmt::format("\"{}\" is none of {}", given, fmt::join(words, ", ")));
  return words.front();
}

std::string Fields::whole_object(const char* name) const {
  const Json& value = json(name);
  if (!value.is_object() && !value.is_null()) problem(name, "must be an object");
  return value.is_object() && !value.empty() ? value.dump() : std::string();
}

std::string Fields::whole_list(const char* name) const {
  const Json& value = json(name);
  if (!value.is_array() && !value.is_null()) problem(name, "must be a list");
  return value.is_array() && !value.empty() ? value.dump() : std::string();
}

const Json& Fields::json(const char* name) const { return value_at(object_, {name}); }

void Fields::problem(const std::string& name, std::string_view what) const {
  problems_.push_back(fmt::format("{}{}{}: {}", path_, name.empty() ? "" : ".", name, what));
}

std::optional<long> duration_seconds(const std::string& text) {
  double seconds = 0;
  std::size_t at = 0;
  const auto is_digit = [&] { return at < text.size() && text[at] >= '0' && text[at] <= '9'; };
  while (at < text.size()) {
    const std::size_t number = at;
    while (is_digit()) ++at;
    if (at == number || at - number > 12) return {};
    double value = std::stod(text.substr(number, at - number));
    if (at < text.size() && text[at] == '.') {
      double scale = 0.1;
      for (++at; is_digit(); ++at, scale /= 10) value += scale * (text[at] - '0');
    }
    const std::size_t unit = at;
    while (at < text.size() && !is_digit()) ++at;
    const double unit_seconds = seconds_of_unit(std::string_view(text).substr(unit, at - unit));
    if (unit_seconds == 0) return {};
    seconds += value * unit_seconds;
  }
  if (text.empty() || seconds > kLongestSeconds) return {};
  // Up to whole seconds: a part of one must not become none.
  const auto whole = static_cast<long>(seconds);
  return seconds > static_cast<double>(whole) ? whole + 1 : whole;
}

}  // namespace controller
