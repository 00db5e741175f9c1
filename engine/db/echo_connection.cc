// SPDX-License-Identifier: Apache-2.0
#include "engine/db/echo_connection.h"

#include <utility>

namespace engine {
namespace {

class EchoConnection : public Connection {
 public:
  EchoConnection(std::unique_ptr<Connection> connection,
                 std::function<void(const std::string&)> tell)
      : connection_(std::move(connection)), tell_(std::move(tell)) {}

  long execute(const std::string& sql) override {
    tell_(sql);
    return connection_->execute(sql);
  }
  std::vector<Row> query(const std::string& sql) override {
    tell_(sql);
    return connection_->query(sql);
  }
  std::vector<long> execute_all(const std::vector<std::string>& statements,
                                std::size_t& at) override {
    for (const std::string& sql : statements) tell_(sql);
    return connection_->execute_all(statements, at);
  }
  std::vector<long> commit_with(const std::vector<std::string>& statements,
                                std::size_t& at) override {
    for (const std::string& sql : statements) tell_(sql);
    tell_("COMMIT");
    return connection_->commit_with(statements, at);
  }
  ResultPart open_result(const std::string& sql, const std::vector<SqlValue>& parameters) override {
    tell_(sql);
    return connection_->open_result(sql, parameters);
  }
  ResultPart next_part() override { return connection_->next_part(); }
  void close_result() noexcept override { connection_->close_result(); }
  std::vector<Row> ask_condition(const std::string& sql) override {
    tell_(sql);
    return connection_->ask_condition(sql);
  }
  void begin() override {
    tell_("BEGIN");
    connection_->begin();
  }
  void commit() override {
    tell_("COMMIT");
    connection_->commit();
  }
  void rollback() noexcept override {
    if (connection_->in_transaction()) tell_("ROLLBACK");
    connection_->rollback();
  }
  bool in_transaction() const noexcept override { return connection_->in_transaction(); }
  bool alive() noexcept override { return connection_->alive(); }
  void reconnect() override { connection_->reconnect(); }
  void while_waiting(const WhileWaiting& call, std::chrono::milliseconds interval) override {
    connection_->while_waiting(call, interval);
  }
  int server_pid() const noexcept override { return connection_->server_pid(); }
  void cancel() noexcept override { connection_->cancel(); }
  const Dialect& dialect() const override { return connection_->dialect(); }

 private:
  std::unique_ptr<Connection> connection_;
  std::function<void(const std::string&)> tell_;
};

}  // namespace

std::unique_ptr<Connection> echo_connection(std::unique_ptr<Connection> connection,
                                            std::function<void(const std::string&)> tell) {
  return std::make_unique<EchoConnection>(std::move(connection), std::move(tell));
}

}  // namespace engine
