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

  // Throw as execute does. commit() throws Error(VersionConflict) when the script ended the
  // transaction behind our back, and Error(DatabaseUnreachable) saying "outcome unknown" when the
  // connection died.
  virtual void begin() = 0;
  virtual void commit() = 0;
  // No effect outside a transaction, except that it forgets cancel().
  virtual void rollback() noexcept = 0;
  virtual bool in_transaction() const noexcept = 0;

  // Looks whether the server has hung up; no round trip.
  virtual bool alive() noexcept = 0;
  // From any thread, any number of times: the running statement ends with Interrupted; when none
  // runs, the next one does.
  virtual void cancel() noexcept = 0;

  virtual const Dialect& dialect() const = 0;
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
