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

TEST(StatementKindTest, KnowsWhatShunsTransactions) {
  EXPECT_TRUE(shuns_transactions("PRAGMA foreign_keys = OFF", SqlFlavour::Sqlite));
  EXPECT_TRUE(shuns_transactions("vacuum", SqlFlavour::Sqlite));
  EXPECT_FALSE(shuns_transactions("INSERT INTO t VALUES (1)", SqlFlavour::Sqlite));
  for (const char* sql : {"VACUUM", "create database x", "DROP TABLESPACE x",
                          "CREATE UNIQUE INDEX CONCURRENTLY i ON t(a)", "DROP INDEX CONCURRENTLY i",
                          "REINDEX (VERBOSE) TABLE CONCURRENTLY t",
                          "ALTER TABLE p DETACH PARTITION c CONCURRENTLY"}) {
    EXPECT_TRUE(shuns_transactions(sql, SqlFlavour::PostgreSql)) << sql;
  }
  for (const char* sql : {"CREATE INDEX i ON t (concurrently)", "REINDEX TABLE t", "CALL p()",
                          "REFRESH MATERIALIZED VIEW CONCURRENTLY v", "DROP TABLE database"}) {
    EXPECT_FALSE(shuns_transactions(sql, SqlFlavour::PostgreSql)) << sql;
  }
}

TEST(StatementKindTest, KnowsWhatMayLeaveSomethingInTheSession) {
  for (const char* sql : {"SET x = 1", "SET LOCAL x = 1", "DO $$ BEGIN END $$", "CALL p()",
                          "SELECT pg_catalog.set_config('search_path', '', false)"}) {
    EXPECT_TRUE(may_change_session(sql, SqlFlavour::PostgreSql)) << sql;
  }
  for (const char* sql : {"CREATE TABLE t (a int)", "UPDATE t SET a = 1", "SELECT 'set_config'"}) {
    EXPECT_FALSE(may_change_session(sql, SqlFlavour::PostgreSql)) << sql;
  }
  EXPECT_FALSE(may_change_session("PRAGMA x", SqlFlavour::Sqlite));
}

TEST(StatementKindTest, KnowsHowAStatementWaitsForLocks) {
  struct Case {
    LockClass expected = {};
    const char* sql = "";
  };
  for (const Case& c : {
           Case{LockClass::Rows, "UPDATE t SET a = 1"},
           Case{LockClass::Rows, "/* x */ with x as (select 1) delete from t"},
           Case{LockClass::Rows, "SET x = 1"},
           Case{LockClass::Short, "ALTER TABLE t ADD COLUMN a int"},
           Case{LockClass::Short, "CREATE INDEX i ON t (a)"},
           Case{LockClass::Short, "LOCK TABLE t"},
           Case{LockClass::Short, "DO $$ BEGIN END $$"},
           Case{LockClass::Short, "VACUUM FULL t"},
           Case{LockClass::Short, "REFRESH MATERIALIZED VIEW v"},
           Case{LockClass::Short, "ALTER TABLE t VALIDATE CONSTRAINT c, ADD COLUMN a int"},
           Case{LockClass::Long, "alter table if exists only s.t validate constraint c"},
           Case{LockClass::Long, "VACUUM (ANALYZE) t"},
           Case{LockClass::Long, "ANALYZE t"},
           Case{LockClass::Long, "DROP INDEX CONCURRENTLY i"},
           Case{LockClass::Long, "REINDEX INDEX CONCURRENTLY i"},
           Case{LockClass::Long, "REFRESH MATERIALIZED VIEW CONCURRENTLY v"},
           Case{LockClass::Long, "ALTER TABLE p DETACH PARTITION c CONCURRENTLY"},
       }) {
    EXPECT_EQ(lock_class(c.sql), c.expected) << c.sql;
  }
}

TEST(StatementKindTest, KnowsWhichParameterAStatementSets) {
  for (const char* sql :
       {"SET lock_timeout = 0", "set local Lock_Timeout to '1s'", "SET SESSION lock_timeout = 1",
        "SELECT set_config('lock_timeout', '1', true)"}) {
    EXPECT_TRUE(sets_parameter(sql, "LOCK_TIMEOUT")) << sql;
  }
  for (const char* sql : {"SET x = lock_timeout", "RESET lock_timeout", "SELECT 'lock_timeout'",
                          "SELECT set_config('x', '1', true)", "SHOW lock_timeout"}) {
    EXPECT_FALSE(sets_parameter(sql, "LOCK_TIMEOUT")) << sql;
  }
}

TEST(StatementKindTest, KnowsWhatStandsByItself) {
  for (const char* sql :
       {"CREATE INDEX CONCURRENTLY i ON t (a)", "create unique index concurrently on t (a)",
        "DROP INDEX CONCURRENTLY i", "REINDEX TABLE CONCURRENTLY t",
        "REINDEX (CONCURRENTLY) INDEX i", "ALTER TABLE p DETACH PARTITION c CONCURRENTLY"}) {
    EXPECT_TRUE(runs_concurrently(sql, SqlFlavour::PostgreSql)) << sql;
    EXPECT_FALSE(runs_concurrently(sql, SqlFlavour::Sqlite)) << sql;
  }
  for (const char* sql :
       {"CREATE INDEX i ON t (a)", "VACUUM t", "REINDEX (CONCURRENTLY false) TABLE t",
        "REINDEX TABLE t", "REFRESH MATERIALIZED VIEW CONCURRENTLY v",
        "CREATE DATABASE concurrently", "ALTER TABLE p DETACH PARTITION concurrently", ""}) {
    EXPECT_FALSE(runs_concurrently(sql, SqlFlavour::PostgreSql)) << sql;
  }
}

TEST(StatementKindTest, ReadsConcurrentDetaches) {
  const auto detach =
      concurrent_detach("ALTER TABLE IF EXISTS ONLY s.p DETACH PARTITION \"C\" CONCURRENTLY");
  ASSERT_TRUE(detach);
  EXPECT_EQ(detach->table, "s.p");
  EXPECT_EQ(detach->partition, "\"C\"");
  EXPECT_EQ(detach->finalize, "ALTER TABLE IF EXISTS ONLY s.p DETACH PARTITION \"C\" FINALIZE");
}

TEST(StatementKindTest, ReadsConcurrentReindexes) {
  struct Case {
    const char* sql = "";
    const char* what = "";
    const char* name = "";
  };
  for (const Case& c : {
           Case{"REINDEX TABLE CONCURRENTLY s.t", "TABLE", "s.t"},
           Case{"reindex (verbose, concurrently true) index i", "INDEX", "i"},
           Case{"REINDEX (CONCURRENTLY) SYSTEM", "SYSTEM", ""},
           Case{"REINDEX (TABLESPACE x) SCHEMA CONCURRENTLY s", "SCHEMA", "s"},
       }) {
    const auto reindex = concurrent_reindex(c.sql);
    ASSERT_TRUE(reindex) << c.sql;
    EXPECT_EQ(reindex->what, c.what) << c.sql;
    EXPECT_EQ(reindex->name, c.name) << c.sql;
  }
  for (const char* sql :
       {"REINDEX TABLE t", "REINDEX (CONCURRENTLY off) TABLE t", "REINDEX (CONCURRENTLY 0) TABLE t",
        "REINDEX (CONCURRENTLY 'off') TABLE t", "CLUSTER"}) {
    EXPECT_FALSE(concurrent_reindex(sql)) << sql;
  }
}

TEST(StatementKindTest, ReadsConcurrentIndexes) {
  struct Case {
    const char* sql = "";
    const char* name = "";
    const char* table = "";
    const char* rest = "";
    bool unique = false;
    bool if_not_exists = false;
  };
  for (const Case& c : {
           Case{"CREATE INDEX CONCURRENTLY i ON t (a)", "i", "t", "(a)"},
           Case{"create unique index concurrently if not exists i on only s.t using gin (a)", "i",
                "s.t", "using gin (a)", true, true},
           Case{"CREATE INDEX CONCURRENTLY \"Odd name\" ON \"S\" . \"T\"(a) WHERE b",
                "\"Odd name\"", "\"S\" . \"T\"", "(a) WHERE b"},
           Case{"CREATE /* x */ INDEX CONCURRENTLY -- y\n i ON t(a)", "i", "t", "(a)"},
       }) {
    const auto index = concurrent_index(c.sql);
    ASSERT_TRUE(index) << c.sql;
    EXPECT_EQ(index->name, c.name);
    EXPECT_EQ(index->table, c.table);
    EXPECT_EQ(index->rest, c.rest);
    EXPECT_EQ(index->unique, c.unique);
    EXPECT_EQ(index->if_not_exists, c.if_not_exists);
  }
  for (const char* sql :
       {"CREATE INDEX i ON t (a)", "CREATE INDEX CONCURRENTLY ON t (a)",
        "DROP INDEX CONCURRENTLY i", "CREATE INDEX CONCURRENTLY IF i ON t(a)", ""}) {
    EXPECT_FALSE(concurrent_index(sql)) << sql;
  }
}

}  // namespace
}  // namespace engine
