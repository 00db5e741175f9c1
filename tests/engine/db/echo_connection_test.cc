// SPDX-License-Identifier: Apache-2.0
#include "engine/db/echo_connection.h"

#include <gtest/gtest.h>

#include "tests/engine/core/error_of.h"
#include "tests/support/fake_connection.h"

namespace engine {
namespace {

using Words = std::vector<std::string>;

class EchoConnectionTest : public testing::Test {
 protected:
  EchoConnectionTest() {
    auto fake = std::make_unique<test::FakeConnection>();
    fake_ = fake.get();
    connection_ = echo_connection(std::move(fake), [this](const std::string& sql) {
      told_.push_back(sql);
      before_ = told_.size() > fake_->log.size();
    });
  }

  test::FakeConnection* fake_ = nullptr;
  std::unique_ptr<Connection> connection_ = {};
  Words told_ = {};
  bool before_ = false;
};

TEST_F(EchoConnectionTest, TellsWhatIsSentInOrder) {
  fake_->answer("SELECT", {{"1"}});
  fake_->touch("UPDATE", 7);
  connection_->begin();
  EXPECT_TRUE(before_) << "told before it is sent";
  EXPECT_TRUE(connection_->in_transaction());
  EXPECT_EQ(connection_->execute("UPDATE t"), 7);
  EXPECT_EQ(connection_->query("SELECT 1").size(), 1U);
  connection_->commit();
  connection_->begin();
  connection_->rollback();
  connection_->rollback();
  EXPECT_EQ(told_, (Words{"BEGIN", "UPDATE t", "SELECT 1", "COMMIT", "BEGIN", "ROLLBACK"}));
  EXPECT_EQ(fake_->log, told_);
}

TEST_F(EchoConnectionTest, TellsWhatFailsAndHandsTheRestThrough) {
  fake_->fail_on("broken", Error(Reason::MigrationFailed, "no"));
  EXPECT_EQ(error_of([&] { connection_->execute("broken"); }).message(), "no");
  EXPECT_EQ(told_, Words{"broken"});
  connection_->cancel();
  EXPECT_EQ(fake_->cancels, 1);
  EXPECT_TRUE(connection_->alive());
  EXPECT_EQ(connection_->dialect().name(), "PostgreSQL");
}

}  // namespace
}  // namespace engine
