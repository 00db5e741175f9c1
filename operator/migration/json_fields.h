// SPDX-License-Identifier: Apache-2.0
//
// Lenient reading of JSON that others wrote: a missing member, or one of another type, reads as
// empty.
#pragma once

#include <initializer_list>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace controller {

using Json = nlohmann::json;

// The value at `path`; a null value when there is none.
const Json& value_at(const Json&, std::initializer_list<const char*> path);
std::string text_at(const Json&, std::initializer_list<const char*> path);
long number_at(const Json&, std::initializer_list<const char*> path);  // 0: none
// The members of the array at `path`; an empty array when there is none.
const Json& list_at(const Json&, std::initializer_list<const char*> path);
// The texts among those members.
std::vector<std::string> texts_at(const Json&, std::initializer_list<const char*> path);
// The whole number that a text consists of; empty: not one.
std::optional<long> whole_number(const std::string&);

}  // namespace controller
