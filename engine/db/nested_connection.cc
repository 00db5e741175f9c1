// SPDX-License-Identifier: Apache-2.0
#include "engine/db/nested_connection.h"

namespace engine {
namespace {

constexpr const char* kSavepoint = "stillhead";

class NestedConnection : public Connection {
 public:
  explicit NestedConnection(Connection& outer) : outer_(outer) {}

  long execute(const std::string& sql) override { return outer_.execute(sql); }
  std::vector<Row> query(const std::string& sql) override { return outer_.query(sql); }

  void begin() override {
    if (!outer_.in_transaction()) return outer_.begin();
    outer_.execute(std::string("SAVEPOINT ") + kSavepoint);
    is_inside_ = true;
  }
  void commit() override {
    if (!is_inside_) return outer_.commit();
    outer_.execute(std::string("RELEASE SAVEPOINT ") + kSavepoint);
    is_inside_ = false;
  }
  void rollback() noexcept override {
    if (!is_inside_) return outer_.rollback();
    is_inside_ = false;
    try {
      outer_.execute(std::string("ROLLBACK TO SAVEPOINT ") + kSavepoint);
      outer_.execute(std::string("RELEASE SAVEPOINT ") + kSavepoint);
    } catch (const Error&) {
      outer_.rollback();  // the database has ended all of it
    }
  }
  bool in_transaction() const noexcept override { return is_inside_ || outer_.in_transaction(); }

  bool alive() noexcept override { return outer_.alive(); }
  int server_pid() const noexcept override { return outer_.server_pid(); }
  void cancel() noexcept override { outer_.cancel(); }
  const Dialect& dialect() const override { return outer_.dialect(); }

 private:
  Connection& outer_;
  bool is_inside_ = false;
};

}  // namespace

std::unique_ptr<Connection> nested_connection(Connection& outer) {
  return std::make_unique<NestedConnection>(outer);
}

}  // namespace engine
