// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/json_text.h"

#include <nlohmann/json.hpp>

namespace engine {

std::string json_line(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace engine
