// SPDX-License-Identifier: Apache-2.0
//
// An empty database for one test, PostgreSQL or SQLite, and short ways to use it.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/db/history_table.h"
#include "engine/run/migrator.h"
#include "tests/support/postgres_server.h"

namespace test {

class ScratchDatabase {
 public:
  explicit ScratchDatabase(engine::SqlFlavour flavour) {
    if (flavour == engine::SqlFlavour::PostgreSql) {
      name_ = PostgresServer::instance().create_database();
      url_ = engine::parse_database_url(PostgresServer::instance().url(name_));
      return;
    }
    std::string folder = "/tmp/stillhead-sqlite-XXXXXX";
    if (mkdtemp(folder.data()) == nullptr) throw std::runtime_error("cannot make a folder in /tmp");
    folder_ = folder;
    url_ = engine::parse_database_url("sqlite:///" + folder + "/test.db");
  }
  ~ScratchDatabase() {
    std::error_code ignored;
    if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
    if (name_.empty()) return;
    try {
      PostgresServer::instance().drop_database(name_);
    } catch (const std::exception&) {  // tidiness only: the server goes, too
    }
  }
  ScratchDatabase(const ScratchDatabase&) = delete;
  ScratchDatabase& operator=(const ScratchDatabase&) = delete;

  const engine::DatabaseUrl& url() const { return url_; }
  const std::string& name() const { return name_; }      // PostgreSQL
  const std::string& folder() const { return folder_; }  // SQLite
  std::unique_ptr<engine::Connection> connect() const {
    return engine::connect(url_, {.create = true}, {});
  }
  // The first column of what `sql` finds, through a connection of its own; NULL as "-".
  std::vector<std::string> column(const std::string& sql) const {
    std::vector<std::string> values;
    for (const engine::Row& row : connect()->query(sql)) values.push_back(row.at(0).value_or("-"));
    return values;
  }

 private:
  std::string name_ = {};
  std::string folder_ = {};
  engine::DatabaseUrl url_ = {};
};

// Tests with this fixture run on both.
class BothDatabasesTest : public testing::TestWithParam<engine::SqlFlavour> {
 protected:
  bool on_postgres() const { return GetParam() == engine::SqlFlavour::PostgreSql; }
  ScratchDatabase database_{GetParam()};
};

inline std::string name_of_flavour(const testing::TestParamInfo<engine::SqlFlavour>& info) {
  return info.param == engine::SqlFlavour::PostgreSql ? "PostgreSql" : "Sqlite";
}
#define ON_BOTH_DATABASES(Suite)                                                              \
  INSTANTIATE_TEST_SUITE_P(                                                                   \
      On, Suite, testing::Values(engine::SqlFlavour::PostgreSql, engine::SqlFlavour::Sqlite), \
      test::name_of_flavour)

// The error that `action` ends with; a failure of the test when it ends well.
inline engine::Error error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const engine::Error& error) {
    return error;
  }
  ADD_FAILURE() << "no error was thrown";
  return {engine::Reason::Succeeded, "no error was thrown"};
}

}  // namespace test
