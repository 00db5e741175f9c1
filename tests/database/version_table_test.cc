// SPDX-License-Identifier: Apache-2.0
#include "engine/db/version_table.h"

#include <gmock/gmock.h>

#include "tests/database/scratch_database.h"

namespace engine {
namespace {

using test::error_of;
using Strings = std::vector<std::string>;

class VersionTableTest : public test::BothDatabasesTest {
 protected:
  std::unique_ptr<Connection> connection_ = database_.connect();
  VersionTable versions_;
};
ON_BOTH_DATABASES(VersionTableTest);

TEST_P(VersionTableTest, MissingTableIsEmptyAndStaysMissing) {
  EXPECT_FALSE(versions_.exists(*connection_));
  EXPECT_EQ(versions_.read(*connection_), RevisionSet{});
  EXPECT_FALSE(versions_.exists(*connection_));
}

TEST_P(VersionTableTest, CreatedTableIsAlembics) {
  versions_.create(*connection_);
  versions_.create(*connection_);  // there already
  EXPECT_TRUE(versions_.exists(*connection_));
  EXPECT_EQ(versions_.read(*connection_), RevisionSet{});
  if (on_postgres()) {
    EXPECT_EQ(
        database_.column("SELECT column_name || ' ' || data_type || character_maximum_length || "
                         "is_nullable FROM information_schema.columns "
                         "WHERE table_name = 'alembic_version'"),
        Strings{"version_num character varying32NO"});
    EXPECT_EQ(database_.column("SELECT conname FROM pg_constraint WHERE contype = 'p' "
                               "AND conrelid = 'alembic_version'::regclass"),
              Strings{"alembic_version_pkc"});
  } else {
    EXPECT_EQ(database_.column("SELECT sql FROM sqlite_master WHERE name = 'alembic_version'"),
              Strings{"CREATE TABLE alembic_version (\n    version_num VARCHAR(32) NOT NULL, \n    "
                      "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)\n)"});
  }
}

TEST_P(VersionTableTest, ChangesInsertUpdateAndDeleteRows) {
  versions_.create(*connection_);
  versions_.apply(*connection_, {{"", "a"}, {"", "b'"}});
  EXPECT_EQ(versions_.read(*connection_), (RevisionSet{"a", "b'"}));
  versions_.apply(*connection_, {{"a", "c"}, {"b'", ""}});
  EXPECT_EQ(versions_.read(*connection_), RevisionSet{"c"});
}

TEST_P(VersionTableTest, OtherNamesArePossible) {
  VersionTable other({"", "Shop Versions"});
  other.create(*connection_);
  other.apply(*connection_, {{"", "a"}});
  EXPECT_EQ(other.read(*connection_), RevisionSet{"a"});
  EXPECT_FALSE(versions_.exists(*connection_));
}

TEST_P(VersionTableTest, ChangeThatHitsNoRowIsAConflict) {
  versions_.create(*connection_);
  const std::vector<std::pair<RowChange, std::string>> cases = {
      {{"a", "b"},
       "expected to match one row when updating 'a' to 'b' in 'alembic_version'; 0 found"},
      {{"a", ""}, "expected to match one row when deleting 'a' in 'alembic_version'; 0 found"},
  };
  for (const auto& [change, message] : cases) {
    const Error error = error_of([&, wanted = change] { versions_.apply(*connection_, {wanted}); });
    EXPECT_EQ(error.reason(), Reason::VersionConflict);
    EXPECT_EQ(error.message(), message);
  }
}

TEST_P(VersionTableTest, ChangeThatHitsTwoRowsIsAConflict) {
  connection_->execute("CREATE TABLE alembic_version (version_num VARCHAR(32))");  // no primary key
  connection_->execute("INSERT INTO alembic_version VALUES ('a'), ('a')");
  const Error error = error_of([&] { versions_.apply(*connection_, {{"a", "b"}}); });
  EXPECT_EQ(error.reason(), Reason::VersionConflict);
  EXPECT_EQ(error.message(),
            "expected to match one row when updating 'a' to 'b' in 'alembic_version'; 2 found");
}

TEST_P(VersionTableTest, AGuardedChangeFailsUnlessItHitsOneRow) {
  if (connection_->dialect().flavour() != SqlFlavour::PostgreSql) return;
  connection_->execute("CREATE TABLE alembic_version (version_num VARCHAR(32))");  // no primary key
  const auto change = [&](const RowChange& wanted) {
    connection_->execute(versions_.guarded_statement(connection_->dialect(), wanted));
  };
  change({"", "a"});
  change({"a", "b"});
  EXPECT_EQ(versions_.read(*connection_), RevisionSet{"b"});
  connection_->execute("INSERT INTO alembic_version VALUES ('b')");
  for (const RowChange& wanted : std::vector<RowChange>{{"x", "y"}, {"x", ""}, {"b", "c"}}) {
    const Error error = versions_.explained(wanted, error_of([&] { change(wanted); }));
    EXPECT_EQ(error.reason(), Reason::VersionConflict);
    EXPECT_THAT(error.message(), testing::EndsWith(wanted.from == "b" ? "; 2 found" : "; 0 found"));
  }
  EXPECT_EQ(versions_.read_in_order(*connection_), (std::vector<RevisionId>{"b", "b"}));
}

TEST_P(VersionTableTest, RowThatIsAlreadyThereIsAConflict) {
  versions_.create(*connection_);
  versions_.apply(*connection_, {{"", "a"}});
  const Error error = error_of([&] { versions_.apply(*connection_, {{"", "a"}}); });
  EXPECT_EQ(error.reason(), Reason::VersionConflict);
  EXPECT_EQ(error.message(), "the row is already there when inserting 'a' into 'alembic_version'");
}

TEST_P(VersionTableTest, TableOfAnotherShapeIsNamed) {
  connection_->execute("CREATE TABLE alembic_version (number integer)");
  const Error error = error_of([&] { versions_.read(*connection_); });
  EXPECT_EQ(error.reason(), Reason::InvalidUsage) << "no migration has failed";
  EXPECT_EQ(error.hint(),
            "the table belongs to something else, or its column version_num was renamed: check "
            "--version-table and --version-table-schema");
  EXPECT_EQ(
      error.message(),
      on_postgres()
          ? "cannot read the version table 'alembic_version': column \"version_num\" does not "
            "exist "
            "(42703)"
          : "cannot read the version table 'alembic_version': no such column: version_num (SQLite "
            "error 1)");
}

TEST_P(VersionTableTest, IdsThatTheColumnCannotHoldAreRefused) {
  const std::string long_id(33, 'x');
  const RevisionSet ids = {"a", long_id, std::string(32, 'y')};
  if (!on_postgres()) {  // SQLite stores what comes
    versions_.check_width(*connection_, ids);
    return;
  }
  for (const bool created : {false, true}) {
    if (created) versions_.create(*connection_);
    const Error error = error_of([&] { versions_.check_width(*connection_, ids); });
    EXPECT_EQ(error.reason(), Reason::InvalidScripts);
    EXPECT_EQ(
        error.message(),
        "revision ids longer than the 32 characters of 'alembic_version.version_num': " + long_id);
    EXPECT_EQ(error.hint(),
              "shorten the ids, or widen the column: ALTER TABLE alembic_version ALTER COLUMN "
              "version_num TYPE varchar(255)");
  }
  connection_->execute("ALTER TABLE alembic_version ALTER COLUMN version_num TYPE varchar(255)");
  versions_.check_width(*connection_, ids);
  connection_->execute("ALTER TABLE alembic_version ALTER COLUMN version_num TYPE text");
  versions_.check_width(*connection_, ids);
}

class PostgresVersionTableTest : public testing::Test {
 protected:
  test::ScratchDatabase database_{SqlFlavour::PostgreSql};
  std::unique_ptr<Connection> connection_ = database_.connect();
};

TEST_F(PostgresVersionTableTest, MissingRightsAreNamedWithWhatToGrant) {
  connection_->execute("CREATE TABLE alembic_version (version_num text)");
  connection_->execute("CREATE SCHEMA closed");
  const auto scram = connect(
      parse_database_url(test::PostgresServer::instance().url(database_.name(), "scram")), {}, {});
  const std::pair<VersionTableName, std::string> cases[] = {
      {{}, "'alembic_version': permission denied for table alembic_version (42501)"},
      {{"closed", "v"}, "'closed.v': permission denied for schema closed (42501)"}};
  for (const auto& [name, cause] : cases) {
    const Error error = error_of([&, table = VersionTable(name)] { table.read(*scram); });
    EXPECT_EQ(error.reason(), Reason::InvalidUsage);
    EXPECT_EQ(error.message(), "cannot read the version table " + cause);
    EXPECT_EQ(
        error.hint(),
        "grant the role USAGE on the schema and SELECT on the table; runs need INSERT, UPDATE "
        "and DELETE, too, and the first one CREATE on the schema");
  }
}

TEST_F(PostgresVersionTableTest, ViewOfWhatIsGoneIsNoFailedMigration) {
  connection_->execute(
      "CREATE FUNCTION gone() RETURNS SETOF text LANGUAGE plpgsql AS "
      "'BEGIN RETURN QUERY EXECUTE ''SELECT version_num FROM nowhere''; END'");
  connection_->execute("CREATE VIEW alembic_version AS SELECT gone() AS version_num");
  const Error error = error_of([&] { VersionTable().read(*connection_); });
  EXPECT_EQ(error.reason(), Reason::InvalidUsage);
  EXPECT_EQ(error.message(),
            "cannot read the version table 'alembic_version': relation \"nowhere\" does not exist "
            "(42P01)");
  EXPECT_EQ(error.hint(),
            "it was removed while it was looked at, or it is a view of what is gone: run the same "
            "command again, or check --version-table and --version-table-schema");
}

TEST_F(PostgresVersionTableTest, SchemaIsUsedAsNamed) {
  VersionTable versions({"app", "v"});
  EXPECT_EQ(versions.read(*connection_), RevisionSet{});
  const Error error = error_of([&] { versions.create(*connection_); });
  EXPECT_EQ(error.message(),
            "cannot create the version table 'app.v': schema \"app\" does not exist (3F000)");
  EXPECT_EQ(error.reason(), Reason::InvalidUsage);
  EXPECT_EQ(error.hint(), "create the schema, or check --version-table and --version-table-schema");
  connection_->execute("CREATE SCHEMA app");
  versions.create(*connection_);
  versions.apply(*connection_, {{"", "a"}});
  EXPECT_EQ(versions.read(*connection_), RevisionSet{"a"});
  EXPECT_EQ(database_.column("SELECT version_num FROM app.v"), Strings{"a"});
}

TEST_F(PostgresVersionTableTest, TableIsFoundThroughTheSearchPath) {
  connection_->execute("CREATE SCHEMA app");
  connection_->execute("SET search_path = app, public");
  VersionTable versions;
  versions.create(*connection_);
  EXPECT_TRUE(versions.exists(*connection_));
  EXPECT_FALSE(versions.exists(*database_.connect()));
}

// Every pg_dump file empties the search path.
TEST_F(PostgresVersionTableTest, ASearchPathThatAScriptSetsChangesNoOtherTable) {
  VersionTable versions;
  versions.create(*connection_);
  versions.locate(*connection_);
  connection_->execute("CREATE SCHEMA app");
  connection_->execute("CREATE TABLE app.alembic_version (version_num varchar(32))");
  for (const char* path : {"''", "app"}) {
    connection_->execute(std::string("SET search_path = ") + path);
    versions.apply(*connection_, {{"", std::string("after ") + path}});
  }
  EXPECT_EQ(database_.column("SELECT count(*) FROM public.alembic_version"), Strings{"2"});
  EXPECT_EQ(database_.column("SELECT count(*) FROM app.alembic_version"), Strings{"0"});
}

TEST_F(PostgresVersionTableTest, ReadingTakesTwoRoundTrips) {
  VersionTable versions;
  versions.create(*connection_);
  connection_->execute("SET application_name = 'reader'");
  const std::string session = "reader@" + database_.name() + " ";
  const auto count = [&session] {
    const std::string log = test::PostgresServer::instance().log();
    int lines = 0;
    for (auto at = log.find(session); at != std::string::npos; at = log.find(session, at + 1)) {
      ++lines;
    }
    return lines;
  };
  const int before = count();
  versions.read(*connection_);
  EXPECT_EQ(count() - before, 2);
}

}  // namespace
}  // namespace engine
