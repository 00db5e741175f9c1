// SPDX-License-Identifier: Apache-2.0
#include "engine/sql/dialect.h"

#include <fmt/format.h>

#include "engine/core/error.h"
#include "engine/sql/batch.h"
#include "engine/sql/identifier.h"
#include "engine/sql/statement_kind.h"

namespace engine {
namespace {

std::string quoted(std::string_view text, char quote) {
  std::string result(1, quote);
  for (const char c : text) {
    if (c == quote) result += quote;
    result += c;
  }
  return result + quote;
}

class PostgresDialect : public Dialect {
 public:
  SqlFlavour flavour() const override { return SqlFlavour::PostgreSql; }
  std::string_view name() const override { return "PostgreSQL"; }
  std::string quote_identifier(std::string_view text) const override { return quoted(text, '"'); }
  // With a backslash as E'...', which means the same whatever standard_conforming_strings is.
  std::string quote_literal(std::string_view text) const override {
    if (text.find('\\') == std::string_view::npos) return quoted(text, '\'');
    std::string doubled;
    for (const char c : text) doubled += c == '\\' ? std::string("\\\\") : std::string(1, c);
    return "E" + quoted(doubled, '\'');
  }

 protected:
  std::string returned_column(std::string_view table) const override {
    return fmt::format("{}.version_num", table);
  }
};

class SqliteDialect : public Dialect {
 public:
  SqlFlavour flavour() const override { return SqlFlavour::Sqlite; }
  std::string_view name() const override { return "SQLite"; }
  std::string quote_identifier(std::string_view text) const override { return quoted(text, '"'); }
  std::string quote_literal(std::string_view text) const override { return quoted(text, '\''); }

 protected:
  std::string returned_column(std::string_view) const override { return "version_num"; }
};

// Conditions and batches are made of one statement each.
void check_kind(const Statement& statement, const ExecuteSql& operation, std::size_t count,
                const Dialect& dialect, std::string_view origin) {
  if (operation.kind == StatementKind::Ordinary) return;
  const bool batch = operation.kind == StatementKind::Batch;
  if (count > 1) {
    throw Error(Reason::InvalidScripts,
                fmt::format("{}:{}: {} holds {} statements", origin, operation.line,
                            batch ? "`-- stillhead:batch`" : "a condition", count),
                batch ? "one statement runs in batches: write `-- stillhead:end` behind it, or the "
                        "marker once more before the next one"
                      : "write one marker for each condition");
  }
  if (batch) {
    BatchedStatement(statement.sql, operation.batch, dialect, origin, statement.line);
  }
}

void render_into(std::vector<Statement>& statements, const ExecuteSql& operation,
                 const Dialect& dialect, std::string_view origin) {
  const SqlFlavour flavour = dialect.flavour();
  std::vector<Statement> found = split_statements(operation.sql, flavour, origin, operation.line);
  for (Statement& statement : found) {
    if (controls_transaction(statement.sql, flavour)) {
      throw Error(
          Reason::InvalidScripts,
          fmt::format("{}:{}: a script must not begin or end transactions: {}", origin,
                      statement.line,
                      statement.sql.substr(0, statement.sql.find('\n')).substr(0, 80)),
          "remove the statement: each revision runs in a transaction of its own. For statements "
          "that cannot run in one, write `-- transactional: false` into the header, or put them "
          "between `-- stillhead:autocommit` and `-- stillhead:end`");
    }
    check_kind(statement, operation, found.size(), dialect, origin);
    statement.transactional = !operation.autocommit && operation.kind != StatementKind::Batch &&
                              !runs_concurrently(statement.sql, flavour);
    statement.kind = operation.kind;
    statement.batch = operation.batch;
    statements.push_back(std::move(statement));
  }
}

}  // namespace

std::string display(const VersionTableName& name) {
  return name.schema.empty() ? name.name : name.schema + "." + name.name;
}

std::vector<Statement> Dialect::render(const std::vector<Operation>& operations,
                                       std::string_view origin) const {
  std::vector<Statement> statements;
  for (const Operation& operation : operations) {
    std::visit([&](const ExecuteSql& sql) { render_into(statements, sql, *this, origin); },
               operation);
  }
  return statements;
}

std::string Dialect::identifier(std::string_view name) const {
  return needs_quotes(name, flavour()) ? quote_identifier(name) : std::string(name);
}

std::string Dialect::qualified(const VersionTableName& table) const {
  if (table.schema.empty()) return identifier(table.name);
  return identifier(table.schema) + "." + identifier(table.name);
}

std::string Dialect::create_version_table(const VersionTableName& table) const {
  const std::string key = fmt::format(", \n    CONSTRAINT {} PRIMARY KEY (version_num)",
                                      identifier(table.name + "_pkc"));
  return fmt::format("CREATE TABLE {} (\n    version_num VARCHAR(32) NOT NULL{}\n)",
                     qualified(table), table.primary_key ? key : "");
}

std::string Dialect::change_version_row(const VersionTableName& table,
                                        const RowChange& change) const {
  const std::string name = qualified(table);
  if (change.from.empty()) {
    return fmt::format("INSERT INTO {} (version_num) VALUES ({}){}", name, quote_literal(change.to),
                       table.primary_key ? " RETURNING " + returned_column(name) : "");
  }
  if (change.to.empty()) {
    return fmt::format("DELETE FROM {} WHERE {}.version_num = {}", name, name,
                       quote_literal(change.from));
  }
  return fmt::format("UPDATE {} SET version_num={} WHERE {}.version_num = {}", name,
                     quote_literal(change.to), name, quote_literal(change.from));
}

std::string Dialect::clear_version_table(const VersionTableName& table) const {
  return "DELETE FROM " + qualified(table);
}

const Dialect& postgres_dialect() {
  static const PostgresDialect kDialect;
  return kDialect;
}

const Dialect& sqlite_dialect() {
  static const SqliteDialect kDialect;
  return kDialect;
}

const Dialect& dialect_of(SqlFlavour flavour) {
  return flavour == SqlFlavour::Sqlite ? sqlite_dialect() : postgres_dialect();
}

}  // namespace engine
