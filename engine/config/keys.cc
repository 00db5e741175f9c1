// SPDX-License-Identifier: Apache-2.0
#include "engine/config/keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace engine {
namespace {

using enum ValueType;
using enum Scope;

constexpr std::array<KeyInfo, kKeyCount> kTable = {{
    {Key::ScriptLocation, "script_location", Path, "migrations", "script_location", Anywhere, "",
     "folder of the scripts, or its parent when it has a subfolder `versions`"},
    {Key::VersionLocations, "version_locations", List, "", "version_locations", Anywhere, "",
     "folders of the scripts, when there are several"},
    {Key::RecursiveVersionLocations, "recursive_version_locations", Flag, "false",
     "recursive_version_locations", Anywhere, "", "look for scripts in subfolders, too"},
    {Key::PathSeparator, "path_separator", Text, "", "path_separator", AlembicFiles, "",
     "what separates paths in alembic.ini: os, :, ;, space, newline"},
    {Key::Sourceless, "sourceless", Flag, "false", "sourceless", AlembicFiles, "",
     "compiled scripts without source; refused"},
    {Key::PrependSysPath, "prepend_sys_path", List, "", "prepend_sys_path", Anywhere, "",
     "where Python looks for modules first"},
    {Key::FileTemplate, "file_template", Text, "%(rev)s_%(slug)s", "file_template", Anywhere, "",
     "name of the file of a new revision, without its ending"},
    {Key::TruncateSlugLength, "truncate_slug_length", Number, "40", "truncate_slug_length",
     Anywhere, "", "longest slug in a file name"},
    {Key::Timezone, "timezone", Text, "", "timezone", Anywhere, "",
     "time zone of dates in new scripts; none: local time"},
    {Key::OutputEncoding, "output_encoding", Text, "utf-8", "output_encoding", Anywhere, "",
     "encoding of new scripts"},
    {Key::RevisionEnvironment, "revision_environment", Flag, "false", "revision_environment",
     Anywhere, "", "`revision` lets the project's Alembic make the script, with env.py"},
    {Key::Python, "python", Text, "", "", Anywhere, "",
     "interpreter of Python scripts; none: it is looked for"},
    {Key::Driver, "driver", Choice, "stillhead", "", Anywhere, "stillhead|project",
     "whose connection Python scripts use: ours, or that of the project's own driver"},
    {Key::DatabaseUrl, "database_url", Text, "", "sqlalchemy.url", Anywhere, "",
     "URL of the database", true},
    {Key::DatabaseUrlFile, "database_url_file", Path, "", "", Anywhere, "",
     "file that holds the URL of the database"},
    {Key::VersionTable, "version_table", Text, "alembic_version", "", Anywhere, "",
     "table that holds the revisions of the database"},
    {Key::VersionTableSchema, "version_table_schema", Text, "", "", Anywhere, "",
     "its schema; none: the search path decides"},
    {Key::VersionTablePk, "version_table_pk", Flag, "true", "", Anywhere, "",
     "make it with a primary key"},
    {Key::Transaction, "transaction", Choice, "per_revision", "", Anywhere, "per_revision|single",
     "one transaction for each revision, or one for all"},
    {Key::TransactionalDdl, "transactional_ddl", Flag, "", "", Anywhere, "",
     "with --sql: print BEGIN and COMMIT; none: as the database can"},
    {Key::LockWait, "lock_wait", Duration, "5m", "", Anywhere, "",
     "how long to wait for another run; 0s: one try"},
    {Key::LockTimeout, "lock_timeout", Duration, "3s", "", Anywhere, "",
     "longest wait of a statement for a lock, before it is tried again; 0s: the server's setting"},
    {Key::LockRetries, "lock_retries", Count, "10", "", Anywhere, "",
     "how often it is tried again"},
    {Key::StatementTimeout, "statement_timeout", Duration, "0s", "", Anywhere, "",
     "longest time of a statement; 0s: the server's setting"},
    {Key::RunTimeout, "run_timeout", Duration, "0s", "", Anywhere, "",
     "longest time of a run, after which it is cancelled; 0s: none"},
    {Key::ConnectTimeout, "connect_timeout", PositiveDuration, "10s", "", Anywhere, "",
     "until a connection stands"},
    {Key::ScriptsSha256, "scripts_sha256", Hex64, "", "", Anywhere, "",
     "refuse scripts with another digest"},
    {Key::HistoryReaders, "history_readers", List, "", "", Anywhere, "",
     "roles that may read the history and the version table"},
    {Key::Report, "report", Path, "", "", Anywhere, "", "file to write a report to"},
    {Key::ReportLimit, "report_limit", Number, "", "", Anywhere, "",
     "largest size of the report, in bytes"},
    {Key::LogFormat, "log_format", Choice, "text", "", Anywhere, "text|json",
     "how lines on standard error are written"},
    {Key::SqlEcho, "sql_echo", ValueType::Switch, "false", "", Anywhere, "",
     "log each statement that is sent"},
    {Key::AutoMigrate, "auto_migrate", ValueType::Switch, "true", "", Anywhere, "",
     "false: `exec` only starts the program"},
    {Key::Owner, "owner", Text, "", "", Run, "", "who asked for the run"},
    {Key::Generation, "generation", Number, "", "", Run, "",
     "which generation of what the owner asks for this is"},
    {Key::Attempt, "attempt", Number, "", "", Run, "", "which attempt of the owner this is"},
    {Key::RunId, "run_id", Hex16, "", "", Run, "", "id of the run; none: random"},
}};

constexpr bool table_is_in_order() {
  for (std::size_t i = 0; i < kTable.size(); ++i) {
    if (static_cast<std::size_t>(kTable[i].key) != i) return false;
  }
  return true;
}
static_assert(table_is_in_order());

// The longest wait that makes sense to anybody; keeps sums far from overflow.
constexpr std::chrono::milliseconds kLongestDuration = std::chrono::hours{24 * 365};

Checked wrong(std::string_view where, std::string_view wanted, std::string_view value) {
  return {"", fmt::format("{} takes {}, not \"{}\"", where, wanted, shown_value(value))};
}

Checked check_hex(const std::string& text, std::string_view where, std::size_t count) {
  std::string value = text;
  std::ranges::transform(value, value.begin(), [](char c) {
    return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  if (value.size() != count || value.find_first_not_of("0123456789abcdef") != std::string::npos) {
    return wrong(where, fmt::format("{} hexadecimal digits", count), text);
  }
  return {value, ""};
}

Checked check_switch(const std::string& text, std::string_view where) {
  constexpr std::array<std::string_view, 4> kTrue = {"true", "1", "yes", "on"};
  constexpr std::array<std::string_view, 4> kFalse = {"false", "0", "no", "off"};
  std::string word = text;
  std::ranges::transform(word, word.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  if (std::ranges::find(kTrue, word) != kTrue.end()) return {"true", ""};
  if (std::ranges::find(kFalse, word) != kFalse.end()) return {"false", ""};
  return wrong(where, "true, false, 1, 0, yes, no, on or off", text);
}

Checked check_number(const std::string& text, std::string_view where, std::size_t least) {
  std::size_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || stopped != end || number < least) {
    return wrong(where, fmt::format("a number from {}", least), text);
  }
  return {std::to_string(number), ""};
}

Checked check_duration(const std::string& text, std::string_view where, bool may_be_zero) {
  const auto duration = read_duration(text);
  if (!duration) return wrong(where, "a duration such as 500ms, 30s or 5m", text);
  if (duration->count() == 0 && !may_be_zero) {
    return {"", fmt::format("{} must be longer than 0", where)};
  }
  return {text, ""};
}

Checked check_choice(std::string_view choices, const std::string& text, std::string_view where) {
  const std::size_t bar = choices.find('|');
  const std::string_view first = choices.substr(0, bar);
  const std::string_view second = choices.substr(bar + 1);
  if (text == first || text == second) return {text, ""};
  return wrong(where, fmt::format("`{}` or `{}`", first, second), text);
}

}  // namespace

std::string shown_value(std::string_view value) {
  for (const std::string_view mark : {"://", "="}) {
    const std::size_t at = value.find(mark);
    if (at != std::string_view::npos) return std::string(value.substr(0, at + mark.size())) + "...";
  }
  return std::string(value);
}

std::span<const KeyInfo> key_table() { return kTable; }

const KeyInfo& info(Key key) { return kTable[static_cast<std::size_t>(key)]; }

const KeyInfo* find_key(std::string_view name) {
  const auto found = std::ranges::find(kTable, name, &KeyInfo::name);
  return found == kTable.end() ? nullptr : &*found;
}

std::string flag_name(const KeyInfo& key) {
  std::string name(key.name);
  std::ranges::replace(name, '_', '-');
  return name;
}

std::vector<std::string> variables(const KeyInfo& key) {
  if (key.scope == AlembicFiles) return {};
  std::string name = "STILLHEAD_";
  for (const char c : key.name) {
    name += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  if (key.key == Key::DatabaseUrl) return {"DATABASE_URL", name};
  if (key.key == Key::SqlEcho) return {"SQL_ECHO", name};
  if (key.key == Key::AutoMigrate) return {"AUTO_MIGRATE", name};
  return {name};
}

Checked check_value(const KeyInfo& key, const std::string& text, std::string_view where) {
  switch (key.type) {
    case Text:
    case ValueType::Path:
    case List:
      return {text, ""};
    case Flag:
      return check_choice("true|false", text, where);
    case ValueType::Switch:
      return check_switch(text, where);
    case Number:
      return check_number(text, where, 1);
    case Count:
      return check_number(text, where, 0);
    case Duration:
      return check_duration(text, where, true);
    case PositiveDuration:
      return check_duration(text, where, false);
    case Hex64:
      return check_hex(text, where, 64);
    case Hex16:
      return check_hex(text, where, 16);
    case Choice:
      return check_choice(key.choices, text, where);
  }
  return {text, ""};
}

std::optional<std::chrono::milliseconds> read_duration(std::string_view text) {
  constexpr std::pair<std::string_view, long> kUnits[] = {
      {"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}};
  std::chrono::milliseconds sum{0};
  std::string_view rest = text;
  if (rest.empty()) return std::nullopt;
  while (!rest.empty()) {
    long number = 0;
    const auto [stopped, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (error != std::errc{} || number < 0 || number > kLongestDuration.count()) return {};
    rest.remove_prefix(static_cast<std::size_t>(stopped - rest.data()));
    const std::string_view unit_text = rest.substr(0, rest.find_first_of("0123456789"));
    const auto* unit =
        std::ranges::find(kUnits, unit_text, &std::pair<std::string_view, long>::first);
    if (unit == std::end(kUnits)) return std::nullopt;
    rest.remove_prefix(unit_text.size());
    sum += std::chrono::milliseconds{number * unit->second};
    if (sum > kLongestDuration) return std::nullopt;
  }
  return sum;
}

}  // namespace engine
