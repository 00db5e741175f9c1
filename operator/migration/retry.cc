// SPDX-License-Identifier: Apache-2.0
#include "operator/migration/retry.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "operator/migration/sha256.h"

namespace controller {
namespace {

using std::chrono::milliseconds;

constexpr std::array<std::string_view, 5> kWaitsForOthers = {"WaitingForDatabase", "WaitingForLock",
                                                             "AuthenticationFailed", "StaleAttempt",
                                                             "SecretNotFound"};
constexpr int kMostDoublings = 20;

}  // namespace

bool counts_as_failure(const std::string& reason) {
  return std::ranges::find(kWaitsForOthers, reason) == kWaitsForOthers.end();
}

milliseconds pause_after(const RetryPolicy& policy, int attempt, const std::string& seed) {
  const long doubled = 1L << std::clamp(attempt - 1, 0, kMostDoublings);
  const milliseconds longest =
      std::min<milliseconds>(policy.initial_backoff * doubled, policy.max_backoff);
  const long sixteenths = std::stol(sha256_hex(seed).substr(0, 1), nullptr, 16);
  return longest - longest * sixteenths / 64;
}

}  // namespace controller
