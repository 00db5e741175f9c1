// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "engine/script/script_dir.h"
#include "engine/script/sha256.h"
#include "tests/engine/core/error_of.h"
#include "tests/engine/core/history_text.h"

namespace engine {
namespace {

using namespace std::string_literals;

TEST(SqlHeaderTest, ReadsAllKeys) {
  const Revision revision = parse_sql_header(
      "-- Licence: ours, all of it\n"
      "-- revision: 4f1c2a\n"
      "\n"
      "--down_revision:a1, b2\n"
      "--   depends_on :  core , c3\n"
      "-- branch_labels: my-app\n"
      "-- message: create users: first part\n"
      "-- see https://example.org/why: it matters\n"
      "-- transactional: false\n"
      "CREATE TABLE users ();\n"
      "-- message: not this one\n",
      "v/a.sql");
  EXPECT_EQ(revision.id, "4f1c2a");
  EXPECT_EQ(text_of(revision.down_revisions), "a1 b2");
  EXPECT_EQ(text_of(revision.depends_on), "core c3");
  EXPECT_EQ(text_of(revision.branch_labels), "my-app");
  EXPECT_EQ(revision.message, "create users: first part");
  EXPECT_FALSE(revision.transactional);
  EXPECT_EQ(revision.file, "v/a.sql");
}

TEST(SqlHeaderTest, ABaseHasNoneOrEmptyOrNoParent) {
  for (const std::string line : {"-- down_revision: None\n", "-- down_revision:\n", ""}) {
    const Revision revision = parse_sql_header("-- revision: a\n" + line, "a.sql");
    EXPECT_TRUE(revision.down_revisions.empty()) << line;
    EXPECT_TRUE(revision.transactional);
  }
}

TEST(SqlHeaderTest, ToleratesAByteOrderMarkAndCarriageReturns) {
  const Revision revision = parse_sql_header(
      "\xEF\xBB\xBF-- revision: a\r\n-- down_revision: None\r\n\r\nSELECT 1;\r\n", "a.sql");
  EXPECT_EQ(revision.id, "a");
  EXPECT_TRUE(revision.down_revisions.empty());
}

TEST(SqlHeaderTest, EndsAtTheFirstMarker) {
  EXPECT_EQ(
      parse_sql_header("-- revision: a\n-- stillhead:upgrade\n-- message: no\n", "a.sql").message,
      "");
}

TEST(SqlHeaderTest, DoesNotLookAtTheEncodingOfTheBody) {
  EXPECT_EQ(parse_sql_header("-- revision: a\nSELECT '\xFF'", "a.sql").id, "a");
}

struct Refusal {
  std::string text, message;
};

TEST(SqlHeaderTest, RefusesWithFileLineAndRemedy) {
  const std::vector<Refusal> cases = {
      {"SELECT 1;\n-- revision: a\n",
       "a.sql:1: no revision in the header: the comment lines at the top of the script must name "
       "it; "
       "add a line such as `-- revision: 4f1c2a9b0d3e`"},
      {"-- revison: a\n-- revision: a\n",
       "a.sql:1: unknown key 'revison' in the header; did you mean 'revision'?"},
      {"-- revision: a\n-- Revises: b\n",
       "a.sql:2: unknown key 'Revises' in the header; did you mean 'down_revision'?"},
      {"-- revision: a\n-- Down-Revision: b\n",
       "a.sql:2: unknown key 'Down-Revision' in the header; did you mean 'down_revision'?"},
      {"-- revision: a\n\n-- revision: b\n",
       "a.sql:3: the header says 'revision' twice; remove one of the lines"},
      {"-- revision:\n",
       "a.sql:1: the revision id is empty; write an id such as `-- revision: "
       "4f1c2a9b0d3e`"},
      {"-- revision: ff-f@f\n",
       "a.sql:1: Character(s) '-', '@' not allowed in revision identifier 'ff-f@f'; write plain "
       "names, without quotes or brackets, separated by commas where several are allowed"},
      {"-- revision: a b\n",
       "a.sql:1: Character(s) white space not allowed in revision identifier 'a b'; write plain "
       "names, without quotes or brackets, separated by commas where several are allowed"},
      {"-- revision: a,b\n",
       "a.sql:1: Character(s) ',' not allowed in revision identifier 'a,b'; write plain names, "
       "without quotes or brackets, separated by commas where several are allowed"},
      {"-- revision: heads\n",
       "a.sql:1: revision identifier 'heads' is a word with a meaning of its own; write the id of "
       "a "
       "revision, or choose another name"},
      {"-- revision: a\n-- down_revision: ('b', 'c')\n",
       "a.sql:2: Character(s) ''', '(' not allowed in down_revision '('b''; write plain names, "
       "without quotes or brackets, separated by commas where several are allowed\n"
       "a.sql:2: Character(s) ''', ')' not allowed in down_revision ''c')'; write plain names, "
       "without quotes or brackets, separated by commas where several are allowed"},
      {"-- revision: a\n-- depends_on: b,,c\n",
       "a.sql:2: depends_on has an empty entry; separate the names by single commas"},
      {"-- revision: a\n-- transactional: no\n",
       "a.sql:2: 'no' is no value for transactional; write true or false"},
      {"-- revision: a\n-- message: x\0y\n"s,
       "a.sql:2: the line holds a NUL byte; save the script as UTF-8 text"},
      {"-- revision: a\n\n-- message: \xC3(\n",
       "a.sql:3: the line is not valid UTF-8; save the script as UTF-8 text"},
      {"-- revision: a-b\n-- mesage: x\n",
       "a.sql:1: Character(s) '-' not allowed in revision identifier 'a-b'; write plain names, "
       "without quotes or brackets, separated by commas where several are allowed\n"
       "a.sql:2: unknown key 'mesage' in the header; did you mean 'message'?"},
  };
  for (const Refusal& c : cases) {
    SCOPED_TRACE(c.text);
    const Error error = error_of([&] { parse_sql_header(c.text, "a.sql"); });
    EXPECT_EQ(error.reason(), Reason::InvalidScripts);
    EXPECT_EQ(error.message(), c.message);
    EXPECT_EQ(
        error.hint(),
        "a script begins like this:\n-- revision: 4f1c2a9b0d3e\n-- down_revision: None\n-- "
        "message: create users\n\n-- stillhead:upgrade\nCREATE TABLE users (id integer PRIMARY "
        "KEY);\n\n-- stillhead:downgrade\nDROP TABLE users;\n");
  }
}

TEST(SqlHeaderTest, KnowsWhatIsUtf8) {
  struct Case {
    std::string bytes;
    bool valid;
  };
  const std::vector<Case> cases = {
      {"\x7F", true},
      {"\xC2\x80", true},
      {"\xDF\xBF", true},
      {"\xE0\xA0\x80", true},
      {"\xED\x9F\xBF", true},
      {"\xEF\xBF\xBF", true},
      {"\xF0\x90\x80\x80", true},
      {"\xF4\x8F\xBF\xBF", true},
      {"\x80", false},
      {"\xC0\x80", false},
      {"\xC1\xBF", false},
      {"\xE0\x9F\xBF", false},
      {"\xED\xA0\x80", false},
      {"\xF0\x8F\xBF\xBF", false},
      {"\xF4\x90\x80\x80", false},
      {"\xF5\x80\x80\x80", false},
      {"\xE2\x82", false},
      {"\xFF\xFE", false},
  };
  for (const Case& c : cases) {
    for (std::size_t before = 0; before < 9; ++before) {
      SCOPED_TRACE(testing::PrintToString(c.bytes) + " behind " + std::to_string(before));
      const std::string text =
          "-- revision: a\n-- message: " + std::string(before, 'x') + c.bytes + "\n";
      if (c.valid) {
        EXPECT_EQ(parse_sql_header(text, "a.sql").message, std::string(before, 'x') + c.bytes);
      } else {
        EXPECT_EQ(error_of([&] { parse_sql_header(text, "a.sql"); }).message(),
                  "a.sql:2: the line is not valid UTF-8; save the script as UTF-8 text");
      }
    }
  }
}

// "sql@line", behind it '!' for autocommit.
std::string described(const std::vector<Operation>& operations) {
  std::string text;
  for (const Operation& operation : operations) {
    const ExecuteSql& sql = std::get<ExecuteSql>(operation);
    text += "[" + sql.sql + "@" + std::to_string(sql.line) + (sql.autocommit ? "!]" : "]");
  }
  return text;
}

TEST(SqlBodyTest, ReadsBothSections) {
  const std::string text =
      "-- revision: a\n\n-- stillhead:upgrade\nCREATE TABLE t ();\n-- stillhead:downgrade\nDROP "
      "TABLE "
      "t;\n";
  const ScriptBody body = parse_sql_body(text, "a.sql");
  EXPECT_EQ(described(body.upgrade), "[CREATE TABLE t ();\n@4]");
  ASSERT_TRUE(body.downgrade.has_value());
  EXPECT_EQ(described(*body.downgrade), "[DROP TABLE t;\n@6]");
  EXPECT_EQ(body.checksum, sha256_hex(text));
}

TEST(SqlBodyTest, WithoutMarkersAllOfItIsTheUpgrade) {
  const ScriptBody body = parse_sql_body("-- revision: a\n\nSELECT 1;\n-- b\nSELECT 2;\n", "a.sql");
  EXPECT_EQ(described(body.upgrade), "[SELECT 1;\n-- b\nSELECT 2;\n@3]");
  EXPECT_FALSE(body.downgrade.has_value());
}

TEST(SqlBodyTest, AnEmptyDowngradeSectionIsReversible) {
  const ScriptBody body = parse_sql_body(
      "-- revision: a\n-- stillhead:upgrade\n-- stillhead:downgrade\n-- nothing\n", "a");
  EXPECT_TRUE(body.upgrade.empty());
  ASSERT_TRUE(body.downgrade.has_value());
  EXPECT_TRUE(body.downgrade->empty());
}

TEST(SqlBodyTest, SectionsMayComeInAnyOrderBehindComments) {
  const ScriptBody body = parse_sql_body(
      "-- revision: a\n/* about\n */\n-- stillhead:downgrade\nD;\n  --stillhead:upgrade  \nU;",
      "a");
  EXPECT_EQ(described(body.upgrade), "[U;@7]");
  EXPECT_EQ(described(*body.downgrade), "[D;\n@5]");
}

TEST(SqlBodyTest, AutocommitBlocksStandAlone) {
  const ScriptBody body = parse_sql_body(
      "-- revision: a\n-- stillhead:upgrade\nA;\n-- stillhead:autocommit\nB;\n-- "
      "stillhead:end\nC;\n",
      "a");
  EXPECT_EQ(described(body.upgrade), "[A;\n@3][B;\n@5!][C;\n@7]");
}

TEST(SqlBodyTest, TransactionalFalseMakesAllOfItAutocommit) {
  const ScriptBody body = parse_sql_body(
      "-- revision: a\n-- transactional: false\n-- stillhead:upgrade\nA;\n-- "
      "stillhead:downgrade\nB;\n",
      "a");
  EXPECT_EQ(described(body.upgrade), "[A;\n@4!]");
  EXPECT_EQ(described(*body.downgrade), "[B;\n@6!]");
}

TEST(SqlBodyTest, CountsLinesWithCarriageReturnsAndAByteOrderMark) {
  const ScriptBody body = parse_sql_body(
      "\xEF\xBB\xBF-- revision: a\r\n-- stillhead:upgrade\r\n\r\nA;\r\n-- "
      "stillhead:downgrade\r\nB;",
      "a");
  EXPECT_EQ(described(body.upgrade), "[\r\nA;\r\n@3]");
  EXPECT_EQ(described(*body.downgrade), "[B;@6]");
  EXPECT_EQ(described(parse_sql_body("\xEF\xBB\xBF-- revision: a\nB;", "a").upgrade), "[B;@2]");
}

TEST(SqlBodyTest, TakesCommentsForWhatTheyAre) {
  const ScriptBody both = parse_sql_body(
      "-- revision: a\n-- Revises:\n-- ===== Upgrade =====\n-- stillhead:upgrade\nA;\n"
      "-- downgrade\n-- stillhead:downgrade\nB;\n",
      "a");
  EXPECT_EQ(described(both.upgrade), "[A;\n-- downgrade\n@5]");
  for (const char* comment :
       {"-- stillhead upgrade is what runs this", "-- upgrade of the users", "-- go up",
        "-- migrate the users down", "-- the end", "-- Stillhead"}) {
    EXPECT_EQ(
        described(parse_sql_body(std::string("-- revision: a\n") + comment + "\nA;", "a").upgrade),
        "[A;@3]")
        << comment;
  }
}

TEST(SqlBodyTest, RefusesWithFileLineAndRemedy) {
  const std::vector<Refusal> cases = {
      {"-- revision: a\n\n/* x */ SELECT 1;\n-- stillhead:upgrade\n",
       "a.sql:3: text before the first marker; put `-- stillhead:upgrade` before the statements"},
      {"-- revision: a\n-- stillhead:upgarde\n",
       "a.sql:2: unknown marker `-- stillhead:upgarde`; did you mean 'upgrade'?; the markers are "
       "upgrade, downgrade, autocommit, batch, pre, post and end"},
      {"-- revision: a\n-- stillhead:upgrade\nA;\n-- Stillhead:Downgrade\nB;\n",
       "a.sql:4: '-- Stillhead:Downgrade' looks like a marker and is none; write `-- "
       "stillhead:downgrade`, or word the comment differently"},
      {"-- revision: a\n-- stillhead downgrade\nB;\n",
       "a.sql:2: '-- stillhead downgrade' looks like a marker and is none; write `-- "
       "stillhead:downgrade`, or word the comment differently"},
      {"-- revision: a\n-- stillhead:upgrade\nA;\n  /* stillhead:downgrade */\nB;\n",
       "a.sql:4: '/* stillhead:downgrade */' looks like a marker and is none; write `-- "
       "stillhead:downgrade`, or word the comment differently"},
      {"-- revision: a\n-- stillhead:upgrade\nA;\n-- Downgrade:\nB;\n",
       "a.sql:4: '-- Downgrade:' looks like a marker and is none; write `-- stillhead:downgrade`, "
       "or word the comment differently"},
      {"-- revision: a\nA;\n-- +goose Up\nB;\n",
       "a.sql:3: '-- +goose Up' looks like a marker and is none; write `-- stillhead:upgrade`, or "
       "word the comment differently"},
      {"-- revision: a\n-- stillhead:upgrade\nA;\n-- stillhead : end\nB;\n",
       "a.sql:4: '-- stillhead : end' looks like a marker and is none; write `-- stillhead:end`, "
       "or "
       "word the comment differently"},
      {"-- revision: a\n-- migrate:up transaction:false\nA;\n-- migrate:down\nB;\n",
       "a.sql:2: '-- migrate:up transaction:false' looks like a marker and is none; write `-- "
       "stillhead:upgrade`, or word the comment differently\n"
       "a.sql:4: '-- migrate:down' looks like a marker and is none; write `-- "
       "stillhead:downgrade`, or word the comment differently"},
      {"-- revision: a\n-- stillhead:upgrade\nA;\n-- +migrate Down notransaction\nB;\n",
       "a.sql:4: '-- +migrate Down notransaction' looks like a marker and is none; write `-- "
       "stillhead:downgrade`, or word the comment differently"},
      {"-- revision: a\n-- stillhead:upgrade\nA;\n-- STILLHEAD DOWN\nB;\n",
       "a.sql:4: '-- STILLHEAD DOWN' looks like a marker and is none; write `-- "
       "stillhead:downgrade`, or word the comment differently"},
      {"-- revision: a\n-- stillhead:xyz\n",
       "a.sql:2: unknown marker `-- stillhead:xyz`; the markers are upgrade, downgrade, "
       "autocommit, "
       "batch, pre, post and end"},
      {"-- revision: a\n-- stillhead:upgrade\n-- stillhead:batch key=id size=10\n",
       "a.sql:3: `-- stillhead:batch` without a statement behind it; put the UPDATE or DELETE "
       "behind it"},
      {"-- revision: a\n-- stillhead:upgrade\n-- stillhead:batch size=10\nUPDATE t SET a = 1;\n",
       "a.sql:3: `-- stillhead:batch` without a key; write for example `-- stillhead:batch key=id "
       "size=10000 pause=100ms max_lag=10s`"},
      {"-- revision: a\n-- stillhead:pre \"x\"\n",
       "a.sql:2: `-- stillhead:pre` outside of a section; put `-- stillhead:upgrade` before it"},
      {"-- revision: a\n-- stillhead:upgrade\n-- stillhead:pre x\n",
       "a.sql:3: `-- stillhead:pre` takes a question in double quotes; write `-- stillhead:pre "
       "\"SELECT ...\"`, which must answer with true"},
      {"-- revision: a\n-- stillhead:upgrade\nA;\n-- stillhead:pre \"x\"\n",
       "a.sql:4: `-- stillhead:pre` behind a statement; put it before the first statement of the "
       "section, or use `-- stillhead:post`"},
      {"-- revision: a\n-- stillhead:upgrade\n-- stillhead:post \"x\"\nA;\n",
       "a.sql:3: `-- stillhead:post` before a statement; put it behind the last statement of the "
       "section, or use `-- stillhead:pre`"},
      {"-- revision: a\n-- stillhead:upgrade now\n",
       "a.sql:2: `-- stillhead:upgrade` takes no argument; remove 'now'"},
      {"-- revision: a\n-- stillhead:upgrade\nA;\n-- stillhead:upgrade\nB;\n",
       "a.sql:4: a second `-- stillhead:upgrade`, the first is in line 2; put all statements of a "
       "direction into one section"},
      {"-- revision: a\n-- stillhead:downgrade\n",
       "a.sql:2: a downgrade section without an upgrade section; add `-- stillhead:upgrade`; the "
       "section may be empty"},
      {"-- revision: a\n-- stillhead:upgrade\n-- stillhead:autocommit\nA;\n-- "
       "stillhead:downgrade\n",
       "a.sql:3: `-- stillhead:autocommit` is not closed; add `-- stillhead:end` behind the last "
       "of "
       "its statements"},
      {"-- revision: a\n-- stillhead:upgrade\n-- stillhead:autocommit\nA;\n",
       "a.sql:3: `-- stillhead:autocommit` is not closed; add `-- stillhead:end` behind the last "
       "of "
       "its statements"},
      {"-- revision: a\n-- stillhead:upgrade\n-- stillhead:end\n",
       "a.sql:3: `-- stillhead:end` without `-- stillhead:autocommit` before it; remove the "
       "marker, or "
       "add the one that begins the block"},
      {"-- revision: a\n-- stillhead:autocommit\n-- stillhead:end\n-- stillhead:upgrade\n",
       "a.sql:2: `-- stillhead:autocommit` outside of a section; put `-- stillhead:upgrade` before "
       "it"},
      {"-- revision: a\n-- stillhead:upgrade\n\nSELECT '\xFF';\n",
       "a.sql:4: the line is not valid UTF-8; save the script as UTF-8 text"},
      {"-- revision: a\nSELECT 1;\n\0"s,
       "a.sql:3: the line holds a NUL byte; save the script as UTF-8 text"},
      {"-- revision: a-\n-- stillhead:sensitive\n",
       "a.sql:1: Character(s) '-' not allowed in revision identifier 'a-'; write plain names, "
       "without "
       "quotes or brackets, separated by commas where several are allowed\n"
       "a.sql:2: `-- stillhead:sensitive` is not supported by this version of stillhead; remove "
       "the "
       "marker, or run a version that supports it"},
  };
  for (const Refusal& c : cases) {
    SCOPED_TRACE(c.text);
    const Error error = error_of([&] { parse_sql_body(c.text, "a.sql"); });
    EXPECT_EQ(error.reason(), Reason::InvalidScripts);
    EXPECT_EQ(error.message(), c.message);
  }
}

TEST(SqlScriptTest, ConditionsAndBatchesAreOperationsOfTheirOwn) {
  const ScriptBody body = parse_sql_body(
      "-- revision: a\n-- stillhead:upgrade\n-- stillhead:pre \"SELECT count(*) = 0 FROM \"T\"\"\n"
      "A;\n-- stillhead:batch key=id size=500 pause=10ms\nUPDATE t SET a = 1;\n-- stillhead:end\n"
      "B;\n-- stillhead:post \"SELECT true\"\n",
      "a.sql");
  ASSERT_EQ(body.upgrade.size(), 5U);
  const auto part = [&](std::size_t i) { return std::get<ExecuteSql>(body.upgrade[i]); };
  EXPECT_EQ(part(0).kind, StatementKind::Condition);
  EXPECT_EQ(part(0).sql, "SELECT count(*) = 0 FROM \"T\"");
  EXPECT_EQ(part(0).line, 3);
  EXPECT_EQ(part(1).kind, StatementKind::Ordinary);
  EXPECT_FALSE(part(1).autocommit);
  EXPECT_EQ(part(2).kind, StatementKind::Batch);
  EXPECT_TRUE(part(2).autocommit);
  EXPECT_EQ(part(2).batch, (BatchOptions{"id", 500, std::chrono::milliseconds(10)}));
  EXPECT_EQ(part(3).kind, StatementKind::Ordinary);
  EXPECT_FALSE(part(3).autocommit);
  EXPECT_EQ(part(4).sql, "SELECT true");
}

}  // namespace
}  // namespace engine
