// SPDX-License-Identifier: Apache-2.0
#include "engine/script/sql_marker.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace engine {
namespace {

constexpr long kLargestBatch = 10'000'000;
constexpr std::string_view kSpaces = " \t\r";

std::optional<long> number_from_1(std::string_view text, long most) {
  long number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return {};
  return number >= 1 && number <= most ? std::optional(number) : std::nullopt;
}

std::optional<std::chrono::milliseconds> duration(std::string_view text) {
  constexpr long kLongest = 86'400'000;
  const std::size_t unit = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::string_view name = text.substr(unit);
  const long factor = name == "ms" ? 1 : name == "s" ? 1'000 : name == "m" ? 60'000 : 0;
  if (factor == 0) return {};
  if (text.substr(0, unit) == "0") return std::chrono::milliseconds{0};
  const auto number = number_from_1(text.substr(0, unit), kLongest / factor);
  if (!number) return {};
  return std::chrono::milliseconds{*number * factor};
}

// An identifier, quoted or not.
bool is_column(std::string_view text) {
  if (text.empty()) return false;
  if (text.front() == '"') return text.size() > 2 && text.find('"', 1) == text.size() - 1;
  return std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           static_cast<unsigned char>(c) >= 0x80;
  });
}

std::string wrong(std::string_view name, std::string_view value, std::string_view wanted) {
  return fmt::format("`-- stillhead:batch`: {} takes {}, not '{}'", name, wanted, value);
}

std::string read(BatchOptions& options, std::string_view name, std::string_view value) {
  if (name == "key") {
    if (!is_column(value)) return wrong(name, value, "the name of a column");
    options.key = std::string(value);
    return {};
  }
  if (name == "size") {
    const auto size = number_from_1(value, kLargestBatch);
    if (!size) return wrong(name, value, fmt::format("a number from 1 to {}", kLargestBatch));
    options.size = *size;
    return {};
  }
  if (name != "pause" && name != "max_lag") {
    return fmt::format("`-- stillhead:batch` knows no '{}'; it has key, size, pause and max_lag",
                       name);
  }
  const auto time = duration(value);
  if (!time) return wrong(name, value, "a duration such as 100ms, 10s or 5m");
  (name == "pause" ? options.pause : options.max_lag) = *time;
  return {};
}

}  // namespace

BatchReading read_batch_options(std::string_view argument) {
  BatchReading reading;
  while (reading.fault.empty()) {
    const std::size_t begin = argument.find_first_not_of(kSpaces);
    if (begin == std::string_view::npos) break;
    argument.remove_prefix(begin);
    const std::string_view word = argument.substr(0, argument.find_first_of(kSpaces));
    argument.remove_prefix(word.size());
    const std::size_t sign = std::min(word.find('='), word.size());
    const std::string_view value = sign < word.size() ? word.substr(sign + 1) : std::string_view();
    reading.fault = read(reading.options, word.substr(0, sign), value);
  }
  if (reading.fault.empty() && reading.options.key.empty()) {
    reading.fault = "`-- stillhead:batch` without a key";
  }
  return reading;
}

}  // namespace engine
