// SPDX-License-Identifier: Apache-2.0
#include "engine/sql/dialect.h"

#include <gtest/gtest.h>

#include "tests/engine/core/error_of.h"

namespace engine {
namespace {

TEST(DialectTest, NamesItself) {
  EXPECT_EQ(postgres_dialect().name(), "PostgreSQL");
  EXPECT_EQ(postgres_dialect().flavour(), SqlFlavour::PostgreSql);
  EXPECT_EQ(sqlite_dialect().name(), "SQLite");
  EXPECT_EQ(sqlite_dialect().flavour(), SqlFlavour::Sqlite);
}

TEST(DialectTest, QuotesIdentifiersAndLiterals) {
  for (const Dialect* dialect : {&postgres_dialect(), &sqlite_dialect()}) {
    EXPECT_EQ(dialect->quote_identifier("users"), "\"users\"");
    EXPECT_EQ(dialect->quote_identifier("a\"b;'"), "\"a\"\"b;'\"");
    EXPECT_EQ(dialect->quote_literal("it's"), "'it''s'");
  }
  EXPECT_EQ(postgres_dialect().quote_literal("a\\'b"), "E'a\\\\''b'");
  EXPECT_EQ(sqlite_dialect().quote_literal("a\\'b"), "'a\\''b'");
}

TEST(DialectTest, WritesTheVersionTableAsAlembicDoes) {
  const Dialect& dialect = postgres_dialect();
  EXPECT_EQ(dialect.qualified({}), "alembic_version");
  EXPECT_EQ(dialect.qualified({"App", "user"}), "\"App\".\"user\"");
  EXPECT_EQ(dialect.create_version_table({"app", "v"}),
            "CREATE TABLE app.v (\n    version_num VARCHAR(32) NOT NULL, \n    CONSTRAINT v_pkc "
            "PRIMARY KEY (version_num)\n)");
  EXPECT_EQ(dialect.create_version_table({"", "v", false}),
            "CREATE TABLE v (\n    version_num VARCHAR(32) NOT NULL\n)");
  EXPECT_EQ(dialect.clear_version_table({"app", "v"}), "DELETE FROM app.v");
}

TEST(DialectTest, ChangesOneRowOfTheVersionTable) {
  const Dialect& dialect = postgres_dialect();
  EXPECT_EQ(dialect.change_version_row({"s", "v"}, {"", "b"}),
            "INSERT INTO s.v (version_num) VALUES ('b') RETURNING s.v.version_num");
  EXPECT_EQ(sqlite_dialect().change_version_row({}, {"", "b"}),
            "INSERT INTO alembic_version (version_num) VALUES ('b') RETURNING version_num");
  EXPECT_EQ(dialect.change_version_row({"", "v", false}, {"", "b"}),
            "INSERT INTO v (version_num) VALUES ('b')");
  EXPECT_EQ(dialect.change_version_row({}, {"a", ""}),
            "DELETE FROM alembic_version WHERE alembic_version.version_num = 'a'");
  EXPECT_EQ(dialect.change_version_row({"s", "v"}, {"a", "b"}),
            "UPDATE s.v SET version_num='b' WHERE s.v.version_num = 'a'");
}

TEST(DialectTest, RendersOperationsInOrder) {
  const std::vector<Operation> operations = {
      ExecuteSql{"\nCREATE TABLE t ();\nSELECT 1;", 5, false},
      ExecuteSql{"CREATE INDEX CONCURRENTLY i ON t (a);", 9, true},
      ExecuteSql{"SAVEPOINT s; ROLLBACK TO s", 12, false},
  };
  const std::vector<Statement> statements = postgres_dialect().render(operations, "a.sql");
  ASSERT_EQ(statements.size(), 5u);
  EXPECT_EQ(statements[0].sql, "CREATE TABLE t ()");
  EXPECT_EQ(statements[0].line, 6);
  EXPECT_TRUE(statements[0].transactional);
  EXPECT_EQ(statements[1].line, 7);
  EXPECT_EQ(statements[2].sql, "CREATE INDEX CONCURRENTLY i ON t (a)");
  EXPECT_EQ(statements[2].line, 9);
  EXPECT_FALSE(statements[2].transactional);
  EXPECT_EQ(statements[4].sql, "ROLLBACK TO s");
  EXPECT_TRUE(statements[4].transactional);
}

TEST(DialectTest, RefusesTransactionControlInAScript) {
  for (const bool autocommit : {false, true}) {
    const Error error = error_of([&] {
      postgres_dialect().render({ExecuteSql{"SELECT 1;\n\ncommit\n;", 4, autocommit}}, "v/a.sql");
    });
    EXPECT_EQ(error.reason(), Reason::InvalidScripts);
    EXPECT_EQ(error.message(), "v/a.sql:6: a script must not begin or end transactions: commit");
    EXPECT_EQ(
        error.hint(),
        "remove the statement: each revision runs in a transaction of its own. For statements "
        "that cannot run in one, write `-- transactional: false` into the header, or put them "
        "between `-- stillhead:autocommit` and `-- stillhead:end`");
  }
}

}  // namespace
}  // namespace engine
