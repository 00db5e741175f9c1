// SPDX-License-Identifier: Apache-2.0
#include "engine/run/timestamp.h"

#include <fmt/chrono.h>

#include <chrono>

namespace engine {

std::string timestamp_now() {
  const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  return fmt::format("{:%FT%T}.{:03}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(now)),
                     now.time_since_epoch().count() % 1000);
}

}  // namespace engine
