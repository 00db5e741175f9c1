// SPDX-License-Identifier: Apache-2.0
#include "engine/run/built_index.h"

#include <fmt/format.h>

#include "engine/core/error.h"
#include "engine/run/timeouts.h"

namespace engine {
namespace {

// Of which indexes `i` the statement makes new ones.
std::string touches(const ConcurrentReindex& reindex, const Dialect& dialect) {
  const std::string name = dialect.quote_literal(reindex.name);
  std::string table;
  if (reindex.what == "SCHEMA") return fmt::format("n.nspname = (parse_ident({}))[1]", name);
  if (reindex.what == "TABLE") {
    table = fmt::format("to_regclass({})", name);
  } else if (reindex.what == "INDEX") {
    table = fmt::format(
        "(SELECT indrelid::regclass FROM pg_catalog.pg_index WHERE indexrelid = to_regclass({}))",
        name);
  } else {
    return "true";
  }
  return fmt::format(
      "(i.indrelid = {0} OR i.indrelid IN (SELECT relid FROM pg_partition_tree({0})))", table);
}

// Who is at work on one holds a lock on it.
std::string find_leftovers(const ConcurrentReindex& reindex, const Dialect& dialect) {
  return fmt::format(
      "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_index i "
      "JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid "
      "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
      "WHERE NOT i.indisvalid AND c.relname ~ '_cc(new|old)[0-9]*$' AND n.nspname <> 'pg_toast' "
      "AND {} AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_locks l WHERE l.locktype = 'relation' "
      "AND l.relation = i.indexrelid AND l.pid <> pg_backend_pid() AND l.mode = "
      "'ShareUpdateExclusiveLock' AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE "
      "datname = current_database()))",
      touches(reindex, dialect));
}

// pg_get_indexdef says "CREATE [UNIQUE ]INDEX name ON schema.table USING ...", and of a temporary
// table pg_temp or pg_temp_N. The search begins at or shortly before the end of the names.
std::string look_at(const std::string& table, const std::string& name) {
  return fmt::format(
      "SELECT format('%I.%I', n.nspname, c.relname), i.indisvalid AND i.indisready, "
      "format('%I', t.relname), CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END || "
      "substr(d.behind, strpos(d.behind, ' USING ') + 1) FROM pg_catalog.pg_index i "
      "JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid "
      "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
      "JOIN pg_catalog.pg_class t ON t.oid = i.indrelid "
      "JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace, "
      "substr(pg_catalog.pg_get_indexdef(i.indexrelid), length('CREATE INDEX  ON .') + "
      "length(format('%I%I', c.relname, t.relname)) + CASE WHEN tn.oid = pg_my_temp_schema() "
      "THEN length('pg_temp') ELSE length(format('%I', tn.nspname)) END) AS d(behind) "
      "WHERE i.indrelid = to_regclass({}) AND c.relname = (parse_ident({}))[1]::name",
      table, name);
}

// Empty: cannot be told.
std::string wanted_definition(Connection& connection, const BuiltIndex& found,
                              const ConcurrentIndex& wanted) {
  const std::string copy = "pg_temp." + found.table;
  try {
    Transaction transaction(connection);
    connection.execute(
        fmt::format("CREATE TEMPORARY TABLE {} (LIKE {})", found.table, wanted.table));
    connection.execute(fmt::format("CREATE {}INDEX {} ON {} {}", wanted.unique ? "UNIQUE " : "",
                                   wanted.name, copy, wanted.rest));
    const Dialect& dialect = connection.dialect();
    const auto rows =
        connection.query(look_at(dialect.quote_literal(copy), dialect.quote_literal(wanted.name)));
    return rows.empty() ? "" : rows[0][3].value_or("");
  } catch (const Error& error) {
    if (error.reason() != Reason::MigrationFailed || may_be_tried_again(error)) throw;
    return "";
  }
}

// Returns when nobody builds an index on the table concurrently, or vacuums it.
void wait_for_builders(Connection& connection, const ConcurrentIndex& index) {
  const Transaction transaction(connection);
  connection.execute(fmt::format("LOCK TABLE {} IN SHARE UPDATE EXCLUSIVE MODE", index.table));
}

}  // namespace

std::optional<BuiltIndex> find_index(Connection& connection, const ConcurrentIndex& index) {
  const Dialect& dialect = connection.dialect();
  const auto rows = connection.query(
      look_at(dialect.quote_literal(index.table), dialect.quote_literal(index.name)));
  if (rows.empty()) return std::nullopt;
  const Row& row = rows[0];
  return BuiltIndex{row[0].value_or(""), row[1] == "t", row[2].value_or(""), row[3].value_or("")};
}

void refuse_other_index(Connection& connection, const BuiltIndex& found,
                        const ConcurrentIndex& index) {
  const std::string wanted = wanted_definition(connection, found, index);
  if (wanted.empty() || wanted == found.definition) return;
  throw Error(Reason::MigrationFailed,
              fmt::format("an index {} is there already, and it is another one: it says `{}`, the "
                          "statement `{}`",
                          found.name, found.definition, wanted),
              "drop or rename that index, or give the new one another name; IF NOT EXISTS would "
              "take the other for it");
}

void drop_unusable_index(Connection& connection, const ConcurrentIndex& index) {
  const auto found = find_index(connection, index);
  if (!found || found->usable) return;
  wait_for_builders(connection, index);
  if (const auto left = find_index(connection, index); left && !left->usable) {
    connection.execute("DROP INDEX CONCURRENTLY " + left->name);
  }
}

void drop_reindex_leftovers(Connection& connection, const ConcurrentReindex& reindex) {
  for (const Row& row : connection.query(find_leftovers(reindex, connection.dialect()))) {
    connection.execute("DROP INDEX CONCURRENTLY " + row[0].value_or(""));
  }
}

}  // namespace engine
