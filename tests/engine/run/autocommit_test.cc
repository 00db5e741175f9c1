// SPDX-License-Identifier: Apache-2.0
#include "engine/run/autocommit.h"

#include <gtest/gtest.h>

#include <algorithm>
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
    connection_.answer("max(version)", {{"3", "UTF8"}});
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
    earlier_[{"a", Direction::Up}] = {done, in_doubt, digest,
                                      in_doubt ? "#" + std::to_string(done + 1) : ""};
  }
  void refuses_transactions(const std::string& sql, const std::string& sqlstate) {
    connection_.call_on(sql, [this, sqlstate] {
      if (connection_.in_transaction()) throw refused(sqlstate);
    });
  }
  // Begins, and runs every statement that is left.
  void run() {
    Autocommit autocommit(prepared_, connection_, &*journal_, earlier_, timeouts_);
    autocommit.check();
    for (std::size_t i = autocommit.begin(observer_); i < prepared_.statements.size(); ++i) {
      autocommit.run(i, 1, observer_, [] {});
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

  // Without those about indexes.
  Log without_questions() const {
    Log result = log();
    std::erase_if(result, [](const std::string& sql) { return sql.starts_with("SELECT format"); });
    return result;
  }

  test::FakeConnection connection_;
  std::optional<JournalTable> journal_;
  PreparedStep prepared_;
  std::map<JournalKey, Progress> earlier_;
  Timeouts timeouts_;
  RecordingObserver observer_;
};

TEST_F(AutocommitTest, AStatementSharesATransactionWithItsLine) {
  script({"one", "two"});
  run();
  EXPECT_EQ(log(), (Log{"BEGIN", "one", "journal 1 0", "COMMIT", "BEGIN", "two", "journal 2 0",
                        "COMMIT"}));
}

TEST_F(AutocommitTest, AStatementThatRefusesATransactionIsAnnouncedFirst) {
  refuses_transactions("ALTER SYSTEM", "25001");
  script({"ALTER SYSTEM SET x = 1"});
  run();
  EXPECT_EQ(log(), (Log{"BEGIN", "ALTER SYSTEM SET x = 1", "ROLLBACK", "journal 0 1",
                        "ALTER SYSTEM SET x = 1", "journal 1 0"}));
}

TEST_F(AutocommitTest, AStatementThatIsMadeToWaitHasNoLimit) {
  script({"VACUUM t"});
  run();
  EXPECT_EQ(log(),
            (Log{"SET lock_timeout = 0", "SET statement_timeout = 0", "journal 0 1", "VACUUM t",
                 "journal 1 0", "RESET lock_timeout", "RESET statement_timeout"}));
}

TEST_F(AutocommitTest, ALimitOfTheScriptIsKept) {
  script({"SET lock_timeout = '1s'", "VACUUM t"});
  left_by_earlier_run(1, false);
  run();
  EXPECT_EQ(log(), (Log{"SET lock_timeout = '1s'", "SET statement_timeout = 0", "journal 1 1",
                        "VACUUM t", "journal 2 0", "RESET statement_timeout"}));
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
              "put these statements back as they were, and change only what comes behind them; or "
              "undo them by hand, and say so with `stillhead stamp --purge REVISION`");
  }
  left_by_earlier_run(3, false);
  EXPECT_THROW(run(), Error) << "the script has become shorter";
  EXPECT_EQ(log(), Log{});
}

TEST_F(AutocommitTest, WhatComesBehindMayBeChanged) {
  script({"one", "corrected"});
  left_by_earlier_run(1, true);
  earlier_[{"a", Direction::Up}].announced = "of another statement";
  run();
  EXPECT_EQ(log(), (Log{"BEGIN", "corrected", "journal 2 0", "COMMIT"}))
      << "what was announced is not there any more";
}

TEST_F(AutocommitTest, AnAnnouncedStatementIsRunAgainAsItWas) {
  script({"one", "VACUUM"});
  left_by_earlier_run(1, true);
  run();
  EXPECT_EQ(log(), (Log{"SET lock_timeout = 0", "SET statement_timeout = 0", "journal 1 1",
                        "VACUUM", "journal 2 0", "RESET lock_timeout", "RESET statement_timeout"}));
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

TEST_F(AutocommitTest, AStatementThatFailedIsNotTakenForDone) {
  refuses_transactions("CREATE DATABASE", "25001");
  script({"CREATE DATABASE x"});
  connection_.fail_on("CREATE DATABASE", refused("42P04"));
  EXPECT_THROW(run(), Error);
  EXPECT_EQ(log().back(), "journal 0 0") << "its end is known";
  left_by_earlier_run(0, false);
  EXPECT_THROW(run(), Error);
}

TEST_F(AutocommitTest, ALostConnectionLeavesAStatementInDoubt) {
  refuses_transactions("CREATE DATABASE", "25001");
  script({"CREATE DATABASE x"});
  for (const Error& lost : {Error(Reason::DatabaseUnreachable, "lost"), refused("57P01")}) {
    test::FakeConnection fresh;
    Autocommit autocommit(prepared_, fresh, &*journal_, earlier_, timeouts_);
    fresh.call_on("CREATE DATABASE", [&] {
      if (fresh.in_transaction()) throw refused("25001");
      throw Error(lost);
    });
    EXPECT_THROW(autocommit.run(0, 1, observer_, [] {}), Error);
    EXPECT_EQ(fresh.log.back(), "CREATE DATABASE x");
  }
}

TEST_F(AutocommitTest, WhetherAStatementWasDoneDependsOnItsKind) {
  struct Case {
    const char* sql = "";
    const char* sqlstate = "";
    bool done = false;
  };
  for (const Case& c :
       {Case{"DROP INDEX CONCURRENTLY i", "42704", true}, Case{"DROP DATABASE x", "3D000", true},
        Case{"CREATE TABLESPACE x LOCATION 'y'", "42710", true},
        Case{"CREATE INDEX CONCURRENTLY i ON t (a)", "42P07", false},
        Case{"CREATE INDEX CONCURRENTLY i ON t (a)", "42P01", false},
        Case{"CALL p()", "42P07", false}, Case{"VACUUM t", "42P01", false},
        Case{"ALTER SYSTEM SET x = 1", "42704", false}}) {
    test::FakeConnection fresh;
    fresh.fail_on(c.sql, refused(c.sqlstate));
    prepared_.statements = {{c.sql, 1, false}};
    prepared_.digests = {"#1"};
    left_by_earlier_run(0, true);
    Autocommit autocommit(prepared_, fresh, &*journal_, earlier_, timeouts_);
    autocommit.begin(observer_);
    if (c.done) {
      EXPECT_NO_THROW(autocommit.run(0, 1, observer_, [] {})) << c.sql;
    } else {
      EXPECT_THROW(autocommit.run(0, 1, observer_, [] {}), Error) << c.sql << c.sqlstate;
    }
  }
}

TEST_F(AutocommitTest, AnInterruptedDetachIsEnded) {
  script({"ALTER TABLE p DETACH PARTITION c CONCURRENTLY"});
  left_by_earlier_run(0, true);
  connection_.answer("inhdetachpending", {{"t"}});
  run();
  EXPECT_EQ(log().at(4), "ALTER TABLE p DETACH PARTITION c FINALIZE");
}

TEST_F(AutocommitTest, ADetachThatWentThroughIsDone) {
  script({"ALTER TABLE p DETACH PARTITION c CONCURRENTLY"});
  left_by_earlier_run(0, true);
  run();
  const Log seen = log();
  EXPECT_TRUE(std::none_of(seen.begin(), seen.end(),
                           [](const auto& sql) { return sql.starts_with("ALTER"); }));
  EXPECT_TRUE(std::count(seen.begin(), seen.end(), "journal 1 0"));
}

TEST_F(AutocommitTest, ADetachThatIsPendingIsEndedWhateverTheJournalSays) {
  script({"ALTER TABLE p DETACH PARTITION c CONCURRENTLY"});
  connection_.answer("inhdetachpending", {{"t"}});
  run();
  EXPECT_EQ(log().at(4), "ALTER TABLE p DETACH PARTITION c FINALIZE");
}

TEST_F(AutocommitTest, ADoubtStaysUntilTheStatementHasSucceeded) {
  const std::string finalize = "ALTER TABLE p DETACH PARTITION c FINALIZE";
  script({"ALTER TABLE p DETACH PARTITION c CONCURRENTLY"});
  left_by_earlier_run(0, true);
  connection_.answer("inhdetachpending", {{"t"}});
  connection_.fail_on(finalize, refused("40P01"));
  Autocommit autocommit(prepared_, connection_, &*journal_, earlier_, timeouts_);
  autocommit.begin(observer_);
  EXPECT_THROW(autocommit.run(0, 1, observer_, [] {}), Error);
  connection_.answer_now("inhdetachpending", {});
  EXPECT_NO_THROW(autocommit.run(0, 2, observer_, [] {})) << "somebody has ended it";
}

TEST_F(AutocommitTest, LeftoversOfAReindexAreRemoved) {
  script({"REINDEX TABLE CONCURRENTLY t"});
  connection_.answer("_cc(new|old)", {{"s.i_ccnew"}});
  for (const bool in_doubt : {true, false}) {
    left_by_earlier_run(0, in_doubt);
    connection_.log.clear();
    run();
    EXPECT_EQ(log().at(3), "DROP INDEX CONCURRENTLY s.i_ccnew") << in_doubt;
  }
}

TEST_F(AutocommitTest, ARevisionThatIsHalfDoneInTheOtherDirectionStopsTheRun) {
  script({"one"});
  earlier_[{"b", Direction::Down}] = {1, false, "x", ""};
  try {
    run();
    FAIL() << "did not throw";
  } catch (const Error& error) {
    EXPECT_EQ(error.reason(), Reason::VersionConflict);
    EXPECT_EQ(error.message(),
              "the downgrade of b is half done: an earlier run has committed some of its "
              "statements");
    EXPECT_EQ(error.hint(),
              "finish it with `stillhead downgrade`, or undo these statements by hand and say so "
              "with `stillhead stamp --purge REVISION`");
  }
}

TEST_F(AutocommitTest, ASettingThatCannotBeRepeatedIsNamed) {
  script({"SET ROLE gone", "two"});
  left_by_earlier_run(1, false);
  connection_.fail_on("SET ROLE", refused("22023"));
  try {
    run();
    FAIL() << "did not throw";
  } catch (const Error& error) {
    EXPECT_EQ(error.message(),
              "cannot repeat statement 1, which an earlier run has done in its session, `SET ROLE "
              "gone`: refused (22023)");
  }
}

const std::vector<Row> kBuilt = {{"s.i", "t", "t", "USING btree (a)"}};
const std::vector<Row> kBroken = {{"s.i", "f", "t", "USING btree (a)"}};

TEST_F(AutocommitTest, AnIndexThatWasBuiltIsDone) {
  script({"CREATE INDEX CONCURRENTLY i ON s.t (a)"});
  left_by_earlier_run(0, true);
  connection_.answer("indisvalid", kBuilt);
  run();
  ASSERT_EQ(log().size(), 7U);
  EXPECT_NE(log()[0].find("to_regclass('s.t')"), std::string::npos) << log()[0];
  EXPECT_NE(log()[0].find("parse_ident('i')"), std::string::npos) << log()[0];
  EXPECT_NE(log()[4].find("to_regclass('pg_temp.t')"), std::string::npos) << log()[4];
  EXPECT_EQ(without_questions(),
            (Log{"BEGIN", "CREATE TEMPORARY TABLE t (LIKE s.t)", "CREATE INDEX i ON pg_temp.t (a)",
                 "ROLLBACK", "journal 1 0"}));
}

TEST_F(AutocommitTest, WhatIsLeftOfAnIndexIsRemovedAndBuiltAgain) {
  const std::string create = "CREATE INDEX CONCURRENTLY i ON s.t (a)";
  script({create});
  connection_.call_on(create, [this] { connection_.answer_now("indisvalid", kBuilt); });
  for (const bool in_doubt : {true, false}) {
    connection_.answer_now("indisvalid", kBroken);
    left_by_earlier_run(0, in_doubt);
    connection_.log.clear();
    run();
    const Log seen = without_questions();
    EXPECT_EQ(seen, (Log{"SET lock_timeout = 0", "SET statement_timeout = 0", "BEGIN",
                         "LOCK TABLE s.t IN SHARE UPDATE EXCLUSIVE MODE", "ROLLBACK",
                         "DROP INDEX CONCURRENTLY s.i", "journal 0 1", create, "journal 1 0",
                         "RESET lock_timeout", "RESET statement_timeout"}));
  }
}

TEST_F(AutocommitTest, AnIndexThatSomebodyElseBuildsIsNotDropped) {
  script({"CREATE INDEX CONCURRENTLY i ON s.t (a)"});
  connection_.answer("indisvalid", kBroken);
  connection_.call_on("LOCK TABLE", [this] { connection_.answer_now("indisvalid", kBuilt); });
  run();
  const Log seen = log();
  EXPECT_EQ(std::count(seen.begin(), seen.end(), "DROP INDEX CONCURRENTLY s.i"), 0);
}

TEST_F(AutocommitTest, AnIndexIsNotComparedWhereTheRoleMakesNoTemporaryTables) {
  for (const auto& [error, compared] :
       {std::pair{refused("42501"), false}, std::pair{refused("55P03"), true},
        std::pair{Error(Reason::Interrupted, "interrupted"), true}}) {
    test::FakeConnection connection;
    connection.fail_on("CREATE TEMPORARY TABLE", error);
    const BuiltIndex found{"s.i", true, "t", "USING btree (b)"};
    const ConcurrentIndex wanted{"i", "s.t", false, true, "(a)"};
    if (compared) {
      EXPECT_THROW(refuse_other_index(connection, found, wanted), Error) << error.message();
    } else {
      EXPECT_NO_THROW(refuse_other_index(connection, found, wanted)) << error.message();
    }
  }
}

TEST_F(AutocommitTest, AnIndexThatCannotBeBuiltDoesNotStay) {
  const std::string create = "CREATE UNIQUE INDEX CONCURRENTLY i ON s.t (a)";
  script({create});
  connection_.fail_on(create, refused("23505"));
  connection_.call_on(create, [this] { connection_.answer_now("indisvalid", kBroken); });
  EXPECT_THROW(run(), Error);
  EXPECT_EQ(without_questions(),
            (Log{"SET lock_timeout = 0", "SET statement_timeout = 0", "journal 0 1", create,
                 "journal 0 0", "BEGIN", "LOCK TABLE s.t IN SHARE UPDATE EXCLUSIVE MODE",
                 "ROLLBACK", "DROP INDEX CONCURRENTLY s.i"}));
}

TEST_F(AutocommitTest, AnIndexThatStaysInvalidIsNotTakenForBuilt) {
  script({"CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON s.t (a)"});
  connection_.answer("indisvalid", kBroken);
  try {
    run();
    FAIL() << "did not throw";
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), "the index s.i is there, but invalid");
  }
}

TEST_F(AutocommitTest, WhatMayNotBeCommittedIsRolledBack) {
  script({"one"});
  Autocommit autocommit(prepared_, connection_, &*journal_, earlier_, timeouts_);
  autocommit.begin(observer_);
  EXPECT_THROW(
      autocommit.run(0, 1, observer_, [] { throw Error(Reason::LockUnavailable, "lost"); }), Error);
  EXPECT_EQ(log(), (Log{"BEGIN", "one", "journal 1 0", "ROLLBACK"}));
}

TEST_F(AutocommitTest, TheLineGoesWithTheRevision) {
  script({"one"});
  Autocommit nothing(prepared_, connection_, &*journal_, earlier_, timeouts_);
  EXPECT_EQ(nothing.clear(), Log{}) << "there is no line";
  earlier_[{"a", Direction::Down}] = {1, false, "x", ""};
  Autocommit other_direction(prepared_, connection_, &*journal_, earlier_, timeouts_);
  EXPECT_EQ(other_direction.clear(),
            Log{"DELETE FROM stillhead.stillhead_journal WHERE version_table = "
                "'public.alembic_version' AND revision = 'a'"});
}

}  // namespace
}  // namespace engine
