// SPDX-License-Identifier: Apache-2.0
//
// Executes a plan: the only place where a migration touches a database.
#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/contract/report.h"
#include "engine/core/plan.h"
#include "engine/db/connection.h"
#include "engine/db/history_table.h"
#include "engine/db/journal_table.h"
#include "engine/db/version_table.h"
#include "engine/run/lock.h"
#include "engine/run/observer.h"
#include "engine/run/prepared_step.h"
#include "engine/run/session.h"
#include "engine/run/timeouts.h"
#include "engine/run/transaction_group.h"

namespace engine {

// Who runs; goes into the history.
struct RunIdentity {
  std::string run_id = {};
  std::string owner = {};
  int attempt = 0;
  std::string engine_version = {};
};

// Of a step that has been run.
HistoryRow history_row_of(const PreparedStep&, const RunIdentity&, const std::string& started_at);

struct MigrationContext {
  Connection& connection;
  MigrationLock& lock;
  VersionTable& versions;
  const HistoryTable* history;  // null: no history is kept (--sql)
  const JournalTable* journal;  // null: nothing is kept of revisions that commit piece by piece
  Observer& observer;
  RunIdentity identity = {};
  std::stop_token stop = {};
  TransactionMode transactions = TransactionMode::PerRevision;
  Timeouts timeouts = {};
  SessionFacts session = {};
  // Renews a session that was lost, prepares it, and waits for the end of what the old one left
  // behind. Empty: a COMMIT without an answer stays in doubt.
  std::function<SessionFacts()> renew = {};
};

// One transaction per step: statements, version rows, history row; TransactionMode::Single: one for
// all steps. The version table is made in the first one when `start` is empty and it is missing.
// Statements that are not transactional run by themselves before/after the transaction pieces
// around them, in the script's order; the version row is written with the last piece. How far they
// came stands in the journal, and a later run goes on there (run/autocommit.h). Before each
// commit: the lock is still held, and nobody asked to stop. Steps are appended to `done` when they
// are committed. A transaction that met a lock it could not have is rolled back and begun again, as
// often as `timeouts` says. A COMMIT whose answer was lost is looked for in a new session. Throws
// Error with Failure{revision, file, statement, statement_count, line, ...} when a statement fails;
// Error(LockTimeout) when the last try has met a lock; Error(ConditionFailed); Error(Interrupted)
// when asked to stop; Error(LockUnavailable) when the migration lock was lost;
// Error(ChecksumMismatch) when a script was changed where it was already run. What is not committed
// is rolled back.
void execute(const RevisionSet& start, const std::vector<PreparedStep>&, MigrationContext&,
             std::vector<StepReport>& done);

// The rows of a stamp, in one transaction with those of the history. What was half done is what the
// rows say then.
void execute(const StampPlan&, const std::vector<HistoryRow>& history, MigrationContext&);

}  // namespace engine
