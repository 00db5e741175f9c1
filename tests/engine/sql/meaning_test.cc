// SPDX-License-Identifier: Apache-2.0
#include "engine/sql/meaning.h"

#include <gtest/gtest.h>

#include "engine/core/error.h"

namespace engine {
namespace {

struct Pair {
  std::string_view a = {};
  std::string_view b = {};
};

std::string postgres(std::string_view text) { return words_of(text, SqlFlavour::PostgreSql); }

TEST(WordsOfTest, WritingDoesNotMatter) {
  constexpr Pair kSame[] = {
      {"SELECT  1", "select 1"},
      {"SELECT a,b", "SELECT a , b"},
      {"SELECT 1 -- why\n + 2", "SELECT /* because */ 1 + 2"},
      {"CREATE TABLE T (ID integer)", "create table t(id INTEGER)"},
      {"SELECT a<=5", "SELECT a <= 5"},
      {"SELECT a*-1", "SELECT a * -1"},
      {"SELECT x::int", "SELECT x :: int"},
      {"SELECT s.t", "SELECT s . t"},
      {"SELECT a[1:2]", "SELECT a [ 1 : 2 ]"},
      {"SELECT E'a'", "SELECT e'a'"},
      {"SELECT f($1)", "select F( $1 )"},
      {"SELECT x'ff'", "SELECT X'ff'"},
  };
  for (const auto& [a, b] : kSame) EXPECT_EQ(postgres(a), postgres(b)) << a;
}

TEST(WordsOfTest, WhatTheDatabaseCouldReadDifferentlyDiffers) {
  constexpr Pair kDifferent[] = {
      {"SELECT 'a b'", "SELECT 'a  b'"},
      {"SELECT 'A'", "SELECT 'a'"},
      {"SELECT \"A\"", "SELECT \"a\""},
      {"SELECT \"a\"", "SELECT a"},
      {"SELECT $$-- a$$", "SELECT $$-- b$$"},
      {"SELECT 1 e5", "SELECT 1e5"},
      {"SELECT 1 .5", "SELECT 1.5"},
      {"SELECT a @ -1", "SELECT a @-1"},
      {"SELECT a - -1", "SELECT a --1"},
      {"SELECT a < -1", "SELECT a <-> 1"},
      {"SELECT x 'ff'", "SELECT x'ff'"},
      {"SELECT u & 'a'", "SELECT u&'a'"},
      {"SELECT 12", "SELECT 1 2"},
      {"SELECT ab", "SELECT a b"},
      {"SELECT É", "SELECT é"},
      {"SELECT 1", "SELECT 2"},
      {"", "SELECT 1"},
  };
  for (const auto& [a, b] : kDifferent) EXPECT_NE(postgres(a), postgres(b)) << a;
}

TEST(WordsOfTest, QuotesAreThoseOfTheDatabase) {
  EXPECT_EQ(words_of("SELECT [a -- b]", SqlFlavour::Sqlite), "select [a -- b]");
  EXPECT_EQ(words_of("SELECT `A` -- b", SqlFlavour::Sqlite), "select `A`");
  EXPECT_EQ(postgres("SELECT 'it''s' || E'\\'' || U&'\\0041'"),
            "select 'it''s' || e'\\'' || u&'\\0041'");
  EXPECT_EQ(postgres("a *- b !- c"), "a * - b !- c");
  EXPECT_THROW(postgres("SELECT 'a"), Error);
}

class ScriptMeaningTest : public testing::Test {
 protected:
  ScriptMeaningTest() {
    revision_.id = "b2";
    revision_.down_revisions = {"a1"};
    body_.upgrade.emplace_back(ExecuteSql{"CREATE TABLE t (id int);\nSELECT 1;\n"});
    body_.downgrade.emplace();
    body_.downgrade->emplace_back(ExecuteSql{"DROP TABLE t;"});
  }
  ScriptMeaning meaning() const { return meaning_of(revision_, body_, postgres_dialect()); }
  std::string changed_to(const ScriptMeaning& then) const {
    EXPECT_EQ(text_of(then) == text_of(meaning()), difference(then, meaning()).text.empty());
    return difference(then, meaning()).text;
  }
  ExecuteSql& up() { return std::get<ExecuteSql>(body_.upgrade.front()); }
  Revision revision_ = {};
  ScriptBody body_ = {};
};

TEST_F(ScriptMeaningTest, WordsForPeopleAreNoPartOfIt) {
  const ScriptMeaning then = meaning();
  revision_.message = "another";
  revision_.doc = "another\n\nand more";
  revision_.file = "renamed.sql";
  body_.checksum = "other bytes";
  up().sql = "-- the table\nCREATE TABLE t(id INT) ;; SELECT 1";
  up().line = 7;
  EXPECT_EQ(changed_to(then), "");
}

TEST_F(ScriptMeaningTest, PlaceInTheGraphIsPartOfIt) {
  const ScriptMeaning then = meaning();
  for (auto field : {&Revision::down_revisions, &Revision::depends_on, &Revision::branch_labels}) {
    const Revision before = revision_;
    (revision_.*field).emplace_back("x");
    EXPECT_EQ(changed_to(then), "its header");
    revision_ = before;
  }
  revision_.down_revisions = {};
  revision_.depends_on = {"a1"};
  EXPECT_EQ(changed_to(then), "its header");
}

TEST_F(ScriptMeaningTest, DifferenceNamesTheFirstStatement) {
  const ScriptMeaning then = meaning();
  up().sql = "CREATE TABLE t (id int); SELECT 2";
  EXPECT_EQ(changed_to(then), "statement 2 of its upgrade section");
  EXPECT_EQ(difference(then, meaning()).statement, 2);
  up().sql = "CREATE TABLE t (id int)";
  EXPECT_EQ(changed_to(then), "statement 2 of its upgrade section") << "gone";
  up().sql = "CREATE TABLE t (id int); SELECT 1; SELECT 3";
  EXPECT_EQ(changed_to(then), "statement 3 of its upgrade section") << "added";
}

TEST_F(ScriptMeaningTest, AutocommitIsPartOfIt) {
  const ScriptMeaning then = meaning();
  up().autocommit = true;
  EXPECT_EQ(changed_to(then), "statement 1 of its upgrade section");
}

TEST_F(ScriptMeaningTest, DowngradeIsPartOfIt) {
  const ScriptMeaning then = meaning();
  std::get<ExecuteSql>(body_.downgrade->front()).sql = "DROP TABLE IF EXISTS t";
  EXPECT_EQ(changed_to(then), "statement 1 of its downgrade section");
  body_.downgrade->clear();
  EXPECT_EQ(changed_to(then), "statement 1 of its downgrade section") << "empty";
  body_.downgrade.reset();
  EXPECT_EQ(changed_to(then), "its downgrade section") << "irreversible";
  EXPECT_NE(text_of(meaning()), text_of(then));
}

TEST_F(ScriptMeaningTest, StatementsCannotBeTakenForOthers) {
  up().sql = "SELECT 'a'; SELECT 'b'";
  const ScriptMeaning two = meaning();
  up().sql = "SELECT 'a; SELECT ''b'";
  EXPECT_EQ(changed_to(two), "statement 1 of its upgrade section");
}

TEST_F(ScriptMeaningTest, WhatCannotBeCutMeansItsText) {
  std::get<ExecuteSql>(body_.downgrade->front()).sql = "COMMIT; -- never";
  const ScriptMeaning then = meaning();
  EXPECT_EQ(*then.downgrade, std::vector<std::string>{"COMMIT; -- never"});
  std::get<ExecuteSql>(body_.downgrade->front()).sql = "COMMIT; -- now";
  EXPECT_EQ(changed_to(then), "statement 1 of its downgrade section");
}

}  // namespace
}  // namespace engine
