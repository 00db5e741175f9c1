// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

namespace engine {

// Tells what is about to be done ("Generating /app/versions/x.py"), calls `action`, and tells how
// it ended. Whoever makes files calls one for each; engine/cli prints them.
using Status = std::function<void(const std::string& doing, const std::function<void()>& action)>;

}  // namespace engine
