// SPDX-License-Identifier: Apache-2.0
#include "engine/db/owner_table.h"

#include <atomic>
#include <thread>

#include "tests/database/scratch_database.h"

namespace engine {
namespace {

using Strings = std::vector<std::string>;

class OwnerTableTest : public test::BothDatabasesTest {
 protected:
  // "" or what was refused.
  std::string claim(const std::string& owner, long generation, int attempt) {
    const AttemptToken own{generation, attempt};
    const auto kept = claim_attempt(*connection_, table_, owner, own);
    EXPECT_FALSE(connection_->in_transaction());
    if (!kept) return {};
    EXPECT_GT(*kept, own);
    const Error error = stale_attempt(owner, own, *kept);
    EXPECT_EQ(error.reason(), Reason::StaleAttempt);
    return error.message();
  }
  std::unique_ptr<Connection> connection_ = database_.connect();
  HistoryTable table_{*connection_, {}};
};
ON_BOTH_DATABASES(OwnerTableTest);

TEST_P(OwnerTableTest, TokensOfAnOwnerNeverGoDown) {
  EXPECT_EQ(claim("it's", 2, 3), "");
  EXPECT_EQ(claim("it's", 2, 3), "") << "the same once more";
  EXPECT_EQ(claim("it's", 2, 2),
            "this run is generation 2, attempt 2 of owner 'it's', and generation 2, attempt 3 has "
            "already begun");
  EXPECT_NE(claim("it's", 1, 9), "");
  EXPECT_EQ(claim("other", 1, 1), "");
  EXPECT_EQ(claim("it's", 3, 1), "") << "attempts begin anew with a generation";
  EXPECT_NE(claim("it's", 2, 99), "");
  EXPECT_EQ(claim("it's", 9'000'000'000'000, 1), "");
  EXPECT_EQ(database_.column(std::string("SELECT owner || generation || '/' || attempt FROM ") +
                             (on_postgres() ? "stillhead." : "") + "stillhead_owner ORDER BY 1"),
            (Strings{"it's9000000000000/1", "other1/1"}));
}

TEST_P(OwnerTableTest, OfSeveralAtOnceTheGreatestStays) {
  std::atomic<int> refused = 0;
  {
    std::vector<std::jthread> threads;
    for (int attempt = 1; attempt <= 4; ++attempt) {
      threads.emplace_back([&, attempt] {
        const auto own = database_.connect();
        if (claim_attempt(*own, table_, "uid", {1, attempt})) ++refused;
      });
    }
  }
  EXPECT_LT(refused, 4);
  EXPECT_EQ(claim("uid", 1, 4), "");
  EXPECT_NE(claim("uid", 1, 3), "");
}

}  // namespace
}  // namespace engine
