// SPDX-License-Identifier: Apache-2.0
//
// What a run of the engine says when it ends: the only engine header that the operator may include.
// Names of reasons and of JSON fields are public: add, never rename (docs/report.md,
// docs/errors.md).
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace engine {

// Grows by one when a reader of the previous version could misunderstand a report.
inline constexpr int kContractVersion = 1;

// Why a run ended as it did. At once exit class, report field, condition reason and heading in
// docs/errors.md (a test holds them together).
enum class Reason {
  Succeeded,             // target reached, or nothing was to be done
  MigrationFailed,       // a statement of a script failed; its revision is rolled back
  VersionConflict,       // somebody else changed the version table during the run
  InvalidUsage,          // flags, environment or URL make no sense
  InvalidTarget,         // no revision of the scripts answers to the target
  MultipleHeads,         // target `head` while there are several
  InvalidScripts,        // a script or the graph of scripts is faulty; all faults are listed
  UnknownRevision,       // the database holds a revision that no script has
  ConditionFailed,       // a `:pre` or `:post` condition of a script does not hold
  ChecksumMismatch,      // a script says something else now than when it was run
  DatabaseAhead,         // upgrade to a revision that the database has already left behind
  StaleAttempt,          // a newer attempt of the same owner has begun
  LockUnavailable,       // another run holds the lock
  LockTimeout,           // a statement could not have its lock, however often it was tried
  DatabaseUnreachable,   // no connection, or it was lost
  AuthenticationFailed,  // role, password, database name or pg_hba.conf
  DowngradeForbidden,    // `apply --downgrade=forbid` would have to go down
  IrreversibleRevision,  // a downgrade meets a script without a downgrade section
  DestructiveForbidden,  // with --no-destructive, and a step would lose data
  PlanOutdated,          // --plan FILE is not what would be done now
  HookFailed,            // a hook before the run or before a revision said no
  NotUpToDate,           // for commands that only ask
  RunTimeout,            // --run-timeout is over; rolled back
  Interrupted,           // SIGINT or SIGTERM; rolled back
  Bug,                   // a broken promise of our own
};

// A row of the one table that maps engine reason -> exit code -> condition reason (design rule).
struct ReasonInfo {
  Reason reason = Reason::Bug;
  std::string_view name = {};              // in reports and docs, e.g. "MigrationFailed"
  int exit_code = 70;                      // of the program `stillhead`
  std::string_view condition_reason = {};  // in a resource's conditions, e.g. "WaitingForLock"
};

std::span<const ReasonInfo> reason_table();
const ReasonInfo& info_of(Reason);
std::string_view name_of(Reason);
int exit_code_of(Reason);
std::optional<Reason> reason_named(std::string_view name);
// The first row with this exit code; empty for an exit code that the engine never uses.
std::optional<Reason> reason_with_exit_code(int exit_code);
// The same command again may succeed without anybody changing anything (exit codes 5 and 8).
bool is_retryable(Reason);

// Where and why a statement or a script failed. Empty or 0: not known, or does not apply.
struct Failure {
  std::string revision = {};
  std::string file = {};      // base name of the script
  int statement = 0;          // 1-based, counted over the section that ran
  int statement_count = 0;    // statements in that section
  int line = 0;               // 1-based, in `file`
  std::string sqlstate = {};  // five characters; SQLite: the extended result code as text
  std::string message = {};   // the database's primary message: holds no row data
  std::string detail = {};    // may hold row data; never shown outside the report
  std::string hint = {};
  std::string constraint = {};
  std::string sql = {};  // the statement, shortened to 2,000 bytes

  friend bool operator==(const Failure&, const Failure&) = default;
};

// A statement of a step, in the order in which they ran. Statements that were sent with one message
// share its time: it stands at the last of them.
struct StatementReport {
  int statement = 0;  // 1-based, counted over the section
  int line = 0;       // in the script
  long rows = 0;      // touched
  long duration_ms = 0;

  friend bool operator==(const StatementReport&, const StatementReport&) = default;
};

struct StepReport {
  std::string revision = {};
  std::string direction = {};  // "upgrade" or "downgrade"
  std::string message = {};    // the script's own
  int statement_count = 0;
  long duration_ms = 0;
  int retries = 0;                               // how often its transaction was begun again
  std::vector<std::string> blockers = {};        // who was in the way then, as far as it was seen
  std::vector<StatementReport> statements = {};  // that this run has executed

  friend bool operator==(const StepReport&, const StepReport&) = default;
};

struct RunReport {
  int contract_version = kContractVersion;
  std::string engine_version = {};
  std::string command = {};  // "upgrade", "downgrade", "apply", "current" ...
  std::string target = {};   // as given
  std::string run_id = {};   // 16 hex digits, new for each run
  std::string owner = {};    // --owner: who asked, opaque
  long generation = 0;       // --generation: of what the owner asks for; 0 = not given
  int attempt = 0;           // --attempt: 0 = not given
  Reason reason = Reason::Bug;
  std::string message = {};                        // one line for people
  std::string hint = {};                           // what to do; may be empty
  std::vector<std::string> from = {};              // version rows before, sorted
  std::vector<std::string> to = {};                // version rows after, sorted
  std::vector<std::string> target_revisions = {};  // what `target` resolved to, sorted
  std::vector<std::string> source_heads = {};      // effective heads of the scripts, sorted
  int source_revisions = 0;                        // scripts read
  int pending = 0;                                 // steps that were to run when the run began
  std::vector<StepReport> steps = {};              // steps that are committed, in order
  std::optional<Failure> failure = {};
  // Of StaleAttempt: what the database has noted of the owner; 0 otherwise.
  long stored_generation = 0;
  int stored_attempt = 0;
  std::string started_at = {};  // RFC 3339, UTC, milliseconds
  std::string finished_at = {};

  friend bool operator==(const RunReport&, const RunReport&) = default;
};

// One line of JSON. `limit` bytes at most (0: no limit): detail is dropped first, in the order sql,
// detail, statements of steps, steps (oldest first), then long texts are cut; the result stays
// valid JSON and keeps reason, revision, statement and SQLSTATE. Limits below kSmallestReportLimit
// count as that.
inline constexpr std::size_t kSmallestReportLimit = 1024;
std::string to_json(const RunReport&, std::size_t limit = 0);

// Empty: not a report (no JSON, no contractVersion, unknown contract version). Unknown fields are
// ignored, an unknown reason becomes Bug with its name in `message`.
std::optional<RunReport> report_from_json(std::string_view text);

}  // namespace engine
