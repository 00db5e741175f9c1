// SPDX-License-Identifier: Apache-2.0
//
// spec.execution: how a run is made. Durations are kept as they are written where the engine reads
// them.
#pragma once

#include <optional>
#include <string>

#include "operator/migration/fields.h"
#include "operator/migration/retry.h"

namespace controller {

// Finished Jobs that are kept of a resource.
struct History {
  int succeeded = 1;
  int failed = 3;
};

struct Execution {
  std::string transaction = "PerRevision";  // or Single
  std::string advisory_lock_timeout = "5m";
  std::string lock_timeout = {};       // empty: the engine's own
  std::string statement_timeout = {};  // empty: the server's own
  int lock_retries = -1;               // -1: the engine's own
  std::optional<long> active_deadline_seconds = {};
  long grace_period_seconds = 60;
  RetryPolicy retry = {};
  History history = {};
  std::string service_account_name = {};  // empty: the namespace's default, without a token
  std::string engine_image = {};          // empty: the operator's
  // JSON as pods have it; empty: the operator's, or none.
  std::string resources = {};
  std::string node_selector = {};
  std::string tolerations = {};
};

Execution read_execution(const Fields&);

}  // namespace controller
