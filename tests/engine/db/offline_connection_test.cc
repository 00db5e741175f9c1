// SPDX-License-Identifier: Apache-2.0
#include "engine/db/offline_connection.h"

#include <gtest/gtest.h>

#include <string>

namespace engine {
namespace {

TEST(OfflineConnectionTest, PrintsWhatItIsTold) {
  std::string text;
  OfflineConnection connection(postgres_dialect(), true,
                               [&](std::string_view part) { text += part; });
  connection.begin();
  EXPECT_TRUE(connection.in_transaction());
  connection.comment("Running upgrade  -> a");
  EXPECT_EQ(connection.execute("CREATE TABLE t (id integer)"), 1);
  EXPECT_TRUE(connection.query("SELECT 1").empty());
  connection.commit();
  EXPECT_FALSE(connection.in_transaction());
  EXPECT_EQ(text,
            "BEGIN;\n\n-- Running upgrade  -> a\n\nCREATE TABLE t (id integer);\n\nCOMMIT;\n\n");
}

TEST(OfflineConnectionTest, LeavesBeginAndCommitOutWhereDdlIsNotTransactional) {
  std::string text;
  OfflineConnection connection(sqlite_dialect(), false,
                               [&](std::string_view part) { text += part; });
  connection.begin();
  connection.execute("SELECT 1");
  connection.commit();
  EXPECT_EQ(text, "SELECT 1;\n\n");
}

}  // namespace
}  // namespace engine
