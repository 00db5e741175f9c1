// SPDX-License-Identifier: Apache-2.0
#include "engine/db/history_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/db/history_layout.h"

namespace engine {
namespace {

constexpr std::size_t kLargestInsert = std::size_t{8} << 20;  // bytes, one row more or less

constexpr std::string_view kColumns =
    "version_table, revision, direction, run_id, owner, attempt, engine_version, checksum, "
    "started_at, finished_at, result, meaning, file, source";

}  // namespace

std::string_view name_of(HistoryResult result) {
  switch (result) {
    case HistoryResult::Succeeded:
      return "succeeded";
    case HistoryResult::Adopted:
      return "adopted";
    case HistoryResult::Stamped:
      return "stamped";
    case HistoryResult::Repaired:
      return "repaired";
  }
  return "";
}

HistoryTable::HistoryTable(Connection& connection, const VersionTableName& versions) {
  try {
    const HistoryPlace place = find_history(connection, versions, HistoryRight::Write);
    schema_ = place.schema ? *place.schema : make_history(connection, versions);
    encoding_ = bring_history_up(connection, schema_);
    version_table_ = place.version_table;
    qualified_name_ = history_table_name(connection.dialect(), schema_, kHistoryTable);
    journal_name_ = history_table_name(connection.dialect(), schema_, kJournalTable);
  } catch (const Error& error) {
    if (error.reason() != Reason::MigrationFailed) throw;
    throw with_intent(fmt::format("cannot make the history table '{}' ready", kHistoryTable),
                      error);
  }
}

// What the server's encoding lacks would fail the whole step.
bool HistoryTable::can_hold(std::string_view text) const {
  if (text.empty() || text.size() > kLargestStoredSource) return false;
  if (encoding_ == "UTF8" || encoding_ == "SQL_ASCII") return true;
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::string HistoryTable::values_of(const Dialect& dialect, const HistoryRow& row) const {
  const auto literal = [&](std::string_view text) { return dialect.quote_literal(text); };
  const auto optional = [&](std::string_view text) {
    return can_hold(text) ? literal(text) : std::string("NULL");
  };
  return fmt::format(
      "({}, {}, '{}', {}, {}, {}, {}, {}, {}, {}, '{}', {}, {}, {})", literal(version_table_),
      literal(row.revision), row.direction == Direction::Up ? "upgrade" : "downgrade",
      literal(row.run_id), row.owner.empty() ? "NULL" : literal(row.owner),
      row.attempt == 0 ? "NULL" : fmt::format("{}", row.attempt), literal(row.engine_version),
      literal(row.checksum), literal(row.started_at),
      dialect.flavour() == SqlFlavour::Sqlite ? "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"
                                              : "clock_timestamp()",
      name_of(row.result), optional(row.meaning), optional(row.file), optional(row.source));
}

void HistoryTable::insert(Connection& connection, const HistoryRow& row) const {
  insert(connection, std::span(&row, 1));
}

std::string HistoryTable::statement(const Dialect& dialect, const HistoryRow& row) const {
  return insert_into() + values_of(dialect, row);
}

std::string HistoryTable::insert_into() const {
  return fmt::format("INSERT INTO {} ({}) VALUES ", qualified_name_, kColumns);
}

void HistoryTable::insert(Connection& connection, std::span<const HistoryRow> rows) const {
  std::size_t next = 0;
  while (next < rows.size()) {
    std::string sql = insert_into();
    for (const char* separator = ""; next < rows.size() && sql.size() < kLargestInsert; ++next) {
      sql += separator + values_of(connection.dialect(), rows[next]);
      separator = ", ";
    }
    connection.execute(sql);
  }
}

}  // namespace engine
