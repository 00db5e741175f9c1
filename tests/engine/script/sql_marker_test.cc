// SPDX-License-Identifier: Apache-2.0
#include "engine/script/sql_marker.h"

#include <gtest/gtest.h>

namespace engine {
namespace {

using std::chrono::milliseconds;

TEST(BatchOptionsTest, AreRead) {
  const BatchReading all = read_batch_options(" key=id  size=1 pause=0s max_lag=5m ");
  EXPECT_EQ(all.fault, "");
  EXPECT_EQ(all.options, (BatchOptions{"id", 1, milliseconds(0), milliseconds(300'000)}));
  EXPECT_EQ(read_batch_options("key=\"Odd name\"").fault,
            "`-- stillhead:batch`: key takes the name of a column, not '\"Odd'");
  EXPECT_EQ(read_batch_options("key=\"Odd\"").options, (BatchOptions{"\"Odd\""}));
}

TEST(BatchOptionsTest, FaultsAreNamed) {
  for (const auto& [argument, fault] : std::vector<std::pair<std::string, std::string>>{
           {"", "`-- stillhead:batch` without a key"},
           {"key=a.b", "`-- stillhead:batch`: key takes the name of a column, not 'a.b'"},
           {"key=", "`-- stillhead:batch`: key takes the name of a column, not ''"},
           {"key=id size=0",
            "`-- stillhead:batch`: size takes a number from 1 to 10000000, not '0'"},
           {"key=id size=1e3",
            "`-- stillhead:batch`: size takes a number from 1 to 10000000, not '1e3'"},
           {"key=id pause=10",
            "`-- stillhead:batch`: pause takes a duration such as 100ms, 10s or 5m, not '10'"},
           {"key=id max_lag=-1s",
            "`-- stillhead:batch`: max_lag takes a duration such as 100ms, 10s or 5m, not '-1s'"},
           {"key=id rows=5",
            "`-- stillhead:batch` knows no 'rows'; it has key, size, pause and max_lag"},
       }) {
    EXPECT_EQ(read_batch_options(argument).fault, fault) << argument;
  }
}

}  // namespace
}  // namespace engine
