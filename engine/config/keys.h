// SPDX-License-Identifier: Apache-2.0
//
// The settings that Stillhead knows: the one table from which files, environment, flags, help and
// `stillhead config` are served. Manual: docs/configuration.md.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace engine {

// In the order of the table, which is the order in which `stillhead config` shows them.
enum class Key {
  ScriptLocation,
  VersionLocations,
  RecursiveVersionLocations,
  PathSeparator,
  Sourceless,
  PrependSysPath,
  FileTemplate,
  TruncateSlugLength,
  Timezone,
  OutputEncoding,
  RevisionEnvironment,
  Python,
  Driver,
  DatabaseUrl,
  DatabaseUrlFile,
  VersionTable,
  VersionTableSchema,
  VersionTablePk,
  Transaction,
  TransactionalDdl,
  LockWait,
  LockTimeout,
  LockRetries,
  StatementTimeout,
  RunTimeout,
  ConnectTimeout,
  ScriptsSha256,
  HistoryReaders,
  Report,
  ReportLimit,
  LogFormat,
  SqlEcho,
  AutoMigrate,
  Owner,
  Generation,
  Attempt,
  RunId,
};
inline constexpr std::size_t kKeyCount = static_cast<std::size_t>(Key::RunId) + 1;

enum class ValueType {
  Text,
  Path,
  List,              // of paths or names; in the environment and in flags separated by ':'
  Flag,              // `true` or `false`; as a flag without value: `true`
  Switch,            // true, false, 1, 0, yes, no, on, off in any case; kept as Flag
  Number,            // from 1
  Count,             // from 0
  Duration,          // "500ms", "30s", "1h30m", "0s"
  PositiveDuration,  // the same, not 0
  Hex64,             // 64 hexadecimal digits; kept in lower case
  Hex16,
  Choice,
};

enum class Scope {
  Anywhere,
  AlembicFiles,  // alembic.ini and pyproject.toml only
  Run,           // environment and flags only: it belongs to one run
};

struct KeyInfo {
  Key key = {};
  std::string_view name = {};  // in stillhead.yaml; the flag has '-' for '_'
  ValueType type = {};
  std::string_view default_text = {};  // empty: none
  std::string_view alembic_name = {};  // in alembic.ini; empty: Alembic's files have no such key
  Scope scope = Scope::Anywhere;
  std::string_view choices = {};  // Choice only: "text|json"
  std::string_view help = {};     // one line
  bool secret = false;            // holds a password; masked wherever it is shown
};

std::span<const KeyInfo> key_table();
const KeyInfo& info(Key);
const KeyInfo* find_key(std::string_view name);  // as in stillhead.yaml; nullptr: not known
std::string flag_name(const KeyInfo&);           // without dashes in front: "script-location"
// Environment variables, later wins; empty for Scope::AlembicFiles.
std::vector<std::string> variables(const KeyInfo&);

// A value as it is kept, or why it cannot be one.
struct Checked {
  std::string text = {};
  std::string fault = {};  // begins with `where`; empty: none
};
// `where` is what the user knows the value by: "--lock-wait", "stillhead.yaml:3: lock_wait".
// Not for lists.
Checked check_value(const KeyInfo&, const std::string& text, std::string_view where);

// A value as it may be shown: what looks like a URL or a libpq string may hold a password.
std::string shown_value(std::string_view value);

// "500ms", "30s", "5m", "1h30m", "0s"; nullopt: something else, or longer than a year.
std::optional<std::chrono::milliseconds> read_duration(std::string_view text);

}  // namespace engine
