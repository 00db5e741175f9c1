// SPDX-License-Identifier: Apache-2.0
#include "engine/sql/statement_kind.h"

#include <gtest/gtest.h>

namespace engine {
namespace {

TEST(StatementKindTest, KnowsWhatChangesTheSession) {
  for (const char* sql : {"SET lock_timeout = '5s'", "set SESSION x to 1", "RESET ALL", "LOAD 'x'",
                          "/* so */ SET x = 1"}) {
    EXPECT_TRUE(changes_session(sql, SqlFlavour::PostgreSql)) << sql;
  }
  for (const char* sql : {"SET LOCAL x = 1", "SET TRANSACTION READ ONLY",
                          "SET CONSTRAINTS ALL DEFERRED", "UPDATE t SET a = 1", "PRAGMA x", ""}) {
    EXPECT_FALSE(changes_session(sql, SqlFlavour::PostgreSql)) << sql;
  }
  EXPECT_TRUE(changes_session("pragma foreign_keys = off", SqlFlavour::Sqlite));
  EXPECT_TRUE(changes_session("ATTACH 'x' AS y", SqlFlavour::Sqlite));
  EXPECT_FALSE(changes_session("VACUUM", SqlFlavour::Sqlite));
}

TEST(StatementKindTest, KnowsWhatShunsTransactionsWithoutSayingSo) {
  EXPECT_TRUE(shuns_transactions("PRAGMA foreign_keys = OFF", SqlFlavour::Sqlite));
  EXPECT_TRUE(shuns_transactions("vacuum", SqlFlavour::Sqlite));
  EXPECT_FALSE(shuns_transactions("INSERT INTO t VALUES (1)", SqlFlavour::Sqlite));
  EXPECT_FALSE(shuns_transactions("VACUUM", SqlFlavour::PostgreSql)) << "the server says so";
}

TEST(StatementKindTest, ReadsConcurrentIndexes) {
  struct Case {
    const char* sql = "";
    const char* name = "";
    const char* table = "";
  };
  for (const Case& c : {
           Case{"CREATE INDEX CONCURRENTLY i ON t (a)", "i", "t"},
           Case{"create unique index concurrently if not exists i on only s.t using gin (a)", "i",
                "s.t"},
           Case{"CREATE INDEX CONCURRENTLY \"Odd name\" ON \"S\" . \"T\"(a)", "\"Odd name\"",
                "\"S\" . \"T\""},
           Case{"CREATE /* x */ INDEX CONCURRENTLY -- y\n i ON t(a)", "i", "t"},
       }) {
    const auto index = concurrent_index(c.sql);
    ASSERT_TRUE(index) << c.sql;
    EXPECT_EQ(index->name, c.name);
    EXPECT_EQ(index->table, c.table);
  }
  for (const char* sql :
       {"CREATE INDEX i ON t (a)", "CREATE INDEX CONCURRENTLY ON t (a)",
        "DROP INDEX CONCURRENTLY i", "CREATE INDEX CONCURRENTLY IF i ON t(a)", ""}) {
    EXPECT_FALSE(concurrent_index(sql)) << sql;
  }
}

}  // namespace
}  // namespace engine
