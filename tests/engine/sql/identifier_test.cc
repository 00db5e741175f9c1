// SPDX-License-Identifier: Apache-2.0
#include "engine/sql/identifier.h"

#include <gtest/gtest.h>

namespace engine {
namespace {

TEST(IdentifierTest, QuotesWhatCouldNotStandBare) {
  for (const SqlFlavour flavour : {SqlFlavour::PostgreSql, SqlFlavour::Sqlite}) {
    for (const char* bare : {"account", "_x", "x$", "x1", "name", "alembic_version"}) {
      EXPECT_FALSE(needs_quotes(bare, flavour)) << bare;
    }
    for (const char* quoted : {"", "Account", "with space", "a-b", "a.b", "1abc", "$x", "a%b",
                               "a\"b", "naïve", "order", "select", "where"}) {
      EXPECT_TRUE(needs_quotes(quoted, flavour)) << quoted;
    }
  }
}

TEST(IdentifierTest, ReservedWordsAreEachDialectsOwn) {
  EXPECT_TRUE(needs_quotes("user", SqlFlavour::PostgreSql));
  EXPECT_FALSE(needs_quotes("user", SqlFlavour::Sqlite));
  EXPECT_TRUE(needs_quotes("index", SqlFlavour::Sqlite));
  EXPECT_FALSE(needs_quotes("index", SqlFlavour::PostgreSql));
}

}  // namespace
}  // namespace engine
