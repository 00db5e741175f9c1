// SPDX-License-Identifier: Apache-2.0
//
// One migration at a time per database and version table. Polled, never waited for inside the
// server: a blocking waiter deadlocks with CREATE INDEX CONCURRENTLY. Freed by the system when its
// owner dies.
#pragma once

#include <chrono>
#include <memory>
#include <stop_token>

#include "engine/db/connection.h"
#include "engine/run/observer.h"

namespace engine {

class MigrationLock {
 public:
  virtual ~MigrationLock() = default;
  // Looks whether the lock is still ours; no round trip.
  virtual bool held() noexcept = 0;
  // A query for other sessions of the database, which fails there unless the lock is ours; empty:
  // it cannot be asked for.
  virtual std::string held_query() const { return {}; }
  // Of its own, and idle; the watcher of a statement asks the server there. Null: there is none.
  virtual Connection* connection() noexcept { return nullptr; }
};

// Throws Error(Interrupted) when asked to stop, lost_lock() when the lock is lost: before each
// commit.
void go_on_or_throw(const std::stop_token&, MigrationLock&);
// Error(LockUnavailable).
Error lost_lock();

struct LockOptions {
  std::chrono::milliseconds patience{300'000};  // 0: one try
  std::chrono::milliseconds poll{50};           // first pause
  std::chrono::milliseconds longest_poll{1'000};
  // SQLite: the caller's transaction holds the write lock of the file (Connection::
  // holds_write_lock). Then nobody else can be at work in it, and there is one try: whoever has
  // this lock may be waiting for that one.
  bool has_write_lock = false;
};

// PostgreSQL: a session advisory lock on a connection of its own, named application_name + " lock".
// SQLite: a lock of the system on one byte of the file; its descriptor stays open when the lock is
// let go, because closing it would drop the locks of this process's SQLite connections, so lock and
// connections may end in any order; held() looks whether the path still leads to that file. It is
// given when nobody has a transaction open on the file, stillhead or not: call it outside of one,
// or with has_write_lock.
// Throws
// Error(LockUnavailable) naming the holder as far as it can be seen (pid, application_name, client
// address, age of its transaction or query), Error(Interrupted), and what connect() throws.
std::unique_ptr<MigrationLock> acquire_lock(const DatabaseUrl&, const ConnectOptions&,
                                            const VersionTableName&, const LockOptions&, Observer&,
                                            std::stop_token);

// PostgreSQL: the session of a run that was killed may still execute its statement, though its lock
// is free. Sessions that run scripts hold a lock of their own, and a new one waits for it here, as
// long as for the other. SQLite has no such sessions. Throws what acquire_lock() throws.
void fence_session(Connection& session, const DatabaseUrl&, const VersionTableName&,
                   const LockOptions&, Observer&, const std::stop_token&);

// Used by acquire_lock.
std::unique_ptr<MigrationLock> acquire_postgres_lock(const DatabaseUrl&, const ConnectOptions&,
                                                     const VersionTableName&, const LockOptions&,
                                                     Observer&, std::stop_token);
std::unique_ptr<MigrationLock> acquire_sqlite_lock(const DatabaseUrl&, const LockOptions&,
                                                   Observer&, std::stop_token);

}  // namespace engine
