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

// Cannot run in a transaction, or means nothing there, without the database always saying so:
// SQLite's PRAGMA, VACUUM, ATTACH, DETACH. PostgreSQL says so (25001).
bool shuns_transactions(std::string_view statement, SqlFlavour);

// By the first word: what a statement meets that is run a second time. Else: it says nothing.
enum class Again { MakesWhatIsThere, RemovesWhatIsGone, Else };
Again again(std::string_view statement);

// ALTER TABLE ... DETACH PARTITION ... CONCURRENTLY -> the same with FINALIZE, which ends what was
// interrupted; empty: another statement.
std::string finalize_detach(std::string_view statement);

bool rebuilds_indexes(std::string_view statement);  // REINDEX

// CREATE [UNIQUE] INDEX CONCURRENTLY [IF NOT EXISTS] name ON [ONLY] table. As written, quoted where
// they are; empty: another statement, or an index without a name.
struct ConcurrentIndex {
  std::string name = {};
  std::string table = {};
};
std::optional<ConcurrentIndex> concurrent_index(std::string_view statement);

}  // namespace engine
