// SPDX-License-Identifier: Apache-2.0
#include "engine/db/history_table.h"

#include <atomic>
#include <thread>

#include "engine/db/journal_table.h"
#include "tests/database/history_layouts.h"
#include "tests/database/scratch_database.h"

namespace engine {
namespace {

using test::error_of;
using Strings = std::vector<std::string>;

HistoryRow sample() {
  return {.revision = "it's",
          .direction = Direction::Down,
          .run_id = "0123456789abcdef",
          .owner = "",
          .attempt = 0,
          .engine_version = "0.1.0",
          .checksum = std::string(64, 'c'),
          .started_at = "2026-01-02T03:04:05.678Z"};
}

class HistoryTableTest : public test::BothDatabasesTest {
 protected:
  std::string place() const { return on_postgres() ? "stillhead." : ""; }
  std::unique_ptr<Connection> connection_ = database_.connect();
};
ON_BOTH_DATABASES(HistoryTableTest);

TEST_P(HistoryTableTest, IsMadeOnceAndFoundAgain) {
  const HistoryTable made(*connection_, {});
  const HistoryTable found(*connection_, {});
  EXPECT_EQ(made.qualified_name(), found.qualified_name());
  EXPECT_EQ(made.qualified_name(),
            on_postgres() ? "stillhead.stillhead_history" : "main.stillhead_history");
  EXPECT_EQ(database_.column("SELECT version FROM " + place() + "stillhead_schema_version"),
            Strings{"3"});
}

TEST_P(HistoryTableTest, RowsKeepWhatTheyAreGiven) {
  const HistoryTable history(*connection_, {});
  history.insert(*connection_, sample());
  HistoryRow owned = sample();
  owned.direction = Direction::Up;
  owned.owner = "uid-1";
  owned.attempt = 7;
  history.insert(*connection_, owned);
  const auto rows = connection_->query(
      "SELECT version_table, revision, direction, run_id, owner, attempt, engine_version, "
      "checksum, result "
      "FROM " +
      place() + "stillhead_history ORDER BY id");
  const std::string table = on_postgres() ? "public.alembic_version" : "alembic_version";
  const std::string sum(64, 'c');
  EXPECT_EQ(rows, (std::vector<Row>{{table, "it's", "downgrade", "0123456789abcdef", std::nullopt,
                                     std::nullopt, "0.1.0", sum, "succeeded"},
                                    {table, "it's", "upgrade", "0123456789abcdef", "uid-1", "7",
                                     "0.1.0", sum, "succeeded"}}));
  const std::string started =
      on_postgres() ? "to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"
                    : "started_at";
  EXPECT_EQ(
      database_.column("SELECT DISTINCT " + started + " FROM " + place() + "stillhead_history"),
      Strings{"2026-01-02T03:04:05.678Z"});
  EXPECT_EQ(database_.column("SELECT count(*) FROM " + place() +
                             "stillhead_history WHERE finished_at > started_at"),
            Strings{"2"});
}

TEST_P(HistoryTableTest, RowsKeepWhatTheScriptWas) {
  const HistoryTable history(*connection_, {});
  HistoryRow stamped = sample();
  stamped.result = HistoryResult::Stamped;
  stamped.meaning = std::string(64, 'd');
  stamped.file = "0001_it's.sql";
  stamped.source = "-- revision: it's\nSELECT '\\';\n-- größer";
  HistoryRow large = sample();
  large.result = HistoryResult::Adopted;
  large.source = std::string(kLargestStoredSource + 1, 'x');
  HistoryRow fits = sample();
  fits.result = HistoryResult::Repaired;
  fits.source = std::string(kLargestStoredSource, 'x');
  history.insert(*connection_, std::vector<HistoryRow>{stamped, large, fits});
  EXPECT_EQ(connection_->query("SELECT result, meaning, file, length(source) FROM " + place() +
                               "stillhead_history ORDER BY id"),
            (std::vector<Row>{{"stamped", stamped.meaning, stamped.file, "39"},
                              {"adopted", std::nullopt, std::nullopt, std::nullopt},
                              {"repaired", std::nullopt, std::nullopt, "1048576"}}));
  EXPECT_EQ(database_.column("SELECT source FROM " + place() + "stillhead_history ORDER BY id")[0],
            stamped.source);
}

TEST_P(HistoryTableTest, OlderLayoutsAreBroughtUpWithTheirRows) {
  for (const int layout : {1, 2}) {
    { HistoryTable(*connection_, {}).insert(*connection_, sample()); }
    test::take_history_back_to(layout, *connection_);
    const HistoryTable found(*connection_, {});
    EXPECT_EQ(database_.column("SELECT version FROM " + place() + "stillhead_schema_version"),
              Strings{"3"});
    EXPECT_EQ(connection_->query("SELECT revision, checksum, meaning, source FROM " + place() +
                                 "stillhead_history"),
              (std::vector<Row>{{"it's", std::string(64, 'c'), std::nullopt, std::nullopt}}));
    const JournalTable journal(found);
    journal.write(*connection_, {"a1", Direction::Up}, {1, true, "d", "e", "id=5"});
    EXPECT_EQ((journal.read(*connection_)[{"a1", Direction::Up}].cursor), "id=5");
    EXPECT_EQ(database_.column("SELECT count(*) FROM " + place() + "stillhead_owner"),
              Strings{"0"});
    test::remove_history(*connection_);
  }
}

TEST_P(HistoryTableTest, JournalOfLayoutTwoIsKept) {
  { HistoryTable(*connection_, {}); }
  test::take_history_back_to(2, *connection_);
  connection_->execute("INSERT INTO " + place() + "stillhead_journal VALUES ('" +
                       (on_postgres() ? "public." : "") +
                       "alembic_version', 'a1', 'upgrade', 2, 1, 'x', 'y')");
  const auto found = JournalTable(HistoryTable(*connection_, {})).read(*connection_);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found.begin()->second.done, 2);
  EXPECT_EQ(found.begin()->second.announced, "y");
  EXPECT_EQ(found.begin()->second.cursor, "");
}

TEST_P(HistoryTableTest, JournalKeepsOneLineOfARevision) {
  const HistoryTable history(*connection_, {});
  const JournalTable journal(history);
  const JournalKey up{"a1", Direction::Up}, down{"a1", Direction::Down}, other{"b2", Direction::Up};
  journal.write(*connection_, up, {1, true, "it's", "and more"});
  journal.write(*connection_, up, {2, false, "abc", ""});
  journal.write(*connection_, down, {3, true, "", "n"});
  journal.write(*connection_, other, {4, false, "x", ""});
  JournalTable(HistoryTable(*connection_, {"", "another"}))
      .write(*connection_, up, {9, true, "", ""});
  auto found = journal.read(*connection_);
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[up].done, 2);
  EXPECT_FALSE(found[up].in_doubt);
  EXPECT_EQ(found[up].digest, "abc");
  EXPECT_TRUE(found[down].in_doubt);
  EXPECT_EQ(found[down].announced, "n");
  connection_->execute(journal.clear_statement(connection_->dialect(), "a1"));
  EXPECT_EQ(journal.read(*connection_).size(), 1U) << "both directions are gone";
  journal.clear_all(*connection_);
  EXPECT_TRUE(journal.read(*connection_).empty());
}

TEST_P(HistoryTableTest, NewerLayoutIsRefused) {
  { const HistoryTable made(*connection_, {}); }
  connection_->execute("UPDATE " + place() + "stillhead_schema_version SET version = 4");
  const Error error = error_of([&] { const HistoryTable refused(*connection_, {}); });
  EXPECT_EQ(error.reason(), Reason::VersionConflict);
  EXPECT_EQ(error.message(),
            std::string("the history in ") +
                (on_postgres() ? "stillhead.stillhead_history" : "main.stillhead_history") +
                " has schema version 4, made by a newer stillhead; this one knows 3");
}

class PostgresHistoryTableTest : public testing::Test {
 protected:
  // A role that may make tables in its own schema only.
  std::unique_ptr<Connection> connect_as_guest() {
    const auto admin = database_.connect();
    const std::string guest = "guest_" + database_.name();
    admin->execute("CREATE ROLE " + guest + " LOGIN");
    admin->execute("CREATE SCHEMA app AUTHORIZATION " + guest);
    auto connection = connect(
        parse_database_url(test::PostgresServer::instance().url(database_.name(), guest)), {}, {});
    connection->execute("SET search_path = app");
    return connection;
  }
  test::ScratchDatabase database_{SqlFlavour::PostgreSql};
};

TEST_F(PostgresHistoryTableTest, StandsBesideTheVersionTableWhereSchemasMayNotBeMade) {
  const auto guest = connect_as_guest();
  const HistoryTable made(*guest, {});
  EXPECT_EQ(made.qualified_name(), "app.stillhead_history");
  made.insert(*guest, sample());
  guest->execute("SET search_path = pg_catalog");
  const HistoryTable found(*guest, {"app", "alembic_version"});
  EXPECT_EQ(found.qualified_name(), made.qualified_name());
  EXPECT_EQ(database_.column("SELECT version_table FROM app.stillhead_history"),
            Strings{"app.alembic_version"});
}

TEST_F(PostgresHistoryTableTest, NowhereToMakeItIsToldWithTheIntent) {
  const auto guest = connect_as_guest();
  guest->execute("SET search_path = public");
  const Error error = test::error_of([&] { HistoryTable(*guest, {}); });
  EXPECT_EQ(error.reason(), Reason::MigrationFailed);
  EXPECT_EQ(error.message(),
            "cannot make the history table 'stillhead_history' ready: permission denied for schema "
            "public (42501)");
}

TEST_F(PostgresHistoryTableTest, SchemaOfAnotherRoleIsLeftAlone) {
  const auto admin = database_.connect();
  const HistoryTable theirs(*admin, {});
  const auto guest = connect_as_guest();
  const HistoryTable own(*guest, {});
  EXPECT_EQ(own.qualified_name(), "app.stillhead_history");
}

TEST_F(PostgresHistoryTableTest, NoSecondHistoryOfTheSameRows) {
  const auto admin = database_.connect();
  const auto guest = connect_as_guest();
  guest->execute("CREATE TABLE app.alembic_version (version_num varchar(32) PRIMARY KEY)");
  const HistoryTable theirs(*admin, {});
  const Error error = test::error_of([&] { HistoryTable(*guest, {}); });
  EXPECT_EQ(error.reason(), Reason::InvalidUsage);
  EXPECT_EQ(error.message(),
            "the history in schema \"stillhead\" is there, and this role may not write to it");
  EXPECT_EQ(
      error.hint(),
      "use the role that made it, or let its owner run GRANT USAGE ON SCHEMA \"stillhead\" TO "
      "this role and GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "
      "\"stillhead\" TO this role");
}

TEST_F(PostgresHistoryTableTest, OlderLayoutOfAnotherRoleIsToldWhoMayBringItUp) {
  const auto admin = database_.connect();
  { HistoryTable(*admin, {}); }
  test::take_history_back_to(2, *admin);
  const auto guest = connect_as_guest();
  admin->execute("GRANT USAGE ON SCHEMA stillhead TO guest_" + database_.name());
  admin->execute("GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA stillhead TO guest_" +
                 database_.name());
  const Error error = test::error_of([&] { HistoryTable(*guest, {}); });
  EXPECT_EQ(error.reason(), Reason::InvalidUsage);
  EXPECT_EQ(
      error.message(),
      "cannot bring the history in stillhead.stillhead_history from layout 2 to 3: permission "
      "denied for table stillhead_schema_version (42501)");
  EXPECT_EQ(
      error.hint(),
      "run stillhead once as the role that made these tables, or give them to this one (ALTER "
      "TABLE ... OWNER TO)");
}

TEST_F(PostgresHistoryTableTest, WhatTheServersEncodingLacksIsLeftOut) {
  const auto admin = database_.connect();
  const std::string name = database_.name() + "_latin";
  admin->execute("CREATE DATABASE " + name + " ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
  {
    const auto latin =
        connect(parse_database_url(test::PostgresServer::instance().url(name)), {}, {});
    const HistoryTable history(*latin, {});
    HistoryRow plain = sample();
    plain.source = "SELECT 1";
    HistoryRow foreign = sample();
    foreign.source = "SELECT 1 -- \xE6\x97\xA5";
    history.insert(*latin, std::vector<HistoryRow>{plain, foreign});
    EXPECT_EQ(latin->query("SELECT source FROM stillhead.stillhead_history ORDER BY id"),
              (std::vector<Row>{{"SELECT 1"}, {std::nullopt}}));
  }
  admin->execute("DROP DATABASE " + name);
}

TEST_F(PostgresHistoryTableTest, RunsThatMakeItAtOnceAgreeOnOne) {
  std::atomic<int> ready = 0;
  std::atomic<int> made = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 6; ++i) {
      threads.emplace_back([&, i] {
        const auto connection = database_.connect();
        ++ready;
        while (ready < 6) std::this_thread::yield();
        const HistoryTable history(*connection, {"", "versions_" + std::to_string(i)});
        if (history.qualified_name() == "stillhead.stillhead_history") ++made;
      });
    }
  }
  EXPECT_EQ(made, 6);
  EXPECT_EQ(database_.column("SELECT version FROM stillhead.stillhead_schema_version"),
            Strings{"3"});
}

}  // namespace
}  // namespace engine
