// SPDX-License-Identifier: Apache-2.0
//
// How a statement comes on, and that it is tried again: as text, and as the fields of a line of
// JSON.
#pragma once

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "engine/run/observer.h"

namespace engine {

// "building index: 300 of 1200 blocks (25 %), 40 blocks/s, 22.0 s left, waiting for pid 7"
std::string progress_text(const StatementProgress&);
nlohmann::ordered_json progress_fields(const std::string& revision, const StatementProgress&);

// "trying again in 2.0 s (attempt 3 of 10), blocked by pid 7"
std::string retry_text(int attempt, int attempts, const std::string& blockers,
                       std::chrono::milliseconds pause);
nlohmann::ordered_json retry_fields(const std::string& revision, const std::string& what,
                                    int attempt, int attempts, const std::string& blockers,
                                    std::chrono::milliseconds pause);

}  // namespace engine
