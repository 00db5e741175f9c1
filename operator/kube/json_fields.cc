// SPDX-License-Identifier: Apache-2.0
#include "operator/kube/json_fields.h"

#include <nlohmann/json.hpp>

namespace kube {

const Json* member(const Json& object, const char* name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

std::string text_at(const Json& object, const char* name) {
  const Json* value = member(object, name);
  return value && value->is_string() ? value->get<std::string>() : std::string();
}

}  // namespace kube
