// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <stop_token>

namespace engine {

// Sleeps. False: asked to stop, and no longer asleep.
bool pause(std::chrono::milliseconds duration, const std::stop_token& stop);

}  // namespace engine
