// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "engine/db/connection.h"
#include "engine/sql/statement_kind.h"

namespace engine {

// The index that stands under the name that a CREATE INDEX CONCURRENTLY gives; PostgreSQL.
struct BuiltIndex {
  std::string name = {};        // with its schema, quoted where needed
  bool usable = false;          // false: the building was interrupted, or goes on
  std::string table = {};       // without its schema, quoted where needed
  std::string definition = {};  // "[UNIQUE ]USING ...", in the server's words
};

// Throws what the server says.
std::optional<BuiltIndex> find_index(Connection&, const ConcurrentIndex&);

// A `found` index that can be used and is not what the statement would build: throws
// Error(MigrationFailed). The server is asked how it would put the statement's definition, by
// building the index on an empty temporary copy of the table, in a transaction that is rolled back;
// where that fails (a role that may make no temporary tables), nothing is compared.
void refuse_other_index(Connection&, const BuiltIndex& found, const ConcurrentIndex&);

// Removes the index if it cannot be used, once nobody builds it any more.
void drop_unusable_index(Connection&, const ConcurrentIndex&);

// Removes what such a REINDEX has left when it was interrupted, but for what somebody is at work
// on.
void drop_reindex_leftovers(Connection&, const ConcurrentReindex&);

}  // namespace engine
