// SPDX-License-Identifier: Apache-2.0
//
// Each hazard is shown to be one: the statements run on a live server, and what the table claims
// happens there.
#include "engine/sql/hazards.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "engine/db/catalog.h"
#include "engine/sql/review.h"
#include "tests/database/scratch_database.h"

namespace engine {
namespace {

using test::ScratchDatabase;
using enum HazardKind;

constexpr const char* kSetUp = R"(
create type mood as enum ('a', 'b');
create domain posint as int check (value > 0);
create table r(id int primary key, v text);
create table t(id int primary key, a int, b text, rid int references r(id), m mood default 'a',
  d posint);
create index t_a on t(a);
create table o(id int, v text);
create table p(id int, v text) partition by range(id);
create table p1 partition of p for values from (0) to (100);
create materialized view mv as select 1 as id;
create view vw as select id from o;
create schema s2;
insert into r select i, 'x' from generate_series(1, 5) i;
insert into t select i, i, 'x', i, 'a', i from generate_series(1, 5) i;
insert into o select i, 'x' from generate_series(1, 5) i;
insert into p values (1, 'x');
)";

enum class Proof {
  Waits,     // the probe of another session, before the end of the transaction, waits
  Rewrites,  // the relation `probe` has another file afterwards
  Fails,     // the last statement fails with `expected`
  Then,      // afterwards the probe gives `expected`: an SQLSTATE, or its first value
  Deadlock,  // against a session that uses `probe` and then the first table
};

struct Case {
  HazardKind kind;
  std::vector<std::string> statements;  // the last one is it
  Proof proof;
  std::string probe;
  std::string expected = {};
};

std::vector<Case> cases() {
  const std::string read_t = "select count(*) from t";
  const std::string write_t = "update t set a = 0 where id = 3";
  return {
      {IndexBuildBlocksWrites, {"create index i on t(b)"}, Proof::Waits, write_t},
      {IndexBuildBlocksWrites, {"create index i on p(v)"}, Proof::Waits, "update p1 set v = ''"},
      {IndexDropBlocksReads, {"drop index t_a"}, Proof::Waits, read_t},
      {ReindexBlocksWrites, {"reindex table t"}, Proof::Waits, write_t},
      {ConcurrentIndexOnPartitioned,
       {"create index concurrently i on p(v)"},
       Proof::Fails,
       "",
       "0A000"},
      {NotInTransaction, {"vacuum t"}, Proof::Fails, "", "25001"},
      {NotInTransaction, {"create database never"}, Proof::Fails, "", "25001"},
      {NotInTransaction, {"alter system set work_mem = '4MB'"}, Proof::Fails, "", "25001"},
      {PrimaryKeyBuildBlocksReads,
       {"alter table o add primary key (id)"},
       Proof::Waits,
       "select count(*) from o"},
      {UniqueBuildBlocksReads, {"alter table t add unique (a)"}, Proof::Waits, read_t},
      {ExclusionBuildBlocksReads,
       {"alter table t add exclude using btree (a with =)"},
       Proof::Waits,
       read_t},
      {CheckScanBlocksReads, {"alter table t add check (a > 0)"}, Proof::Waits, read_t},
      {ForeignKeyScanBlocksWrites,
       {"alter table o add foreign key (id) references r(id)"},
       Proof::Waits,
       "update r set v = '' where id = 3"},
      {ForeignKeyDropBlocksReads,
       {"alter table t drop constraint t_rid_fkey"},
       Proof::Waits,
       "select count(*) from r"},
      {ValidateInSameTransaction,
       {"alter table t add constraint c check (a > 0) not valid",
        "alter table t validate constraint c"},
       Proof::Waits,
       write_t},
      {NotNullScanBlocksReads, {"alter table t alter column a set not null"}, Proof::Waits, read_t},
      {DomainScanBlocksWrites,
       {"alter domain posint add check (value < 100)"},
       Proof::Waits,
       write_t},
      {VolatileDefaultRewrites,
       {"alter table t add x uuid default gen_random_uuid()"},
       Proof::Rewrites,
       "t"},
      {SequenceColumnRewrites, {"alter table t add x bigserial"}, Proof::Rewrites, "t"},
      {SequenceColumnRewrites,
       {"alter table t add x int generated always as identity"},
       Proof::Rewrites,
       "t"},
      {GeneratedColumnRewrites,
       {"alter table t add x int generated always as (a + 1) stored"},
       Proof::Rewrites,
       "t"},
      {DomainColumnRewrites, {"alter table t add x posint"}, Proof::Rewrites, "t"},
      {NotNullColumnFails, {"alter table t add x int not null"}, Proof::Fails, "", "23502"},
      {ColumnCheckScanBlocksReads, {"alter table t add x int check (x > 0)"}, Proof::Waits, read_t},
      {ColumnKeyBuildBlocksReads, {"alter table t add x int unique"}, Proof::Waits, read_t},
      {TypeChangeRewrites, {"alter table t alter column a type bigint"}, Proof::Rewrites, "t"},
      {TypeChangeRewrites, {"alter table t alter column b type varchar(5)"}, Proof::Rewrites, "t"},
      {ColumnDropped, {"alter table t drop column a"}, Proof::Then, "select a from t", "42703"},
      {ColumnRenamed,
       {"alter table t rename column a to aa"},
       Proof::Then,
       "select a from t",
       "42703"},
      {TableDropped, {"drop table t"}, Proof::Then, read_t, "42P01"},
      {CascadeDrops, {"drop table o cascade"}, Proof::Then, "select count(*) from vw", "42P01"},
      {CascadeDrops, {"drop type mood cascade"}, Proof::Then, "select m from t", "42703"},
      {TableTruncated, {"truncate o"}, Proof::Then, "select count(*) from o", "0"},
      {TruncateCascades, {"truncate r cascade"}, Proof::Then, read_t, "0"},
      {TableRenamed, {"alter table t rename to tt"}, Proof::Then, read_t, "42P01"},
      {TableRenamed, {"alter table t set schema s2"}, Proof::Then, read_t, "42P01"},
      {PartitionCreateBlocksReads,
       {"create table p2 partition of p for values from (100) to (200)"},
       Proof::Waits,
       "select count(*) from p"},
      {PartitionDetachBlocksReads,
       {"alter table p detach partition p1"},
       Proof::Waits,
       "select count(*) from p"},
      {LoggingChangeRewrites, {"alter table o set unlogged"}, Proof::Rewrites, "o"},
      {TableMoveRewrites, {"alter table o set access method heap2"}, Proof::Rewrites, "o"},
      {TableReorderRewrites, {"cluster t using t_a"}, Proof::Rewrites, "t"},
      {ViewRefreshBlocksReads, {"refresh materialized view mv"}, Proof::Waits, "select * from mv"},
      {AllRowsDeleted, {"delete from t"}, Proof::Then, read_t, "0"},
      {AllRowsUpdated, {"update t set b = 'y'"}, Proof::Waits, write_t},
      {RowsChangedUnderLock,
       {"alter table t add x int", "update o set v = 'y' where id = 1"},
       Proof::Waits,
       read_t},
      {WorkUnderLock, {"alter table t add x int", "create index i on o(id)"}, Proof::Waits, read_t},
      {SeveralTablesLocked,
       {"alter table t add x int", "alter table o add x int"},
       Proof::Deadlock,
       "select count(*) from o"},
      {EnumValueUsedAtOnce,
       {"alter type mood add value 'c'", "update t set m = 'c' where id = 1"},
       Proof::Fails,
       "",
       "55P04"},
      {EnumValueRenamed,
       {"alter type mood rename value 'a' to 'z'"},
       Proof::Then,
       "select count(*) from t where m = 'a'",
       "22P02"},
  };
}

class HazardsTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    database = std::make_unique<ScratchDatabase>(SqlFlavour::PostgreSql);
    const auto connection = database->connect();
    connection->execute(kSetUp);
    connection->execute("create access method heap2 type table handler heap_tableam_handler");
  }
  static void TearDownTestSuite() { database.reset(); }

  static std::vector<HazardKind> said(const std::vector<std::string>& statements, bool transaction,
                                      SqlFlavour flavour = SqlFlavour::PostgreSql) {
    std::vector<Shape> shapes;
    for (const std::string& sql : statements) shapes.push_back(shape_of(sql, flavour));
    Catalog catalog;
    if (flavour == SqlFlavour::PostgreSql) {
      catalog = read_catalog(*database->connect(), question_of(shapes));
    }
    Reviewer reviewer(std::move(catalog), flavour);
    reviewer.begin(transaction);
    std::vector<HazardKind> kinds;
    for (std::size_t i = 0; i < statements.size(); ++i) {
      const StatementReview review = reviewer.review(statements[i]);
      if (i + 1 < statements.size()) continue;
      for (const Hazard& hazard : review.hazards) kinds.push_back(hazard.kind);
    }
    return kinds;
  }

  // SQLSTATE, or the first value.
  static std::string result_of(Connection& connection, const std::string& sql) {
    try {
      const std::vector<Row> rows = connection.query(sql);
      return rows.empty() ? "" : rows.front().front().value_or("-");
    } catch (const Error& error) {
      return error.failure() ? error.failure()->sqlstate : error.what();
    }
  }

  static std::string file_of(Connection& connection, const std::string& relation) {
    return result_of(connection,
                     "select relfilenode from pg_class where relname = '" + relation + "'");
  }

  // What is seen, in the words of `Case::expected`.
  static void prove(const Case& each) {
    const auto connection = database->connect();
    const auto other = database->connect();
    other->execute("set lock_timeout = '30ms'");
    Transaction transaction(*connection);
    const std::string file =
        each.proof == Proof::Rewrites ? file_of(*connection, each.probe) : std::string();
    for (std::size_t i = 0; i + 1 < each.statements.size(); ++i) {
      connection->execute(each.statements[i]);
    }
    const std::string& last = each.statements.back();
    switch (each.proof) {
      case Proof::Fails:
        EXPECT_EQ(result_of(*connection, last), each.expected);
        return;
      case Proof::Waits:
        connection->execute(last);
        EXPECT_EQ(result_of(*other, each.probe), "55P03");
        return;
      case Proof::Rewrites:
        connection->execute(last);
        EXPECT_NE(file_of(*connection, each.probe), file);
        return;
      case Proof::Then:
        connection->execute(last);
        EXPECT_EQ(result_of(*connection, each.probe), each.expected);
        return;
      case Proof::Deadlock:
        return prove_deadlock(*connection, *other, each);
    }
  }

  static void prove_deadlock(Connection& connection, Connection& other, const Case& each) {
    other.execute("set lock_timeout = 0");
    connection.execute("set local deadlock_timeout = '50ms'");
    Transaction reader(other);
    other.query(each.probe);
    std::string theirs;
    std::thread waiting([&] { theirs = result_of(other, "select count(*) from t"); });
    const auto observer = database->connect();
    while (result_of(*observer, "select count(*) from pg_locks where not granted") == "0") {
      std::this_thread::yield();
    }
    const std::string ours = result_of(connection, each.statements.back());
    connection.rollback();
    waiting.join();
    EXPECT_TRUE(ours == "40P01" || theirs == "40P01") << ours << ", " << theirs;
  }

  static inline std::unique_ptr<ScratchDatabase> database = nullptr;
};

TEST_F(HazardsTest, EachIsSaidAndHappens) {
  std::set<HazardKind> proved;
  for (const Case& each : cases()) {
    SCOPED_TRACE(each.statements.back());
    const bool transaction = each.kind != ConcurrentIndexOnPartitioned;
    const std::vector<HazardKind> kinds = said(each.statements, transaction);
    EXPECT_NE(std::ranges::find(kinds, each.kind), kinds.end()) << info_of(each.kind).name;
    if (each.kind == ConcurrentIndexOnPartitioned) {
      EXPECT_EQ(result_of(*database->connect(), each.statements.back()), each.expected);
    } else {
      prove(each);
    }
    proved.insert(each.kind);
  }
  for (const HazardInfo& info : hazard_table()) {
    EXPECT_TRUE(proved.contains(info.kind)) << info.name << " is not proved";
  }
}

TEST_F(HazardsTest, TheAdviceIsFreeOfHazards) {
  const std::vector<std::vector<std::string>> fine = {
      {"alter table t add x int"},
      {"alter table t add x int default 5 not null"},
      {"alter table t add x timestamptz default now()"},
      {"alter table t add constraint c check (a > 0) not valid"},
      {"alter table t validate constraint t_rid_fkey"},
      {"alter table o add foreign key (id) references r(id) not valid"},
      {"alter table t alter column b type varchar"},
      {"alter table o set logged"},
      {"alter table o set access method heap"},
      {"create table fresh (id int primary key, r int references r(id))"},
      {"create table fresh (id int)", "create index on fresh(id)", "update fresh set id = 1",
       "alter table fresh add check (id > 0)", "drop table fresh"},
      {"update t set b = 'x' where id = 1"},
      {"delete from t where id = 1"},
      {"alter type mood add value 'd'"},
      {"create type e2 as enum ('x')", "alter type e2 add value 'y'", "select 'y'::e2"},
      {"create index on only p(v)"},
      {"alter table o add constraint nn check (id is not null)",
       "alter table o alter column id set not null"},
  };
  for (const std::vector<std::string>& statements : fine) {
    std::vector<HazardKind> kinds = said(statements, true);
    // The check before SET NOT NULL has a lock of its own, which is what it is about.
    std::erase_if(kinds,
                  [&](HazardKind) { return statements.front().find(" nn ") != std::string::npos; });
    EXPECT_TRUE(kinds.empty()) << statements.back() << ": "
                               << (kinds.empty() ? "" : info_of(kinds.front()).name);
  }
  EXPECT_TRUE(said({"create index concurrently i on t(b)"}, false).empty());
  EXPECT_TRUE(said({"drop index concurrently t_a"}, false).empty());
  EXPECT_TRUE(said({"vacuum t"}, false).empty());
}

TEST_F(HazardsTest, OfSqliteOnlyWhatIsLostAndRenamedCounts) {
  using Kinds = std::vector<HazardKind>;
  EXPECT_EQ(said({"DROP TABLE [t]"}, true, SqlFlavour::Sqlite), Kinds{TableDropped});
  EXPECT_EQ(said({"ALTER TABLE `t` DROP COLUMN a"}, true, SqlFlavour::Sqlite),
            Kinds{ColumnDropped});
  EXPECT_EQ(said({"DELETE FROM t"}, true, SqlFlavour::Sqlite), Kinds{AllRowsDeleted});
  EXPECT_EQ(said({"ALTER TABLE t RENAME TO u"}, true, SqlFlavour::Sqlite), Kinds{TableRenamed});
  EXPECT_EQ(said({"CREATE INDEX i ON t(a)"}, true, SqlFlavour::Sqlite), Kinds{});
  EXPECT_EQ(said({"DELETE FROM t WHERE a = 1"}, true, SqlFlavour::Sqlite), Kinds{});
}

}  // namespace
}  // namespace engine
