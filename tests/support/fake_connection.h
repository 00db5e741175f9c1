// SPDX-License-Identifier: Apache-2.0
//
// A database that exists only as a log of what it was told. It fails, answers and calls back on
// texts.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "engine/db/connection.h"

namespace test {

class FakeConnection : public engine::Connection {
 public:
  std::vector<std::string> log = {};       // BEGIN, COMMIT, ROLLBACK and every statement, in order
  std::vector<std::size_t> messages = {};  // statements in each execute_all()
  int cancels = 0;
  int pid = 0;

  // The first statement (or BEGIN, COMMIT) that contains `part` meets this, each time it comes.
  void fail_on(std::string part, engine::Error error) {
    errors_.emplace_back(std::move(part), std::move(error));
  }
  void touch(std::string part, long rows) { touched_.emplace_back(std::move(part), rows); }
  void answer(std::string part, std::vector<engine::Row> rows) {
    answers_.emplace_back(std::move(part), std::move(rows));
  }
  // From now on, whatever was to be answered before.
  void answer_now(std::string part, std::vector<engine::Row> rows) {
    answers_.insert(answers_.begin(), {std::move(part), std::move(rows)});
  }
  void call_on(std::string part, std::function<void()> action) {
    calls_.emplace_back(std::move(part), std::move(action));
  }

  long execute(const std::string& sql) override {
    meet(sql);
    for (const auto& [part, rows] : touched_) {
      if (sql.find(part) != std::string::npos) return rows;
    }
    return 1;
  }
  std::vector<long> execute_all(const std::vector<std::string>& statements,
                                std::size_t& at) override {
    messages.push_back(statements.size());
    return Connection::execute_all(statements, at);
  }
  std::vector<engine::Row> query(const std::string& sql) override {
    meet(sql);
    for (const auto& [part, rows] : answers_) {
      if (sql.find(part) != std::string::npos) return rows;
    }
    return {};
  }
  void begin() override {
    meet("BEGIN");
    open_ = true;
  }
  void commit() override {
    open_ = false;  // a COMMIT that fails ends the transaction, too
    meet("COMMIT");
  }
  void rollback() noexcept override {
    if (open_) log.emplace_back("ROLLBACK");
    open_ = false;
  }
  bool in_transaction() const noexcept override { return open_; }
  bool alive() noexcept override { return true; }
  int server_pid() const noexcept override { return pid; }
  void cancel() noexcept override { ++cancels; }
  const engine::Dialect& dialect() const override { return engine::postgres_dialect(); }

 private:
  void meet(const std::string& sql) {
    log.push_back(sql);
    for (const auto& [part, action] : calls_) {
      if (sql.find(part) != std::string::npos) action();
    }
    for (const auto& [part, error] : errors_) {
      if (sql.find(part) != std::string::npos) throw engine::Error(error);
    }
  }

  std::vector<std::pair<std::string, engine::Error>> errors_ = {};
  std::vector<std::pair<std::string, long>> touched_ = {};
  std::vector<std::pair<std::string, std::vector<engine::Row>>> answers_ = {};
  std::vector<std::pair<std::string, std::function<void()>>> calls_ = {};
  bool open_ = false;
};

}  // namespace test
