// SPDX-License-Identifier: Apache-2.0
//
// The database of a command: opened when it is needed, cancelled when the command is asked to stop.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include "engine/cli/options.h"
#include "engine/db/connection.h"
#include "engine/db/version_table.h"
#include "engine/run/lock.h"
#include "engine/run/observer.h"
#include "engine/run/session.h"

namespace engine {

class Workplace {
 public:
  enum class WhenMissing { Fail, Create };  // an SQLite file

  // Finds the URL. Throws Error(InvalidUsage). All references must outlive the workplace.
  Workplace(const Options&, Observer&, std::stop_token, WhenMissing);

  // The database that env.py names, and its version table.
  Workplace(const Options&, Observer&, std::stop_token, WhenMissing, DatabaseUrl, VersionTableName);
  // From here on all is done in the open transaction of `scripts`, which must live as long as this
  // is asked for anything. Call it before connection().
  void work_inside(Connection& scripts);

  const DatabaseUrl& url() const { return url_; }
  const Dialect& dialect() const;
  VersionTable& versions() { return versions_; }

  // Opens at the first call. Throws what connect() throws.
  Connection& connection();
  // Of the version table, in the order in which the database gives them; a file that is still to be
  // made has none, and is not made by this.
  std::vector<RevisionId> rows();
  // Also prepares the session for scripts: connection(), or the one that env.py has made. Throws
  // what acquire_lock() throws.
  std::unique_ptr<MigrationLock> lock();
  std::unique_ptr<MigrationLock> lock_for(Connection& scripts);
  const SessionFacts& session() const { return session_; }  // after lock()
  // A new session in place of a lost one. Throws what connection() and lock() throw.
  SessionFacts renew_session();

 private:
  bool is_to_be_made() const;
  void reconnect();
  void prepare_session();
  void fence(Connection& scripts);
  std::unique_ptr<MigrationLock> acquire(bool has_write_lock = false);

  const Options& options_;
  Observer& observer_;
  std::stop_token stop_;
  WhenMissing when_missing_;
  DatabaseUrl url_;
  VersionTable versions_;
  SessionFacts session_ = {};
  bool is_inside_ = false;  // a transaction of env.py
  std::unique_ptr<Connection> connection_ = {};
  std::optional<std::stop_callback<std::function<void()>>> on_stop_ = {};
};

}  // namespace engine
