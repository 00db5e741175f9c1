// SPDX-License-Identifier: Apache-2.0
#include "engine/run/autocommit.h"

#include <gtest/gtest.h>

#include <optional>

#include "tests/support/fake_connection.h"

namespace engine {
namespace {

using Log = std::vector<std::string>;

class RecordingObserver : public Observer {
 public:
  Log calls = {};
  void resumed(const Step& step, int done, int count) override {
    calls.push_back("resumed " + step.revision + " " + std::to_string(done) + "/" +
                    std::to_string(count));
  }
  void warned(const std::string& text) override { calls.push_back(text); }
};

Error refused(const std::string& sqlstate) {
  Failure failure;
  failure.sqlstate = sqlstate;
  return Error(Reason::MigrationFailed, "refused (" + sqlstate + ")", failure);
}

class AutocommitTest : public testing::Test {
 protected:
  AutocommitTest() {
    connection_.answer("pg_namespace n ON n.oid = c.relnamespace WHERE c.oid",
                       {{"stillhead", "public"}});
    connection_.answer("max(version)", {{"2"}});
    const HistoryTable history(connection_, {});
    journal_.emplace(history);
    connection_.log.clear();
    prepared_.step = {Direction::Up, "a", {{"", "a"}}};
    prepared_.revision.id = "a";
  }

  void script(const Log& statements) {
    for (const std::string& sql : statements) {
      prepared_.statements.push_back({sql, 1, false});
      prepared_.digests.push_back("#" + std::to_string(prepared_.statements.size()));
    }
  }
  void left_by_earlier_run(int done, bool in_doubt) {
    left_by_earlier_run(done, in_doubt, done == 0 ? "" : "#" + std::to_string(done));
  }
  void left_by_earlier_run(int done, bool in_doubt, const std::string& digest) {
    earlier_[{"a", Direction::Up}] = {done, in_doubt, digest};
  }
  void refuses_transactions(const std::string& sql, const std::string& sqlstate) {
    connection_.call_on(sql, [this, sqlstate] {
      if (connection_.in_transaction()) throw refused(sqlstate);
    });
  }
  // Begins, and runs every statement that is left.
  void run() {
    Autocommit autocommit(prepared_, connection_, &*journal_, earlier_);
    for (std::size_t i = autocommit.begin(observer_); i < prepared_.statements.size(); ++i) {
      autocommit.run(i, observer_, [] {});
    }
  }
  // Lines of the journal as "journal DONE IN_DOUBT".
  Log log() const {
    Log result;
    for (const std::string& sql : connection_.log) {
      const std::size_t values = sql.find("'upgrade', ");
      if (sql.starts_with("INSERT INTO") && values != std::string::npos) {
        result.push_back("journal " + sql.substr(values + 11, 1) + " " +
                         sql.substr(values + 14, 1));
      } else {
        result.push_back(sql);
      }
    }
    return result;
  }

  test::FakeConnection connection_;
  std::optional<JournalTable> journal_;
  PreparedStep prepared_;
  std::map<JournalKey, Progress> earlier_;
  RecordingObserver observer_;
};

TEST_F(AutocommitTest, AStatementSharesATransactionWithItsLine) {
  script({"one", "two"});
  run();
  EXPECT_EQ(log(), (Log{"BEGIN", "one", "journal 1 0", "COMMIT", "BEGIN", "two", "journal 2 0",
                        "COMMIT"}));
}

TEST_F(AutocommitTest, AStatementThatRefusesATransactionIsAnnouncedFirst) {
  refuses_transactions("VACUUM", "25001");
  script({"VACUUM"});
  run();
  EXPECT_EQ(log(), (Log{"BEGIN", "VACUUM", "ROLLBACK", "journal 0 1", "VACUUM", "journal 1 0"}));
}

TEST_F(AutocommitTest, AProcedureThatEndsTheTransactionIsAnnouncedToo) {
  refuses_transactions("CALL p()", "2D000");
  script({"CALL p()"});
  run();
  EXPECT_EQ(log(),
            (Log{"BEGIN", "CALL p()", "ROLLBACK", "journal 0 1", "CALL p()", "journal 1 0"}));
}

TEST_F(AutocommitTest, ARunGoesOnBehindWhatIsDone) {
  script({"SET work_mem = '1GB'", "one", "SET LOCAL x = 1", "two"});
  left_by_earlier_run(3, false);
  run();
  EXPECT_EQ(log(), (Log{"SET work_mem = '1GB'", "BEGIN", "two", "journal 4 0", "COMMIT"}));
  EXPECT_EQ(observer_.calls, Log{"resumed a 3/4"});
}

TEST_F(AutocommitTest, AScriptThatWasChangedWhereItRanIsRefused) {
  script({"one", "two"});
  left_by_earlier_run(1, false, "something else;");
  try {
    run();
    FAIL() << "did not throw";
  } catch (const Error& error) {
    EXPECT_EQ(error.reason(), Reason::ChecksumMismatch);
    EXPECT_EQ(
        error.message(),
        "an earlier run has committed the first statement of the upgrade to a, and the script "
        "says something else there now");
    EXPECT_EQ(error.hint(),
              "put these statements back as they were, and change only what comes behind them");
  }
  left_by_earlier_run(3, false);
  EXPECT_THROW(run(), Error) << "the script has become shorter";
  EXPECT_EQ(log(), Log{});
}

TEST_F(AutocommitTest, WhatComesBehindMayBeChanged) {
  script({"one", "corrected"});
  left_by_earlier_run(1, true);
  connection_.call_on("corrected", [&] { EXPECT_FALSE(connection_.in_transaction()); });
  run();
  EXPECT_EQ(log(), (Log{"journal 1 1", "corrected", "journal 2 0"}));
}

TEST_F(AutocommitTest, AnAnnouncedStatementThatWasDoneIsTakenForDone) {
  script({"CREATE DATABASE x"});
  left_by_earlier_run(0, true);
  connection_.fail_on("CREATE DATABASE", refused("42P04"));
  run();
  EXPECT_EQ(observer_.calls,
            (Log{"resumed a 0/1",
                 "statement 1 of a was begun by an earlier run, and is taken for done: refused "
                 "(42P04)"}));
  EXPECT_EQ(log().back(), "journal 1 0");
}

TEST_F(AutocommitTest, AnotherErrorOfAnAnnouncedStatementStays) {
  script({"CREATE DATABASE x"});
  left_by_earlier_run(0, true);
  connection_.fail_on("CREATE DATABASE", refused("53100"));
  EXPECT_THROW(run(), Error);
  EXPECT_EQ(log().back(), "CREATE DATABASE x") << "still announced";
}

TEST_F(AutocommitTest, AnIndexThatWasBuiltIsDone) {
  script({"CREATE INDEX CONCURRENTLY i ON s.t (a)"});
  left_by_earlier_run(0, true);
  connection_.answer("indisvalid", {{"t", "s.i"}});
  run();
  ASSERT_EQ(log().size(), 2U);
  EXPECT_NE(log()[0].find("to_regclass('s.t')"), std::string::npos) << log()[0];
  EXPECT_NE(log()[0].find("parse_ident('i')"), std::string::npos) << log()[0];
  EXPECT_EQ(log()[1], "journal 1 0");
}

TEST_F(AutocommitTest, WhatIsLeftOfAnIndexIsRemovedAndBuiltAgain) {
  script({"CREATE INDEX CONCURRENTLY i ON s.t (a)"});
  left_by_earlier_run(0, true);
  connection_.answer("indisvalid", {{"f", "s.i"}});
  run();
  const Log seen = log();
  EXPECT_EQ(Log(seen.begin() + 1, seen.end()),
            (Log{"DROP INDEX CONCURRENTLY s.i", "journal 0 1",
                 "CREATE INDEX CONCURRENTLY i ON s.t (a)", "journal 1 0"}));
}

TEST_F(AutocommitTest, WhatMayNotBeCommittedIsRolledBack) {
  script({"one"});
  Autocommit autocommit(prepared_, connection_, &*journal_, earlier_);
  autocommit.begin(observer_);
  EXPECT_THROW(autocommit.run(0, observer_, [] { throw Error(Reason::LockUnavailable, "lost"); }),
               Error);
  EXPECT_EQ(log(), (Log{"BEGIN", "one", "journal 1 0", "ROLLBACK"}));
}

TEST_F(AutocommitTest, TheLineGoesWithTheRevision) {
  script({"one"});
  Autocommit nothing(prepared_, connection_, &*journal_, earlier_);
  nothing.clear();
  EXPECT_EQ(log(), Log{}) << "there is no line";
  earlier_[{"a", Direction::Down}] = {1, false, "x"};
  Autocommit other_direction(prepared_, connection_, &*journal_, earlier_);
  other_direction.clear();
  ASSERT_EQ(log().size(), 1U);
  EXPECT_EQ(log()[0],
            "DELETE FROM stillhead.stillhead_journal WHERE version_table = "
            "'public.alembic_version' AND revision = 'a'");
}

}  // namespace
}  // namespace engine
