// SPDX-License-Identifier: Apache-2.0
//
// What must be known of a statement to run it by itself, and to go on behind it later. By its first
// words; whatever is not recognised is an ordinary statement.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/sql/split.h"

namespace engine {

// Leaves its mark on the session, which a later run does not have: SET and RESET (not SET LOCAL,
// SET TRANSACTION, SET CONSTRAINTS), LOAD; SQLite: PRAGMA, ATTACH, DETACH.
bool changes_session(std::string_view statement, SqlFlavour);

// Cannot run in a transaction, or means nothing there. SQLite, which does not always say so:
// PRAGMA, VACUUM, ATTACH, DETACH. PostgreSQL, which always does (25001): those that are known by
// their words.
bool shuns_transactions(std::string_view statement, SqlFlavour);

// CREATE, DROP INDEX CONCURRENTLY, REINDEX ... CONCURRENTLY, DETACH PARTITION ... CONCURRENTLY:
// such a statement stands by itself, with or without an autocommit section.
bool runs_concurrently(std::string_view statement, SqlFlavour);

// May leave something in the session that the next revision should not find: the former, and what
// can do the same from inside (DO, CALL, set_config).
bool may_change_session(std::string_view statement, SqlFlavour);

// How a PostgreSQL statement waits for locks, and who waits behind it.
enum class LockClass {
  Rows,   // reads and writes rows: others go on beside it
  Short,  // changes a definition: while it waits, everybody who comes later waits behind it
  Long,   // made to run beside others, and to wait for them: CONCURRENTLY, VALIDATE, VACUUM ...
};
LockClass lock_class(std::string_view statement);

// The statement sets this parameter itself (SET, set_config). `parameter` in upper case.
bool sets_parameter(std::string_view statement, std::string_view parameter);

// By the first word: what a statement meets that is run a second time. Else: it says nothing.
enum class Again { MakesWhatIsThere, RemovesWhatIsGone, Else };
Again again(std::string_view statement);

// ALTER TABLE [IF EXISTS] table DETACH PARTITION partition CONCURRENTLY. Names as written.
struct ConcurrentDetach {
  std::string table = {};
  std::string partition = {};
  std::string finalize = {};  // the same with FINALIZE, which ends what was interrupted
};
std::optional<ConcurrentDetach> concurrent_detach(std::string_view statement);

// REINDEX [(...)] INDEX|TABLE|SCHEMA|... CONCURRENTLY [name].
struct ConcurrentReindex {
  std::string what = {};  // "INDEX", "TABLE", "SCHEMA", "DATABASE", "SYSTEM"
  std::string name = {};  // as written; empty: left out
};
std::optional<ConcurrentReindex> concurrent_reindex(std::string_view statement);

// CREATE [UNIQUE] INDEX CONCURRENTLY [IF NOT EXISTS] name ON [ONLY] table. As written, quoted where
// they are; empty: another statement, or an index without a name.
struct ConcurrentIndex {
  std::string name = {};
  std::string table = {};
  bool unique = false;
  bool if_not_exists = false;
  std::string rest = {};  // behind the table
};
std::optional<ConcurrentIndex> concurrent_index(std::string_view statement);

}  // namespace engine
