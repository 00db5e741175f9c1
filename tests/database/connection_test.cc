// SPDX-License-Identifier: Apache-2.0
//
// What holds for every database.
#include "engine/db/connection.h"

#include <chrono>
#include <string>
#include <thread>

#include "tests/database/scratch_database.h"

namespace engine {
namespace {

using test::error_of;
using Strings = std::vector<std::string>;

class ConnectionTest : public test::BothDatabasesTest {
 protected:
  std::string endless() const {
    return on_postgres() ? "SELECT pg_sleep(30)"
                         : "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
                           "SELECT max(i) FROM n";
  }
  std::unique_ptr<Connection> connection_ = database_.connect();
};
ON_BOTH_DATABASES(ConnectionTest);

TEST_P(ConnectionTest, QueryReturnsTextAndNull) {
  const auto rows =
      connection_->query("SELECT 42, 'ä b', NULL, '' UNION ALL SELECT 43, 'c', NULL, ''");
  EXPECT_EQ(rows,
            (std::vector<Row>{{"42", "ä b", std::nullopt, ""}, {"43", "c", std::nullopt, ""}}));
}

TEST_P(ConnectionTest, ExecuteReturnsTheRowsItTouched) {
  EXPECT_EQ(connection_->execute("CREATE TABLE t (a integer)"), 0);
  EXPECT_EQ(connection_->execute("INSERT INTO t VALUES (1), (2), (3)"), 3);
  EXPECT_EQ(connection_->execute("UPDATE t SET a = 9 WHERE a > 1"), 2);
  EXPECT_EQ(connection_->execute("DELETE FROM t WHERE a = 100"), 0);
  EXPECT_EQ(connection_->execute("CREATE TABLE u (a integer)"), 0);
}

TEST_P(ConnectionTest, FailedStatementTellsCodeMessageAndLine) {
  const Error error =
      error_of([&] { connection_->execute("SELECT 'ä',\n 1,\n  nope FROM\n (SELECT 1) s"); });
  EXPECT_EQ(error.reason(), Reason::MigrationFailed);
  ASSERT_TRUE(error.failure());
  EXPECT_EQ(error.failure()->line, 3);
  if (on_postgres()) {
    EXPECT_EQ(error.message(), "column \"nope\" does not exist (42703)");
    EXPECT_EQ(error.failure()->sqlstate, "42703");
    EXPECT_EQ(error.failure()->message, "column \"nope\" does not exist");
  } else {
    EXPECT_EQ(error.message(), "no such column: nope (SQLite error 1)");
    EXPECT_EQ(error.failure()->sqlstate, "1");
    EXPECT_EQ(error.failure()->message, "no such column: nope");
  }
}

TEST_P(ConnectionTest, TransactionRollsBackUnlessCommitted) {
  connection_->execute("CREATE TABLE t (a integer)");
  {
    Transaction transaction(*connection_);
    connection_->execute("INSERT INTO t VALUES (1)");
    EXPECT_TRUE(connection_->in_transaction());
  }
  EXPECT_FALSE(connection_->in_transaction());
  {
    Transaction transaction(*connection_);
    connection_->execute("INSERT INTO t VALUES (2)");
    transaction.commit();
  }
  EXPECT_FALSE(connection_->in_transaction());
  EXPECT_EQ(database_.column("SELECT a FROM t"), Strings{"2"});
}

TEST_P(ConnectionTest, DataDefinitionIsRolledBack) {
  {
    Transaction transaction(*connection_);
    connection_->execute("CREATE TABLE t (a integer)");
  }
  EXPECT_EQ(error_of([&] { connection_->query("SELECT * FROM t"); }).reason(),
            Reason::MigrationFailed);
}

TEST_P(ConnectionTest, CommitNoticesThatTheTransactionIsGone) {
  for (const char* statement : {"ROLLBACK", "COMMIT"}) {
    const Error error = error_of([&] {
      Transaction transaction(*connection_);
      connection_->execute(statement);
      transaction.commit();
    });
    EXPECT_EQ(error.reason(), Reason::VersionConflict);
    EXPECT_EQ(error.message(),
              "cannot commit: the transaction is gone; a statement of the script has ended it");
  }
}

TEST_P(ConnectionTest, FailedCommitLeavesNoTransactionBehind) {
  if (!on_postgres()) connection_->execute("PRAGMA foreign_keys = ON");
  connection_->execute("CREATE TABLE t (a integer PRIMARY KEY)");
  connection_->execute("CREATE TABLE u (a integer REFERENCES t DEFERRABLE INITIALLY DEFERRED)");
  const Error error = error_of([&] {
    Transaction transaction(*connection_);
    connection_->execute("INSERT INTO u VALUES (1)");
    transaction.commit();
  });
  EXPECT_EQ(error.reason(), Reason::MigrationFailed);
  EXPECT_EQ(error.failure()->sqlstate, on_postgres() ? "23503" : "787");
  EXPECT_FALSE(connection_->in_transaction());
  EXPECT_EQ(database_.column("SELECT a FROM u"), Strings{});
}

TEST_P(ConnectionTest, CancelEndsTheRunningStatement) {
  connection_->begin();
  const auto began = std::chrono::steady_clock::now();
  std::jthread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    for (int i = 0; i < 3; ++i) connection_->cancel();
  });
  const Error error = error_of([&] { connection_->execute(endless()); });
  other.join();
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(2));
  EXPECT_EQ(error.reason(), Reason::Interrupted);
  EXPECT_EQ(error.message(), "interrupted; the statement was cancelled");
  EXPECT_EQ(error.hint(), "run the same command again");
  connection_->rollback();
  EXPECT_FALSE(connection_->in_transaction());
  EXPECT_EQ(connection_->query("SELECT 1").size(), 1U);
}

TEST_P(ConnectionTest, CancelBetweenStatementsEndsTheNextOne) {
  connection_->cancel();
  EXPECT_EQ(error_of([&] { connection_->execute(endless()); }).reason(), Reason::Interrupted);
  EXPECT_EQ(connection_->query("SELECT 1").size(), 1U);
}

TEST_P(ConnectionTest, RollbackForgetsACancel) {
  connection_->cancel();
  connection_->rollback();
  EXPECT_EQ(connection_->query("SELECT 1").size(), 1U);
}

TEST_P(ConnectionTest, NulByteIsRefusedInsteadOfCuttingTheStatement) {
  const Error error =
      error_of([&] { connection_->execute(std::string("SELECT 1\0 nonsense", 18)); });
  EXPECT_EQ(error.reason(), Reason::MigrationFailed);
  EXPECT_EQ(error.message(), "the statement holds a NUL byte");
}

TEST_P(ConnectionTest, StopThatCameEarlierIsHeardBeforeConnecting) {
  std::stop_source stop;
  stop.request_stop();
  const Error error = error_of([&] { connect(database_.url(), {}, stop.get_token()); });
  EXPECT_EQ(error.reason(), Reason::Interrupted);
  EXPECT_EQ(error.message(), "interrupted before connecting to " + database_.url().display);
  EXPECT_EQ(error.hint(), "run the same command again");
}

}  // namespace
}  // namespace engine
