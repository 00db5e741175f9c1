// SPDX-License-Identifier: Apache-2.0
//
// The one seam to a database. Implementations: postgres_connection.cc, sqlite_connection.cc, and
// fakes in tests. One thread at a time, except cancel().
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/error.h"
#include "engine/db/result.h"
#include "engine/db/url.h"
#include "engine/sql/dialect.h"

namespace engine {

using Row = std::vector<std::optional<std::string>>;  // text form; empty: NULL

class Connection {
 public:
  virtual ~Connection() = default;
  Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Any one statement. Throws Error: MigrationFailed with Failure{sqlstate, message, detail, hint,
  // constraint, line = 1-based line inside `sql` of the error, 0 unknown}; DatabaseUnreachable when
  // the connection is lost; Interrupted when cancel() ended it; LockUnavailable when another
  // process keeps an SQLite file busy for 5 s (a query outside of a transaction: or for
  // busy_patience, if that is longer). Returns the rows it touched.
  virtual long execute(const std::string& sql) = 0;
  virtual std::vector<Row> query(const std::string& sql) = 0;
  // Several statements, with one message where the database can be told so, one after the other and
  // none behind one that fails. `at`: the statement that failed, when this throws; from 0. Call it
  // in a transaction. Returns the rows that each touched.
  virtual std::vector<long> execute_all(const std::vector<std::string>& statements,
                                        std::size_t& at);
  // The same, with COMMIT behind them, in one message where execute_all() sends one. Throws what
  // both throw; `at` is then the count of the statements when it was COMMIT that failed.
  // CommitInDoubt: the connection died at any place of it. What failed is to be rolled back.
  virtual std::vector<long> commit_with(const std::vector<std::string>& statements,
                                        std::size_t& at);

  // Any one statement, for a driver, up to the first part of its result. PostgreSQL takes no
  // parameters; a text of several statements gives the result of the last. Throws as execute does.
  // The rest of an earlier result is lost: read it before.
  virtual ResultPart open_result(const std::string& sql, const std::vector<SqlValue>& parameters);
  // Throws as execute does; the result is then at its end.
  virtual ResultPart next_part();
  // Nobody wants the rest.
  virtual void close_result() noexcept {}

  // A question of a script that `true` must answer; `--sql` prints what asks it.
  virtual std::vector<Row> ask_condition(const std::string& sql) { return query(sql); }

  // Throw as execute does; begin() may leave its message to the first statement. commit() throws
  // Error(VersionConflict) when the script ended the transaction behind our back, and
  // CommitInDoubt(DatabaseUnreachable) saying "outcome unknown" when the connection died.
  virtual void begin() = 0;
  virtual void commit() = 0;
  // No effect outside a transaction, except that it forgets cancel().
  virtual void rollback() noexcept = 0;
  virtual bool in_transaction() const noexcept = 0;
  // Ends a transaction that has changed nothing and has no savepoints, so that others get at the
  // SQLite file; resume_transaction() begins it again, as it was begun. False: there is none, or it
  // has changed something. PostgreSQL: false; there nobody has to wait for it. Throw as execute.
  virtual bool suspend_transaction() { return false; }
  virtual void resume_transaction() {}
  // No other process can write to the SQLite file until the transaction ends. PostgreSQL: false.
  virtual bool holds_write_lock() const noexcept { return false; }

  // Looks whether the server has hung up; no round trip.
  virtual bool alive() noexcept = 0;
  // A new session in the place of one that is lost; nothing of the old one is left but its
  // settings in the URL. Throws what connect() throws. SQLite: has none.
  virtual void reconnect();
  // Called while a statement runs, each time that `interval` has passed, with the time since it was
  // sent, by the thread that waits for it. May use other connections, not this one. Must not throw.
  // Empty: nobody is called.
  using WhileWaiting = std::function<void(std::chrono::milliseconds)>;
  virtual void while_waiting(const WhileWaiting& /*call*/, std::chrono::milliseconds /*interval*/) {
  }
  // The process that the server named when the session began; 0: none. Another one than
  // pg_backend_pid(): a pooler stands in between.
  virtual int server_pid() const noexcept { return 0; }
  // From any thread, any number of times: the running statement ends with Interrupted; when none
  // runs, the next one does.
  virtual void cancel() noexcept = 0;

  virtual const Dialect& dialect() const = 0;
};

// COMMIT was sent and its answer lost: nobody knows whether it has arrived.
class CommitInDoubt : public Error {
 public:
  using Error::Error;
};

// Rolls back unless committed. The destructor swallows what rollback meets: the first error counts.
class Transaction {
 public:
  explicit Transaction(Connection& connection) : connection_(connection) { connection_.begin(); }
  ~Transaction() {
    if (!done_) connection_.rollback();
  }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit() {
    done_ = true;
    connection_.commit();
  }
  std::vector<long> commit_with(const std::vector<std::string>& statements, std::size_t& at) {
    std::vector<long> rows = connection_.commit_with(statements, at);
    done_ = true;
    return rows;
  }

 private:
  Connection& connection_;
  bool done_ = false;
};

struct ConnectOptions {
  std::chrono::milliseconds timeout{10'000};   // until the connection stands; one try
  std::string application_name = "stillhead";  // PostgreSQL: seen in pg_stat_activity
  bool create = false;                         // SQLite: make the file when it is missing
  // SQLite: how long connect() waits while another process keeps the file busy; 0: one try.
  std::chrono::milliseconds busy_patience{5'000};
  // SQLite: called when a statement has to wait, and then whenever `holder` changes
  // (sqlite_lock_holder), by the thread that waits. Lives as long as the connection.
  std::function<void(const std::string& holder)> on_busy = {};
};

// Throws Error: DatabaseUnreachable, AuthenticationFailed (also: no such database), Interrupted,
// InvalidUsage, LockUnavailable.
std::unique_ptr<Connection> connect(const DatabaseUrl&, const ConnectOptions&, std::stop_token);

// Used by connect(); each lives in the one file that includes its driver.
std::unique_ptr<Connection> connect_postgres(const DatabaseUrl&, const ConnectOptions&,
                                             std::stop_token);
std::unique_ptr<Connection> connect_sqlite(const DatabaseUrl&, const ConnectOptions&,
                                           std::stop_token);

// One look: no transaction, of whatever process, would keep a writer of this SQLite file waiting.
// Throws as connect() does.
bool sqlite_file_is_idle(const DatabaseUrl&, std::stop_token);

}  // namespace engine
