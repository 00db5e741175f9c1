// SPDX-License-Identifier: Apache-2.0
//
// The real program beside others who use the same tables: locks, batches, conditions, sessions.
#include <csignal>

#include "tests/database/program_fixture.h"
#include "tests/database/scratch_database.h"
#include "tests/support/places.h"
#include "tests/support/postgres_server.h"

namespace {

using engine::Reason;
using Words = std::vector<std::string>;

class LockRetryTest : public test::ProgramTest {
 protected:
  LockRetryTest() {
    url_ = test::PostgresServer::instance().url(database_.name());
    database_.connect()->execute("CREATE TABLE t (id integer PRIMARY KEY, n integer)");
    database_.connect()->execute("INSERT INTO t SELECT i, 0 FROM generate_series(1, 1000) i");
  }

  test::ScratchDatabase database_{engine::SqlFlavour::PostgreSql};
};

// A reader that is at work, and goes after a while.
class Reader {
 public:
  explicit Reader(const test::ScratchDatabase& database) : connection_(database.connect()) {
    connection_->execute("SET application_name = 'a long report'");
    connection_->begin();
    connection_->query("SELECT count(*) FROM t");
  }
  void leave() { connection_->rollback(); }

 private:
  std::unique_ptr<engine::Connection> connection_;
};

TEST_F(LockRetryTest, AChangeGoesInWhenTheReaderHasLeft) {
  script("a1", "", "UPDATE t SET n = 1 WHERE id = 1;\nALTER TABLE t ADD COLUMN x integer;", "");
  Reader reader(database_);
  test::RunningProgram program(engine_program(),
                               with_defaults({"upgrade", "heads", "--lock-timeout", "200ms",
                                              "--report", folder_ / "report.json"}),
                               environment_);
  test::wait_until("the second try",
                   [&] { return program.err().find("(55P03)") != std::string::npos; });
  // While it pauses nobody waits behind it.
  EXPECT_EQ(database_.column("SELECT count(*) FROM t"), Words{"1000"});
  reader.leave();
  const test::ProgramEnd end = program.wait();
  EXPECT_EQ(end.exit_code, 0) << end.err;
  EXPECT_NE(end.err.find("a long report"), std::string::npos) << "who was in the way: " << end.err;
  const auto report = engine::report_from_json(folder_.read("report.json"));
  ASSERT_TRUE(report);
  EXPECT_GE(report->steps.at(0).retries, 1);
  EXPECT_FALSE(report->steps.at(0).blockers.empty());
  EXPECT_EQ(database_.column("SELECT count(x) FROM t"), Words{"0"});
}

TEST_F(LockRetryTest, TheLastTryIsLimitedToo) {
  script("a1", "", "ALTER TABLE t ADD COLUMN x integer;", "");
  Reader reader(database_);
  const test::ProgramEnd end =
      run_with_report({"upgrade", "heads", "--lock-timeout", "2s", "--lock-retries", "1"});
  EXPECT_EQ(end.exit_code, 5);
  EXPECT_EQ(report_.reason, Reason::LockTimeout);
  EXPECT_NE(report_.message.find("canceling statement due to lock timeout (55P03); tried 2 times; "
                                 "in the way: pid "),
            std::string::npos)
      << report_.message;
  EXPECT_NE(report_.message.find("application_name \"a long report\""), std::string::npos);
  EXPECT_EQ(database_.column("SELECT 1 FROM pg_attribute WHERE attname = 'x' AND attrelid = "
                             "'t'::regclass"),
            Words{});
}

TEST_F(LockRetryTest, ARunThatTakesTooLongIsCancelled) {
  script("a1", "", "SELECT pg_sleep(60);", "");
  const test::ProgramEnd end = run_with_report({"upgrade", "heads", "--run-timeout", "300ms"});
  EXPECT_EQ(end.exit_code, 5);
  EXPECT_EQ(report_.reason, Reason::RunTimeout);
  EXPECT_EQ(report_.message,
            "the run took longer than 300 ms: upgrade to a1 interrupted at statement 1 of 1, "
            "a1.sql:5; rolled back");
  EXPECT_EQ(report_.hint,
            "give it more time with --run-timeout, or run the same command again to go on");
}

TEST_F(LockRetryTest, AStatementThatTakesTooLongFails) {
  script("a1", "", "SELECT pg_sleep(60);", "");
  const test::ProgramEnd end =
      run_with_report({"upgrade", "heads", "--statement-timeout", "200ms"});
  EXPECT_EQ(end.exit_code, 1);
  EXPECT_EQ(report_.failure->sqlstate, "57014");
}

TEST_F(LockRetryTest, AReadOnlySessionIsRefusedBeforeAnythingIsWritten) {
  script("a1", "", "CREATE TABLE u (i integer);", "");
  database_.connect()->execute("ALTER DATABASE " + database_.name() +
                               " SET default_transaction_read_only = on");
  const test::ProgramEnd end = run_with_report({"upgrade", "heads"});
  EXPECT_EQ(end.exit_code, 5);
  EXPECT_NE(report_.message.find("are read-only (default_transaction_read_only)"),
            std::string::npos)
      << report_.message;
  EXPECT_EQ(run({"current"}).exit_code, 0) << "what only reads goes on";
}

// --- what a revision does to its session ---------------------------------------------------------

TEST_F(LockRetryTest, ASessionIsCleanForTheNextRevision) {
  script("a1", "",
         "CREATE SCHEMA app;\nSET search_path = app;\nSET work_mem = '1MB';\nCREATE TABLE x (i "
         "integer);\nSELECT set_config('TimeZone', 'Europe/Berlin', false);",
         "");
  script("b2", "a1",
         "CREATE TABLE seen AS SELECT current_setting('search_path') AS path, "
         "current_setting('work_mem') AS mem, current_setting('TimeZone') AS zone;",
         "");
  const test::ProgramEnd end = run({"upgrade", "heads"});
  EXPECT_EQ(end.exit_code, 0) << end.err;
  EXPECT_EQ(database_.column("SELECT path || ' ' || mem || ' ' || zone FROM public.seen"),
            database_.column("SELECT current_setting('search_path') || ' ' || "
                             "current_setting('work_mem') || ' UTC'"));
}

// --- conditions ----------------------------------------------------------------------------------

TEST_F(LockRetryTest, AConditionThatDoesNotHoldStopsBeforeTheFirstStatement) {
  folder_.write("migrations/a1.sql",
                "-- revision: a1\n-- stillhead:upgrade\n-- stillhead:pre \"SELECT count(*) = 0 "
                "FROM t\"\nDROP TABLE t;\n");
  const test::ProgramEnd end = run_with_report({"upgrade", "heads"});
  EXPECT_EQ(end.exit_code, 4);
  EXPECT_EQ(report_.reason, Reason::ConditionFailed);
  EXPECT_EQ(report_.message,
            "upgrade to a1 failed at statement 1 of 2: the condition does not hold: `SELECT "
            "count(*) = 0 FROM t` answers 'f' instead of true, a1.sql:3");
  EXPECT_EQ(database_.column("SELECT count(*) FROM t"), Words{"1000"});
  database_.connect()->execute("DELETE FROM t");
  EXPECT_EQ(run({"upgrade", "heads"}).exit_code, 0);
}

TEST_F(LockRetryTest, AConditionBehindTheStatementsTakesThemBack) {
  folder_.write("migrations/a1.sql",
                "-- revision: a1\n-- stillhead:upgrade\nUPDATE t SET n = 5 WHERE id < 10;\n"
                "-- stillhead:post \"SELECT bool_and(n = 5) FROM t\"\n");
  EXPECT_EQ(run_with_report({"upgrade", "heads"}).exit_code, 4);
  EXPECT_EQ(database_.column("SELECT count(*) FROM t WHERE n = 5"), Words{"0"});
}

// --- batches -------------------------------------------------------------------------------------

class BatchProgramTest : public LockRetryTest {
 protected:
  void batch_script(const std::string& options, const std::string& sql) {
    folder_.write("migrations/a1.sql",
                  "-- revision: a1\n-- stillhead:upgrade\n-- stillhead:batch " + options + "\n" +
                      sql + ";\n-- stillhead:end\n");
  }
};

TEST_F(BatchProgramTest, EveryRowIsTouchedOnce) {
  batch_script("key=id size=70", "UPDATE t SET n = n + 1 WHERE id % 2 = 0");
  const test::ProgramEnd end = run_with_report({"upgrade", "heads"});
  EXPECT_EQ(end.exit_code, 0) << end.err;
  EXPECT_EQ(database_.column("SELECT n || ' ' || count(*) FROM t GROUP BY n ORDER BY n"),
            (Words{"0 500", "1 500"}));
  EXPECT_EQ(report_.steps.at(0).statements.at(0).rows, 500);
  EXPECT_EQ(database_.column("SELECT count(*) FROM stillhead.stillhead_journal"), Words{"0"});
}

TEST_F(BatchProgramTest, AKilledRunGoesOnBehindItsLastBatch) {
  batch_script("key=id size=50 pause=50ms", "UPDATE t SET n = n + 1");
  test::RunningProgram program(engine_program(), with_defaults({"upgrade", "heads"}), environment_);
  test::wait_until("some batches", [&] {
    return std::stoi(database_.column("SELECT count(*) FROM t WHERE n = 1").at(0)) > 100;
  });
  program.send(SIGKILL);
  program.wait();
  EXPECT_NE(database_.column("SELECT count(*) FROM t WHERE n = 0"), Words{"0"}) << "in its middle";
  const test::ProgramEnd end = run({"upgrade", "heads"});
  EXPECT_EQ(end.exit_code, 0) << end.err;
  EXPECT_EQ(database_.column("SELECT DISTINCT n FROM t"), Words{"1"}) << "each row once";
}

TEST_F(BatchProgramTest, AStatementThatWasChangedInItsMiddleIsRefused) {
  batch_script("key=id size=50 pause=50ms", "UPDATE t SET n = n + 1");
  test::RunningProgram program(engine_program(), with_defaults({"upgrade", "heads"}), environment_);
  test::wait_until("some batches", [&] {
    return std::stoi(database_.column("SELECT count(*) FROM t WHERE n = 1").at(0)) > 100;
  });
  program.send(SIGTERM);
  EXPECT_EQ(program.wait().exit_code, 8);
  batch_script("key=id size=50", "UPDATE t SET n = n + 2");
  EXPECT_EQ(run_with_report({"upgrade", "heads"}).exit_code, 4);
  EXPECT_EQ(report_.reason, Reason::ChecksumMismatch);
}

TEST_F(BatchProgramTest, AKeyThatDoesNotFitIsRefused) {
  for (const auto& [key, text] : std::vector<std::pair<std::string, std::string>>{
           {"nope", "batches by t.nope: no such column"},
           {"ctid", "batches by t.ctid: no such column"},
           {"n", "batches by t.n: the column may be null, and such rows would be left out"}}) {
    batch_script("key=" + key, "DELETE FROM t");
    EXPECT_EQ(run_with_report({"upgrade", "heads"}).exit_code, 3) << key;
    EXPECT_NE(report_.message.find(text), std::string::npos) << report_.message;
  }
}

TEST_F(BatchProgramTest, WorksOnSqliteToo) {
  url_ = "sqlite:///" + (folder_ / "app.db");
  script(
      "a0", "",
      "CREATE TABLE t (id integer PRIMARY KEY, n integer);\nINSERT INTO t WITH RECURSIVE i(x) AS "
      "(SELECT 1 UNION ALL SELECT x + 1 FROM i WHERE x < 1000) SELECT x, 0 FROM i;",
      "");
  folder_.write("migrations/a1.sql",
                "-- revision: a1\n-- down_revision: a0\n-- stillhead:upgrade\n-- stillhead:batch "
                "key=id size=70\nUPDATE t SET n = n + 1;\n-- stillhead:end\n-- stillhead:post "
                "\"SELECT count(*) = 1000 FROM t WHERE n = 1\"\n");
  const test::ProgramEnd end = run({"upgrade", "heads"});
  EXPECT_EQ(end.exit_code, 0) << end.err;
}

}  // namespace
