// SPDX-License-Identifier: Apache-2.0
//
// The program on a real PostgreSQL: failures of the server and the login, signals, many at once.
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>

#include "tests/database/program_fixture.h"
#include "tests/database/scratch_database.h"
#include "tests/support/places.h"
#include "tests/support/postgres_server.h"

namespace {

using engine::Reason;
using test::PostgresServer;

class PostgresProgramTest : public test::ProgramTest {
 protected:
  PostgresProgramTest() { url_ = PostgresServer::instance().url(database_.name()); }

  std::vector<std::string> tables() const {
    return database_.column(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = "
        "'public'::regnamespace "
        "ORDER BY relname");
  }
  // Messages of the engine that the server has logged for this database: of several lines, which
  // begin with a tab but for the first.
  std::vector<std::string> log_lines() const {
    std::vector<std::string> lines;
    std::istringstream log(PostgresServer::instance().log());
    bool ours = false;
    for (std::string line; std::getline(log, line);) {
      if (line.starts_with('\t')) {
        if (ours) lines.push_back(line);
        continue;
      }
      ours = line.find("stillhead@" + database_.name() + " ") != std::string::npos;
      if (ours) lines.push_back(line);
    }
    return lines;
  }
  // As a statement: in the history it stands with its semicolon.
  long times_logged(const std::string& sql) const {
    const std::vector<std::string> lines = log_lines();
    return std::count_if(lines.begin(), lines.end(),
                         [&](const std::string& line) { return line.ends_with(sql); });
  }
  // a1 <- b2; b2 makes a table and then sleeps for a minute.
  void sleeping_script() {
    table_script("a1", "");
    script("b2", "a1", "CREATE TABLE made_before (i integer);\nSELECT pg_sleep(60);", "");
  }
  std::unique_ptr<test::RunningProgram> start(Words arguments) const {
    return std::make_unique<test::RunningProgram>(
        engine_program(), with_defaults(std::move(arguments)), environment_);
  }
  void wait_for_sleep() const {
    test::wait_until("pg_sleep", [&] {
      return !database_
                  .column(
                      "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND "
                      "state = 'active' AND query LIKE '%SELECT pg_sleep(%' AND pid <> "
                      "pg_backend_pid()")
                  .empty();
    });
  }

  test::ScratchDatabase database_{engine::SqlFlavour::PostgreSql};
};

TEST_F(PostgresProgramTest, UpgradesShowsAndDowngrades) {
  three_tables();
  EXPECT_EQ(run({"upgrade", "heads"}).exit_code, 0);
  EXPECT_EQ(run({"current"}).out, "c3 (head)\n");
  EXPECT_EQ(tables(), (std::vector<std::string>{"alembic_version", "t_a1", "t_b2", "t_c3"}));
  EXPECT_EQ(run({"downgrade", "a1"}).exit_code, 0);
  EXPECT_EQ(tables(), (std::vector<std::string>{"alembic_version", "t_a1"}));
}

TEST_F(PostgresProgramTest, NothingToDoTakesNoLockAndWritesNothing) {
  three_tables();
  ASSERT_EQ(run({"upgrade", "heads"}).exit_code, 0);
  const std::size_t before = log_lines().size();
  EXPECT_EQ(result_of(run({"upgrade", "heads"})), "already at c3\n");
  std::vector<std::string> lines = log_lines();
  lines.erase(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(before));
  EXPECT_GT(lines.size(), 0U);
  EXPECT_LE(lines.size(), 4U) << "a few queries";
  for (const std::string& line : lines) {
    for (const char* word : {"lock", "INSERT", "UPDATE", "CREATE", "BEGIN"}) {
      EXPECT_EQ(line.find(word), std::string::npos) << line;
    }
  }
}

TEST_F(PostgresProgramTest, CurrentCreatesNothing) {
  three_tables();
  EXPECT_EQ(run({"current"}).exit_code, 0);
  EXPECT_EQ(run({"current"}).out, "");
  EXPECT_EQ(tables(), std::vector<std::string>{});
}

// --- what the server or the database says no to --------------------------------------------------

TEST_F(PostgresProgramTest, ASyntaxErrorInStatementThreeRollsItsRevisionBack) {
  table_script("a1", "");
  script("b2", "a1",
         "CREATE TABLE s1 (i integer);\nCREATE TABLE s2 (i integer);\nCREATE TABLE s3\n"
         "  (i integer nul);\nCREATE TABLE s4 (i integer);\nCREATE TABLE s5 (i integer);",
         "");
  const test::ProgramEnd end = run_with_report({"upgrade", "heads"});
  EXPECT_EQ(end.exit_code, 1);
  EXPECT_TRUE(
      end.err.ends_with("stillhead: upgrade to b2 failed at statement 3 of 5: syntax error "
                        "at or near \"nul\" (42601), b2.sql:8\n"))
      << end.err;
  EXPECT_EQ(tables(), (std::vector<std::string>{"alembic_version", "t_a1"}));
  EXPECT_EQ(report_.reason, Reason::MigrationFailed);
  EXPECT_EQ(report_.to, std::vector<std::string>{"a1"});
  ASSERT_TRUE(report_.failure.has_value());
  EXPECT_EQ(report_.failure->statement, 3);
  EXPECT_EQ(report_.failure->line, 8);
  EXPECT_EQ(report_.failure->sqlstate, "42601");
  EXPECT_EQ(report_.failure->message, "syntax error at or near \"nul\"");
}

TEST_F(PostgresProgramTest, ARevisionThatNoScriptHasIsNamed) {
  three_tables();
  ASSERT_EQ(run({"upgrade", "heads"}).exit_code, 0);
  database_.connect()->execute("UPDATE alembic_version SET version_num = 'zzz'");
  const test::ProgramEnd end = run_with_report({"upgrade", "heads"});
  EXPECT_EQ(end.exit_code, 4);
  EXPECT_TRUE(end.err.starts_with(
      "stillhead: Can't locate revision identified by 'zzz'\nhint: the version table holds 'zzz'"))
      << end.err;
  EXPECT_EQ(database_.column("SELECT version_num FROM alembic_version"),
            std::vector<std::string>{"zzz"});
}

TEST_F(PostgresProgramTest, AServerThatIsNotThere) {
  three_tables();
  url_ = "postgresql://u@127.0.0.1:1/d";
  const test::ProgramEnd end = run_with_report({"upgrade", "heads"});
  EXPECT_EQ(end.exit_code, 5);
  EXPECT_EQ(end.err,
            "stillhead: cannot connect to postgresql://u@127.0.0.1:1/d: connection to server at "
            "\"127.0.0.1\", port 1 failed: Connection refused Is the server running on that host "
            "and accepting TCP/IP connections?\n"
            "hint: check host and port, and that the server runs and accepts connections from "
            "here\n");
  EXPECT_EQ(report_.reason, Reason::DatabaseUnreachable);
}

TEST_F(PostgresProgramTest, AServerThatDoesNotAnswer) {
  three_tables();
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(listener, 8), 0);
  socklen_t length = sizeof address;
  ASSERT_EQ(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length), 0);
  url_ = fmt::format("postgresql://u@127.0.0.1:{}/d", ntohs(address.sin_port));

  const test::ProgramEnd end = run_with_report({"upgrade", "heads", "--connect-timeout", "300ms"});
  close(listener);
  EXPECT_EQ(end.exit_code, 5);
  EXPECT_EQ(end.err, "stillhead: cannot connect to " + url_ +
                         ": no answer within 300 ms\n"
                         "hint: check host and port, name resolution and firewalls\n");
  EXPECT_EQ(report_.reason, Reason::DatabaseUnreachable);
  EXPECT_LT(end.duration.count(), 9000) << "the default is 10 s";
}

TEST_F(PostgresProgramTest, AWrongPassword) {
  three_tables();
  url_ = PostgresServer::instance().tcp_url(database_.name(), "scram", "wr0ng");
  const test::ProgramEnd end = run_with_report({"upgrade", "heads"});
  EXPECT_EQ(end.exit_code, 5);
  EXPECT_TRUE(end.err.starts_with("stillhead: cannot connect to postgresql://scram:***@127.0.0.1:"))
      << end.err;
  EXPECT_NE(end.err.find("FATAL: password authentication failed for user \"scram\""),
            std::string::npos)
      << end.err;
  EXPECT_TRUE(
      end.err.ends_with("hint: check user, password and database name, and the server's "
                        "pg_hba.conf\n"))
      << end.err;
  EXPECT_EQ(report_.reason, Reason::AuthenticationFailed);
  EXPECT_EQ((end.out + end.err + folder_.read("report.json")).find("wr0ng"), std::string::npos);
}

TEST_F(PostgresProgramTest, ADatabaseThatDoesNotExist) {
  three_tables();
  url_ = PostgresServer::instance().url("no_such_database");
  const test::ProgramEnd end = run_with_report({"upgrade", "heads"});
  EXPECT_EQ(end.exit_code, 5);
  EXPECT_NE(end.err.find("database \"no_such_database\" does not exist (3D000)"), std::string::npos)
      << end.err;
  EXPECT_EQ(report_.reason, Reason::AuthenticationFailed);
}

// --- signals -------------------------------------------------------------------------------------

class SignalTest : public PostgresProgramTest, public testing::WithParamInterface<int> {};

TEST_P(SignalTest, CancelsTheStatementAndRollsBack) {
  sleeping_script();
  const auto program = start({"upgrade", "heads", "--report", folder_ / "report.json"});
  wait_for_sleep();
  program->send(GetParam());
  const test::ProgramEnd end = program->wait();
  EXPECT_EQ(end.exit_code, 8);
  EXPECT_LT(end.duration.count(), 2000);
  EXPECT_TRUE(end.err.ends_with(
      "stillhead: upgrade to b2 interrupted at statement 2 of 2, b2.sql:6; rolled back\n"
      "hint: run the same command again\n"))
      << end.err;
  EXPECT_EQ(tables(), (std::vector<std::string>{"alembic_version", "t_a1"}));
  const auto report = engine::report_from_json(folder_.read("report.json"));
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->reason, Reason::Interrupted);
  EXPECT_EQ(report->to, std::vector<std::string>{"a1"});
  ASSERT_TRUE(report->failure.has_value());
  EXPECT_EQ(report->failure->statement, 2);
}

INSTANTIATE_TEST_SUITE_P(Each, SignalTest, testing::Values(SIGINT, SIGTERM, SIGHUP),
                         [](const auto& test) {
                           return test.param == SIGINT    ? "Interrupt"
                                  : test.param == SIGTERM ? "Terminate"
                                                          : "HangUp";
                         });

TEST_F(PostgresProgramTest, ASignalEndsTheWaitForALockedVersionTable) {
  three_tables();
  ASSERT_EQ(run({"upgrade", "a1"}).exit_code, 0);
  const auto holder = database_.connect();
  const engine::Transaction transaction(*holder);
  holder->execute("LOCK TABLE alembic_version");
  for (const Words& words : {Words{"current"}, Words{"upgrade", "heads"}}) {
    SCOPED_TRACE(words.front());
    const auto program = start(words);
    test::wait_until("the blocked query", [&] {
      return database_
                 .column(
                     "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND "
                     "wait_event_type = 'Lock'")
                 .size() == 1;
    });
    program->send(SIGTERM);
    const test::ProgramEnd end = program->wait();
    EXPECT_EQ(end.exit_code, 8);
    EXPECT_LT(end.duration.count(), 2000);
    EXPECT_TRUE(
        end.err.ends_with("stillhead: interrupted; the statement was cancelled\n"
                          "hint: run the same command again\n"))
        << end.err;
  }
}

// nohup lets a program begin with SIGHUP ignored.
TEST_F(PostgresProgramTest, ARunUnderNohupOutlivesItsTerminal) {
  table_script("a1", "");
  script("b2", "a1", "SELECT pg_sleep(60);", "");
  Words words = with_defaults({"upgrade", "heads"});
  words.insert(words.begin(), engine_program());
  test::RunningProgram program("/usr/bin/nohup", words, environment_);
  wait_for_sleep();
  program.send(SIGHUP);
  database_.column(
      "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND "
      "query LIKE '%SELECT pg_sleep(%' AND pid <> pg_backend_pid()");
  const test::ProgramEnd end = program.wait();
  EXPECT_EQ(end.exit_code, 1) << "ended by what the server did: " << end.err;
  EXPECT_NE(end.err.find("(57014)"), std::string::npos) << end.err;
}

// A server that does not react to the cancel request.
TEST_F(PostgresProgramTest, ASecondSignalEndsTheProgramAtOnce) {
  sleeping_script();
  const auto program = start({"upgrade", "heads"});
  wait_for_sleep();
  const pid_t backend = std::stoi(
      database_
          .column("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND "
                  "query LIKE '%SELECT pg_sleep(%' AND pid <> pg_backend_pid()")
          .at(0));
  ASSERT_EQ(kill(backend, SIGSTOP), 0);
  program->send(SIGTERM);
  std::this_thread::sleep_for(std::chrono::milliseconds(1200));
  program->send(SIGTERM);
  const test::ProgramEnd end = program->wait();
  kill(backend, SIGCONT);
  EXPECT_EQ(end.exit_code, 8);
  EXPECT_LT(end.duration.count(), 1000);
  EXPECT_TRUE(
      end.err.ends_with("stillhead: stopped at once by a second signal; the database rolls "
                        "back what was not committed\n"))
      << end.err;
  test::wait_until("the roll back", [&] { return tables().size() == 2; });
}

// The next run would wait for its locks as long as the statement takes, and nobody would know why.
TEST_F(PostgresProgramTest, TheServerEndsTheStatementOfAKilledRun) {
  sleeping_script();
  const auto program = start({"upgrade", "heads"});
  wait_for_sleep();
  program->send(SIGKILL);
  test::wait_until("the end of its session", [&] {
    return database_
        .column(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query "
            "LIKE '%SELECT pg_sleep(%' AND pid <> pg_backend_pid()")
        .empty();
  });
}

// --- killed runs ---------------------------------------------------------------------------------

// Statements that commit one by one, each of which leaves a row; the second takes its time.
class KilledRunTest : public PostgresProgramTest {
 protected:
  void script_with(const std::string& slow) {
    database_.connect()->execute("CREATE TABLE seen (number integer)");
    folder_.write("migrations/a1.sql",
                  "-- revision: a1\n-- stillhead:upgrade\n-- stillhead:autocommit\n"
                  "INSERT INTO seen VALUES (1);\nINSERT INTO seen SELECT 2 FROM pg_sleep(" +
                      slow + ");\nINSERT INTO seen VALUES (3);\n-- stillhead:end\n");
  }
  void kill_in_mid_statement() {
    const auto program = start({"upgrade", "heads"});
    test::wait_until("the second statement", [&] {
      return !database_
                  .column(
                      "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND "
                      "query LIKE '%INSERT INTO seen SELECT 2%' AND state = 'active' AND pid <> "
                      "pg_backend_pid()")
                  .empty();
    });
    program->send(SIGKILL);
    program->wait();
  }
  std::vector<std::string> seen() {
    return database_.column("SELECT number FROM seen ORDER BY number");
  }
};

TEST_F(KilledRunTest, TheNextGoesOnBehindWhatIsCommitted) {
  script_with("2");
  kill_in_mid_statement();
  const test::ProgramEnd end = run({"upgrade", "heads"});
  EXPECT_EQ(end.exit_code, 0) << end.err;
  EXPECT_NE(end.err.find("Waiting for another run to end: pid "), std::string::npos)
      << "the session of the killed run is still at work: " << end.err;
  EXPECT_NE(end.err.find("Going on behind statement 1 of 3 of a1"), std::string::npos) << end.err;
  EXPECT_EQ(seen(), (Words{"1", "2", "3"})) << "each once";
  EXPECT_EQ(database_.column("SELECT count(*) FROM stillhead.stillhead_journal"), Words{"0"});
}

TEST_F(KilledRunTest, ItsSessionIsNotWaitedForLongerThanForTheLock) {
  script_with("60");
  kill_in_mid_statement();
  const test::ProgramEnd end = run_with_report({"upgrade", "heads", "--lock-wait", "0s"});
  EXPECT_EQ(end.exit_code, 5);
  EXPECT_EQ(report_.reason, Reason::LockUnavailable);
  EXPECT_NE(end.err.find("the session of an earlier run on "), std::string::npos) << end.err;
}

TEST_F(KilledRunTest, WhatFailedMayBeCorrected) {
  database_.connect()->execute("CREATE TABLE seen (number integer)");
  const std::string head =
      "-- revision: a1\n-- transactional: false\n-- stillhead:upgrade\n"
      "INSERT INTO seen VALUES (1);\n";
  folder_.write("migrations/a1.sql", head + "INSERT INTO sene VALUES (2);\n");
  const test::ProgramEnd failed = run({"upgrade", "heads"});
  EXPECT_EQ(failed.exit_code, 1);
  EXPECT_NE(failed.err.find("statement 1 of this revision is committed, and the next run goes on "
                            "behind it"),
            std::string::npos)
      << failed.err;
  folder_.write("migrations/a1.sql",
                "-- revision: a1\n-- transactional: false\n"
                "-- stillhead:upgrade\nINSERT INTO seen VALUES (0);\n");
  EXPECT_EQ(run({"upgrade", "heads"}).exit_code, 4) << "changed where it has run";
  folder_.write("migrations/a1.sql", head + "INSERT INTO seen VALUES (2);\n");
  EXPECT_EQ(run({"upgrade", "heads"}).exit_code, 0);
  EXPECT_EQ(seen(), (Words{"1", "2"}));
}

TEST_F(KilledRunTest, AStampForgetsWhatWasHalfDone) {
  database_.connect()->execute("CREATE TABLE seen (number integer)");
  const std::string head =
      "-- revision: a1\n-- transactional: false\n-- stillhead:upgrade\n"
      "INSERT INTO seen VALUES (1);\n";
  folder_.write("migrations/a1.sql", head + "SELECT nope;\n");
  EXPECT_EQ(run({"upgrade", "heads"}).exit_code, 1);
  EXPECT_EQ(run({"stamp", "--purge", "base"}).exit_code, 0);
  folder_.write("migrations/a1.sql", head);
  EXPECT_EQ(run({"upgrade", "heads"}).exit_code, 0);
  EXPECT_EQ(seen(), (Words{"1", "1"})) << "from the beginning";
}

TEST_F(KilledRunTest, AnErrorIsAnErrorInTheNextRunToo) {
  folder_.write("migrations/a1.sql",
                "-- revision: a1\n-- transactional: false\n-- stillhead:upgrade\n"
                "CREATE INDEX CONCURRENTLY i ON missing (a);\n");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(run({"upgrade", "heads"}).exit_code, 1) << i;
}

TEST_F(KilledRunTest, ASearchPathOfTheScriptDoesNotMoveTheVersionTable) {
  const std::string head =
      "-- revision: a1\n-- transactional: false\n-- stillhead:upgrade\nCREATE SCHEMA app;\n"
      "SET search_path = app;\nCREATE TABLE x (i integer);\n";
  folder_.write("migrations/a1.sql", head + "SELECT nope;\n");
  EXPECT_EQ(run({"upgrade", "heads"}).exit_code, 1);
  folder_.write("migrations/a1.sql", head + "CREATE TABLE y (i integer);\n");
  const test::ProgramEnd end = run({"upgrade", "heads"});
  EXPECT_EQ(end.exit_code, 0) << end.err;
  EXPECT_EQ(database_.column("SELECT version_num FROM public.alembic_version"), Words{"a1"});
  EXPECT_EQ(database_.column("SELECT schemaname FROM pg_tables WHERE tablename IN ('x', 'y', "
                             "'alembic_version') ORDER BY tablename"),
            (Words{"public", "app", "app"}));
}

TEST_F(KilledRunTest, AnIndexThatWasNotBuiltToItsEndIsBuiltAgain) {
  database_.connect()->execute("CREATE TABLE t (a integer)");
  database_.connect()->execute("INSERT INTO t VALUES (1), (1)");
  folder_.write("migrations/a1.sql",
                "-- revision: a1\n-- transactional: false\n-- stillhead:upgrade\n"
                "CREATE UNIQUE INDEX CONCURRENTLY t_a ON t (a);\n");
  EXPECT_EQ(run({"upgrade", "heads"}).exit_code, 1) << "not unique";
  const std::string valid = "SELECT indisvalid FROM pg_index WHERE indrelid = 't'::regclass";
  EXPECT_EQ(database_.column(valid), Words{}) << "what cannot be used does not stay";
  EXPECT_THROW(database_.connect()->execute("CREATE UNIQUE INDEX CONCURRENTLY t_a ON t (a)"),
               engine::Error);
  EXPECT_EQ(database_.column(valid), Words{"f"}) << "as a killed run leaves it";
  database_.connect()->execute("DELETE FROM t WHERE ctid = '(0,1)'");
  const test::ProgramEnd end = run({"upgrade", "heads"});
  EXPECT_EQ(end.exit_code, 0) << end.err;
  EXPECT_EQ(database_.column(valid), Words{"t"});
}

TEST_F(KilledRunTest, IfNotExistsTakesNoOtherIndexForItsOwn) {
  struct Case {
    const char* there = "";
    const char* built = "";
    const char* error = "";  // empty: the one that is there will do
  };
  const char* const other = "it is another one: it says `";
  for (const Case& c : {
           Case{"INDEX i ON t (a)", "INDEX CONCURRENTLY IF NOT EXISTS i ON t (a)", ""},
           Case{"INDEX i ON t USING btree (a ASC)",
                "INDEX CONCURRENTLY IF NOT EXISTS i ON ONLY t(a)", ""},
           Case{"INDEX i ON t ((t.a + 1)) WHERE a > 2",
                "INDEX CONCURRENTLY IF NOT EXISTS i ON public.t ((a+1)) WHERE (a)>2", ""},
           Case{"INDEX i ON t (b)", "INDEX CONCURRENTLY IF NOT EXISTS i ON t (a)",
                "USING btree (b)`, the statement `USING btree (a)`"},
           Case{"INDEX i ON t (a)", "UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a)", other},
           Case{"INDEX i ON t (a)", "INDEX CONCURRENTLY IF NOT EXISTS i ON t (a) WHERE a > 2",
                other},
           Case{"INDEX \"i USING x\" ON t (a)",
                "INDEX CONCURRENTLY IF NOT EXISTS \"i USING x\" ON t (a)", ""},
           Case{"INDEX i ON u (a)", "INDEX CONCURRENTLY IF NOT EXISTS i ON t (a)",
                "the table t has no index i: something else has that name"},
       }) {
    SCOPED_TRACE(c.built);
    const auto connection = database_.connect();
    connection->execute("CREATE TABLE t (a integer, gone integer, b integer)");
    connection->execute("ALTER TABLE t DROP COLUMN gone");
    connection->execute("CREATE TABLE u (a integer)");
    connection->execute(fmt::format("CREATE {}", c.there));
    folder_.write("migrations/a1.sql",
                  fmt::format("-- revision: a1\n-- transactional: false\n-- stillhead:upgrade\n"
                              "CREATE {};\n-- stillhead:downgrade\n",
                              c.built));
    const test::ProgramEnd end = run({"upgrade", "heads"});
    EXPECT_EQ(end.exit_code, *c.error == '\0' ? 0 : 1) << end.err;
    EXPECT_NE(end.err.find(c.error), std::string::npos) << end.err;
    EXPECT_EQ(run({"stamp", "--purge", "base"}).exit_code, 0);
    connection->execute("DROP TABLE t, u");
  }
}

// --- several at once -----------------------------------------------------------------------------

TEST_F(PostgresProgramTest, ARunWaitsForAnotherAndSaysForWhom) {
  sleeping_script();
  const auto first = start({"upgrade", "heads"});
  wait_for_sleep();

  const test::ProgramEnd refused = run_with_report({"upgrade", "heads", "--lock-wait", "0s"});
  EXPECT_EQ(refused.exit_code, 5);
  EXPECT_EQ(report_.reason, Reason::LockUnavailable);
  EXPECT_NE(refused.err.find("pid "), std::string::npos) << refused.err;
  EXPECT_NE(refused.err.find("stillhead"), std::string::npos) << refused.err;
  EXPECT_EQ(refused.err.find("Waiting"), std::string::npos) << refused.err;

  const auto waiting = start({"upgrade", "heads"});
  test::wait_until("the message", [&] {
    return waiting->err().find("INFO  [stillhead] Waiting for another run to end: ") !=
           std::string::npos;
  });
  waiting->send(SIGTERM);
  const test::ProgramEnd stopped = waiting->wait();
  EXPECT_EQ(stopped.exit_code, 8);
  EXPECT_LT(stopped.duration.count(), 2000);

  first->send(SIGTERM);
  EXPECT_EQ(first->wait().exit_code, 8);
}

int race_rounds() {
  const char* rounds = std::getenv("STILLHEAD_RACE_ROUNDS");
  return rounds == nullptr ? 3 : std::max(1, std::atoi(rounds));
}

class RaceTest : public PostgresProgramTest, public testing::WithParamInterface<int> {};

TEST_P(RaceTest, OfTwentyOneAppliesAndNineteenFindNothingToDo) {
  three_tables();
  // A reader of a pipe waits until a writer opens it: all start in the same moment.
  const std::string gate = folder_ / "gate";
  ASSERT_EQ(mkfifo(gate.c_str(), 0600), 0);
  Words arguments = {"-c", "read line < \"$0\"; exec \"$@\"", gate, engine_program()};
  for (const std::string& word : with_defaults({"upgrade", "heads"})) arguments.push_back(word);
  std::vector<std::unique_ptr<test::RunningProgram>> engines;
  for (int i = 0; i < 20; ++i) {
    engines.push_back(std::make_unique<test::RunningProgram>("/bin/sh", arguments));
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  // Stays open: who comes late finds a line, too.
  std::ofstream opened(gate);
  opened << std::string(20, '\n') << std::flush;
  int applied = 0;
  int nothing_to_do = 0;
  for (const auto& engine : engines) {
    const test::ProgramEnd end = engine->wait();
    EXPECT_EQ(end.exit_code, 0) << end.err;
    applied += result_of(end).starts_with("upgraded to c3: 3 revisions in ") ? 1 : 0;
    nothing_to_do += result_of(end).starts_with("already at c3") ? 1 : 0;
  }
  EXPECT_EQ(applied, 1);
  EXPECT_EQ(nothing_to_do, 19);
  for (const char* table : {"t_a1", "t_b2", "t_c3"}) {
    EXPECT_EQ(times_logged(fmt::format("CREATE TABLE {} (id integer)", table)), 1) << table;
  }
  EXPECT_EQ(database_.column("SELECT version_num FROM alembic_version"),
            std::vector<std::string>{"c3"});
}

INSTANTIATE_TEST_SUITE_P(Round, RaceTest, testing::Range(1, race_rounds() + 1));

// --- secrets -------------------------------------------------------------------------------------

TEST_F(PostgresProgramTest, ThePasswordIsNowhere) {
  sleeping_script();
  url_ = PostgresServer::instance().tcp_url(database_.name(), "scram", PostgresServer::kPassword);
  const auto program = start({"upgrade", "heads", "--report", folder_ / "report.json"});
  wait_for_sleep();
  const std::string command_line = program->command_line();
  program->send(SIGTERM);
  const test::ProgramEnd end = program->wait();
  ASSERT_EQ(end.exit_code, 8) << end.err;
  EXPECT_NE(command_line.find("upgrade"), std::string::npos);
  const test::ProgramEnd shown = run({"current", "-v"});
  EXPECT_EQ(shown.exit_code, 0) << shown.err;
  const test::ProgramEnd shown_json = run({"current", "--json"});
  EXPECT_NE(shown_json.out.find("scram:***@"), std::string::npos) << shown_json.out;
  const test::ProgramEnd mistyped = run({"currant", url_});
  for (const std::string& text :
       {command_line, end.out, end.err, folder_.read("report.json"), shown.out, shown.err,
        shown_json.out, shown_json.err, mistyped.out, mistyped.err}) {
    for (const char* secret : {"secret%231", "secret#1"}) {
      EXPECT_EQ(text.find(secret), std::string::npos) << text;
    }
  }
}

}  // namespace
