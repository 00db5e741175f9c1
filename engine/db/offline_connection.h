// SPDX-License-Identifier: Apache-2.0
//
// The connection of `--sql`: what would be executed is printed, each statement with `;` and an
// empty line behind it, as Alembic's offline mode does. Nothing can be asked: queries have no rows.
// Each statement counts as having touched one row, which is what plans expect of theirs.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/db/connection.h"

namespace engine {

class OfflineConnection : public Connection {
 public:
  using Write = std::function<void(std::string_view)>;

  // `transactional_ddl` false: BEGIN and COMMIT are left out.
  OfflineConnection(const Dialect& dialect, bool transactional_ddl, Write write);

  // "-- text" and an empty line.
  void comment(std::string_view text);

  long execute(const std::string& sql) override;
  std::vector<Row> query(const std::string&) override { return {}; }
  std::vector<Row> ask_condition(const std::string& sql) override;
  void begin() override;
  void commit() override;
  void rollback() noexcept override { open_ = false; }
  bool in_transaction() const noexcept override { return open_; }
  bool alive() noexcept override { return true; }
  void cancel() noexcept override {}
  const Dialect& dialect() const override { return dialect_; }

 private:
  void print(std::string_view statement);

  const Dialect& dialect_;
  bool transactional_ddl_;
  Write write_;
  bool open_ = false;
};

}  // namespace engine
