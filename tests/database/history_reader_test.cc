// SPDX-License-Identifier: Apache-2.0
#include "engine/db/history_reader.h"

#include "tests/database/history_layouts.h"
#include "tests/database/scratch_database.h"

namespace engine {
namespace {

using test::error_of;
using Strings = std::vector<std::string>;

HistoryRow row(const std::string& revision, Direction direction = Direction::Up) {
  HistoryRow made;
  made.revision = revision;
  made.direction = direction;
  made.run_id = "0123456789abcdef";
  made.engine_version = "0.1.0";
  made.checksum = "c-" + revision;
  made.started_at = "2026-01-02T03:04:05.678Z";
  made.meaning = "m-" + revision;
  made.file = revision + ".sql";
  made.source = "-- revision: " + revision;
  return made;
}

class HistoryReaderTest : public test::BothDatabasesTest {
 protected:
  // a1, b2 and c3 are run, c3 is taken back.
  void some_history() {
    const HistoryTable history(*connection_, {});
    HistoryRow owned = row("b2");
    owned.owner = "uid";
    owned.attempt = 4;
    for (const HistoryRow& made : {row("a1"), owned, row("c3"), row("c3", Direction::Down)}) {
      history.insert(*connection_, made);
    }
    HistoryTable(*connection_, {"", "another"}).insert(*connection_, row("z9"));
  }
  std::unique_ptr<Connection> connection_ = database_.connect();
};
ON_BOTH_DATABASES(HistoryReaderTest);

TEST_P(HistoryReaderTest, WithoutAHistoryThereIsNoneAndNoneIsMade) {
  EXPECT_FALSE(read_history(*connection_, {}).has_value());
  EXPECT_FALSE(read_history_rows(*connection_, {}).has_value());
  EXPECT_TRUE(read_stored_scripts(*connection_, {}, {"a1"}).empty());
  EXPECT_FALSE(read_history(*connection_, {}).has_value());
}

TEST_P(HistoryReaderTest, AppliedIsWhatWasNotRevertedSince) {
  some_history();
  const auto history = read_history(*connection_, {});
  ASSERT_TRUE(history.has_value());
  EXPECT_EQ(history->applied(), (RevisionSet{"a1", "b2"}));
  EXPECT_TRUE(history->contains("b2"));
  EXPECT_FALSE(history->contains("c3")) << "reverted";
  EXPECT_FALSE(history->contains("z9")) << "of another version table";
  EXPECT_EQ(history->find("d4"), nullptr);
  ASSERT_NE(history->find("c3"), nullptr);
  EXPECT_EQ(history->find("c3")->direction, Direction::Down);
  HistoryTable(*connection_, {}).insert(*connection_, row("c3"));
  EXPECT_TRUE(read_history(*connection_, {})->contains("c3")) << "applied again";
}

TEST_P(HistoryReaderTest, EntriesTellWhatWasWritten) {
  some_history();
  const auto history = read_history(*connection_, {});
  ASSERT_TRUE(history.has_value());
  const HistoryEntry& entry = *history->find("b2");
  EXPECT_EQ(entry.result, "succeeded");
  EXPECT_EQ(entry.run_id, "0123456789abcdef");
  EXPECT_EQ(entry.owner, "uid");
  EXPECT_EQ(entry.attempt, 4);
  EXPECT_EQ(entry.engine_version, "0.1.0");
  EXPECT_EQ(entry.checksum, "c-b2");
  EXPECT_EQ(entry.meaning, "m-b2");
  EXPECT_EQ(entry.file, "b2.sql");
  EXPECT_EQ(entry.started_at, "2026-01-02T03:04:05.678Z");
  EXPECT_EQ(entry.finished_at.size(), entry.started_at.size()) << entry.finished_at;
  EXPECT_EQ(history->find("a1")->owner, "");
  EXPECT_EQ(history->find("a1")->attempt, 0);
}

TEST_P(HistoryReaderTest, RowsComeNewestFirst) {
  some_history();
  const auto rows = read_history_rows(*connection_, {});
  ASSERT_TRUE(rows.has_value());
  Strings shown;
  for (const HistoryEntry& entry : *rows) {
    shown.push_back((entry.direction == Direction::Up ? "+" : "-") + entry.revision);
  }
  EXPECT_EQ(shown, (Strings{"-c3", "+c3", "+b2", "+a1"}));
}

TEST_P(HistoryReaderTest, SourcesAreThoseOfTheLastRows) {
  some_history();
  HistoryRow repaired = row("b2");
  repaired.result = HistoryResult::Repaired;
  repaired.source = "it's new";
  HistoryRow large = row("a1");
  large.source.clear();
  const HistoryTable table(*connection_, {});
  table.insert(*connection_, std::vector<HistoryRow>{repaired, large});
  const auto scripts = read_stored_scripts(*connection_, {}, {"a1", "b2", "d4"});
  ASSERT_EQ(scripts.size(), 1U) << "the newer a1 has none";
  EXPECT_EQ(scripts.at("b2").file, "b2.sql");
  EXPECT_EQ(scripts.at("b2").source, "it's new");
  EXPECT_EQ(read_stored_scripts(*connection_, table, {"b2"}).size(), 1U);
  EXPECT_TRUE(read_stored_scripts(*connection_, table, {}).empty());
}

TEST_P(HistoryReaderTest, EveryLayoutIsRead) {
  for (const int layout : {1, 2}) {
    some_history();
    test::take_history_back_to(layout, *connection_);
    const auto history = read_history(*connection_, {});
    ASSERT_TRUE(history.has_value());
    EXPECT_EQ(history->applied(), (RevisionSet{"a1", "b2"})) << layout;
    EXPECT_EQ(history->find("a1")->checksum, "c-a1");
    EXPECT_EQ(history->find("a1")->meaning, "");
    EXPECT_EQ(read_history_rows(*connection_, {})->size(), 4U);
    EXPECT_TRUE(read_stored_scripts(*connection_, {}, {"a1"}).empty());
    test::remove_history(*connection_);
  }
  some_history();
  connection_->execute("UPDATE " + test::history_prefix(*connection_) +
                       "stillhead_schema_version SET version = 4");
  EXPECT_EQ(read_history(*connection_, {})->applied(), (RevisionSet{"a1", "b2"})) << "a newer one";
}

TEST(PostgresHistoryReaderTest, SelectOnTheTableIsEnough) {
  const test::ScratchDatabase database(SqlFlavour::PostgreSql);
  const auto admin = database.connect();
  admin->execute("CREATE TABLE alembic_version (version_num text)");
  HistoryTable(*admin, {}).insert(*admin, row("a1"));
  const std::string guest = "reader_" + database.name();
  admin->execute("CREATE ROLE " + guest + " LOGIN");
  const auto connection = connect(
      parse_database_url(test::PostgresServer::instance().url(database.name(), guest)), {}, {});
  EXPECT_FALSE(read_history(*connection, {}).has_value()) << "not to be seen";
  admin->execute("GRANT USAGE ON SCHEMA stillhead TO " + guest);
  EXPECT_FALSE(read_history(*connection, {}).has_value()) << "not to be read";
  admin->execute("GRANT SELECT ON stillhead.stillhead_history TO " + guest);
  ASSERT_TRUE(read_history(*connection, {}).has_value());
  EXPECT_TRUE(read_history(*connection, {})->contains("a1"));
  EXPECT_TRUE(read_history(*connection, {"public", "alembic_version"})->contains("a1"));
  EXPECT_FALSE(read_history(*connection, {"hidden", "alembic_version"})->contains("a1"));
}

TEST(PostgresHistoryReaderTest, RunThatMayNotReadSaysWhatToGrant) {
  const test::ScratchDatabase database(SqlFlavour::PostgreSql);
  const auto admin = database.connect();
  { HistoryTable(*admin, {}); }
  const std::string guest = "writer_" + database.name();
  admin->execute("CREATE ROLE " + guest + " LOGIN");
  admin->execute("GRANT USAGE ON SCHEMA stillhead TO " + guest);
  admin->execute("GRANT INSERT ON stillhead.stillhead_history TO " + guest);
  admin->execute("GRANT SELECT ON stillhead.stillhead_schema_version TO " + guest);
  const auto connection = connect(
      parse_database_url(test::PostgresServer::instance().url(database.name(), guest)), {}, {});
  const HistoryTable history(*connection, {});
  const Error error = error_of([&] { read_history(*connection, history); });
  EXPECT_EQ(error.reason(), Reason::InvalidUsage);
  EXPECT_EQ(error.message(),
            "cannot read the history in stillhead.stillhead_history: permission denied for table "
            "stillhead_history (42501)");
  EXPECT_EQ(error.hint(),
            "grant the role SELECT on the table; `history_readers` lists roles that get it");
}

}  // namespace
}  // namespace engine
