// SPDX-License-Identifier: Apache-2.0
#include "engine/run/lock.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <thread>

#include "tests/database/scratch_database.h"

namespace engine {
namespace {

using std::chrono::milliseconds;
using test::error_of;
using Clock = std::chrono::steady_clock;
using Strings = std::vector<std::string>;

constexpr LockOptions kOneTry{.patience = milliseconds(0)};

class RecordingObserver : public Observer {
 public:
  Strings holders = {};
  std::atomic<bool> told = false;
  void waiting_for_lock(const std::string& holder) override {
    holders.push_back(holder);
    told = true;
    told.notify_all();
  }
};

// Every number as '#': process ids and times differ.
std::string masked(const std::string& text) {
  std::string result;
  for (const char c : text) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit) result += c;
    if (digit && (result.empty() || result.back() != '#')) result += '#';
  }
  return result;
}

std::unique_ptr<MigrationLock> acquire(const DatabaseUrl& url, const LockOptions& options,
                                       Observer& observer, const VersionTableName& versions = {}) {
  return acquire_lock(url, {.application_name = "stillhead 0123"}, versions, options, observer, {});
}

// Another process that holds the lock until it is killed.
class OtherProcess {
 public:
  explicit OtherProcess(const DatabaseUrl& url) {
    int ready[2];
    if (pipe(ready) != 0) throw std::runtime_error("pipe");
    pid_ = fork();
    if (pid_ == 0) {
      Observer nobody;
      const auto lock = acquire(url, kOneTry, nobody);
      [[maybe_unused]] const auto written = write(ready[1], "x", 1);
      for (;;) pause();
    }
    close(ready[1]);
    char byte = 0;
    const bool up = read(ready[0], &byte, 1) == 1;
    close(ready[0]);
    if (!up) throw std::runtime_error("the other process did not get the lock");
  }
  ~OtherProcess() { kill_it(); }
  OtherProcess(const OtherProcess&) = delete;
  OtherProcess& operator=(const OtherProcess&) = delete;

  int pid() const { return pid_; }
  void kill_it() {
    if (pid_ == 0) return;
    ::kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  pid_t pid_ = 0;
};

class LockTest : public test::BothDatabasesTest {
 protected:
  std::string holder() const {
    return on_postgres()
               ? "pid #, application_name \"stillhead # lock\", local client, since #-#-# "
                 "#:#:# UTC"
               : "process #";
  }
  RecordingObserver observer_;
};
ON_BOTH_DATABASES(LockTest);

TEST_P(LockTest, OnlyOneHoldsItAndTheOtherIsToldWho) {
  const auto lock = acquire(database_.url(), kOneTry, observer_);
  EXPECT_TRUE(lock->held());
  EXPECT_EQ(observer_.holders, Strings{});
  const Error error = error_of([&] { acquire(database_.url(), kOneTry, observer_); });
  EXPECT_EQ(error.reason(), Reason::LockUnavailable);
  EXPECT_EQ(masked(error.message()), masked("the migration lock of " + database_.url().display) +
                                         " is held by " + holder() +
                                         (on_postgres() ? " (for # s)" : ""));
  EXPECT_EQ(error.hint(),
            "wait for that run, or end it: the lock is freed as soon as its owner is gone");
  EXPECT_EQ(observer_.holders, Strings{}) << "one try waits for nobody";
}

TEST_P(LockTest, PatienceEndsAndIsReported) {
  const auto lock = acquire(database_.url(), kOneTry, observer_);
  const auto began = Clock::now();
  const Error error = error_of([&] {
    acquire(database_.url(), {.patience = milliseconds(300), .poll = milliseconds(20)}, observer_);
  });
  EXPECT_GE(Clock::now() - began, milliseconds(300));
  EXPECT_LT(Clock::now() - began, milliseconds(2'000));
  EXPECT_EQ(error.reason(), Reason::LockUnavailable);
  EXPECT_TRUE(error.message().ends_with("; waited 300 ms")) << error.message();
  ASSERT_EQ(observer_.holders.size(), 1U) << "it did not change, so it is told once";
  EXPECT_EQ(masked(observer_.holders[0]), holder());
}

TEST_P(LockTest, WaiterGetsItWhenTheHolderLetsGo) {
  auto lock = acquire(database_.url(), kOneTry, observer_);
  std::jthread other([&] {
    std::this_thread::sleep_for(milliseconds(150));
    lock.reset();
  });
  const auto began = Clock::now();
  EXPECT_TRUE(acquire(database_.url(), {}, observer_)->held());
  EXPECT_LT(Clock::now() - began, milliseconds(2'000));
}

TEST_P(LockTest, KilledHolderFreesIt) {
  OtherProcess other(database_.url());
  const Error error = error_of([&] { acquire(database_.url(), kOneTry, observer_); });
  EXPECT_EQ(error.reason(), Reason::LockUnavailable);
  if (!on_postgres()) {
    EXPECT_NE(error.message().find("process " + std::to_string(other.pid())), std::string::npos)
        << error.message();
  }
  other.kill_it();
  const auto began = Clock::now();
  EXPECT_TRUE(acquire(database_.url(), {}, observer_)->held());
  EXPECT_LT(Clock::now() - began, milliseconds(2'000));
}

TEST_P(LockTest, RequestToStopEndsTheWait) {
  const auto lock = acquire(database_.url(), kOneTry, observer_);
  std::stop_source stop;
  std::jthread other([&] {
    std::this_thread::sleep_for(milliseconds(100));
    stop.request_stop();
  });
  const auto began = Clock::now();
  const Error error =
      error_of([&] { acquire_lock(database_.url(), {}, {}, {}, observer_, stop.get_token()); });
  EXPECT_EQ(error.reason(), Reason::Interrupted);
  EXPECT_EQ(error.message(),
            "interrupted while waiting for the migration lock of " + database_.url().display);
  EXPECT_EQ(error.hint(), "run the same command again");
  EXPECT_LT(Clock::now() - began, milliseconds(1'000));
}

class PostgresLockTest : public testing::Test {
 protected:
  test::ScratchDatabase database_{SqlFlavour::PostgreSql};
  RecordingObserver observer_;
};

TEST_F(PostgresLockTest, OtherVersionTablesAndDatabasesDoNotMeet) {
  const test::ScratchDatabase second(SqlFlavour::PostgreSql);
  const auto lock = acquire(database_.url(), kOneTry, observer_);
  EXPECT_TRUE(acquire(database_.url(), kOneTry, observer_, {"", "other"})->held());
  EXPECT_TRUE(acquire(second.url(), kOneTry, observer_)->held());
  EXPECT_EQ(observer_.holders, Strings{});
}

TEST_F(PostgresLockTest, OneTableHasOneLockHoweverItIsNamed) {
  const auto lock = acquire(database_.url(), kOneTry, observer_);  // before the table is there
  EXPECT_EQ(error_of([&] {
              acquire(database_.url(), kOneTry, observer_, {"public", "alembic_version"});
            }).reason(),
            Reason::LockUnavailable);
  database_.connect()->execute("CREATE TABLE alembic_version (version_num text)");
  const DatabaseUrl elsewhere =
      parse_database_url(test::PostgresServer::instance().url(database_.name()) +
                         "&options=-csearch_path%3Dpg_temp%2Cpublic");
  EXPECT_EQ(error_of([&] { acquire(elsewhere, kOneTry, observer_); }).reason(),
            Reason::LockUnavailable);
}

TEST_F(PostgresLockTest, HolderOfAnotherRoleIsShownAsFarAsItIsVisible) {
  const auto lock = acquire(database_.url(), kOneTry, observer_);
  const DatabaseUrl scram = parse_database_url(test::PostgresServer::instance().tcp_url(
      database_.name(), "scram", test::PostgresServer::kPassword));
  const Error error = error_of([&] { acquire(scram, kOneTry, observer_); });
  EXPECT_TRUE(
      masked(error.message())
          .ends_with("is held by pid #, application_name \"stillhead # lock\", a session of "
                     "another role"))
      << error.message();
}

TEST_F(PostgresLockTest, ClientAddressIsShown) {
  const DatabaseUrl scram = parse_database_url(test::PostgresServer::instance().tcp_url(
      database_.name(), "scram", test::PostgresServer::kPassword));
  const auto lock = acquire(scram, kOneTry, observer_);
  const Error error = error_of([&] { acquire(database_.url(), kOneTry, observer_); });
  EXPECT_NE(error.message().find(", client 127.0.0.1, since "), std::string::npos)
      << error.message();
}

TEST_F(PostgresLockTest, LostConnectionIsALostLock) {
  const auto lock = acquire(database_.url(), kOneTry, observer_);
  database_.column(
      "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
      "WHERE datname = current_database() AND application_name = 'stillhead 0123 lock'");
  for (int i = 0; i < 100 && lock->held(); ++i) std::this_thread::sleep_for(milliseconds(10));
  EXPECT_FALSE(lock->held());
}

TEST_F(PostgresLockTest, OtherSessionsCanAskForIt) {
  Observer nobody;
  auto lock = acquire(database_.url(), kOneTry, nobody);
  const std::string query = lock->held_query();
  EXPECT_EQ(database_.column(query), Strings{"1"});
  lock.reset();
  const auto other = acquire(database_.url(), {}, nobody);
  const Error error = error_of([&] { database_.column(query); });
  EXPECT_EQ(error.failure().value_or(Failure{}).sqlstate, "22012") << "somebody else's is not ours";
}

TEST_F(PostgresLockTest, IdleSessionTimeoutOfTheRoleDoesNotEndIt) {
  database_.connect()->execute("ALTER DATABASE " + database_.name() +
                               " SET idle_session_timeout = 50");
  const auto lock = acquire(database_.url(), kOneTry, observer_);
  std::this_thread::sleep_for(milliseconds(300));
  EXPECT_TRUE(lock->held());
}

class SqliteLockTest : public testing::Test {
 protected:
  // Locks of SQLite's own kind that this process holds on the file.
  int posix_locks() const {
    struct stat status {};
    stat(database_.url().conninfo.c_str(), &status);
    const std::string inode = ":" + std::to_string(status.st_ino) + " ";
    std::ifstream file("/proc/locks");
    int count = 0;
    for (std::string line; std::getline(file, line);) {
      if (line.find("POSIX") != std::string::npos && line.find(inode) != std::string::npos) ++count;
    }
    return count;
  }
  test::ScratchDatabase database_{SqlFlavour::Sqlite};
  RecordingObserver observer_;
};

// Closing any descriptor of a file drops all POSIX locks of the process on it.
TEST_F(SqliteLockTest, LettingGoKeepsSqlitesOwnLocks) {
  const auto connection = database_.connect();
  connection->execute("CREATE TABLE t (a)");
  auto lock = acquire(database_.url(), kOneTry, observer_);
  connection->begin();
  connection->execute("INSERT INTO t VALUES (1)");
  const int before = posix_locks();
  EXPECT_GT(before, 0);
  lock.reset();
  EXPECT_EQ(posix_locks(), before);
  connection->rollback();
  EXPECT_TRUE(acquire(database_.url(), kOneTry, observer_)->held());
}

TEST_F(SqliteLockTest, HoldingItDoesNotKeepOtherReadersAndWritersOut) {
  const auto lock = acquire(database_.url(), kOneTry, observer_);
  database_.connect()->execute("CREATE TABLE t (a)");
  EXPECT_EQ(database_.column("SELECT count(*) FROM t"), Strings{"0"});
}

// Whoever has the lock may wait for the file: no use in waiting for him.
TEST_F(SqliteLockTest, WithTheWriteLockOfTheFileItIsHadAtOnceOrNotAtAll) {
  const auto connection = database_.connect();
  connection->execute("CREATE TABLE t (a)");
  OtherProcess other(database_.url());
  connection->begin();
  connection->execute("INSERT INTO t VALUES (1)");
  ASSERT_TRUE(connection->holds_write_lock());
  LockOptions inside;
  inside.has_write_lock = true;
  const auto began = Clock::now();
  const Error refused = error_of([&] { acquire(database_.url(), inside, observer_); });
  EXPECT_LT(Clock::now() - began, milliseconds(2'000));
  EXPECT_EQ(refused.reason(), Reason::LockUnavailable);
  EXPECT_EQ(refused.message(), "the migration lock of " + database_.url().display +
                                   " is held by process " + std::to_string(other.pid()));
  other.kill_it();
  EXPECT_TRUE(acquire(database_.url(), inside, observer_)->held());
}

// A transaction of another process, which knows nothing of our lock.
class ForeignTransaction {
 public:
  ForeignTransaction(const DatabaseUrl& url, const std::vector<std::string>& statements) {
    int ready[2];
    if (pipe(ready) != 0) throw std::runtime_error("pipe");
    pid_ = fork();
    if (pid_ == 0) {
      const auto connection = connect(url, {.create = true}, {});
      for (const std::string& statement : statements) connection->query(statement);
      [[maybe_unused]] const auto written = write(ready[1], "x", 1);
      for (;;) pause();
    }
    close(ready[1]);
    char byte = 0;
    const bool up = read(ready[0], &byte, 1) == 1;
    close(ready[0]);
    if (!up) throw std::runtime_error("the other process did not get its transaction");
  }
  ~ForeignTransaction() { kill_it(); }
  ForeignTransaction(const ForeignTransaction&) = delete;
  ForeignTransaction& operator=(const ForeignTransaction&) = delete;

  std::string who() const {
    return "process " + std::to_string(pid_) + " with an open transaction";
  }
  void kill_it() {
    if (pid_ == 0) return;
    ::kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  pid_t pid_ = 0;
};

TEST_F(SqliteLockTest, TransactionsOfOthersAreWaitedForAndNamed) {
  database_.connect()->execute("CREATE TABLE t (a)");
  const Strings cases[] = {{"BEGIN EXCLUSIVE"}, {"BEGIN IMMEDIATE"}, {"BEGIN", "SELECT * FROM t"}};
  for (const Strings& statements : cases) {
    SCOPED_TRACE(statements.front());
    observer_.holders.clear();
    ForeignTransaction other(database_.url(), statements);
    const std::string who = other.who();
    const auto began = Clock::now();
    const Error refused = error_of([&] { acquire(database_.url(), kOneTry, observer_); });
    EXPECT_LT(Clock::now() - began, milliseconds(2'000)) << "one try";
    EXPECT_EQ(refused.reason(), Reason::LockUnavailable);
    EXPECT_EQ(refused.message(),
              "the migration lock of " + database_.url().display + " is held by " + who);
    EXPECT_EQ(observer_.holders, Strings{});
    observer_.told = false;
    std::jthread end([&] {
      observer_.told.wait(false);
      other.kill_it();
    });
    EXPECT_TRUE(acquire(database_.url(), {}, observer_)->held());
    ASSERT_FALSE(observer_.holders.empty());
    EXPECT_EQ(observer_.holders.front(), who);
  }
}

TEST_F(SqliteLockTest, ConnectingWaitsAsLongAsItIsToldAndTellsForWhom) {
  database_.connect()->execute("CREATE TABLE t (a)");
  const ForeignTransaction other(database_.url(), {"BEGIN EXCLUSIVE"});
  Strings told;
  ConnectOptions options;
  options.on_busy = [&](const std::string& who) { told.push_back(who); };
  for (const milliseconds patience : {milliseconds(0), milliseconds(400)}) {
    options.busy_patience = patience;
    const auto began = Clock::now();
    const Error error = error_of([&] { connect(database_.url(), options, {}); });
    EXPECT_GE(Clock::now() - began, patience);
    EXPECT_LT(Clock::now() - began, patience + milliseconds(2'000));
    EXPECT_EQ(error.reason(), Reason::LockUnavailable);
    EXPECT_EQ(error.message(), database_.url().display + " is locked by " + other.who() +
                                   ": database is locked (SQLite error 5)");
    EXPECT_EQ(error.hint(), "wait until that transaction has ended, or end its process");
    EXPECT_EQ(told, patience.count() == 0 ? Strings{} : Strings{other.who()});
  }
}

TEST_F(SqliteLockTest, RequestToStopEndsTheWaitOfConnecting) {
  const ForeignTransaction other(database_.url(), {"BEGIN EXCLUSIVE"});
  std::stop_source stop;
  ConnectOptions options;
  options.busy_patience = std::chrono::minutes(5);
  options.on_busy = [&](const std::string&) { stop.request_stop(); };
  const Error error = error_of([&] { connect(database_.url(), options, stop.get_token()); });
  EXPECT_EQ(error.reason(), Reason::Interrupted);
  EXPECT_EQ(error.message(), "interrupted while opening " + database_.url().display);
  EXPECT_EQ(error.hint(), "run the same command again");
}

// A second run that begins while the first is in a transaction waits as for the lock.
TEST_F(SqliteLockTest, QueriesOutsideOfTransactionsWaitAsLongAsConnectingDoes) {
  database_.connect()->execute("CREATE TABLE t (a)");
  ConnectOptions options;
  options.busy_patience = std::chrono::milliseconds(5'600);
  const auto connection = connect(database_.url(), options, {});
  const ForeignTransaction other(database_.url(), {"BEGIN EXCLUSIVE"});
  const auto began = Clock::now();
  EXPECT_EQ(error_of([&] { connection->query("SELECT * FROM t"); }).reason(),
            Reason::LockUnavailable);
  EXPECT_GE(Clock::now() - began, options.busy_patience);
}

TEST_F(SqliteLockTest, ExchangedFileIsALostLock) {
  const auto lock = acquire(database_.url(), kOneTry, observer_);
  std::filesystem::remove(database_.url().conninfo);
  EXPECT_FALSE(lock->held());
  std::ofstream(database_.url().conninfo) << "";
  EXPECT_FALSE(lock->held());
}

TEST_F(SqliteLockTest, MissingDirectoryIsReported) {
  const DatabaseUrl url = parse_database_url("sqlite:////nonexistent/x.db");
  const Error error = error_of([&] { acquire(url, kOneTry, observer_); });
  EXPECT_EQ(error.reason(), Reason::DatabaseUnreachable);
  EXPECT_EQ(error.message(), "cannot lock sqlite:////nonexistent/x.db: No such file or directory");
}

TEST_F(SqliteLockTest, InMemoryDatabaseNeedsNone) {
  const DatabaseUrl url = parse_database_url("sqlite:///:memory:");
  const auto first = acquire(url, kOneTry, observer_);
  EXPECT_TRUE(acquire(url, kOneTry, observer_)->held());
}

}  // namespace
}  // namespace engine
