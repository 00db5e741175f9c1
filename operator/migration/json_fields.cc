// SPDX-License-Identifier: Apache-2.0
#include "operator/migration/json_fields.h"

#include <charconv>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <utility>

namespace controller {

const Json& value_at(const Json& object, std::initializer_list<const char*> path) {
  static const Json kNothing;
  const Json* value = &object;
  for (const char* name : path) {
    if (!value->is_object()) return kNothing;
    const auto member = value->find(name);
    if (member == value->end()) return kNothing;
    value = &*member;
  }
  return *value;
}

std::string text_at(const Json& object, std::initializer_list<const char*> path) {
  const Json& value = value_at(object, path);
  return value.is_string() ? value.get<std::string>() : std::string();
}

long number_at(const Json& object, std::initializer_list<const char*> path) {
  const Json& value = value_at(object, path);
  if (!value.is_number_integer()) return 0;
  if (value.is_number_unsigned() && !std::in_range<long>(value.get<std::uint64_t>())) return 0;
  return value.get<long>();
}

const Json& list_at(const Json& object, std::initializer_list<const char*> path) {
  static const Json kEmpty = Json::array();
  const Json& value = value_at(object, path);
  return value.is_array() ? value : kEmpty;
}

std::vector<std::string> texts_at(const Json& object, std::initializer_list<const char*> path) {
  std::vector<std::string> texts;
  for (const Json& member : list_at(object, path)) {
    if (member.is_string()) texts.push_back(member.get<std::string>());
  }
  return texts;
}

std::optional<long> whole_number(const std::string& text) {
  long number = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stopped != end) return {};
  return number;
}

}  // namespace controller
