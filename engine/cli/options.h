// SPDX-License-Identifier: Apache-2.0
//
// Command line and environment -> what is to be done. Later wins: environment, then flags. Nothing
// is opened or read here, so that a wrong flag has no effect at all. Manual: docs/cli.md.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/cli/print.h"
#include "engine/core/plan.h"
#include "engine/sql/dialect.h"

namespace engine {

struct Upgrade {
  std::string target = {};
};
struct Downgrade {
  std::string target = {};
};
struct Apply {
  std::string target = {};
  DowngradePolicy downgrade = DowngradePolicy::Forbid;
};
struct Current {
  Verbosity verbosity = Verbosity::Line;
};
struct History {
  Verbosity verbosity = Verbosity::Line;
  bool indicate_current = false;
};
struct Heads {
  Verbosity verbosity = Verbosity::Line;
};
struct Digest {
  std::filesystem::path folder = {};
};
struct Bundle {
  std::filesystem::path destination = {};
};
struct ShowVersion {};
struct ShowHelp {
  std::string command = {};  // empty: the overview
};

using Command = std::variant<ShowHelp, ShowVersion, Upgrade, Downgrade, Apply, Current, History,
                             Heads, Digest, Bundle>;

// Upgrade, Downgrade and Apply: what they did is in the database, whoever hears of it.
bool is_migration(const Command&);

enum class LogFormat { Text, Json };

// Where the RunReport goes.
struct ReportOptions {
  bool json = false;                // --json: standard output holds one JSON document
  std::filesystem::path file = {};  // --report: empty: none
  std::size_t limit = 0;            // --report-limit, bytes; 0: no limit
  bool without_data = false;        // --report-without-data: no DETAIL, no SQL text in `file`
};

struct Options {
  Command command = {};
  std::string command_name = {};  // "upgrade" ...; as in the report
  std::string target = {};        // as given; empty for commands without one
  std::filesystem::path script_location = "migrations";
  std::string database_url = {};                 // SECRET; empty: see database_url_file
  std::filesystem::path database_url_file = {};  // empty: none
  bool libpq_environment = false;                // PGHOST, PGSERVICE ... name a database
  VersionTableName version_table = {};
  std::chrono::milliseconds lock_wait{300'000};
  std::chrono::milliseconds connect_timeout{10'000};
  std::string scripts_sha256 = {};  // 64 lower-case hex digits; empty: not checked
  ReportOptions report = {};
  std::string owner = {};
  int attempt = 0;          // 0: not given
  std::string run_id = {};  // 16 hex digits; empty: not given
  bool quiet = false;
  bool color = true;  // where the output is a terminal
  LogFormat log_format = LogFormat::Text;
};

using Environment = std::map<std::string, std::string>;

// `arguments` without the program's name. Throws Error(InvalidUsage).
Options parse_options(const std::vector<std::string>& arguments, const Environment&);

// The part that is needed to report that parse_options failed: what can be understood, the rest
// passed over. Never throws Error.
ReportOptions find_report_options(const std::vector<std::string>& arguments, const Environment&);

// Overwrites every occurrence of `secret` in the process's own argument list.
void wipe_argument(std::span<char*> arguments, std::string_view secret);

// "500ms", "30s", "5m", "1h30m", "0s". Throws Error(InvalidUsage) whose message begins with `name`.
std::chrono::milliseconds parse_duration(std::string_view text, std::string_view name);

}  // namespace engine
