// SPDX-License-Identifier: Apache-2.0
//
// `stillhead wait` of the real program: what it takes for applied, and what it waits out.
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <memory>

#include "tests/database/program_fixture.h"
#include "tests/database/scratch_database.h"
#include "tests/support/places.h"

namespace {

using engine::Reason;
using Words = std::vector<std::string>;

class WaitTest : public test::ProgramTest {
 protected:
  WaitTest() { url_ = test::PostgresServer::instance().url(database_.name()); }

  std::unique_ptr<test::RunningProgram> start(Words arguments) const {
    return std::make_unique<test::RunningProgram>(
        engine_program(), with_defaults(std::move(arguments)), environment_);
  }
  // One look, in a folder without scripts unless they are given.
  test::ProgramEnd look(const std::string& revision, bool with_scripts = true) {
    Words words = {"wait", "--timeout", "0", "--report", folder_ / "report.json"};
    if (!revision.empty()) words.insert(words.end(), {"--revision", revision});
    test::ProgramEnd end =
        with_scripts ? run(words) : test::run_program(engine_program(), without_scripts(words));
    report_ = engine::report_from_json(folder_.read("report.json")).value_or(engine::RunReport{});
    return end;
  }
  Words without_scripts(Words words) const {
    words.insert(words.begin(), {"-d", url_, "--script-location", folder_ / "nowhere"});
    return words;
  }
  void sql(const std::string& text) const { database_.connect()->execute(text); }
  // A role of its own for this database; roles belong to the whole server.
  std::string make_role() const {
    const std::string role = "reader_" + database_.name();
    sql("CREATE ROLE " + role + " LOGIN");
    sql("REVOKE ALL ON SCHEMA public FROM PUBLIC");
    sql("GRANT USAGE ON SCHEMA public TO " + role);
    return role;
  }
  void become(const std::string& role) {
    url_ = test::PostgresServer::instance().url(database_.name(), role);
  }

  test::ScratchDatabase database_{engine::SqlFlavour::PostgreSql};
};

TEST_F(WaitTest, IsDoneOnceARevisionIsAppliedWhateverCameBehindIt) {
  three_tables();
  ASSERT_EQ(run({"upgrade", "heads"}).exit_code, 0);
  for (const char* revision : {"a1", "b2", "c3", "head"}) {
    const test::ProgramEnd end = look(revision);
    EXPECT_EQ(end.exit_code, 0) << end.err;
    EXPECT_EQ(end.out, "");
  }
  EXPECT_EQ(look("a1").err, "INFO  [stillhead] a1 is applied\n");
  EXPECT_EQ(look("").err, "INFO  [stillhead] c3 is applied\n") << "the heads";
  EXPECT_EQ(report_.to, Words{"c3"});
  EXPECT_EQ(report_.command, "wait");
}

TEST_F(WaitTest, WhatWasRevertedIsNotApplied) {
  three_tables();
  ASSERT_EQ(run({"upgrade", "heads"}).exit_code, 0);
  ASSERT_EQ(run({"downgrade", "a1"}).exit_code, 0);
  for (const bool with_scripts : {true, false}) {
    EXPECT_EQ(look("a1", with_scripts).exit_code, 0);
    const test::ProgramEnd end = look("b2", with_scripts);
    EXPECT_EQ(end.exit_code, 7);
    EXPECT_EQ(end.err,
              "stillhead: b2 is not applied: the database is at a1\n"
              "hint: something else has to bring the database there, such as `stillhead "
              "upgrade`\n");
    EXPECT_EQ(report_.reason, Reason::NotUpToDate);
  }
}

TEST_F(WaitTest, TheHistoryAnswersWithoutScriptsAndForOlderOnes) {
  three_tables();
  ASSERT_EQ(run({"upgrade", "heads"}).exit_code, 0);
  EXPECT_EQ(look("a1", false).err, "INFO  [stillhead] a1 is applied\n");
  EXPECT_EQ(look("c", false).exit_code, 7) << "an abbreviation needs scripts";
  // An image from before c3: its row is unknown there.
  std::filesystem::remove(folder_ / "migrations/c3.sql");
  EXPECT_EQ(look("b2").err, "INFO  [stillhead] b2 is applied\n");
  EXPECT_EQ(look("c3").err, "INFO  [stillhead] c3 is applied\n") << "no script has it";
  EXPECT_EQ(look("").err, "INFO  [stillhead] b2 is applied\n") << "an old image starts again";
}

TEST_F(WaitTest, WithoutAHistoryTheRowsDecideAndItSaysSo) {
  three_tables();
  ASSERT_EQ(run({"upgrade", "heads"}).exit_code, 0);
  sql("DROP SCHEMA stillhead CASCADE");
  EXPECT_EQ(look("a1").err,
            "warning: this role sees no history: a revision counts as applied when it is in the "
            "version table, or lies below such a revision in the scripts\n"
            "INFO  [stillhead] a1 is applied\n");
  EXPECT_EQ(look("c3", false).err,
            "warning: this role sees no history, and there are no scripts: a revision counts as "
            "applied only while it is in the version table itself\n"
            "INFO  [stillhead] c3 is applied\n");
  EXPECT_EQ(look("a1", false).exit_code, 7);
}

TEST_F(WaitTest, NeedsSelectOnly) {
  three_tables();
  ASSERT_EQ(run({"upgrade", "heads"}).exit_code, 0);
  const std::string role = make_role();
  const auto admin = database_.connect();
  const std::string owner = url_;
  become(role);
  // Nothing: it says what is missing, and waits.
  test::ProgramEnd end = look("a1", false);
  EXPECT_EQ(end.exit_code, 7);
  EXPECT_NE(end.err.find("permission denied"), std::string::npos) << end.err;
  // The history alone.
  admin->execute("GRANT USAGE ON SCHEMA stillhead TO " + role);
  admin->execute("GRANT SELECT ON stillhead.stillhead_history TO " + role);
  EXPECT_EQ(look("a1", false).err, "INFO  [stillhead] a1 is applied\n");
  // The version table alone.
  admin->execute("REVOKE ALL ON stillhead.stillhead_history FROM " + role);
  admin->execute("GRANT SELECT ON alembic_version TO " + role);
  end = look("a1");
  EXPECT_EQ(end.exit_code, 0) << end.err;
  EXPECT_TRUE(end.err.starts_with("warning: this role sees no history")) << end.err;
  // Both.
  admin->execute("GRANT SELECT ON stillhead.stillhead_history TO " + role);
  EXPECT_EQ(look("b2", false).exit_code, 0);
  admin->execute("DROP OWNED BY " + role);
  admin->execute("DROP ROLE " + role);
}

TEST_F(WaitTest, ChangesNothingAndTakesNoLock) {
  three_tables();
  const std::string tables =
      "SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'S', 'i') AND "
      "relnamespace NOT IN ('pg_catalog'::regnamespace)";
  const auto before = database_.column(tables);
  EXPECT_EQ(look("a1").err,
            "stillhead: a1 is not applied: the database is at base\n"
            "hint: something else has to bring the database there, such as `stillhead upgrade`\n");
  EXPECT_EQ(database_.column(tables), before);
  // Somebody has the lock, and a transaction that is not through.
  script("a1", "", "SELECT pg_sleep(60);", "");
  const auto runner = start({"upgrade", "a1"});
  test::wait_until("pg_sleep", [&] {
    return !database_
                .column(
                    "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND "
                    "query LIKE 'SELECT pg_sleep%'")
                .empty();
  });
  const test::ProgramEnd end = look("a1");
  EXPECT_EQ(end.exit_code, 7);
  EXPECT_LT(end.duration, std::chrono::seconds(20));
  runner->send(SIGTERM);
  runner->wait();
}

TEST_F(WaitTest, TellsEachStateOnceUntilItIsDone) {
  three_tables();
  const auto waiting = start({"wait", "--revision", "b2", "--interval", "20ms"});
  test::wait_until("the first look", [&] { return !waiting->err().empty(); });
  ASSERT_EQ(run({"upgrade", "a1"}).exit_code, 0);
  test::wait_until("the second state",
                   [&] { return waiting->err().find("is at a1") != std::string::npos; });
  ASSERT_EQ(run({"upgrade", "c3"}).exit_code, 0);
  const test::ProgramEnd end = waiting->wait();
  EXPECT_EQ(end.exit_code, 0);
  EXPECT_EQ(end.err,
            "INFO  [stillhead] Waiting for b2: the database is at base\n"
            "INFO  [stillhead] Waiting for b2: the database is at a1\n"
            "INFO  [stillhead] b2 is applied\n");
}

TEST_F(WaitTest, ATimeoutSaysWhereTheDatabaseIs) {
  three_tables();
  ASSERT_EQ(run({"upgrade", "a1"}).exit_code, 0);
  const test::ProgramEnd end = run_with_report(
      {"-q", "wait", "--revision", "c3", "--timeout", "300ms", "--interval", "50ms"});
  EXPECT_EQ(end.exit_code, 7);
  EXPECT_EQ(end.err,
            "stillhead: waited 300ms for c3: the database is at a1\n"
            "hint: something else has to bring the database there, such as `stillhead upgrade`\n");
  EXPECT_EQ(report_.target_revisions, Words{"c3"});
  EXPECT_LT(end.duration, std::chrono::seconds(10));
}

TEST_F(WaitTest, WaitsForAServerThatIsNotUpYet) {
  three_tables();
  ASSERT_EQ(run({"upgrade", "heads"}).exit_code, 0);
  // The socket is where the server is, under a name that comes later.
  const std::string real = test::PostgresServer::instance().socket();
  const std::string later = folder_ / "later";
  const std::string port = test::PostgresServer::instance().port();
  url_ = "host=" + later + " port=" + port + " user=postgres dbname=" + database_.name();
  const auto waiting = start({"wait", "--revision", "c3", "--interval", "20ms"});
  test::wait_until("the first look", [&] { return !waiting->err().empty(); });
  EXPECT_NE(waiting->err().find("Waiting for c3: cannot connect to "), std::string::npos)
      << waiting->err();
  ASSERT_EQ(::symlink(real.c_str(), later.c_str()), 0);
  const test::ProgramEnd end = waiting->wait();
  EXPECT_EQ(end.exit_code, 0) << end.err;
  EXPECT_TRUE(end.err.ends_with("INFO  [stillhead] c3 is applied\n")) << end.err;
  EXPECT_EQ(std::count(end.err.begin(), end.err.end(), '\n'), 2) << end.err;
}

TEST_F(WaitTest, AWrongPasswordIsToldAndWaitedOut) {
  three_tables();
  url_ =
      test::PostgresServer::instance().tcp_url(database_.name(), "scram", "canary-of-a-password");
  const test::ProgramEnd end =
      run({"wait", "--revision", "c3", "--timeout", "500ms", "--interval", "50ms"});
  EXPECT_EQ(end.exit_code, 7);
  EXPECT_NE(end.err.find("Waiting for c3: cannot connect to "), std::string::npos) << end.err;
  EXPECT_NE(end.err.find("password authentication failed"), std::string::npos) << end.err;
  EXPECT_NE(end.err.find("stillhead: waited 500ms for c3: cannot connect to "), std::string::npos)
      << end.err;
  EXPECT_EQ(end.err.find("canary"), std::string::npos);
}

TEST_F(WaitTest, ASignalEndsIt) {
  three_tables();
  const auto waiting = start({"wait", "--revision", "c3", "--interval", "1h"});
  test::wait_until("the first look", [&] { return !waiting->err().empty(); });
  waiting->send(SIGTERM);
  const test::ProgramEnd end = waiting->wait();
  EXPECT_EQ(end.exit_code, 8);
  EXPECT_TRUE(
      end.err.ends_with("stillhead: interrupted while waiting for c3\n"
                        "hint: run the same command again\n"))
      << end.err;
  EXPECT_LT(end.duration, std::chrono::seconds(5));
}

TEST_F(WaitTest, ALockedVersionTableIsWaitedOut) {
  three_tables();
  ASSERT_EQ(run({"upgrade", "heads"}).exit_code, 0);
  const auto other = database_.connect();
  other->begin();
  other->execute("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE");
  const test::ProgramEnd end = look("c3", false);
  EXPECT_EQ(end.exit_code, 7);
  EXPECT_NE(end.err.find("canceling statement due to statement timeout"), std::string::npos)
      << end.err;
  EXPECT_GE(end.duration, std::chrono::seconds(4));
  EXPECT_LT(end.duration, std::chrono::seconds(30));
}

TEST_F(WaitTest, WhatMakesNoSenseIsNotWaitedFor) {
  three_tables();
  EXPECT_EQ(look("base").err,
            "stillhead: --revision base: nothing to wait for\n"
            "hint: name a revision, a branch, or heads\n");
  EXPECT_EQ(look("base").exit_code, 2);
  EXPECT_EQ(
      look("heads", false).err,
      "stillhead: --revision heads needs the scripts, and there are none\n"
      "hint: name the revision itself, or say with --script-location where the scripts are\n");
  EXPECT_EQ(look("", false).exit_code, 3) << "the heads of which scripts?";
  url_ = "mysql://h/d";
  EXPECT_EQ(run({"wait", "--revision", "a1"}).exit_code, 2);
}

TEST_F(WaitTest, SqliteFilesAreWaitedFor) {
  three_tables();
  url_ = "sqlite:///" + (folder_ / "app.db");
  const test::ProgramEnd end = look("c3");
  EXPECT_EQ(end.exit_code, 7);
  EXPECT_NE(end.err.find("no such database file"), std::string::npos) << end.err;
  EXPECT_FALSE(folder_.has("app.db"));
  const auto waiting = start({"wait", "--interval", "20ms"});
  test::wait_until("the first look", [&] { return !waiting->err().empty(); });
  ASSERT_EQ(run({"upgrade", "heads"}).exit_code, 0);
  EXPECT_EQ(waiting->wait().exit_code, 0);
  EXPECT_EQ(look("a1", false).exit_code, 0);
}

}  // namespace
