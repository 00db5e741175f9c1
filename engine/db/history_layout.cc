// SPDX-License-Identifier: Apache-2.0
#include "engine/db/history_layout.h"

#include <fmt/format.h>

#include "engine/core/sqlstate.h"

namespace engine {
namespace {

constexpr std::string_view kSchema = "stillhead";
constexpr int kTries = 3;  // runs for other version tables may make or change the same meanwhile

// Long texts last: SQLite reads a row from its beginning. Those of layout 3 as a later ALTER TABLE
// adds them.
constexpr std::string_view kPostgresColumns =
    "id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, version_table text NOT NULL, "
    "revision text NOT NULL, direction text NOT NULL, run_id text NOT NULL, owner text, attempt "
    "integer, "
    "engine_version text NOT NULL, checksum text NOT NULL, started_at timestamptz NOT NULL, "
    "finished_at timestamptz NOT NULL, result text NOT NULL, meaning text, file text, source text";
constexpr std::string_view kSqliteColumns =
    "id INTEGER PRIMARY KEY, version_table TEXT NOT NULL, revision TEXT NOT NULL, direction TEXT "
    "NOT NULL, "
    "run_id TEXT NOT NULL, owner TEXT, attempt INTEGER, engine_version TEXT NOT NULL, "
    "checksum TEXT NOT NULL, started_at TEXT NOT NULL, finished_at TEXT NOT NULL, result TEXT NOT "
    "NULL, meaning TEXT, file TEXT, source TEXT";

// The same words mean the same to both databases.
constexpr std::string_view kJournalColumns =
    "version_table text NOT NULL, revision text NOT NULL, direction text NOT NULL, "
    "done integer NOT NULL, in_doubt integer NOT NULL, digest text NOT NULL, "
    "announced text NOT NULL, cursor text NOT NULL DEFAULT '', "
    "PRIMARY KEY (version_table, revision, direction)";
constexpr std::string_view kOwnerColumns =
    "owner text NOT NULL PRIMARY KEY, generation bigint NOT NULL, attempt bigint NOT NULL";

void make_table(Connection& connection, std::string_view schema, std::string_view table,
                std::string_view columns) {
  connection.execute(fmt::format("CREATE TABLE {} ({})",
                                 history_table_name(connection.dialect(), schema, table), columns));
}

void make_all(Connection& connection, std::string_view schema, std::string_view columns) {
  make_table(connection, schema, kHistoryTable, columns);
  make_table(connection, schema, kJournalTable, kJournalColumns);
  make_table(connection, schema, kOwnerTable, kOwnerColumns);
  make_table(connection, schema, kLayoutTable, "version integer NOT NULL");
  connection.execute(fmt::format("INSERT INTO {} (version) VALUES ({})",
                                 history_table_name(connection.dialect(), schema, kLayoutTable),
                                 kHistorySchemaVersion));
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
    make_all(connection, kSchema, kPostgresColumns);
    transaction.commit();
    return true;
  } catch (const Error& error) {
    if (has_sqlstate(error, {"42501"})) return false;
    throw;
  }
}

// A second history would know nothing of what the first says of these rows.
void refuse_second_history(Connection& connection, const HistoryPlace& place,
                           const VersionTableName& versions) {
  const Dialect& dialect = connection.dialect();
  const auto rows = connection.query(fmt::format(
      "SELECT n.nspname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = "
      "c.relnamespace WHERE c.relname = '{}' AND n.nspname IN ('{}', {}) AND EXISTS (SELECT 1 "
      "FROM pg_catalog.pg_class v JOIN pg_catalog.pg_namespace vn ON vn.oid = v.relnamespace "
      "WHERE v.relname = {} AND vn.nspname = {}) LIMIT 1",
      kHistoryTable, kSchema, dialect.quote_literal(place.beside),
      dialect.quote_literal(versions.name), dialect.quote_literal(place.beside)));
  if (rows.empty()) return;
  const std::string schema = dialect.quote_identifier(rows[0][0].value_or(""));
  throw Error(
      Reason::InvalidUsage,
      fmt::format("the history in schema {} is there, and this role may not write to it", schema),
      fmt::format("use the role that made it, or let its owner run GRANT USAGE ON SCHEMA {0} "
                  "TO this role and GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN "
                  "SCHEMA {0} TO this role",
                  schema));
}

std::string make_in_postgres(Connection& connection, const std::string& beside) {
  if (make_in_own_schema(connection)) return std::string(kSchema);
  Transaction transaction(connection);
  make_all(connection, beside, kPostgresColumns);
  transaction.commit();
  return beside;
}

bool exists_in_sqlite(Connection& connection) {
  return !connection
              .query(fmt::format(
                  "SELECT 1 FROM main.sqlite_master WHERE type = 'table' AND name = '{}'",
                  kHistoryTable))
              .empty();
}

std::string make_in_sqlite(Connection& connection) {
  Transaction transaction(connection);
  if (!exists_in_sqlite(connection)) make_all(connection, "main", kSqliteColumns);
  transaction.commit();
  return "main";
}

HistoryPlace find_in_postgres(Connection& connection, const VersionTableName& versions,
                              HistoryRight right) {
  const Dialect& dialect = connection.dialect();
  // The catalog is asked, not to_regclass, where a schema is named: that fails on one which the
  // role may not use.
  const std::string beside =
      versions.schema.empty()
          ? fmt::format(
                "coalesce((SELECT n.nspname FROM pg_catalog.pg_class c "
                "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = "
                "to_regclass({})), current_schema())",
                dialect.quote_literal(dialect.qualified(versions)))
          : dialect.quote_literal(versions.schema) + "::name";
  const auto rows = connection.query(fmt::format(
      "WITH place AS (SELECT {} AS beside) "
      "SELECT (SELECT n.nspname FROM pg_catalog.pg_class c "
      "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
      "WHERE c.relname = '{}' AND n.nspname IN ('{}', place.beside) "
      "AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, '{}') "
      "ORDER BY n.nspname = '{}' DESC LIMIT 1), beside FROM place",
      beside, kHistoryTable, kSchema, right == HistoryRight::Read ? "SELECT" : "INSERT", kSchema));
  const std::string schema = rows.at(0)[1].value_or("");
  return {rows.at(0)[0], schema, schema + "." + versions.name};
}

void add_columns(Connection& connection, const std::string& schema, std::string_view table,
                 std::initializer_list<std::string_view> columns) {
  for (const std::string_view column : columns) {
    connection.execute(fmt::format("ALTER TABLE {} ADD COLUMN {}",
                                   history_table_name(connection.dialect(), schema, table),
                                   column));
  }
}

// False: a run for another version table has done it meanwhile.
bool bring_up_from(Connection& connection, const std::string& schema, int version) {
  Transaction transaction(connection);
  const std::string layout = history_table_name(connection.dialect(), schema, kLayoutTable);
  if (connection.execute(fmt::format("UPDATE {} SET version = {} WHERE version = {}", layout,
                                     kHistorySchemaVersion, version)) == 0) {
    return false;
  }
  add_columns(connection, schema, kHistoryTable, {"meaning text", "file text", "source text"});
  if (version == 1) {
    make_table(connection, schema, kJournalTable, kJournalColumns);
  } else {
    add_columns(connection, schema, kJournalTable, {"cursor text NOT NULL DEFAULT ''"});
  }
  make_table(connection, schema, kOwnerTable, kOwnerColumns);
  transaction.commit();
  return true;
}

// The role may write into the tables, but they are another one's.
[[noreturn]] void refuse_foreign_layout(const std::string& history, int version,
                                        const Error& error) {
  throw Error(Reason::InvalidUsage,
              fmt::format("cannot bring the history in {} from layout {} to {}: {}", history,
                          version, kHistorySchemaVersion, error.message()),
              error.failure().value_or(Failure{}),
              "run stillhead once as the role that made these tables, or give them to this one "
              "(ALTER TABLE ... OWNER TO)");
}

}  // namespace

std::string history_table_name(const Dialect& dialect, std::string_view schema,
                               std::string_view table) {
  return dialect.qualified({std::string(schema), std::string(table)});
}

HistoryPlace find_history(Connection& connection, const VersionTableName& versions,
                          HistoryRight right) {
  if (connection.dialect().flavour() != SqlFlavour::Sqlite) {
    return find_in_postgres(connection, versions, right);
  }
  HistoryPlace place{std::nullopt, "main", versions.name};
  if (exists_in_sqlite(connection)) place.schema = "main";
  return place;
}

std::string make_history(Connection& connection, const VersionTableName& versions) {
  if (connection.dialect().flavour() == SqlFlavour::Sqlite) return make_in_sqlite(connection);
  for (int tries = 1;; ++tries) {
    const HistoryPlace place = find_history(connection, versions, HistoryRight::Write);
    if (place.schema) return *place.schema;
    refuse_second_history(connection, place, versions);
    try {
      return make_in_postgres(connection, place.beside);
    } catch (const Error& error) {
      const bool raced = has_sqlstate(error, {"23505", "42P06", "42P07"});  // unique, schema, table
      if (!raced || tries == kTries) throw;
    }
  }
}

std::string bring_history_up(Connection& connection, const std::string& schema) {
  const Dialect& dialect = connection.dialect();
  const std::string history = history_table_name(dialect, schema, kHistoryTable);
  const bool sqlite = dialect.flavour() == SqlFlavour::Sqlite;
  while (true) {
    const auto rows = connection.query(fmt::format(
        "SELECT max(version), {} FROM {}", sqlite ? "'UTF8'" : "pg_catalog.getdatabaseencoding()",
        history_table_name(dialect, schema, kLayoutTable)));
    const int version = std::stoi(rows.at(0).at(0).value_or("1"));
    const std::string encoding = rows[0].at(1).value_or("");
    if (version == kHistorySchemaVersion) return encoding;
    if (version > kHistorySchemaVersion) {
      throw Error(Reason::VersionConflict,
                  fmt::format("the history in {} has schema version {}, made by a newer stillhead; "
                              "this one knows {}",
                              history, version, kHistorySchemaVersion),
                  "use that stillhead or a newer one");
    }
    try {
      if (bring_up_from(connection, schema, version)) return encoding;
    } catch (const Error& error) {
      if (has_sqlstate(error, {"42501"})) refuse_foreign_layout(history, version, error);
      throw;
    }
  }
}

}  // namespace engine
