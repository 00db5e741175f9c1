// SPDX-License-Identifier: Apache-2.0
#include "engine/db/history_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "engine/core/sqlstate.h"
#include "engine/db/history_layout.h"

namespace engine {
namespace {

struct ReadTable {
  std::string name = {};  // qualified
  std::string version_table = {};
  bool has_sources = true;  // since layout 3
};

std::string time_text(const Dialect& dialect, std::string_view column) {
  if (dialect.flavour() == SqlFlavour::Sqlite) return std::string(column);
  return fmt::format(R"(to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))", column);
}

// Asked of the catalog, which every role may read.
bool has_sources(Connection& connection, const std::string& schema) {
  const Dialect& dialect = connection.dialect();
  if (dialect.flavour() == SqlFlavour::Sqlite) {
    return !connection
                .query(fmt::format("SELECT 1 FROM pragma_table_info('{}') WHERE name = 'source'",
                                   kHistoryTable))
                .empty();
  }
  return !connection
              .query(fmt::format(
                  "SELECT 1 FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c "
                  "ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
                  "WHERE n.nspname = {} AND c.relname = '{}' AND a.attname = 'source' "
                  "AND NOT a.attisdropped",
                  dialect.quote_literal(schema), kHistoryTable))
              .empty();
}

std::optional<ReadTable> find_table(Connection& connection, const VersionTableName& versions) {
  const HistoryPlace place = find_history(connection, versions, HistoryRight::Read);
  if (!place.schema) return std::nullopt;
  return ReadTable{history_table_name(connection.dialect(), *place.schema, kHistoryTable),
                   place.version_table, has_sources(connection, *place.schema)};
}

ReadTable table_of(const HistoryTable& history) {
  return {history.qualified_name(), history.version_table(), true};
}

// Of rows `h`, in the order of entry_of().
std::string columns(const Dialect& dialect, const ReadTable& table) {
  return fmt::format(
      "h.revision, h.direction, h.result, h.run_id, h.owner, h.attempt, h.engine_version, "
      "h.checksum, {}, {}, {}",
      time_text(dialect, "h.started_at"), time_text(dialect, "h.finished_at"),
      table.has_sources ? "h.meaning, h.file" : "NULL, NULL");
}

HistoryEntry entry_of(const Row& row) {
  const auto text = [&](std::size_t i) { return row.at(i).value_or(""); };
  HistoryEntry entry;
  entry.revision = text(0);
  entry.direction = text(1) == "upgrade" ? Direction::Up : Direction::Down;
  entry.result = text(2);
  entry.run_id = text(3);
  entry.owner = text(4);
  entry.attempt = std::stoi(row.at(5).value_or("0"));
  entry.engine_version = text(6);
  entry.checksum = text(7);
  entry.started_at = text(8);
  entry.finished_at = text(9);
  entry.meaning = text(10);
  entry.file = text(11);
  return entry;
}

// The last row of each revision.
std::string last_rows(const Dialect& dialect, const ReadTable& table) {
  return fmt::format(
      "{0} h WHERE h.id IN (SELECT max(id) FROM {0} WHERE version_table = {1} GROUP BY revision)",
      table.name, dialect.quote_literal(table.version_table));
}

std::vector<Row> ask(Connection& connection, const ReadTable& table, const std::string& sql) {
  try {
    return connection.query(sql);
  } catch (const Error& error) {
    if (error.reason() != Reason::MigrationFailed) throw;
    const std::string intent = "cannot read the history in " + table.name;
    if (!has_sqlstate(error, {"42501"})) throw with_intent(intent, error);
    throw Error(Reason::InvalidUsage, with_intent(intent, error).message(), *error.failure(),
                "grant the role SELECT on the table; `history_readers` lists roles that get it");
  }
}

AppliedHistory read_last(Connection& connection, const ReadTable& table) {
  const Dialect& dialect = connection.dialect();
  std::vector<HistoryEntry> entries;
  for (const Row& row :
       ask(connection, table,
           fmt::format("SELECT {} FROM {}", columns(dialect, table), last_rows(dialect, table)))) {
    entries.push_back(entry_of(row));
  }
  return AppliedHistory(std::move(entries));
}

std::map<RevisionId, StoredScript> read_scripts(Connection& connection, const ReadTable& table,
                                                const RevisionSet& revisions) {
  const Dialect& dialect = connection.dialect();
  std::map<RevisionId, StoredScript> scripts;
  if (revisions.empty() || !table.has_sources) return scripts;
  std::vector<std::string> names;
  for (const RevisionId& revision : revisions) names.push_back(dialect.quote_literal(revision));
  for (const Row& row : ask(connection, table,
                            fmt::format("SELECT h.revision, h.file, h.source FROM {} AND h.source "
                                        "IS NOT NULL AND h.file IS NOT NULL AND h.revision IN ({})",
                                        last_rows(dialect, table), fmt::join(names, ", ")))) {
    scripts[row.at(0).value_or("")] = {row.at(1).value_or(""), row.at(2).value_or("")};
  }
  return scripts;
}

}  // namespace

AppliedHistory::AppliedHistory(std::vector<HistoryEntry> last_rows) {
  for (HistoryEntry& entry : last_rows) {
    RevisionId revision = entry.revision;
    last_.emplace(std::move(revision), std::move(entry));
  }
}

bool AppliedHistory::contains(const RevisionId& revision) const {
  const HistoryEntry* entry = find(revision);
  return entry != nullptr && entry->direction == Direction::Up;
}

RevisionSet AppliedHistory::applied() const {
  RevisionSet revisions;
  for (const auto& [revision, entry] : last_) {
    if (entry.direction == Direction::Up) revisions.insert(revision);
  }
  return revisions;
}

const HistoryEntry* AppliedHistory::find(const RevisionId& revision) const {
  const auto found = last_.find(revision);
  return found == last_.end() ? nullptr : &found->second;
}

std::optional<AppliedHistory> read_history(Connection& connection,
                                           const VersionTableName& versions) {
  const std::optional<ReadTable> table = find_table(connection, versions);
  if (!table) return std::nullopt;
  return read_last(connection, *table);
}

AppliedHistory read_history(Connection& connection, const HistoryTable& history) {
  return read_last(connection, table_of(history));
}

std::optional<std::vector<HistoryEntry>> read_history_rows(Connection& connection,
                                                           const VersionTableName& versions) {
  const std::optional<ReadTable> table = find_table(connection, versions);
  if (!table) return std::nullopt;
  const Dialect& dialect = connection.dialect();
  std::vector<HistoryEntry> entries;
  for (const Row& row :
       ask(connection, *table,
           fmt::format("SELECT {} FROM {} h WHERE h.version_table = {} ORDER BY h.id DESC",
                       columns(dialect, *table), table->name,
                       dialect.quote_literal(table->version_table)))) {
    entries.push_back(entry_of(row));
  }
  return entries;
}

std::map<RevisionId, StoredScript> read_stored_scripts(Connection& connection,
                                                       const VersionTableName& versions,
                                                       const RevisionSet& revisions) {
  const std::optional<ReadTable> table = find_table(connection, versions);
  if (!table) return {};
  return read_scripts(connection, *table, revisions);
}

std::map<RevisionId, StoredScript> read_stored_scripts(Connection& connection,
                                                       const HistoryTable& history,
                                                       const RevisionSet& revisions) {
  return read_scripts(connection, table_of(history), revisions);
}

}  // namespace engine
