// SPDX-License-Identifier: Apache-2.0
//
// Points in time as the API server writes them.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace controller {

using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;

std::string rfc3339(WallTime);  // UTC, whole seconds, as metav1.Time has them
// With any offset, and fractions of a second down to milliseconds. Empty: not a time.
std::optional<WallTime> parse_rfc3339(const std::string&);

}  // namespace controller
