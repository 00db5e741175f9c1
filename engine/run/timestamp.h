// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace engine {

// Now, RFC 3339, UTC, milliseconds.
std::string timestamp_now();

}  // namespace engine
