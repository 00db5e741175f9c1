// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace engine {

// The document as one line with its end. Bytes that are not UTF-8 become U+FFFD.
std::string json_line(const nlohmann::ordered_json&);

}  // namespace engine
