// SPDX-License-Identifier: Apache-2.0
#include "engine/run/migrator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/fake_connection.h"

namespace engine {
namespace {

using Log = std::vector<std::string>;

class FakeLock : public MigrationLock {
 public:
  int looks_until_lost = 1000;
  std::string query = {};
  bool held() noexcept override { return looks_until_lost-- > 0; }
  std::string held_query() const override { return query; }
};

class RecordingObserver : public Observer {
 public:
  Log calls = {};
  void step_started(const Step& step, const Revision& revision, int number, int count) override {
    calls.push_back("start " + step.revision + " " + revision.message + " " +
                    std::to_string(number) + "/" + std::to_string(count));
  }
  void step_finished(const Step& step, const Revision&, std::chrono::milliseconds) override {
    calls.push_back("finish " + step.revision);
  }
  void retrying(const std::string& what, int attempt, int attempts, const std::string& blockers,
                std::chrono::milliseconds) override {
    calls.push_back(what + " " + std::to_string(attempt) + "/" + std::to_string(attempts) +
                    blockers);
  }
  void warned(const std::string& text) override { calls.push_back(text); }
};

struct Sql {
  std::string text = {};
  bool transactional = true;
};

PreparedStep up(const std::string& id, const std::vector<Sql>& statements) {
  PreparedStep prepared;
  prepared.step = {Direction::Up, id, {{"", id}}};
  prepared.revision.id = id;
  prepared.revision.message = "does " + id;
  prepared.revision.file = "/srv/migrations/" + id + "_x.sql";
  prepared.checksum = "sum-" + id;
  int line = 10;
  for (const Sql& sql : statements) {
    prepared.statements.push_back({sql.text, line, sql.transactional});
    line += 2;
  }
  return prepared;
}

PreparedStep down(const std::string& id, const std::vector<Sql>& statements) {
  PreparedStep prepared = up(id, statements);
  prepared.step.direction = Direction::Down;
  prepared.step.rows = {{id, ""}};
  return prepared;
}

Error database_error(const std::string& message, const std::string& sqlstate, int line = 0) {
  Failure failure;
  failure.message = message;
  failure.sqlstate = sqlstate;
  failure.line = line;
  return Error(Reason::MigrationFailed, message + " (" + sqlstate + ")", failure, "a hint");
}

class MigratorTest : public testing::Test {
 protected:
  MigratorTest() {
    connection_.answer("pg_namespace", {{"stillhead", "public"}});
    connection_.answer("max(version)", {{"3", "UTF8"}});
    history_.emplace(connection_, VersionTableName{});
    connection_.log.clear();
  }

  MigrationContext context() {
    return {connection_,
            lock_,
            versions_,
            &*history_,
            nullptr,
            observer_,
            {"0123456789abcdef", "uid", 3, "9.9"},
            stop_.get_token(),
            transactions_,
            timeouts_,
            session_,
            renew_};
  }
  // `sql` meets a lock the first `times` times.
  void meet_lock(const std::string& sql, int times) {
    connection_.call_on(sql, [times]() mutable {
      if (times-- > 0) throw database_error("canceling statement due to lock timeout", "55P03");
    });
  }
  void run(const std::vector<PreparedStep>& steps) {
    MigrationContext made = context();
    execute(start_, steps, made, done_);
  }
  Error error_of(const std::vector<PreparedStep>& steps) {
    try {
      run(steps);
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "did not fail";
    return Error(Reason::Bug, "did not fail");
  }

  // What was told, with version and history rows shortened, without the look for the table's
  // schema.
  Log log() const {
    Log result;
    for (const std::string& sql : connection_.log) {
      if (sql.find("relnamespace::regnamespace") != std::string::npos) continue;
      if (sql.find("stillhead_history") != std::string::npos) {
        result.emplace_back("history");
      } else if (sql.find("alembic_version") != std::string::npos) {
        result.emplace_back("version");
      } else {
        result.push_back(sql);
      }
    }
    return result;
  }
  Log done() const {
    Log result;
    for (const StepReport& step : done_) result.push_back(step.revision);
    return result;
  }

  test::FakeConnection connection_;
  FakeLock lock_;
  VersionTable versions_;
  std::optional<HistoryTable> history_;
  RecordingObserver observer_;
  std::stop_source stop_;
  RevisionSet start_ = {"z"};
  TransactionMode transactions_ = TransactionMode::PerRevision;
  Timeouts timeouts_ = {};
  SessionFacts session_ = {};
  std::function<SessionFacts()> renew_ = {};
  std::vector<StepReport> done_;
};

TEST_F(MigratorTest, EachStepIsOneTransactionWithItsVersionAndHistoryRows) {
  run({up("a", {{"one"}, {"two"}}), up("b", {{"three"}})});
  EXPECT_EQ(log(), (Log{"BEGIN", "one", "two", "version", "history", "COMMIT", "BEGIN", "three",
                        "version", "history", "COMMIT"}));
  EXPECT_EQ(connection_.log[4],
            "INSERT INTO alembic_version (version_num) VALUES ('a') RETURNING "
            "alembic_version.version_num");
}

TEST_F(MigratorTest, HistoryRowTellsWhoRanWhat) {
  run({down("a", {})});
  const std::string& sql = connection_.log.at(3);
  EXPECT_NE(
      sql.find("VALUES ('public.alembic_version', 'a', 'downgrade', '0123456789abcdef', 'uid', 3, "
               "'9.9', 'sum-a', '20"),
      std::string::npos)
      << sql;
  EXPECT_NE(sql.find("Z', clock_timestamp(), 'succeeded', NULL, NULL, NULL)"), std::string::npos)
      << sql;
}

TEST_F(MigratorTest, StepWithoutStatementsStillMovesTheVersionRow) {
  run({up("a", {})});
  EXPECT_EQ(log(), (Log{"BEGIN", "version", "history", "COMMIT"}));
}

TEST_F(MigratorTest, AutocommitStatementsRunBetweenTransactions) {
  run({up("a", {{"one"}, {"two", false}, {"three", false}, {"four"}})});
  EXPECT_EQ(log(), (Log{"BEGIN", "one", "COMMIT", "two", "three", "BEGIN", "four", "version",
                        "history", "COMMIT"}));
}

TEST_F(MigratorTest, VersionRowFollowsAnAutocommitStatementThatComesLast) {
  run({up("a", {{"one"}, {"two", false}})});
  EXPECT_EQ(log(), (Log{"BEGIN", "one", "COMMIT", "two", "BEGIN", "version", "history", "COMMIT"}));
}

TEST_F(MigratorTest, RevisionThatIsNotTransactionalRunsEachStatementByItself) {
  PreparedStep first = up("a", {});
  PreparedStep step = up("b", {{"one"}, {"two"}});
  step.revision.transactional = false;
  run({first, step});
  EXPECT_EQ(log(), (Log{"BEGIN", "version", "history", "COMMIT", "one", "two", "BEGIN", "version",
                        "history", "COMMIT"}));
}

TEST_F(MigratorTest, TheVersionTableIsReadyBeforeAnythingElseRuns) {
  start_ = {};
  run({up("a", {{"one", false}})});
  const Log expected = {"BEGIN", "version", "version", "COMMIT", "one",
                        "BEGIN", "version", "history", "COMMIT"};
  EXPECT_EQ(log(), expected);
  EXPECT_TRUE(connection_.log[2].starts_with("CREATE TABLE alembic_version")) << connection_.log[2];
}

TEST_F(MigratorTest, ASingleTransactionHoldsAllSteps) {
  transactions_ = TransactionMode::Single;
  run({up("a", {{"one"}}), up("b", {{"two"}})});
  EXPECT_EQ(log(),
            (Log{"BEGIN", "one", "version", "history", "two", "version", "history", "COMMIT"}));
  EXPECT_EQ(done(), (Log{"a", "b"}));
}

TEST_F(MigratorTest, AFailureRollsTheSingleTransactionBack) {
  transactions_ = TransactionMode::Single;
  connection_.fail_on("two", database_error("no", "42P01"));
  EXPECT_EQ(error_of({up("a", {{"one"}}), up("b", {{"two"}})}).message(),
            "upgrade to b failed at statement 1 of 1: no (42P01), b_x.sql:10; the revisions before "
            "it in this run are rolled back with it");
  EXPECT_EQ(log(), (Log{"BEGIN", "one", "version", "history", "two", "ROLLBACK"}));
  EXPECT_EQ(done(), Log{});
}

TEST_F(MigratorTest, AnAutocommitSectionCommitsWhatTheSingleTransactionHolds) {
  transactions_ = TransactionMode::Single;
  connection_.fail_on("three", database_error("no", "42P01"));
  EXPECT_EQ(error_of({up("a", {{"one"}}), up("b", {{"two", false}, {"three"}})}).message(),
            "upgrade to b failed at statement 2 of 2: no (42P01), b_x.sql:12; statement 1 of this "
            "revision is committed, and the next run goes on behind it");
  EXPECT_EQ(log(), (Log{"BEGIN", "one", "version", "history", "COMMIT", "two", "BEGIN", "three",
                        "ROLLBACK"}));
  EXPECT_EQ(done(), Log{"a"});
}

TEST_F(MigratorTest, AStampIsOneTransactionOfRows) {
  StampPlan plan{{"z"}, true, {{{}, {"a"}, Direction::Up, false, {{"", "a"}}}}, {"a"}};
  MigrationContext made = context();
  execute(plan, {}, made);
  ASSERT_EQ(connection_.log.size(), 5U);
  EXPECT_EQ(connection_.log[2], "DELETE FROM alembic_version");
  EXPECT_EQ(log(), (Log{"BEGIN", "version", "version", "COMMIT"}));
}

TEST_F(MigratorTest, ReportsAndObserverTellTheStepsInOrder) {
  run({up("a", {{"one"}, {"two"}}), down("b", {})});
  EXPECT_EQ(observer_.calls,
            (Log{"start a does a 1/2", "finish a", "start b does b 2/2", "finish b"}));
  ASSERT_EQ(done_.size(), 2U);
  EXPECT_EQ(done_[0].direction, "upgrade");
  EXPECT_EQ(done_[0].message, "does a");
  EXPECT_EQ(done_[0].statement_count, 2);
  EXPECT_EQ(done_[1].direction, "downgrade");
}

TEST_F(MigratorTest, FailedStatementRollsBackItsStepAndNamesThePlace) {
  connection_.fail_on("three",
                      database_error("column \"x\" of relation \"t\" already exists", "42701", 3));
  const Error error = error_of({up("a", {{"one"}}), up("b", {{"two"}, {"three"}, {"four"}})});
  EXPECT_EQ(error.reason(), Reason::MigrationFailed);
  EXPECT_EQ(
      error.message(),
      "upgrade to b failed at statement 2 of 3: column \"x\" of relation \"t\" already exists "
      "(42701), b_x.sql:14");
  EXPECT_EQ(error.hint(), "a hint");
  ASSERT_TRUE(error.failure());
  EXPECT_EQ(error.failure()->revision, "b");
  EXPECT_EQ(error.failure()->file, "b_x.sql");
  EXPECT_EQ(error.failure()->statement, 2);
  EXPECT_EQ(error.failure()->statement_count, 3);
  EXPECT_EQ(error.failure()->line,
            14);  // the statement begins on 12, the error is on its third line
  EXPECT_EQ(error.failure()->sqlstate, "42701");
  EXPECT_EQ(error.failure()->sql, "three");
  EXPECT_EQ(done(), Log{"a"});
  EXPECT_EQ(log(), (Log{"BEGIN", "one", "version", "history", "COMMIT", "BEGIN", "two", "three",
                        "ROLLBACK"}));
}

TEST_F(MigratorTest, FailedDowngradeSaysSo) {
  connection_.fail_on("one", database_error("no", "42P01"));
  EXPECT_EQ(error_of({down("a", {{"one"}})}).message(),
            "downgrade of a failed at statement 1 of 1: no (42P01), a_x.sql:10");
}

TEST_F(MigratorTest, FailureBehindCommittedStatementsNamesThoseThatStay) {
  const PreparedStep step = up("a", {{"one"}, {"two", false}, {"three"}});
  connection_.fail_on("three", database_error("no", "42P01"));
  EXPECT_EQ(
      error_of({step}).message(),
      "upgrade to a failed at statement 3 of 3: no (42P01), a_x.sql:14; statements 1 to 2 of this "
      "revision are committed, and the next run goes on behind them");
  connection_.fail_on("two", database_error("no", "42P01"));
  EXPECT_EQ(error_of({step}).message(),
            "upgrade to a failed at statement 2 of 3: no (42P01), a_x.sql:12; statement 1 of this "
            "revision is committed, and the next run goes on behind it");
}

TEST_F(MigratorTest, VersionRowThatSomebodyElseMovedIsAConflict) {
  connection_.touch("alembic_version", 0);
  PreparedStep step = up("b", {{"one"}});
  step.step.rows = {{"a", "b"}};
  const Error error = error_of({step});
  EXPECT_EQ(error.reason(), Reason::VersionConflict);
  EXPECT_EQ(
      error.message(),
      "upgrade to b failed at its version row: expected to match one row when updating 'a' to 'b' "
      "in 'alembic_version'; 0 found");
  EXPECT_EQ(error.failure()->statement, 0);
  EXPECT_EQ(log(), (Log{"BEGIN", "one", "version", "history", "ROLLBACK"}));
}

TEST_F(MigratorTest, FailedCommitIsReportedAsSuch) {
  connection_.fail_on("COMMIT",
                      Error(Reason::DatabaseUnreachable, "outcome unknown: gone, during COMMIT"));
  const Error error = error_of({up("a", {{"one"}})});
  EXPECT_EQ(error.reason(), Reason::DatabaseUnreachable);
  EXPECT_EQ(error.message(), "upgrade to a failed at COMMIT: outcome unknown: gone, during COMMIT");
  EXPECT_TRUE(done_.empty());
}

TEST_F(MigratorTest, LostLockStopsBeforeTheCommit) {
  lock_.looks_until_lost = 1;
  const Error error = error_of({up("a", {{"one"}})});
  EXPECT_EQ(error.reason(), Reason::LockUnavailable);
  EXPECT_EQ(error.message(), "upgrade to a failed before COMMIT: the migration lock was lost");
  EXPECT_EQ(log(), (Log{"BEGIN", "one", "version", "history", "ROLLBACK"}));
}

TEST_F(MigratorTest, RequestToStopIsHeardBeforeTheCommitAndCancels) {
  connection_.call_on("one", [this] { stop_.request_stop(); });
  const Error error = error_of({up("a", {{"one"}})});
  EXPECT_EQ(error.reason(), Reason::Interrupted);
  EXPECT_EQ(error.message(), "upgrade to a interrupted before COMMIT; rolled back");
  EXPECT_EQ(connection_.cancels, 1);
  EXPECT_EQ(log(), (Log{"BEGIN", "one", "version", "history", "ROLLBACK"}));
}

TEST_F(MigratorTest, RequestToStopBetweenStepsKeepsWhatIsCommitted) {
  connection_.call_on("COMMIT", [this] { stop_.request_stop(); });
  const Error error = error_of({up("a", {{"one"}}), up("b", {{"two"}})});
  EXPECT_EQ(error.reason(), Reason::Interrupted);
  EXPECT_EQ(error.message(), "upgrade to b interrupted before statement 1 of 1; rolled back");
  EXPECT_EQ(done(), Log{"a"});
}

TEST_F(MigratorTest, InterruptedStatementIsNamed) {
  connection_.fail_on("two",
                      Error(Reason::Interrupted, "interrupted; the statement was cancelled"));
  const Error error = error_of({up("a", {{"one", false}, {"two"}})});
  EXPECT_EQ(error.reason(), Reason::Interrupted);
  EXPECT_EQ(
      error.message(),
      "upgrade to a interrupted at statement 2 of 2, a_x.sql:12; rolled back; statement 1 of this "
      "revision is committed, and the next run goes on behind it");
  EXPECT_EQ(error.hint(), "run the same command again");
}

TEST_F(MigratorTest, NothingIsSaidToBeRolledBackThatRanOutsideOfTheTransaction) {
  connection_.fail_on("one",
                      Error(Reason::Interrupted, "interrupted; the statement was cancelled"));
  EXPECT_EQ(error_of({up("a", {{"one", false}})}).message(),
            "upgrade to a interrupted at statement 1 of 1, a_x.sql:10; what this statement did may "
            "stay");
}

TEST_F(MigratorTest, LongStatementsAreCutBetweenCharacters) {
  std::string sql = "x";
  while (sql.size() < 2'100) sql += "ä";  // two bytes each
  connection_.fail_on("x", database_error("no", "42601"));
  const Failure failure = error_of({up("a", {{sql}})}).failure().value();
  EXPECT_LE(failure.sql.size(), 2'000U);
  EXPECT_GE(failure.sql.size(), 1'998U);
  EXPECT_TRUE(failure.sql.ends_with("ä…"));
}

TEST_F(MigratorTest, ATransactionThatMeetsALockIsBegunAgain) {
  timeouts_ = {std::chrono::milliseconds(800), 3, {}, std::chrono::milliseconds(0)};
  meet_lock("ALTER two", 2);
  run({up("a", {{"one"}, {"ALTER two"}, {"UPDATE three"}})});
  EXPECT_EQ(log(), (Log{"BEGIN", "SET LOCAL lock_timeout = '100ms'", "one", "ALTER two", "ROLLBACK",
                        "BEGIN", "SET LOCAL lock_timeout = '200ms'", "one", "ALTER two", "ROLLBACK",
                        "BEGIN", "SET LOCAL lock_timeout = '400ms'", "one", "ALTER two",
                        "UPDATE three", "version", "history", "COMMIT"}));
  EXPECT_EQ(observer_.calls,
            (Log{"start a does a 1/1",
                 "upgrade to a at statement 2 of 3: canceling statement due to lock timeout "
                 "(55P03) 1/4",
                 "upgrade to a at statement 2 of 3: canceling statement due to lock timeout "
                 "(55P03) 2/4",
                 "finish a"}));
  ASSERT_EQ(done_.size(), 1U);
  EXPECT_EQ(done_[0].retries, 2);
  EXPECT_EQ(done_[0].statements.size(), 3U) << "those of the last try";
}

TEST_F(MigratorTest, ASingleTransactionIsBegunAgainFromItsFirstStep) {
  transactions_ = TransactionMode::Single;
  timeouts_ = {{}, 1, {}, std::chrono::milliseconds(0)};
  meet_lock("two", 1);
  run({up("a", {{"one"}}), up("b", {{"two"}})});
  EXPECT_EQ(log(), (Log{"BEGIN", "one", "version", "history", "two", "ROLLBACK", "BEGIN", "one",
                        "version", "history", "two", "version", "history", "COMMIT"}));
  EXPECT_EQ(done(), (Log{"a", "b"}));
}

TEST_F(MigratorTest, TheLastTryIsLimitedToo) {
  timeouts_ = {std::chrono::milliseconds(50), 2, {}, std::chrono::milliseconds(0)};
  meet_lock("ALTER one", 1000);
  const Error error = error_of({up("a", {{"ALTER one"}})});
  EXPECT_EQ(error.reason(), Reason::LockTimeout);
  EXPECT_EQ(error.message(),
            "upgrade to a failed at statement 1 of 1: canceling statement due to lock timeout "
            "(55P03); tried 3 times, a_x.sql:10");
  EXPECT_EQ(error.hint(),
            "end what is in the way, or run the same command again at a quieter time");
  EXPECT_EQ(std::ranges::count(connection_.log, "SET LOCAL lock_timeout = '50ms'"), 3);
}

TEST_F(MigratorTest, OtherErrorsAreNotTriedAgain) {
  timeouts_.lock_retries = 5;
  connection_.fail_on("one", database_error("no", "42P01"));
  EXPECT_EQ(error_of({up("a", {{"one"}})}).reason(), Reason::MigrationFailed);
  EXPECT_EQ(log(), (Log{"BEGIN", "one", "ROLLBACK"}));
}

TEST_F(MigratorTest, AStatementTimeoutHoldsForAllButThoseThatAreMadeToWait) {
  timeouts_.statement_timeout = std::chrono::seconds(5);
  run({up("a", {{"UPDATE one"}, {"ALTER TABLE t VALIDATE CONSTRAINT c"}})});
  EXPECT_EQ(log(), (Log{"BEGIN", "SET LOCAL statement_timeout = '5000ms'", "UPDATE one",
                        "SET LOCAL statement_timeout = '0'", "ALTER TABLE t VALIDATE CONSTRAINT c",
                        "version", "history", "COMMIT"}));
}

TEST_F(MigratorTest, TheLastStatementGoesWithTheRows) {
  run({up("a", {{"one"}, {"two"}})});
  EXPECT_EQ(connection_.messages, (std::vector<std::size_t>{1, 3}));
}

TEST_F(MigratorTest, OnASlowNetworkATransactionIsOneMessage) {
  session_.round_trip = std::chrono::milliseconds(5);
  run({up("a", {{"one"}, {"SET x = 1"}, {"two"}, {"three"}})});
  EXPECT_EQ(connection_.messages, (std::vector<std::size_t>{2, 4}))
      << "what is behind SET may be read in another way";
  connection_.fail_on("three", database_error("no", "42P01"));
  EXPECT_EQ(error_of({up("a", {{"one"}, {"two"}, {"three"}})}).message(),
            "upgrade to a failed at statement 3 of 3: no (42P01), a_x.sql:14");
}

class SlowNetworkTest : public MigratorTest {
 protected:
  SlowNetworkTest() {
    session_.round_trip = std::chrono::milliseconds(5);
    lock_.query = "is it held";
  }
};

TEST_F(SlowNetworkTest, CommitGoesWithTheLastMessage) {
  run({up("a", {{"one"}, {"two"}})});
  EXPECT_EQ(log(), (Log{"BEGIN", "one", "two", "version", "history", "is it held", "COMMIT"}));
  EXPECT_EQ(connection_.messages, (std::vector<std::size_t>{5}));
  EXPECT_EQ(done(), Log{"a"});
}

TEST_F(SlowNetworkTest, TheServerLooksHowManyVersionRowsWereTouched) {
  connection_.fail_on(
      "WITH changed",
      database_error("invalid input syntax for type integer: \"rows of the version table: 0\"",
                     "22P02"));
  const Error error = error_of({up("a", {{"one"}})});
  EXPECT_EQ(error.reason(), Reason::VersionConflict);
  EXPECT_EQ(error.message(),
            "upgrade to a failed at its version row: expected to match one row when inserting 'a' "
            "into 'alembic_version'; 0 found");
  EXPECT_EQ(connection_.log.back(), "ROLLBACK");
}

TEST_F(SlowNetworkTest, TheServerLooksWhetherTheLockIsHeld) {
  connection_.fail_on("is it held", database_error("division by zero", "22012"));
  const Error error = error_of({up("a", {{"one"}})});
  EXPECT_EQ(error.reason(), Reason::LockUnavailable);
  EXPECT_EQ(error.message(), "upgrade to a failed before COMMIT: the migration lock was lost");
  EXPECT_EQ(connection_.log.back(), "ROLLBACK");
  EXPECT_EQ(done(), Log{});
}

TEST_F(SlowNetworkTest, WhatFailsAtCommitIsToldSo) {
  connection_.fail_on("COMMIT", database_error("violates foreign key constraint", "23503"));
  EXPECT_EQ(error_of({up("a", {{"one"}})}).message(),
            "upgrade to a failed at COMMIT: violates foreign key constraint (23503)");
  EXPECT_EQ(done(), Log{});
}

TEST_F(MigratorTest, WhatAStepDoesToItsSessionEndsWithIt) {
  session_.pid = 1;
  run({up("a", {{"SET x = 1"}}), up("b", {{"one"}}), up("c", {{"two", false}})});
  EXPECT_EQ(std::ranges::count(connection_.log, "RESET ALL"), 1);
  EXPECT_LT(std::ranges::find(connection_.log, "RESET ALL"),
            std::ranges::find(connection_.log, "one"));
}

class CommitInDoubtTest : public MigratorTest {
 protected:
  // The answer to the first COMMIT is lost; the version table says `found` afterwards.
  void lose_answer(const std::string& found) {
    renew_ = [this, found] {
      ++renewed_;
      connection_.answer("SELECT version_num", {{found}});
      connection_.answer("to_regclass", {{"public"}});
      return SessionFacts{};
    };
    connection_.call_on("COMMIT", [this] {
      if (renewed_ == 0) throw CommitInDoubt(Reason::DatabaseUnreachable, "outcome unknown: gone");
    });
    start_ = {"a"};
    step_ = up("b", {{"one"}});
    step_.step.rows = {{"a", "b"}};
  }
  int renewed_ = 0;
  PreparedStep step_ = {};
};

TEST_F(CommitInDoubtTest, WhatHasArrivedIsDoneAndTheRunGoesOn) {
  lose_answer("b");
  PreparedStep next = up("c", {{"two"}});
  next.step.rows = {{"b", "c"}};
  run({step_, next});
  EXPECT_EQ(done(), (Log{"b", "c"}));
  EXPECT_EQ(renewed_, 1);
  EXPECT_EQ(observer_.calls.at(1),
            "the connection was lost during COMMIT; looked at in a new one, it was committed");
}

TEST_F(CommitInDoubtTest, WhatHasNotArrivedIsToldAsRolledBack) {
  lose_answer("a");
  const Error error = error_of({step_});
  EXPECT_EQ(error.reason(), Reason::DatabaseUnreachable);
  EXPECT_EQ(error.message(),
            "upgrade to b failed at COMMIT: the connection was lost during COMMIT; looked at in a "
            "new one, it was rolled back");
  EXPECT_EQ(error.hint(), "run the same command again");
  EXPECT_EQ(done(), Log{});
}

TEST_F(CommitInDoubtTest, WithoutANewSessionItStaysInDoubt) {
  lose_answer("b");
  renew_ = []() -> SessionFacts { throw Error(Reason::DatabaseUnreachable, "still gone"); };
  EXPECT_EQ(error_of({step_}).message(), "upgrade to b failed at COMMIT: outcome unknown: gone");
}

}  // namespace
}  // namespace engine
