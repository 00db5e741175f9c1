// SPDX-License-Identifier: Apache-2.0
//
// Lenient reading of what the API server sent: a missing member, or one of another type, reads as
// empty.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace kube {

using Json = nlohmann::json;

const Json* member(const Json& object, const char* name);  // null: none
std::string text_at(const Json& object, const char* name);

}  // namespace kube
