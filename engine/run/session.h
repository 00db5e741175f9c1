// SPDX-License-Identifier: Apache-2.0
//
// The session that runs scripts: its settings, what a script leaves behind in it, and whether the
// server is fit to be written to.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "engine/db/connection.h"
#include "engine/run/timeouts.h"

namespace engine {

// Of a server that can be told and asked. SQLite: as they stand here.
struct SessionFacts {
  int pid = 0;                              // pg_backend_pid(); 0: not PostgreSQL
  bool behind_pooler = false;               // the connection was told another pid
  bool in_recovery = false;                 // pg_is_in_recovery()
  bool read_only = false;                   // default_transaction_read_only
  bool checks_connection = false;           // the server looks whether we are still there
  std::chrono::microseconds round_trip{0};  // of one message without work
};

// Asks, and changes nothing. Throws what Connection throws.
SessionFacts look_at_session(Connection&);

// PostgreSQL: the session may idle; its time zone is UTC, so that a script means the same on every
// server. From version 14 on the server notices within a second that this program is gone, even in
// the middle of a statement, and rolls back (client_connection_check_interval; not every platform
// has it, and then nothing changes). Throws what Connection throws.
void set_up_session(Connection&, SessionFacts&);

// The same for a session whose settings are env.py's: its time zone stays. `waits` for locks and
// statements are limited as a whole, 0: by the server's setting.
void set_up_foreign_session(Connection&, const SessionFacts&, const Timeouts& waits);

// Statements that take back what a script has left in its session (settings, role), and repeat
// set_up_session(). Empty: nothing needs to be done (SQLite).
std::vector<std::string> reset_session(const SessionFacts&);

// Throws Error(DatabaseUnreachable) where nothing can be written: a standby, a read-only database.
void require_writable(const SessionFacts&, const DatabaseUrl&);

// Behind a pooler that gives each transaction, or each statement, another server process a
// session's lock protects nothing. `other` is a further connection to the same address. Changes
// nothing. Throws Error(InvalidUsage).
void refuse_transaction_pooling(Connection& session, Connection& other, const DatabaseUrl&);

}  // namespace engine
