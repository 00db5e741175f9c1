// SPDX-License-Identifier: Apache-2.0
#include "engine/db/history_grants.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/core/sqlstate.h"
#include "engine/db/history_layout.h"

namespace engine {
namespace {

bool has_no_roles(Connection& connection) {
  return connection.dialect().flavour() == SqlFlavour::Sqlite;
}

// As rows of a FROM clause.
std::string values_of(const Dialect& dialect, const std::vector<std::string>& texts) {
  std::vector<std::string> rows;
  for (const std::string& text : texts) rows.push_back("(" + dialect.quote_literal(text) + ")");
  return fmt::format("(VALUES {})", fmt::join(rows, ", "));
}

// GRANT statements for what the roles lack. The server quotes the names.
std::vector<std::string> missing_grants(Connection& connection, const HistoryTable& history,
                                        const VersionTableName& versions,
                                        const std::vector<std::string>& roles) {
  const Dialect& dialect = connection.dialect();
  std::vector<std::string> tables;
  for (const std::string_view table : {kHistoryTable, kJournalTable, kOwnerTable, kLayoutTable}) {
    tables.push_back(history_table_name(dialect, history.schema(), table));
  }
  tables.push_back(dialect.qualified(versions));
  std::vector<std::string> grants;
  for (const Row& row : connection.query(fmt::format(
           "WITH reader AS (SELECT r.column1::name AS name FROM {} r), "
           "relation AS (SELECT c.oid, c.relname, n.oid AS schema, n.nspname FROM {} t "
           "JOIN pg_catalog.pg_class c ON c.oid = to_regclass(t.column1) "
           "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace) "
           "SELECT DISTINCT 1, format('GRANT USAGE ON SCHEMA %I TO %I', nspname, name) "
           "FROM relation, reader WHERE NOT has_schema_privilege(name, schema, 'USAGE') "
           "UNION ALL "
           "SELECT 2, format('GRANT SELECT ON TABLE %I.%I TO %I', nspname, relname, name) "
           "FROM relation, reader WHERE NOT has_table_privilege(name, oid, 'SELECT') "
           "ORDER BY 1, 2",
           values_of(dialect, roles), values_of(dialect, tables)))) {
    grants.push_back(row.at(1).value_or(""));
  }
  return grants;
}

[[noreturn]] void refuse(const std::string& grant, const std::string& cause) {
  throw Error(Reason::InvalidUsage,
              "cannot let a role of history_readers read the history: " + cause,
              "let the owner execute: " + grant);
}

void execute_grant(Connection& connection, const std::string& grant) {
  try {
    connection.execute(grant);
  } catch (const Error& error) {
    if (!has_sqlstate(error, {"42501"})) throw;
    refuse(grant, error.message());
  }
}

}  // namespace

void check_readers(Connection& connection, const std::vector<std::string>& roles) {
  if (roles.empty() || has_no_roles(connection)) return;
  std::vector<std::string> missing;
  for (const Row& row : connection.query(
           fmt::format("SELECT DISTINCT r.column1 FROM {} r WHERE NOT EXISTS (SELECT 1 FROM "
                       "pg_catalog.pg_roles p WHERE p.rolname::text = r.column1) ORDER BY 1",
                       values_of(connection.dialect(), roles)))) {
    missing.push_back(fmt::format("'{}'", row.at(0).value_or("")));
  }
  if (missing.empty()) return;
  throw Error(Reason::InvalidUsage,
              fmt::format("history_readers names {} not there: {}",
                          missing.size() == 1 ? "a role that is" : "roles that are",
                          fmt::join(missing, ", ")),
              "create the role (CREATE ROLE), or correct the setting; names are written as they "
              "are in pg_roles, without quotes");
}

void grant_reading(Connection& connection, const HistoryTable& history,
                   const VersionTableName& versions, const std::vector<std::string>& roles) {
  if (roles.empty() || has_no_roles(connection)) return;
  const std::vector<std::string> grants = missing_grants(connection, history, versions, roles);
  if (grants.empty()) return;
  Transaction transaction(connection);
  for (const std::string& grant : grants) execute_grant(connection, grant);
  // Whoever has a right but may not hand it on, gets a warning only.
  const std::vector<std::string> left = missing_grants(connection, history, versions, roles);
  if (!left.empty()) refuse(left.front(), "this role has the right, and may not grant it");
  transaction.commit();
}

}  // namespace engine
