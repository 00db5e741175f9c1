// SPDX-License-Identifier: Apache-2.0
//
// The real `stillhead` with scripts in a temporary folder.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <initializer_list>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "engine/contract/report.h"
#include "tests/support/places.h"
#include "tests/support/program.h"
#include "tests/support/temporary_folder.h"

namespace test {

class ProgramTest : public testing::Test {
 protected:
  using Words = std::vector<std::string>;

  // A script with both sections; its file is `<id>.sql`.
  void script(const std::string& id, const std::string& down, const std::string& upgrade,
              const std::string& downgrade) {
    folder_.write("migrations/" + id + ".sql",
                  fmt::format("-- revision: {0}\n-- down_revision: {1}\n-- message: make {0}\n"
                              "-- stillhead:upgrade\n{2}\n-- stillhead:downgrade\n{3}\n",
                              id, down, upgrade, downgrade));
  }
  void table_script(const std::string& id, const std::string& down) {
    script(id, down, fmt::format("CREATE TABLE t_{} (id integer);", id),
           fmt::format("DROP TABLE t_{};", id));
  }
  // a1 <- b2 <- c3
  void three_tables() {
    table_script("a1", "");
    table_script("b2", "a1");
    table_script("c3", "b2");
  }

  // With script location and database, if they are set.
  Words with_defaults(Words arguments) const {
    arguments.insert(arguments.begin(), {"--script-location", scripts()});
    if (!url_.empty()) arguments.insert(arguments.begin(), {"-d", url_});
    return arguments;
  }
  ProgramEnd run(Words arguments) const {
    return run_program(engine_program(), with_defaults(std::move(arguments)), environment_);
  }
  // With a report, which must be there whatever happens; `report_` afterwards.
  ProgramEnd run_with_report(Words arguments) {
    arguments.insert(arguments.end(), {"--report", folder_ / "report.json"});
    ProgramEnd end = run(std::move(arguments));
    const auto report = engine::report_from_json(folder_.read("report.json"));
    EXPECT_TRUE(report.has_value()) << folder_.read("report.json");
    report_ = report.value_or(engine::RunReport{});
    EXPECT_EQ(engine::exit_code_of(report_.reason), end.exit_code);
    return end;
  }

  // What a command that changes a database says last, without the line's beginning.
  static std::string result_of(const ProgramEnd& end) {
    const std::string mark = "INFO  [stillhead] ";
    const std::size_t at = end.err.rfind(mark);
    return at == std::string::npos ? std::string() : end.err.substr(at + mark.size());
  }

  std::string scripts() const { return folder_ / "migrations"; }

  TemporaryFolder folder_ = {};
  std::string url_ = {};
  std::map<std::string, std::string> environment_ = {};
  engine::RunReport report_ = {};
};

// Waits until `condition` holds; a failure of the test after 20 seconds.
inline void wait_until(const char* what, const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) {
      FAIL() << "in vain waited for: " << what;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

}  // namespace test
