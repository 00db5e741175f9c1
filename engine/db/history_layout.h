// SPDX-License-Identifier: Apache-2.0
//
// Where the history tables are, and what they look like. PostgreSQL: in a schema `stillhead` of
// their own, or beside the version table where the role may not create schemas; they are found in
// either place. SQLite: tables of the main database. Manual: docs/history.md. Internal to
// engine/db.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/db/connection.h"

namespace engine {

// 1: without the journal; 2: without sources, meanings, cursors and owners.
inline constexpr int kHistorySchemaVersion = 3;

inline constexpr std::string_view kHistoryTable = "stillhead_history";
inline constexpr std::string_view kJournalTable = "stillhead_journal";
inline constexpr std::string_view kOwnerTable = "stillhead_owner";
inline constexpr std::string_view kLayoutTable = "stillhead_schema_version";

struct HistoryPlace {
  std::optional<std::string> schema = {};  // of the tables; empty: they are not to be seen
  std::string beside = {};                 // schema of the version table
  std::string version_table = {};          // as rows name it
};

enum class HistoryRight { Read, Write };

// Looks for a history on which the role has that right. Makes nothing, and needs no right on the
// version table.
HistoryPlace find_history(Connection&, const VersionTableName&, HistoryRight);

// A table of the history's, quoted where it must be.
std::string history_table_name(const Dialect&, std::string_view schema, std::string_view table);

// All throw what Connection throws. Call both under the lock, outside a transaction.
// Returns the schema: another run may have made them meanwhile, or the role may make them elsewhere
// only.
std::string make_history(Connection&, const VersionTableName&);
// Throws Error(VersionConflict) when a newer engine made the tables; Error(InvalidUsage) when the
// role may not change them. Returns the server's encoding: "UTF8" ...
std::string bring_history_up(Connection&, const std::string& schema);

}  // namespace engine
