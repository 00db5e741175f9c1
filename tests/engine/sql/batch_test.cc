// SPDX-License-Identifier: Apache-2.0
#include "engine/sql/batch.h"

#include <gtest/gtest.h>

#include "engine/core/error.h"

namespace engine {
namespace {

BatchedStatement batched(std::string_view sql, const std::string& key = "id") {
  return BatchedStatement(sql, {key}, postgres_dialect(), "a.sql", 7);
}

TEST(BatchedStatementTest, PartsAreCutByTheKey) {
  const BatchedStatement statement = batched("UPDATE t SET a = 1");
  EXPECT_EQ(statement.table(), "t");
  EXPECT_EQ(statement.part("3", "9"), "UPDATE t SET a = 1\nWHERE t.id > '3' AND t.id <= '9'");
  EXPECT_EQ(batched("update only s.\"T\" as x set a = (select 1 where true)").part({}, "9"),
            "update only s.\"T\" as x set a = (select 1 where true)\nWHERE x.id <= '9'");
  EXPECT_EQ(batched("DELETE FROM t y USING u WHERE u.i = y.i").part({}, "9"),
            "DELETE FROM t y USING u WHERE ( u.i = y.i\n) AND y.id <= '9'");
}

TEST(BatchedStatementTest, AConditionIsKeptTogether) {
  EXPECT_EQ(batched("UPDATE t SET a = 1 WHERE a = 2 OR a = 3").part("1", "it's"),
            "UPDATE t SET a = 1 WHERE ( a = 2 OR a = 3\n) AND t.id > '1' AND t.id <= 'it''s'");
  EXPECT_EQ(batched("DELETE FROM s.t AS x WHERE true").part({}, "9"),
            "DELETE FROM s.t AS x WHERE ( true\n) AND x.id <= '9'");
}

TEST(BatchedStatementTest, AsksForKeys) {
  const BatchedStatement statement = batched("UPDATE s.t SET a = 1", "\"Key\"");
  EXPECT_EQ(statement.find_bound(), "SELECT \"Key\" FROM s.t ORDER BY \"Key\" DESC LIMIT 1");
  EXPECT_EQ(statement.find_end({}, "9", 10),
            "SELECT \"Key\" FROM s.t WHERE \"Key\" <= '9' ORDER BY \"Key\" LIMIT 1 OFFSET 9");
  EXPECT_EQ(statement.find_end("5", "9", 1),
            "SELECT \"Key\" FROM s.t WHERE \"Key\" > '5' AND \"Key\" <= '9' ORDER BY \"Key\" "
            "LIMIT 1 OFFSET 0");
}

TEST(BatchedStatementTest, WhatCannotBeCutIsRefused) {
  for (const auto& [sql, why] : std::vector<std::pair<std::string, std::string>>{
           {"INSERT INTO t SELECT 1", "only UPDATE and DELETE run in batches"},
           {"WITH x AS (SELECT 1) UPDATE t SET a = 1", "only UPDATE and DELETE run in batches"},
           {"DELETE t", "FROM is missing"},
           {"UPDATE", "the table is missing"},
           {"UPDATE t SET a = 1 RETURNING a", "nobody reads what RETURNING gives"},
           {"DELETE FROM t WHERE CURRENT OF c", "WHERE CURRENT OF has no cursor here"},
           {"DELETE FROM t WHERE true LIMIT 5", "the batches limit it"},
           {"UPDATE t SET a = 1, id = id + 100", "it changes its key id"},
           {"UPDATE t SET (a, \"id\") = (1, 2) WHERE a > 2", "it changes its key id"},
           {"UPDATE t SET ID=5", "it changes its key id"},
       }) {
    try {
      batched(sql);
      FAIL() << sql;
    } catch (const Error& error) {
      EXPECT_EQ(error.reason(), Reason::InvalidScripts);
      EXPECT_EQ(error.message(), "a.sql:7: this statement cannot run in batches: " + why);
      EXPECT_EQ(error.hint(),
                "write one UPDATE or DELETE of one table, without WITH, RETURNING and LIMIT, or "
                "leave out `-- stillhead:batch`");
    }
  }
}

}  // namespace
}  // namespace engine
