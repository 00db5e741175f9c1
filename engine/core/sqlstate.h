// SPDX-License-Identifier: Apache-2.0
//
// What the database called an error.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string_view>

#include "engine/core/error.h"

namespace engine {

// False also of an error that no database reported.
inline bool has_sqlstate(const Error& error, std::initializer_list<std::string_view> codes) {
  return error.failure() && std::ranges::find(codes, error.failure()->sqlstate) != codes.end();
}

}  // namespace engine
