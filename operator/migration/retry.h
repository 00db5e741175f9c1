// SPDX-License-Identifier: Apache-2.0
//
// How long to wait before a migration is tried again, and when not to. Pure.
#pragma once

#include <chrono>
#include <string>

namespace controller {

// spec.execution.retry.
struct RetryPolicy {
  int limit = 5;  // runs that failed of themselves; see counts_as_failure()
  std::chrono::seconds initial_backoff{10};
  std::chrono::seconds max_backoff{600};
};

// Whether a run that ended with this condition reason is one of those that `limit` counts. What
// others have to bring back (the database, its lock, a password) is waited for without an end.
bool counts_as_failure(const std::string& reason);

// Doubles with each attempt up to the longest, less up to a quarter, which `seed` decides: many
// that failed at once do not come back at once. `attempt`: the one that has failed, from 1.
std::chrono::milliseconds pause_after(const RetryPolicy&, int attempt, const std::string& seed);

}  // namespace controller
