// SPDX-License-Identifier: Apache-2.0
#include "engine/db/version_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "engine/core/sqlstate.h"

namespace engine {
namespace {

constexpr std::size_t kLongestName = 63;  // bytes, PostgreSQL

std::string exists_sql(const Dialect& dialect, const VersionTableName& name) {
  if (dialect.flavour() == SqlFlavour::PostgreSql) {
    return fmt::format("SELECT 1 WHERE to_regclass({}) IS NOT NULL",
                       dialect.quote_literal(dialect.qualified(name)));
  }
  const std::string catalog = name.schema.empty()
                                  ? "sqlite_master"
                                  : dialect.quote_identifier(name.schema) + ".sqlite_master";
  return fmt::format("SELECT 1 FROM {} WHERE type IN ('table', 'view') AND lower(name) = lower({})",
                     catalog, dialect.quote_literal(name.name));
}

std::string intent_of(const RowChange& change) {
  if (change.from.empty()) return fmt::format("inserting '{}' into", change.to);
  if (change.to.empty()) return fmt::format("deleting '{}' in", change.from);
  return fmt::format("updating '{}' to '{}' in", change.from, change.to);
}

bool is_duplicate(const Error& error) {
  return has_sqlstate(error, {"23505", "1555", "2067"});  // the last two are SQLite's
}

// In front of the count of rows, in the error that guarded_statement() makes of a wrong one.
constexpr std::string_view kWrongCount = "rows of the version table: ";

std::optional<long> wrong_count(const Error& error) {
  const std::size_t at = error.message().find(kWrongCount);
  if (!has_sqlstate(error, {"22P02"}) || at == std::string::npos) return std::nullopt;
  return std::strtol(error.message().c_str() + at + kWrongCount.size(), nullptr, 10);
}

// What to do about an error of the table, its schema or the role's rights; empty: it is another
// one.
std::string misfit_hint(const Error& error, const Dialect& dialect) {
  if (!error.failure() || error.reason() != Reason::MigrationFailed) return {};
  const std::string& code = error.failure()->sqlstate;
  const std::string name = "check --version-table and --version-table-schema";
  const std::string foreign =
      "the table belongs to something else, or its column version_num was renamed: " + name;
  if (dialect.flavour() == SqlFlavour::Sqlite) return code == "1" ? foreign : "";
  if (code == "42501") {
    return "grant the role USAGE on the schema and SELECT on the table; runs need INSERT, UPDATE "
           "and "
           "DELETE, too, and the first one CREATE on the schema";
  }
  if (code == "42703") return foreign;
  if (code == "3F000") return "create the schema, or " + name;
  if (code == "42P01") {
    return "it was removed while it was looked at, or it is a view of what is gone: run the same "
           "command again, or " +
           name;
  }
  return {};
}

constexpr const char* kSomebodyElse =
    "another program changed the version table during the run: run the same command again; or the "
    "script itself did: take that statement out";

// `error` as it concerns the version table, whatever command met it.
Error told(const std::string& intent, const Error& error, const Dialect& dialect) {
  const Error result = with_intent(intent, error);
  const std::string hint = misfit_hint(error, dialect);
  if (hint.empty()) return result;
  return Error(Reason::InvalidUsage, result.message(), *result.failure(), hint);
}

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

// Characters that `version_num` holds; empty: no limit.
std::optional<std::size_t> column_width(Connection& connection, const VersionTableName& name) {
  const Dialect& dialect = connection.dialect();
  if (dialect.flavour() == SqlFlavour::Sqlite) return std::nullopt;  // lengths are not enforced
  const auto rows = connection.query(fmt::format(
      "SELECT CASE WHEN atttypid IN (1042, 1043) AND atttypmod >= 4 THEN atttypmod - 4 END "
      "FROM pg_catalog.pg_attribute WHERE attrelid = to_regclass({}) AND attname = 'version_num'",
      dialect.quote_literal(dialect.qualified(name))));
  if (rows.empty()) return kVersionNumWidth;
  return rows[0][0] ? std::optional(std::stoul(*rows[0][0])) : std::nullopt;
}

}  // namespace

void check_version_table_name(const VersionTableName& name, SqlFlavour flavour) {
  if (flavour == SqlFlavour::Sqlite) return;
  for (const std::string& part : {name.schema, name.name}) {
    if (part.size() <= kLongestName) continue;
    throw Error(Reason::InvalidUsage,
                fmt::format("the version table cannot be '{}': the name '{}' has {} bytes, and "
                            "PostgreSQL keeps {}",
                            display(name), part, part.size(), kLongestName),
                "choose a shorter name for --version-table or --version-table-schema");
  }
}

bool VersionTable::exists(Connection& connection) const {
  return !connection.query(exists_sql(connection.dialect(), name_)).empty();
}

RevisionSet VersionTable::read(Connection& connection) const {
  const std::vector<RevisionId> rows = read_in_order(connection);
  return {rows.begin(), rows.end()};
}

std::vector<RevisionId> VersionTable::read_in_order(Connection& connection) const {
  std::vector<RevisionId> revisions;
  try {
    if (!exists(connection)) return revisions;
    const Dialect& dialect = connection.dialect();
    for (const Row& row : connection.query("SELECT version_num FROM " + dialect.qualified(name_))) {
      if (row[0]) revisions.push_back(*row[0]);
    }
  } catch (const Error& error) {
    if (error.reason() == Reason::Interrupted) throw;
    throw told(fmt::format("cannot read the version table '{}'", display(name_)), error,
               connection.dialect());
  }
  return revisions;
}

RevisionSet VersionTable::read_behind(Connection& connection,
                                      const std::vector<std::string>& statements) const {
  const Dialect& dialect = connection.dialect();
  if (dialect.flavour() == SqlFlavour::Sqlite) {
    for (const std::string& sql : statements) connection.execute(sql);
    return read(connection);
  }
  std::string message;
  for (const std::string& sql : statements) message += sql + ";\n";
  RevisionSet revisions;
  ResultPart part =
      connection.open_result(message + "SELECT version_num FROM " + dialect.qualified(name_), {});
  for (;; part = connection.next_part()) {
    for (const std::vector<SqlValue>& row : part.rows) {
      if (const auto* id = std::get_if<std::string>(&row.at(0))) revisions.insert(*id);
    }
    if (!part.more) return revisions;
  }
}

bool VersionTable::create(Connection& connection) const {
  try {
    if (exists(connection)) return false;
    connection.execute(connection.dialect().create_version_table(name_));
    return true;
  } catch (const Error& error) {
    if (error.reason() == Reason::Interrupted) throw;
    throw told(fmt::format("cannot create the version table '{}'", display(name_)), error,
               connection.dialect());
  }
}

std::string VersionTable::schema_in(Connection& connection) const {
  const Dialect& dialect = connection.dialect();
  if (!name_.schema.empty() || dialect.flavour() == SqlFlavour::Sqlite) return name_.schema;
  const auto rows = connection.query(fmt::format(
      "SELECT coalesce((SELECT relnamespace::regnamespace::name FROM pg_catalog.pg_class "
      "WHERE oid = to_regclass({})), current_schema())",
      dialect.quote_literal(dialect.qualified(name_))));
  return rows.empty() ? std::string() : rows[0][0].value_or("");  // --sql has no answers
}

void VersionTable::locate(Connection& connection) { found_.schema = schema_in(connection); }

void VersionTable::clear(Connection& connection) const {
  connection.execute(connection.dialect().clear_version_table(found_));
}

void VersionTable::apply(Connection& connection, const std::vector<RowChange>& changes) const {
  for (const RowChange& change : changes) {
    try {
      check(change, connection.execute(statement(connection.dialect(), change)));
    } catch (const Error& error) {
      throw explained(change, error);
    }
  }
}

std::string VersionTable::guarded_statement(const Dialect& dialect, const RowChange& change) const {
  const bool returns = change.from.empty() && found_.primary_key;
  return fmt::format(
      "WITH changed AS ({}{}) SELECT CASE WHEN count(*) = 1 THEN 1 "
      "ELSE ('{}' || count(*))::integer END FROM changed",
      statement(dialect, change), returns ? "" : " RETURNING 1", kWrongCount);
}

Error VersionTable::wrong_rows(const RowChange& change, long touched) const {
  return Error(Reason::VersionConflict,
               fmt::format("expected to match one row when {} '{}'; {} found", intent_of(change),
                           display(name_), touched),
               kSomebodyElse);
}

void VersionTable::check(const RowChange& change, long touched) const {
  if (touched != 1) throw wrong_rows(change, touched);
}

Error VersionTable::explained(const RowChange& change, const Error& error) const {
  if (const auto touched = wrong_count(error)) return wrong_rows(change, *touched);
  if (!is_duplicate(error)) return error;
  return Error(
      Reason::VersionConflict,
      fmt::format("the row is already there when {} '{}'", intent_of(change), display(name_)),
      kSomebodyElse);
}

void VersionTable::check_width(Connection& connection, const RevisionSet& ids) const {
  const auto width = column_width(connection, name_);
  if (!width) return;
  RevisionSet too_long;
  for (const RevisionId& id : ids) {
    if (characters(id) > *width) too_long.insert(id);
  }
  if (too_long.empty()) return;
  throw Error(
      Reason::InvalidScripts,
      fmt::format("revision ids longer than the {} characters of '{}.version_num': {}", *width,
                  display(name_), fmt::join(too_long, ", ")),
      fmt::format("shorten the ids, or widen the column: ALTER TABLE {} ALTER COLUMN version_num "
                  "TYPE varchar(255)",
                  connection.dialect().qualified(name_)));
}

}  // namespace engine
