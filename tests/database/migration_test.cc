// SPDX-License-Identifier: Apache-2.0
//
// execute() on real databases: what is kept, what is rolled back, what is said.
#include <chrono>
#include <optional>
#include <thread>

#include "engine/run/lock.h"
#include "engine/run/migrator.h"
#include "tests/database/scratch_database.h"

namespace engine {
namespace {

using std::chrono::milliseconds;
using test::error_of;
using Clock = std::chrono::steady_clock;
using Strings = std::vector<std::string>;

class CallingObserver : public Observer {
 public:
  std::function<void(const Step&)> on_start = {};
  std::function<void(const Step&)> on_finish = {};
  void step_started(const Step& step, const Revision&, int, int) override {
    if (on_start) on_start(step);
  }
  void step_finished(const Step& step, const Revision&, std::chrono::milliseconds) override {
    if (on_finish) on_finish(step);
  }
};

// One run, from the lock to the last step, in the manner of the command line.
class Migration {
 public:
  explicit Migration(const test::ScratchDatabase& database) : database_(database) {}

  void up(const std::string& id, const std::string& sql, const std::string& parent = {}) {
    add({Direction::Up, id, {{parent, id}}}, {ExecuteSql{sql, 3, false}});
  }
  void down(const std::string& id, const std::string& sql, const std::string& parent = {}) {
    add({Direction::Down, id, {{id, parent}}}, {ExecuteSql{sql, 3, false}});
  }
  void up_in_pieces(const std::string& id, const std::vector<Operation>& pieces) {
    add({Direction::Up, id, {{"", id}}}, pieces);
  }

  void operator()() {
    const auto connection =
        connect(database_.url(), {.application_name = "migrator", .create = true}, {});
    VersionTable versions;
    const RevisionSet start = versions.read(*connection);
    const HistoryTable history(*connection, {});
    const auto lock =
        acquire_lock(database_.url(), {.application_name = "migrator"}, {}, {}, observer, {});
    const JournalTable journal(history);
    MigrationContext context{*connection,
                             *lock,
                             versions,
                             &history,
                             &journal,
                             observer,
                             {"0123456789abcdef", "uid", 2, "0.1.0"},
                             stop.get_token()};
    execute(start, steps_, context, done);
    EXPECT_FALSE(connection->in_transaction());
  }

  CallingObserver observer = {};
  std::stop_source stop = {};
  std::vector<StepReport> done = {};

 private:
  void add(const Step& step, const std::vector<Operation>& operations) {
    const Dialect& dialect =
        database_.url().flavour == SqlFlavour::Sqlite ? sqlite_dialect() : postgres_dialect();
    PreparedStep prepared;
    prepared.step = step;
    prepared.revision.id = step.revision;
    prepared.revision.file = "versions/" + step.revision + "_x.sql";
    prepared.statements = dialect.render(operations, prepared.revision.file);
    prepared.checksum = std::string(64, '0');
    for (const Statement& statement : prepared.statements) {
      prepared.digests.push_back((prepared.digests.empty() ? "" : prepared.digests.back()) +
                                 statement.sql);
    }
    steps_.push_back(std::move(prepared));
  }

  const test::ScratchDatabase& database_;
  std::vector<PreparedStep> steps_ = {};
};

class MigrationTest : public test::BothDatabasesTest {
 protected:
  Strings versions() {
    const RevisionSet rows = VersionTable().read(*database_.connect());  // none without a table
    return {rows.begin(), rows.end()};
  }
  Strings tables() {
    return database_.column(
        on_postgres() ? "SELECT tablename FROM pg_tables WHERE schemaname = 'public' "
                        "AND tablename <> 'alembic_version' ORDER BY 1"
                      : "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT IN "
                        "('alembic_version', 'stillhead_history', 'stillhead_journal', "
                        "'stillhead_owner', 'stillhead_schema_version') ORDER BY 1");
  }
  Strings history() {
    return database_.column(std::string("SELECT direction || ' ' || revision || ' ' || owner || ' "
                                        "' || attempt || ' ' || result "
                                        "FROM ") +
                            (on_postgres() ? "stillhead." : "") + "stillhead_history ORDER BY id");
  }
  std::string endless() const {
    return on_postgres() ? "SELECT pg_sleep(30)"
                         : "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
                           "SELECT max(i) FROM n";
  }
  Migration run_{database_};
};
ON_BOTH_DATABASES(MigrationTest);

TEST_P(MigrationTest, UpAndDownLeaveRowsHistoryAndSchemaAsPlanned) {
  run_.up("a", "CREATE TABLE t (x integer);\nINSERT INTO t VALUES (1);");
  run_.up("b", "CREATE TABLE u (x integer);", "a");
  run_();
  EXPECT_EQ(tables(), (Strings{"t", "u"}));
  EXPECT_EQ(versions(), Strings{"b"});
  EXPECT_EQ(run_.done.size(), 2U);
  Migration back(database_);
  back.down("b", "DROP TABLE u;", "a");
  back.down("a", "DROP TABLE t;");
  back();
  EXPECT_EQ(tables(), Strings{});
  EXPECT_EQ(versions(), Strings{});
  EXPECT_EQ(history(), (Strings{"upgrade a uid 2 succeeded", "upgrade b uid 2 succeeded",
                                "downgrade b uid 2 succeeded", "downgrade a uid 2 succeeded"}));
}

TEST_P(MigrationTest, FailingStatementLeavesEverythingAsTheLastStepLeftIt) {
  run_.up("a", "CREATE TABLE t (x integer);");
  run_.up("b",
          "CREATE TABLE u (x integer);\nINSERT INTO t VALUES (1);\n\nINSERT INTO\n  nowhere VALUES "
          "(1);",
          "a");
  const Error error = error_of([&] { run_(); });
  EXPECT_EQ(error.reason(), Reason::MigrationFailed);
  EXPECT_EQ(
      error.message(),
      on_postgres()
          ? "upgrade to b failed at statement 3 of 3: relation \"nowhere\" does not exist (42P01), "
            "b_x.sql:7"
          : "upgrade to b failed at statement 3 of 3: no such table: nowhere (SQLite error 1), "
            "b_x.sql:" +
                std::to_string(error.failure()->line));
  EXPECT_EQ(error.failure()->sql, "INSERT INTO\n  nowhere VALUES (1)");
  EXPECT_EQ(tables(), Strings{"t"});
  EXPECT_EQ(database_.column("SELECT count(*) FROM t"), Strings{"0"});
  EXPECT_EQ(versions(), Strings{"a"});
  EXPECT_EQ(history(), Strings{"upgrade a uid 2 succeeded"});
}

TEST_P(MigrationTest, RunAfterTheCorrectionCompletes) {
  run_.up("a", "CREATE TABLE t (x integer); SELECT nope;");
  error_of([&] { run_(); });
  Migration corrected(database_);
  corrected.up("a", "CREATE TABLE t (x integer);");
  corrected();
  EXPECT_EQ(tables(), Strings{"t"});
  EXPECT_EQ(versions(), Strings{"a"});
}

TEST_P(MigrationTest, AutocommitStatementsStayWhenALaterOneFails) {
  run_.up_in_pieces("a", {ExecuteSql{"CREATE TABLE t (x integer);", 3, false},
                          ExecuteSql{"CREATE TABLE u (x integer);", 6, true},
                          ExecuteSql{"CREATE TABLE v (x integer); SELECT nope;", 9, false}});
  const Error error = error_of([&] { run_(); });
  EXPECT_NE(error.message().find("upgrade to a failed at statement 4 of 4: "), std::string::npos);
  EXPECT_TRUE(
      error.message().ends_with("a_x.sql:9; statements 1 to 2 of this revision are committed, and "
                                "the next run goes on behind them"))
      << error.message();
  EXPECT_EQ(tables(), (Strings{"t", "u"}));
  EXPECT_EQ(versions(), Strings{});
  EXPECT_EQ(history(), Strings{});
}

TEST_P(MigrationTest, VersionRowChangedBySomebodyElseStopsTheRun) {
  run_.up("a", "CREATE TABLE t (x integer);");
  run_.up("b", "CREATE TABLE u (x integer);", "a");
  run_.observer.on_finish = [&](const Step& step) {
    if (step.revision == "a")
      database_.connect()->execute("UPDATE alembic_version SET version_num = 'z'");
  };
  const Error error = error_of([&] { run_(); });
  EXPECT_EQ(error.reason(), Reason::VersionConflict);
  EXPECT_EQ(error.message(),
            "upgrade to b failed at its version row: expected to match one row when updating 'a' "
            "to 'b' in "
            "'alembic_version'; 0 found");
  EXPECT_EQ(tables(), Strings{"t"});
  EXPECT_EQ(versions(), Strings{"z"});
}

TEST_P(MigrationTest, RequestToStopCancelsTheStatementAndRollsBack) {
  run_.up("a", "CREATE TABLE t (x integer);");
  run_.up("b", "CREATE TABLE u (x integer);\n" + endless() + ";", "a");
  std::jthread other([&] {
    std::this_thread::sleep_for(milliseconds(500));
    run_.stop.request_stop();
  });
  const auto began = Clock::now();
  const Error error = error_of([&] { run_(); });
  EXPECT_LT(Clock::now() - began, milliseconds(1'500));
  EXPECT_EQ(error.reason(), Reason::Interrupted);
  EXPECT_EQ(error.message(),
            "upgrade to b interrupted at statement 2 of 2, b_x.sql:4; rolled back");
  EXPECT_EQ(tables(), Strings{"t"});
  EXPECT_EQ(versions(), Strings{"a"});
}

class PostgresMigrationTest : public testing::Test {
 protected:
  void terminate(const std::string& application_name) {
    database_.column(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = "
        "current_database() "
        "AND application_name = '" +
        application_name + "'");
  }
  Strings tables() {
    return database_.column(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> "
        "'alembic_version'");
  }
  Strings versions() {
    const RevisionSet rows = VersionTable().read(*database_.connect());  // none without a table
    return {rows.begin(), rows.end()};
  }
  test::ScratchDatabase database_{SqlFlavour::PostgreSql};
  Migration run_{database_};
};

TEST_F(PostgresMigrationTest, LostConnectionIsReportedAndNothingIsKept) {
  run_.up("a", "CREATE TABLE t (x integer);\nSELECT pg_sleep(30);");
  std::jthread other([&] {
    std::this_thread::sleep_for(milliseconds(500));
    terminate("migrator");
  });
  const Error error = error_of([&] { run_(); });
  EXPECT_EQ(error.reason(), Reason::DatabaseUnreachable);
  EXPECT_EQ(error.message(),
            "upgrade to a failed at statement 2 of 2: connection to " + database_.url().display +
                " lost: terminating connection due to administrator command (57P01), "
                "a_x.sql:4");
  EXPECT_EQ(tables(), Strings{});
  EXPECT_EQ(versions(), Strings{});
}

TEST_F(PostgresMigrationTest, LostLockPreventsTheCommit) {
  run_.up("a", "CREATE TABLE t (x integer);");
  run_.up("b", "CREATE TABLE u (x integer);\nSELECT pg_sleep(1);", "a");
  std::jthread other;
  run_.observer.on_start = [&](const Step& step) {
    if (step.revision == "b") other = std::jthread([&] { terminate("migrator lock"); });
  };
  const Error error = error_of([&] { run_(); });
  EXPECT_EQ(error.reason(), Reason::LockUnavailable);
  EXPECT_EQ(error.message(), "upgrade to b failed before COMMIT: the migration lock was lost");
  EXPECT_EQ(tables(), Strings{"t"});
  EXPECT_EQ(versions(), Strings{"a"});
}

TEST_F(PostgresMigrationTest, ConcurrentIndexRunsOutsideTheTransaction) {
  run_.up_in_pieces("a", {ExecuteSql{"CREATE TABLE t (x integer);", 3, false},
                          ExecuteSql{"CREATE INDEX CONCURRENTLY t_x ON t (x);", 5, true},
                          ExecuteSql{"INSERT INTO t VALUES (1);", 7, false}});
  run_();
  EXPECT_EQ(database_.column("SELECT indisvalid FROM pg_index WHERE indexrelid = 't_x'::regclass"),
            Strings{"t"});
  EXPECT_EQ(versions(), Strings{"a"});
}

TEST_F(PostgresMigrationTest, CommitHiddenInABlockIsRefusedByTheServer) {
  run_.up("a", "CREATE TABLE t (x integer);\nDO $$ BEGIN COMMIT; END $$;");
  const Error error = error_of([&] { run_(); });
  EXPECT_EQ(error.reason(), Reason::MigrationFailed);
  EXPECT_EQ(error.message(),
            "upgrade to a failed at statement 2 of 2: invalid transaction termination (2D000), "
            "a_x.sql:4");
  EXPECT_EQ(tables(), Strings{});
  EXPECT_EQ(versions(), Strings{});
}

TEST_F(PostgresMigrationTest, ProcedureThatCommitsRunsInAutocommit) {
  run_.up_in_pieces("a",
                    {ExecuteSql{"CREATE TABLE t (x integer);\n"
                                "CREATE PROCEDURE fill() LANGUAGE plpgsql AS $$ BEGIN\n"
                                "  INSERT INTO t VALUES (1); COMMIT; INSERT INTO t VALUES (2);\n"
                                "END $$;",
                                3, false},
                     ExecuteSql{"CALL fill();", 8, true}});
  run_();
  EXPECT_EQ(database_.column("SELECT count(*) FROM t"), Strings{"2"});
  EXPECT_EQ(versions(), Strings{"a"});
}

TEST_F(PostgresMigrationTest, DeferredConstraintFailsAtTheCommit) {
  run_.up("a",
          "CREATE TABLE t (x integer PRIMARY KEY);\n"
          "CREATE TABLE u (x integer CONSTRAINT u_t REFERENCES t DEFERRABLE INITIALLY DEFERRED);\n"
          "INSERT INTO u VALUES (1);");
  const Error error = error_of([&] { run_(); });
  EXPECT_EQ(error.reason(), Reason::MigrationFailed);
  EXPECT_EQ(error.message(),
            "upgrade to a failed at COMMIT: insert or update on table \"u\" violates foreign key "
            "constraint "
            "\"u_t\" (23503)");
  EXPECT_EQ(error.failure()->constraint, "u_t");
  EXPECT_EQ(error.failure()->statement, 0);
  EXPECT_EQ(tables(), Strings{});
  EXPECT_EQ(versions(), Strings{});
}

}  // namespace
}  // namespace engine
