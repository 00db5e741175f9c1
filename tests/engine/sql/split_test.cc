// SPDX-License-Identifier: Apache-2.0
#include "engine/sql/split.h"

#include <gtest/gtest.h>

#include "tests/engine/core/error_of.h"

namespace engine {
namespace {

// "sql@line" of each statement.
std::vector<std::string> split(std::string_view text, SqlFlavour flavour) {
  std::vector<std::string> result;
  for (const Statement& statement : split_statements(text, flavour, "a.sql", 1)) {
    EXPECT_TRUE(statement.transactional);
    result.push_back(statement.sql + "@" + std::to_string(statement.line));
  }
  return result;
}

struct Case {
  std::string name, text;
  std::vector<std::string> statements;
};

TEST(SplitTest, PostgreSql) {
  const std::vector<Case> cases = {
      {"nothing", "", {}},
      {"space and comments vanish", " \n-- a;\n/* b; */ ;;\n ; -- c", {}},
      {"two", "SELECT 1;\nSELECT 2;\n", {"SELECT 1@1", "SELECT 2@2"}},
      {"no last semicolon", "SELECT 1;\n\n  SELECT 2", {"SELECT 1@1", "SELECT 2@3"}},
      {"leading comments", "-- a\n/* b\n */ SELECT 1;", {"SELECT 1@3"}},
      {"closing comments", "SELECT 1 -- a;\n;SELECT 2 /* ; */", {"SELECT 1@1", "SELECT 2@2"}},
      {"inner comments stay", "SELECT /* ; */ 1 -- ;\n, 2;", {"SELECT /* ; */ 1 -- ;\n, 2@1"}},
      {"crlf", "SELECT 1;\r\nSELECT\r\n2;\r\n", {"SELECT 1@1", "SELECT\r\n2@2"}},
      {"lone return ends a comment", "-- a\rSELECT 1;", {"SELECT 1@1"}},
      {"nested comment", "/* a /* b; */ c; */ SELECT 1;", {"SELECT 1@1"}},
      {"comment signs in a comment", "/* a /*/ b */ */ SELECT 1;", {"SELECT 1@1"}},
      {"string", "SELECT 'a;''b;';SELECT 2", {"SELECT 'a;''b;'@1", "SELECT 2@1"}},
      {"backslash is plain in strings", "SELECT 'a\\';SELECT 2", {"SELECT 'a\\'@1", "SELECT 2@1"}},
      {"escape string", "SELECT E'a\\';b';SELECT 2", {"SELECT E'a\\';b'@1", "SELECT 2@1"}},
      {"escape string, doubled",
       "SELECT e'a'';\\\\';SELECT 2",
       {"SELECT e'a'';\\\\'@1", "SELECT 2@1"}},
      {"escape string goes on in the next line",
       "SELECT E'a'\n -- c\n 'b\\';';SELECT 2",
       {"SELECT E'a'\n -- c\n 'b\\';'@1", "SELECT 2@3"}},
      {"escape string ends before a comment",
       "SELECT E'a' -- '\n;SELECT 2",
       {"SELECT E'a'@1", "SELECT 2@2"}},
      {"a name that ends in e", "SELECT name'a\\';SELECT 2", {"SELECT name'a\\'@1", "SELECT 2@1"}},
      {"unicode, bit, hex",
       "SELECT U&'\\;', B'1;', X'f;', U&\"d;\";",
       {"SELECT U&'\\;', B'1;', X'f;', U&\"d;\"@1"}},
      {"identifier", "SELECT \"a;\"\"b';\";SELECT 2", {"SELECT \"a;\"\"b';\"@1", "SELECT 2@1"}},
      {"dollar quote",
       "DO $$ a; ' \" $x$ b; $$;SELECT 2",
       {"DO $$ a; ' \" $x$ b; $$@1", "SELECT 2@1"}},
      {"tagged dollar quote",
       "DO $fn_1$ $$;$$; $fn$ $fn_1$;SELECT 2",
       {"DO $fn_1$ $$;$$; $fn$ $fn_1$@1", "SELECT 2@1"}},
      {"dollar quote after a number", "SELECT 1$$;$$;", {"SELECT 1$$;$$@1"}},
      {"dollar in a name is no quote", "SELECT a$$ ; SELECT b$$", {"SELECT a$$@1", "SELECT b$$@1"}},
      {"parameters are no quotes", "SELECT $1;SELECT $1", {"SELECT $1@1", "SELECT $1@1"}},
      {"lines in quotes count",
       "SELECT '\n\n';\nSELECT $$\n$$;\nSELECT 3;",
       {"SELECT '\n\n'@1", "SELECT $$\n$$@4", "SELECT 3@6"}},
      {"rule",
       "CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT (2););SELECT 3;",
       {"CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT (2);)@1", "SELECT 3@1"}},
      {"closing parenthesis too many", "SELECT 1);SELECT 2", {"SELECT 1)@1", "SELECT 2@1"}},
      {"atomic body",
       "CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC\nSELECT CASE WHEN 1=1 THEN CASE "
       "WHEN "
       "2=2 THEN 1 END END; SELECT x.end, 2 AS end; END;\nSELECT 2;",
       {"CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC\nSELECT CASE WHEN 1=1 THEN CASE "
        "WHEN "
        "2=2 THEN 1 END END; SELECT x.end, 2 AS end; END@1",
        "SELECT 2@3"}},
      {"atomic procedure",
       "create procedure p() begin atomic select 1; end; select 2",
       {"create procedure p() begin atomic select 1; end@1", "select 2@1"}},
      {"begin elsewhere is a word",
       "CREATE TABLE begin (atomic int);SELECT 2",
       {"CREATE TABLE begin (atomic int)@1", "SELECT 2@1"}},
      {"copy with files",
       "COPY t FROM '/tmp/stdin';COPY t TO PROGRAM 'x'",
       {"COPY t FROM '/tmp/stdin'@1", "COPY t TO PROGRAM 'x'@1"}},
      {"a column called stdin", "SELECT a FROM stdin;", {"SELECT a FROM stdin@1"}},
      {"backtick and brackets are operators",
       "SELECT a[1];SELECT `;SELECT 3",
       {"SELECT a[1]@1", "SELECT `@1", "SELECT 3@1"}},
      {"utf-8", "SELECT 'ä;', ü;SELECT 2", {"SELECT 'ä;', ü@1", "SELECT 2@1"}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(split(c.text, SqlFlavour::PostgreSql), c.statements);
  }
}

TEST(SplitTest, Sqlite) {
  const std::vector<Case> cases = {
      {"two", "SELECT 1;\nSELECT 2;\n", {"SELECT 1@1", "SELECT 2@2"}},
      {"quotes",
       "SELECT 'a;''', \"b;\", `c;``;`, [d;'] ;SELECT 2",
       {"SELECT 'a;''', \"b;\", `c;``;`, [d;']@1", "SELECT 2@1"}},
      {"no escape strings", "SELECT E'a\\';SELECT 2", {"SELECT E'a\\'@1", "SELECT 2@1"}},
      {"no dollar quotes", "SELECT $$;SELECT 2", {"SELECT $$@1", "SELECT 2@1"}},
      {"comments do not nest", "/* a /* b */ SELECT 1;", {"SELECT 1@1"}},
      {"parentheses do not matter", "SELECT (1;SELECT 2", {"SELECT (1@1", "SELECT 2@1"}},
      {"trigger",
       "CREATE TRIGGER t AFTER INSERT ON x BEGIN\n SELECT CASE WHEN 1 THEN 2 END;\n DELETE FROM "
       "y;\n"
       "END;\nSELECT 2;",
       {"CREATE TRIGGER t AFTER INSERT ON x BEGIN\n SELECT CASE WHEN 1 THEN 2 END;\n DELETE FROM "
        "y;\nEND@1",
        "SELECT 2@5"}},
      {"temporary trigger without last semicolon",
       "create temp trigger t after insert on x begin select 1; end",
       {"create temp trigger t after insert on x begin select 1; end@1"}},
      {"begin elsewhere",
       "CREATE TABLE t (a);BEGIN;SELECT 1;END",
       {"CREATE TABLE t (a)@1", "BEGIN@1", "SELECT 1@1", "END@1"}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(split(c.text, SqlFlavour::Sqlite), c.statements);
  }
}

TEST(SplitTest, LinesCountFromTheFirstLineGiven) {
  const auto statements =
      split_statements("\nSELECT 1;\n\nSELECT 2", SqlFlavour::PostgreSql, "a", 10);
  ASSERT_EQ(statements.size(), 2u);
  EXPECT_EQ(statements[0].line, 11);
  EXPECT_EQ(statements[1].line, 13);
}

TEST(SplitTest, RefusesWhatCannotBeExecuted) {
  struct Refusal {
    SqlFlavour flavour;
    std::string text, message, hint;
  };
  constexpr auto kPostgres = SqlFlavour::PostgreSql;
  constexpr auto kSqlite = SqlFlavour::Sqlite;
  const std::vector<Refusal> cases = {
      {kPostgres, "SELECT 1;\nSELECT 'a\n;", "a.sql:2: unterminated string",
       "close the string that begins here with '"},
      {kPostgres, "\nSELECT E'a\\'", "a.sql:2: unterminated string",
       "close the string that begins here with '"},
      {kPostgres, "SELECT E'a\\", "a.sql:1: unterminated string",
       "close the string that begins here with '"},
      {kPostgres, "SELECT \"a", "a.sql:1: unterminated quoted identifier",
       "close the quoted identifier that begins here with \""},
      {kPostgres, "SELECT 1;\nDO $x$ $$ $X$", "a.sql:2: unterminated $x$ quote",
       "close the text that begins here with $x$"},
      {kPostgres, "/* a /* b */\n", "a.sql:1: unterminated comment",
       "close the comment that begins here with */"},
      {kPostgres, "SELECT 1;\nSELECT (1;\nSELECT 2;", "a.sql:2: unterminated parenthesis",
       "close the ( that stands here"},
      {kPostgres, "CREATE FUNCTION f()\nBEGIN ATOMIC SELECT 1;",
       "a.sql:2: BEGIN ATOMIC without END", "close the body that begins here with END;"},
      {kPostgres, "SELECT 1;\ncopy t (a, b) from stdin;\n1\t'x\n\\.\n",
       "a.sql:2: COPY ... FROM STDIN has no client here that could send the rows",
       "write the rows as INSERT statements, or load them with psql and \\copy outside of the "
       "migration"},
      {kPostgres, "COPY t TO STDOUT;",
       "a.sql:1: COPY ... TO STDOUT has no client here that could take the rows",
       "export them with psql and \\copy outside of the migration"},
      {kPostgres, "SELECT 1;\n\\connect x\n", "a.sql:2: psql meta-commands (\\...) are not SQL",
       "remove the line; of a dump keep the SQL statements only"},
      {kPostgres, "SELECT 1 \\gexec", "a.sql:1: psql meta-commands (\\...) are not SQL",
       "remove the line; of a dump keep the SQL statements only"},
      {kSqlite, "SELECT [a", "a.sql:1: unterminated quoted identifier",
       "close the quoted identifier that begins here with ]"},
      {kSqlite, "\n.read x", "a.sql:2: commands of the sqlite3 shell (.name) are not SQL",
       "remove the line; keep the SQL statements only"},
      {kSqlite, "CREATE TRIGGER t AFTER INSERT ON x\nBEGIN SELECT 1; SELECT 2;",
       "a.sql:2: trigger body without END", "close the body that begins here with END;"},
  };
  for (const Refusal& c : cases) {
    SCOPED_TRACE(c.text);
    const Error error = error_of([&] { split_statements(c.text, c.flavour, "a.sql", 1); });
    EXPECT_EQ(error.reason(), Reason::InvalidScripts);
    EXPECT_EQ(error.message(), c.message);
    EXPECT_EQ(error.hint(), c.hint);
  }
}

TEST(SplitTest, KnowsTransactionControl) {
  for (const std::string_view text :
       {"BEGIN", "begin isolation level serializable", "COMMIT", "COMMIT PREPARED 'x'", "END",
        "ROLLBACK", "ROLLBACK WORK", "ABORT", "START TRANSACTION", "PREPARE TRANSACTION 'x'",
        "ROLLBACK PREPARED 'x'", "start /* a */ transaction"}) {
    EXPECT_TRUE(controls_transaction(text, SqlFlavour::PostgreSql)) << text;
  }
  for (const std::string_view text :
       {"SAVEPOINT a", "RELEASE a", "ROLLBACK TO a", "ROLLBACK WORK TO SAVEPOINT a",
        "rollback -- x\n transaction to a", "PREPARE q AS SELECT 1", "SELECT 1", "", "\"begin\"",
        "CREATE TABLE begin ()"}) {
    EXPECT_FALSE(controls_transaction(text, SqlFlavour::PostgreSql)) << text;
  }
  EXPECT_TRUE(controls_transaction("BEGIN IMMEDIATE", SqlFlavour::Sqlite));
  EXPECT_TRUE(controls_transaction("END TRANSACTION", SqlFlavour::Sqlite));
  EXPECT_FALSE(controls_transaction("ROLLBACK TRANSACTION TO a", SqlFlavour::Sqlite));
  EXPECT_FALSE(controls_transaction("ABORT", SqlFlavour::Sqlite));
}

}  // namespace
}  // namespace engine
