// SPDX-License-Identifier: Apache-2.0
//
// Command line, environment and configuration files -> what is to be done. Of the files only those
// of engine/config are read, and those only when the command line makes sense. Manual: docs/cli.md,
// docs/configuration.md.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/cli/drawing.h"
#include "engine/cli/print.h"
#include "engine/config/settings.h"
#include "engine/core/plan.h"
#include "engine/run/migrator.h"
#include "engine/sql/dialect.h"

namespace engine {

struct Upgrade {
  std::string target = {};
  bool sql = false;
};
struct Downgrade {
  std::string target = {};
  bool sql = false;
};
struct Apply {
  std::string target = {};
  DowngradePolicy downgrade = DowngradePolicy::Forbid;
};
struct ShowPlan {
  std::string target = {};
  DowngradePolicy downgrade = DowngradePolicy::Forbid;
  std::filesystem::path out = {};  // --out; empty: none
};
struct Stamp {
  std::vector<std::string> targets = {};
  bool purge = false;
  bool sql = false;
};
struct Repair {
  std::vector<std::string> revisions = {};  // none: every one that differs
  bool yes = false;
};
struct EnsureVersion {
  bool sql = false;
};
struct Current {
  Verbosity verbosity = Verbosity::Line;
  bool check_heads = false;
};
struct History {
  Verbosity verbosity = Verbosity::Line;
  std::string range = {};  // "FROM:TO"; empty: all
  bool indicate_current = false;
  bool applied = false;  // what was run, not what is written
};
struct Heads {
  Verbosity verbosity = Verbosity::Line;
  HeadsBy by = HeadsBy::DownRevision;
};
struct Branches {
  Verbosity verbosity = Verbosity::Line;
};
struct Show {
  std::string revision = {};
};
struct Graph {
  DrawingFormat format = DrawingFormat::Text;
  bool indicate_current = false;
};
// `revision` and `merge`; `parents` as written.
struct MakeRevision {
  std::vector<std::string> parents = {};
  std::string message = {};
  bool splice = false;
  std::string branch_label = {};
  std::vector<std::string> depends_on = {};
  std::string rev_id = {};        // empty: random
  std::string version_path = {};  // empty: not given
  bool autogenerate = false;
  bool sql = false;
};
struct Check {};
struct Edit {
  std::string revision = {};
};
struct Init {
  std::filesystem::path folder = {};
  std::string template_name = {};          // empty: sql, or by the name `alembic` generic
  std::filesystem::path config_file = {};  // --config; empty: alembic.ini
  bool package = false;
};
struct ListTemplates {};
struct ShowConfig {};
struct Examine {};  // `doctor`
struct Completion {
  std::string shell = {};
};
// For the completion scripts: what may stand in the place of the last word.
struct Complete {
  std::vector<std::string> words = {};
};
struct Digest {
  std::filesystem::path folder = {};
};
// Migrates as Upgrade does, and becomes `words`.
struct Exec {
  std::string target = {};
  std::vector<std::string> words = {};  // program and arguments, as given
};
struct Wait {
  std::vector<std::string> revisions = {};  // empty: the heads of the scripts
  std::chrono::milliseconds timeout{300'000};
  std::string timeout_text = "5m";  // as given
  std::chrono::milliseconds interval{1'000};
};
struct Bundle {
  std::filesystem::path destination = {};
};
struct ShowManual {};
struct ShowVersion {};
struct ShowHelp {
  std::string topic = {};  // of help_page()
};

using Command = std::variant<ShowHelp, ShowVersion, ShowManual, Upgrade, Downgrade, Apply, ShowPlan,
                             Stamp, Repair, EnsureVersion, Current, History, Heads, Branches, Show,
                             Graph, MakeRevision, Edit, Init, ListTemplates, Check, ShowConfig,
                             Examine, Completion, Complete, Digest, Bundle, Exec, Wait>;

// Commands that change the database: what they did is in it, whoever hears of it.
bool is_migration(const Command&);

enum class LogFormat { Text, Json };

// Where the RunReport goes.
struct ReportOptions {
  bool json = false;                // --json: standard output holds one JSON document
  std::filesystem::path file = {};  // --report: empty: none
  std::size_t limit = 0;            // --report-limit, bytes; 0: no limit
  bool without_data = false;        // --report-without-data: no DETAIL, no SQL text in `file`
  LogFormat log_format = LogFormat::Text;
};

struct Options {
  Command command = {};
  std::string command_name = {};           // "upgrade" ...; as in the report
  std::string target = {};                 // as given; empty for commands without one
  Settings settings = {};                  // all that files, environment and flags say
  std::string database_url_argument = {};  // SECRET; as given on the command line
  bool libpq_environment = false;          // PGHOST, PGSERVICE ... name a database
  // What `alembic` would be given: before its command (-c, -n, -x), and behind it (--tag).
  bool as_alembic = false;  // called by its name: its exit codes and texts
  std::vector<std::string> alembic_arguments = {};
  std::vector<std::string> alembic_command_arguments = {};
  VersionTableName version_table = {};
  std::optional<bool> transactional_ddl = {};  // --sql: BEGIN and COMMIT; empty: the dialect's
  TransactionMode transactions = TransactionMode::PerRevision;
  std::chrono::milliseconds lock_wait{300'000};
  Timeouts timeouts = {};
  std::chrono::milliseconds run_timeout{0};  // 0: none
  std::chrono::milliseconds connect_timeout{10'000};
  std::filesystem::path plan_file = {};  // --plan: upgrade, apply; empty: none
  bool no_destructive = false;
  std::string scripts_sha256 = {};  // 64 lower-case hex digits; empty: not checked
  ReportOptions report = {};
  std::vector<std::string> history_readers = {};  // roles
  std::optional<int> events = {};                 // --events: a file descriptor
  int host_socket = -1;  // STILLHEAD_HOST_FD: leads to a program that is the script host; -1: none
  std::string owner = {};
  long generation = 0;      // 0: not given
  int attempt = 0;          // 0: not given
  std::string run_id = {};  // 16 hex digits; empty: not given
  bool quiet = false;
  bool color = true;  // where the output is a terminal
};

// `arguments` without the program's name. Throws Error(InvalidUsage).
Options parse_options(const std::vector<std::string>& arguments, const Environment&);

// The part that is needed to report that parse_options failed: what can be understood, the rest
// passed over. Never throws Error.
ReportOptions find_report_options(const std::vector<std::string>& arguments, const Environment&);

// Overwrites every occurrence of `secret` in the process's own argument list.
void wipe_argument(std::span<char*> arguments, std::string_view secret);

}  // namespace engine
