// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "engine/db/nested_connection.h"
#include "engine/db/sqlite_file.h"
#include "tests/database/scratch_database.h"

namespace engine {
namespace {

using test::error_of;

// Root may look everywhere, so root's tests look as nobody for a while.
class AsNobody {
 public:
  AsNobody() {
    if (was_root_ && seteuid(65534) != 0) throw std::runtime_error("seteuid");
  }
  ~AsNobody() {
    if (was_root_ && seteuid(0) != 0) std::abort();
  }
  AsNobody(const AsNobody&) = delete;
  AsNobody& operator=(const AsNobody&) = delete;

 private:
  bool was_root_ = geteuid() == 0;
};

class SqliteConnectionTest : public testing::Test {
 protected:
  Error connect_error(const std::string& path, bool create) {
    const DatabaseUrl url = parse_database_url("sqlite:///" + path);
    return error_of([&] { connect(url, {.create = create}, {}); });
  }
  test::ScratchDatabase database_{SqlFlavour::Sqlite};
};

TEST_F(SqliteConnectionTest, MissingFileIsMadeOnlyWhenAskedFor) {
  const std::string path = database_.folder() + "/none.db";
  const Error error = connect_error(path, false);
  EXPECT_EQ(error.reason(), Reason::DatabaseUnreachable);
  EXPECT_EQ(error.message(), "cannot open sqlite:///" + path + ": no such database file");
  EXPECT_FALSE(std::filesystem::exists(path));
  connect(parse_database_url("sqlite:///" + path), {.create = true}, {})
      ->execute("CREATE TABLE t (a)");
  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST_F(SqliteConnectionTest, MissingDirectoryIsNamed) {
  const Error error = connect_error(database_.folder() + "/no/such/x.db", true);
  EXPECT_EQ(error.reason(), Reason::DatabaseUnreachable);
  EXPECT_EQ(error.message(), "cannot open sqlite:///" + database_.folder() +
                                 "/no/such/x.db: the directory " + database_.folder() +
                                 "/no/such does not exist");
}

TEST_F(SqliteConnectionTest, DirectoryIsNoDatabase) {
  const Error error = connect_error(database_.folder(), true);
  EXPECT_EQ(error.reason(), Reason::DatabaseUnreachable);
  EXPECT_EQ(error.message(), "cannot open sqlite:///" + database_.folder() + ": it is a directory");
}

constexpr const char* kRightsHint =
    "check the rights of the file and of the directories above it, and its name";

TEST_F(SqliteConnectionTest, PathThatCannotBeLookedAtIsNotCalledMissing) {
  namespace fs = std::filesystem;
  fs::create_symlink("loop", database_.folder() + "/loop");
  std::ofstream(database_.folder() + "/file") << "";
  const std::pair<std::string, std::string> cases[] = {
      {database_.folder() + "/loop", "Too many levels of symbolic links"},
      {database_.folder() + "/loop/x.db", "Too many levels of symbolic links"},
      {database_.folder() + "/" + std::string(300, 'x'), "File name too long"},
      {database_.folder() + "/file/x.db", "Not a directory"}};
  for (const auto& [path, cause] : cases) {
    EXPECT_FALSE(sqlite_file_is_missing(parse_database_url("sqlite:///" + path))) << path;
    for (const bool create : {false, true}) {
      const Error error = connect_error(path, create);
      EXPECT_EQ(error.reason(), Reason::DatabaseUnreachable);
      EXPECT_EQ(error.message(), "cannot open sqlite:///" + path + ": " + cause);
      EXPECT_EQ(error.hint(), kRightsHint);
    }
  }
}

TEST_F(SqliteConnectionTest, DirectoryWithoutRightsIsNotCalledMissing) {
  namespace fs = std::filesystem;
  const std::string path = database_.folder() + "/closed/x.db";
  fs::create_directory(database_.folder() + "/closed");
  fs::permissions(database_.folder(), fs::perms::owner_all | fs::perms::others_exec);
  fs::permissions(database_.folder() + "/closed", fs::perms::none);
  {
    const AsNobody nobody;
    EXPECT_FALSE(sqlite_file_is_missing(parse_database_url("sqlite:///" + path)));
    for (const bool create : {false, true}) {
      const Error error = connect_error(path, create);
      EXPECT_EQ(error.reason(), Reason::DatabaseUnreachable);
      EXPECT_EQ(error.message(), "cannot open sqlite:///" + path + ": Permission denied");
      EXPECT_EQ(error.hint(), kRightsHint);
    }
  }
  fs::permissions(database_.folder() + "/closed", fs::perms::owner_all);
}

TEST_F(SqliteConnectionTest, OnlyWhatIsNotThereIsMissing) {
  const auto is_missing = [](const std::string& url) {
    return sqlite_file_is_missing(parse_database_url(url));
  };
  EXPECT_TRUE(is_missing("sqlite:///" + database_.folder() + "/none.db"));
  EXPECT_TRUE(is_missing("sqlite:///" + database_.folder() + "/no/such/x.db"));
  EXPECT_FALSE(is_missing("sqlite:///" + database_.folder()));
  EXPECT_FALSE(is_missing("sqlite:///:memory:"));
  EXPECT_FALSE(is_missing("postgresql://h/none"));
  database_.connect();
  EXPECT_FALSE(is_missing(database_.url().display));
}

TEST_F(SqliteConnectionTest, ADamagedFileIsToldAsOne) {
  database_.connect()->execute("CREATE TABLE t (a text)");
  const std::string path = database_.url().display.substr(std::string_view("sqlite:///").size());
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(100);
  file << std::string(10, 'x');
  file.close();
  try {
    database_.connect()->query("SELECT * FROM t");
    FAIL() << "did not throw";
  } catch (const Error& error) {
    EXPECT_EQ(error.reason(), Reason::DatabaseUnreachable);
    EXPECT_EQ(error.message(), "cannot use " + database_.url().display +
                                   ": database disk image is malformed (SQLite error 11)");
    EXPECT_EQ(error.hint(),
              "a read failed, or the file is damaged: `PRAGMA integrity_check` says; if it is, "
              "restore it from a backup");
  }
}

TEST_F(SqliteConnectionTest, OtherFilesAreNoDatabases) {
  const std::string path = database_.folder() + "/notes.txt";
  std::ofstream(path) << std::string(5'000, 'x');
  const Error error = connect_error(path, true);
  EXPECT_EQ(error.reason(), Reason::InvalidUsage) << "it does not become one by itself";
  EXPECT_EQ(error.message(),
            "cannot use sqlite:///" + path + ": file is not a database (SQLite error 26)");
  EXPECT_EQ(
      error.hint(),
      "the URL names a file of another kind, or a database that is encrypted: check the path");
}

TEST_F(SqliteConnectionTest, StatementsThatStandByThemselvesAreSentToAnAutocommitBlock) {
  const auto connection = database_.connect();
  for (const char* sql : {"VACUUM", "PRAGMA synchronous = OFF"}) {
    connection->begin();
    const Error error = error_of([&] { connection->execute(sql); });
    EXPECT_EQ(error.reason(), Reason::MigrationFailed);
    EXPECT_EQ(error.hint(),
              "such a statement stands by itself: put `-- stillhead:autocommit` before it and "
              "`-- stillhead:end` behind it")
        << error.message();
    connection->rollback();
  }
}

TEST_F(SqliteConnectionTest, WriterOfAnotherConnectionIsWaitedFor) {
  const auto first = database_.connect();
  const auto second = database_.connect();
  first->execute("CREATE TABLE t (a)");
  first->begin();
  std::jthread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    first->commit();
  });
  second->begin();
  second->execute("INSERT INTO t VALUES (1)");
  second->commit();
  EXPECT_EQ(database_.column("SELECT a FROM t"), std::vector<std::string>{"1"});
}

TEST_F(SqliteConnectionTest, WriterThatStaysIsReportedAfterFiveSeconds) {
  const auto first = database_.connect();
  const auto second = database_.connect();
  first->begin();
  const auto began = std::chrono::steady_clock::now();
  const Error error = error_of([&] { second->begin(); });
  const auto waited = std::chrono::steady_clock::now() - began;
  EXPECT_EQ(error.reason(), Reason::LockUnavailable);
  EXPECT_EQ(
      error.message(),
      database_.url().display +
          " is locked by another process with an open transaction: database is locked (SQLite "
          "error 5)");
  EXPECT_GE(waited, std::chrono::milliseconds(4'900));
  EXPECT_LT(waited, std::chrono::seconds(30));  // a busy machine may stand still for a while
}

TEST_F(SqliteConnectionTest, CancelEndsTheWaitForAWriter) {
  const auto first = database_.connect();
  const auto second = database_.connect();
  first->begin();
  std::jthread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    second->cancel();
  });
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(error_of([&] { second->begin(); }).reason(), Reason::Interrupted);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(1));
}

TEST_F(SqliteConnectionTest, TriggersDoNotCountAsTouchedRows) {
  const auto connection = database_.connect();
  connection->execute("CREATE TABLE t (a)");
  connection->execute("CREATE TABLE log (a)");
  connection->execute(
      "CREATE TRIGGER r AFTER INSERT ON t BEGIN INSERT INTO log VALUES (1), (2), (3); END");
  EXPECT_EQ(connection->execute("INSERT INTO t VALUES (1)"), 1);
}

TEST_F(SqliteConnectionTest, ScriptThatRollsBackByConflictIsNoticedAtTheCommit) {
  const auto connection = database_.connect();
  connection->execute("CREATE TABLE t (a UNIQUE)");
  connection->begin();
  connection->execute("INSERT INTO t VALUES (1)");
  EXPECT_EQ(error_of([&] { connection->execute("INSERT OR ROLLBACK INTO t VALUES (1)"); }).reason(),
            Reason::MigrationFailed);
  EXPECT_EQ(error_of([&] { connection->commit(); }).reason(), Reason::VersionConflict);
}

TEST_F(SqliteConnectionTest, ATransactionThatChangedNothingCanBeSuspended) {
  const auto connection = database_.connect();
  connection->execute("CREATE TABLE t (a)");
  const struct {
    std::vector<std::string> statements;
    bool suspended;
  } cases[] = {
      {{}, false},
      {{"BEGIN"}, true},
      {{"BEGIN", "SELECT * FROM t", "PRAGMA table_info(t)"}, true},
      {{"BEGIN IMMEDIATE"}, true},
      {{"BEGIN EXCLUSIVE", "SELECT * FROM t"}, true},
      {{"BEGIN", "INSERT INTO t VALUES (1)"}, false},
      {{"BEGIN IMMEDIATE", "CREATE TABLE u (a)"}, false},
      {{"BEGIN", "PRAGMA user_version = 5"}, false},
      {{"BEGIN", "savepoint a"}, false},
      {{"/* */ SAVEPOINT a"}, false},
      {{"BEGIN", "INSERT INTO t VALUES (1)", "COMMIT", "BEGIN"}, true},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.statements.empty() ? "" : c.statements.back());
    for (const std::string& sql : c.statements) connection->open_result(sql, {});
    const bool wrote = connection->holds_write_lock();
    EXPECT_EQ(connection->suspend_transaction(), c.suspended);
    if (c.suspended) {
      EXPECT_FALSE(connection->in_transaction());
      EXPECT_TRUE(sqlite_file_is_idle(database_.url(), {}));
      connection->resume_transaction();
      EXPECT_EQ(connection->holds_write_lock(), wrote) << "as it was begun";
      EXPECT_TRUE(connection->in_transaction());
    }
    connection->rollback();
  }
}

TEST_F(SqliteConnectionTest, NestedTransactionsAreSavepointsOfTheOuterOne) {
  const auto outer = database_.connect();
  const auto nested = nested_connection(*outer);
  outer->execute("CREATE TABLE t (a)");
  outer->begin();
  outer->execute("INSERT INTO t VALUES (1)");
  {
    Transaction transaction(*nested);
    nested->execute("INSERT INTO t VALUES (2)");
    transaction.commit();
  }
  {
    const Transaction transaction(*nested);
    nested->execute("INSERT INTO t VALUES (3)");
  }
  EXPECT_TRUE(outer->in_transaction());
  EXPECT_EQ(nested->query("SELECT count(*) FROM t").at(0).at(0), "2");
  outer->rollback();
  EXPECT_EQ(nested->query("SELECT count(*) FROM t").at(0).at(0), "0");
}

TEST_F(SqliteConnectionTest, InMemoryDatabaseNeedsNoFile) {
  const auto connection = connect(parse_database_url("sqlite:///:memory:"), {}, {});
  connection->execute("CREATE TABLE t (a)");
  EXPECT_EQ(connection->execute("INSERT INTO t VALUES (1)"), 1);
}

}  // namespace
}  // namespace engine
