// SPDX-License-Identifier: Apache-2.0
#include "engine/run/session.h"

#include <gtest/gtest.h>

#include "engine/core/error.h"
#include "tests/support/fake_connection.h"

namespace engine {
namespace {

using Log = std::vector<std::string>;

DatabaseUrl url() {
  DatabaseUrl result;
  result.display = "postgresql://db/app";
  return result;
}

TEST(SessionTest, AsksWhatItMustKnowAndChangesNothing) {
  test::FakeConnection connection;
  connection.answer("pg_backend_pid()", {{"42", "f", "on"}});
  connection.pid = 42;
  SessionFacts facts = look_at_session(connection);
  EXPECT_EQ(facts.pid, 42);
  EXPECT_FALSE(facts.in_recovery);
  EXPECT_TRUE(facts.read_only);
  EXPECT_FALSE(facts.behind_pooler);
  ASSERT_EQ(connection.log.size(), 1U);
  EXPECT_EQ(connection.log[0].find("set_config"), std::string::npos);
  connection.pid = 43;
  EXPECT_TRUE(look_at_session(connection).behind_pooler);
}

TEST(SessionTest, SetsWhatItNeeds) {
  test::FakeConnection connection;
  connection.answer("client_connection_check_interval", {{"1s"}});
  SessionFacts facts;
  set_up_session(connection, facts);
  EXPECT_TRUE(connection.log.empty()) << "SQLite has nothing to set";
  facts.pid = 42;
  set_up_session(connection, facts);
  EXPECT_TRUE(facts.checks_connection);
  ASSERT_EQ(connection.log.size(), 2U);
  EXPECT_NE(connection.log[0].find("'idle_session_timeout', '0'"), std::string::npos);
  EXPECT_NE(connection.log[0].find("'TimeZone', 'UTC'"), std::string::npos);
  EXPECT_NE(connection.log[1].find("'client_connection_check_interval', '1s'"), std::string::npos);
}

TEST(SessionTest, GoesOnWhereAPlatformCannotCheckConnections) {
  test::FakeConnection connection;
  connection.fail_on("client_connection", Error(Reason::MigrationFailed, "not on this platform"));
  SessionFacts facts{.pid = 42};
  set_up_session(connection, facts);
  EXPECT_FALSE(facts.checks_connection);
  EXPECT_EQ(connection.log.size(), 2U);
}

TEST(SessionTest, OtherErrorsAreNotSwallowed) {
  for (const Reason reason : {Reason::Interrupted, Reason::DatabaseUnreachable}) {
    test::FakeConnection connection;
    connection.fail_on("client_connection", Error(reason, "no"));
    SessionFacts facts{.pid = 42};
    EXPECT_THROW(set_up_session(connection, facts), Error);
  }
}

TEST(SessionTest, AResetTakesBackSettingsAndRoleAndRepeatsItsOwn) {
  SessionFacts facts;
  EXPECT_EQ(reset_session(facts), Log{}) << "SQLite has nothing to reset";
  facts.pid = 1;
  EXPECT_EQ(reset_session(facts).size(), 3U);
  facts.checks_connection = true;
  const Log statements = reset_session(facts);
  ASSERT_EQ(statements.size(), 4U);
  EXPECT_EQ(statements[0], "RESET SESSION AUTHORIZATION");
  EXPECT_EQ(statements[1], "RESET ALL");
  EXPECT_NE(statements[2].find("'UTC'"), std::string::npos);
  EXPECT_NE(statements[3].find("check_interval"), std::string::npos);
}

TEST(SessionTest, WhatCannotBeWrittenToIsRefused) {
  SessionFacts facts;
  EXPECT_NO_THROW(require_writable(facts, url()));
  facts.read_only = true;
  try {
    require_writable(facts, url());
    FAIL() << "did not throw";
  } catch (const Error& error) {
    EXPECT_EQ(error.reason(), Reason::DatabaseUnreachable);
    EXPECT_EQ(error.message(),
              "sessions of postgresql://db/app are read-only (default_transaction_read_only)");
    EXPECT_EQ(error.hint(),
              "change that for this role with ALTER ROLE ... SET default_transaction_read_only = "
              "off, or use another one");
  }
  facts.in_recovery = true;
  try {
    require_writable(facts, url());
    FAIL() << "did not throw";
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), "postgresql://db/app is a standby: nothing can be written there");
    EXPECT_EQ(error.hint(),
              "run it on the primary; target_session_attrs=read-write in the URL finds it among "
              "several hosts");
  }
}

// The two pids: what the sessions are told.
class PoolTest : public testing::Test {
 protected:
  void look(const std::string& session_pid, const std::string& other_pid) {
    session_.answer("pg_backend_pid", {{session_pid}});
    other_.answer("pg_backend_pid", {{other_pid}});
    refuse_transaction_pooling(session_, other_, url());
  }
  test::FakeConnection session_;
  test::FakeConnection other_;
};

TEST_F(PoolTest, APoolThatKeepsSessionsTogetherIsFine) { EXPECT_NO_THROW(look("1", "2")); }

TEST_F(PoolTest, APoolThatSharesServersByStatementIsRefused) {
  Failure failure;
  failure.sqlstate = "08P01";
  session_.fail_on("pg_backend_pid", Error(Reason::DatabaseUnreachable, "lost", failure, ""));
  EXPECT_THROW(
      {
        try {
          look("1", "2");
        } catch (const Error& error) {
          EXPECT_EQ(error.reason(), Reason::InvalidUsage);
          throw;
        }
      },
      Error);
}

TEST_F(PoolTest, APoolThatSharesServersIsRefused) {
  try {
    look("1", "1");
    FAIL() << "did not throw";
  } catch (const Error& error) {
    EXPECT_EQ(error.reason(), Reason::InvalidUsage);
    EXPECT_EQ(error.message(),
              "postgresql://db/app is behind a pooler that gives each transaction another server "
              "process: no lock would hold there");
    EXPECT_EQ(error.hint(), "use the server's own address, or a pool with pool_mode = session");
  }
}

}  // namespace
}  // namespace engine
