// SPDX-License-Identifier: Apache-2.0
#include "engine/db/history_table.h"

#include <fmt/format.h>

#include <optional>

#include "engine/core/sqlstate.h"

namespace engine {
namespace {

constexpr std::string_view kSchema = "stillhead";
constexpr std::string_view kTable = "stillhead_history";
constexpr std::string_view kJournal = "stillhead_journal";
constexpr std::string_view kVersionTable = "stillhead_schema_version";
constexpr int kTries = 3;  // runs for other version tables may create the same table meanwhile

constexpr std::string_view kPostgresColumns =
    "id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, version_table text NOT NULL, "
    "revision text NOT NULL, direction text NOT NULL, run_id text NOT NULL, owner text, attempt "
    "integer, "
    "engine_version text NOT NULL, checksum text NOT NULL, started_at timestamptz NOT NULL, "
    "finished_at timestamptz NOT NULL, result text NOT NULL";
constexpr std::string_view kSqliteColumns =
    "id INTEGER PRIMARY KEY, version_table TEXT NOT NULL, revision TEXT NOT NULL, direction TEXT "
    "NOT NULL, "
    "run_id TEXT NOT NULL, owner TEXT, attempt INTEGER, engine_version TEXT NOT NULL, "
    "checksum TEXT NOT NULL, started_at TEXT NOT NULL, finished_at TEXT NOT NULL, result TEXT NOT "
    "NULL";

// The same words mean the same to both databases.
constexpr std::string_view kJournalColumns =
    "version_table text NOT NULL, revision text NOT NULL, direction text NOT NULL, "
    "done integer NOT NULL, in_doubt integer NOT NULL, digest text NOT NULL, "
    "announced text NOT NULL, "
    "PRIMARY KEY (version_table, revision, direction)";

// Schemas of PostgreSQL: where the history is, where it may be made, where the version table lives.
struct Place {
  std::optional<std::string> found = {};
  std::string beside = {};
};

Place look(Connection& connection, const VersionTableName& versions) {
  const Dialect& dialect = connection.dialect();
  const std::string fallback =
      versions.schema.empty() ? "current_schema()" : dialect.quote_literal(versions.schema);
  // The catalog is asked, not to_regclass: that fails on a schema which the role may not use.
  const auto rows = connection.query(fmt::format(
      "WITH place AS (SELECT coalesce((SELECT n.nspname FROM pg_catalog.pg_class c "
      "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = to_regclass({})), "
      "{}) AS beside) "
      "SELECT (SELECT n.nspname FROM pg_catalog.pg_class c "
      "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
      "WHERE c.relname = '{}' AND n.nspname IN ('{}', place.beside) "
      "AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'INSERT') "
      "ORDER BY n.nspname = '{}' DESC LIMIT 1), beside FROM place",
      dialect.quote_literal(dialect.qualified(versions)), fallback, kTable, kSchema, kSchema));
  return {rows.at(0)[0], rows.at(0)[1].value_or("")};
}

std::string in_schema(const Dialect& dialect, std::string_view schema, std::string_view table) {
  return dialect.qualified({std::string(schema), std::string(table)});
}

void make_journal(Connection& connection, std::string_view schema) {
  connection.execute(fmt::format(
      "CREATE TABLE {} ({})", in_schema(connection.dialect(), schema, kJournal), kJournalColumns));
}

void make(Connection& connection, std::string_view schema, std::string_view columns) {
  const Dialect& dialect = connection.dialect();
  const std::string version = in_schema(dialect, schema, kVersionTable);
  connection.execute(
      fmt::format("CREATE TABLE {} ({})", in_schema(dialect, schema, kTable), columns));
  make_journal(connection, schema);
  connection.execute(fmt::format("CREATE TABLE {} (version integer NOT NULL)", version));
  connection.execute(
      fmt::format("INSERT INTO {} (version) VALUES ({})", version, kHistorySchemaVersion));
}

// False: the role may not.
bool make_in_own_schema(Connection& connection) {
  try {
    Transaction transaction(connection);
    if (connection
            .query(
                fmt::format("SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = '{}'", kSchema))
            .empty()) {
      connection.execute(fmt::format("CREATE SCHEMA {}", kSchema));
    }
    make(connection, kSchema, kPostgresColumns);
    transaction.commit();
    return true;
  } catch (const Error& error) {
    if (has_sqlstate(error, {"42501"})) return false;
    throw;
  }
}

std::string make_in_postgres(Connection& connection, const Place& place) {
  if (make_in_own_schema(connection)) return std::string(kSchema);
  Transaction transaction(connection);
  make(connection, place.beside, kPostgresColumns);
  transaction.commit();
  return place.beside;
}

bool exists_in_sqlite(Connection& connection) {
  return !connection
              .query(fmt::format(
                  "SELECT 1 FROM main.sqlite_master WHERE type = 'table' AND name = '{}'", kTable))
              .empty();
}

// Where the history is, and how its rows name the version table.
struct Found {
  std::string schema = {};
  std::string version_table = {};
};

Found find_or_make_in_sqlite(Connection& connection, const VersionTableName& versions) {
  const Found found{"main", versions.name};
  if (exists_in_sqlite(connection)) return found;
  Transaction transaction(connection);
  if (!exists_in_sqlite(connection)) make(connection, found.schema, kSqliteColumns);
  transaction.commit();
  return found;
}

Found find_or_make_in_postgres(Connection& connection, const VersionTableName& versions) {
  for (int tries = 1;; ++tries) {
    const Place place = look(connection, versions);
    try {
      return {place.found ? *place.found : make_in_postgres(connection, place),
              place.beside + "." + versions.name};
    } catch (const Error& error) {
      const bool raced = has_sqlstate(error, {"23505", "42P06", "42P07"});  // unique, schema, table
      if (!raced || tries == kTries) throw;
    }
  }
}

// A run for another version table may do the same meanwhile.
void bring_up(Connection& connection, const std::string& schema, const std::string& table) {
  Transaction transaction(connection);
  if (connection.execute(fmt::format("UPDATE {} SET version = {} WHERE version < {}", table,
                                     kHistorySchemaVersion, kHistorySchemaVersion)) > 0) {
    make_journal(connection, schema);
  }
  transaction.commit();
}

// Brings an older layout up.
void check_layout(Connection& connection, const std::string& schema) {
  const std::string table = in_schema(connection.dialect(), schema, kVersionTable);
  const auto rows = connection.query("SELECT max(version) FROM " + table);
  const int version = std::stoi(rows.at(0)[0].value_or("1"));
  if (version < kHistorySchemaVersion) return bring_up(connection, schema, table);
  if (version == kHistorySchemaVersion) return;
  throw Error(
      Reason::VersionConflict,
      fmt::format(
          "the history in {} has schema version {}, made by a newer stillhead; this one knows {}",
          in_schema(connection.dialect(), schema, kTable), version, kHistorySchemaVersion),
      "use that stillhead or a newer one");
}

}  // namespace

HistoryTable::HistoryTable(Connection& connection, const VersionTableName& versions) {
  try {
    const Found found = connection.dialect().flavour() == SqlFlavour::Sqlite
                            ? find_or_make_in_sqlite(connection, versions)
                            : find_or_make_in_postgres(connection, versions);
    check_layout(connection, found.schema);
    qualified_name_ = in_schema(connection.dialect(), found.schema, kTable);
    journal_name_ = in_schema(connection.dialect(), found.schema, kJournal);
    version_table_ = found.version_table;
  } catch (const Error& error) {
    if (error.reason() == Reason::Interrupted || error.reason() == Reason::VersionConflict) throw;
    throw with_intent(fmt::format("cannot make the history table '{}' ready", kTable), error);
  }
}

void HistoryTable::insert(Connection& connection, const HistoryRow& row) const {
  connection.execute(statement(connection.dialect(), row));
}

std::string HistoryTable::statement(const Dialect& dialect, const HistoryRow& row) const {
  const auto literal = [&](std::string_view text) { return dialect.quote_literal(text); };
  return fmt::format(
      "INSERT INTO {} (version_table, revision, direction, run_id, owner, attempt, "
      "engine_version, checksum, "
      "started_at, finished_at, result) VALUES ({}, {}, '{}', {}, {}, {}, {}, {}, {}, "
      "{}, 'succeeded')",
      qualified_name_, literal(version_table_), literal(row.revision),
      row.direction == Direction::Up ? "upgrade" : "downgrade", literal(row.run_id),
      row.owner.empty() ? "NULL" : literal(row.owner),
      row.attempt == 0 ? "NULL" : fmt::format("{}", row.attempt), literal(row.engine_version),
      literal(row.checksum), literal(row.started_at),
      dialect.flavour() == SqlFlavour::Sqlite ? "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"
                                              : "clock_timestamp()");
}

}  // namespace engine
