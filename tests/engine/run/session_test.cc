// SPDX-License-Identifier: Apache-2.0
#include "engine/run/session.h"

#include <gtest/gtest.h>

#include "engine/core/error.h"
#include "tests/support/fake_connection.h"

namespace engine {
namespace {

TEST(SessionTest, AsksForBothSettings) {
  test::FakeConnection connection;
  prepare_session(connection);
  ASSERT_EQ(connection.log.size(), 2U);
  EXPECT_NE(connection.log[0].find("'idle_session_timeout', '0'"), std::string::npos);
  EXPECT_NE(connection.log[1].find("'client_connection_check_interval', '2s'"), std::string::npos);
}

TEST(SessionTest, GoesOnWhereAPlatformHasNotGotIt) {
  test::FakeConnection connection;
  connection.fail_on("set_config", Error(Reason::MigrationFailed, "not on this platform"));
  EXPECT_NO_THROW(prepare_session(connection));
  EXPECT_EQ(connection.log.size(), 2U);
}

TEST(SessionTest, AnInterruptIsNotSwallowed) {
  test::FakeConnection connection;
  connection.fail_on("set_config", Error(Reason::Interrupted, "interrupted"));
  EXPECT_THROW(prepare_session(connection), Error);
}

}  // namespace
}  // namespace engine
