// SPDX-License-Identifier: Apache-2.0
#include "operator/migration/execution.h"

#include <chrono>

namespace controller {
namespace {

constexpr int kMostRetries = 1000;
constexpr int kMostKept = 100;

RetryPolicy read_retry(const Fields& fields) {
  using std::chrono::seconds;
  RetryPolicy retry;
  retry.limit = fields.number("limit", 0, kMostRetries, retry.limit);
  retry.initial_backoff =
      seconds(fields.duration("initialBackoff", 1).value_or(retry.initial_backoff.count()));
  retry.max_backoff = seconds(fields.duration("maxBackoff", 1).value_or(retry.max_backoff.count()));
  return retry;
}

History read_history(const Fields& fields) {
  History history;
  history.succeeded = fields.number("succeeded", 1, kMostKept, history.succeeded);
  history.failed = fields.number("failed", 1, kMostKept, history.failed);
  return history;
}

}  // namespace

Execution read_execution(const Fields& fields) {
  Execution execution;
  execution.transaction = fields.choice("transaction", {"PerRevision", "Single"});
  execution.advisory_lock_timeout =
      fields.text("advisoryLockTimeout", execution.advisory_lock_timeout);
  execution.lock_timeout = fields.text("lockTimeout");
  execution.statement_timeout = fields.text("statementTimeout");
  for (const char* name : {"advisoryLockTimeout", "lockTimeout", "statementTimeout"}) {
    fields.duration(name, 0);
  }
  execution.lock_retries = fields.number("lockRetries", 0, kMostRetries, execution.lock_retries);
  execution.active_deadline_seconds = fields.duration("activeDeadline", 1);
  execution.grace_period_seconds =
      fields.duration("terminationGracePeriod", 1).value_or(execution.grace_period_seconds);
  execution.retry = read_retry(fields.object("retry"));
  execution.history = read_history(fields.object("history"));
  execution.service_account_name = fields.text("serviceAccountName");
  execution.engine_image = fields.text("engineImage");
  execution.resources = fields.whole_object("resources");
  execution.node_selector = fields.whole_object("nodeSelector");
  execution.tolerations = fields.whole_list("tolerations");
  return execution;
}

}  // namespace controller
