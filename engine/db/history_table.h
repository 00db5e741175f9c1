// SPDX-License-Identifier: Apache-2.0
//
// stillhead_history: one row per revision run, written in the transaction of its step. PostgreSQL:
// in a schema `stillhead` of its own, or beside the version table where the role may not create
// schemas; it is found in either place. SQLite: a table of the main database. Layout:
// docs/history.md.
#pragma once

#include <string>
#include <string_view>

#include "engine/core/plan.h"
#include "engine/db/connection.h"

namespace engine {

inline constexpr int kHistorySchemaVersion = 2;  // 1: without the journal

struct HistoryRow {
  RevisionId revision = {};
  Direction direction = Direction::Up;
  std::string run_id = {};
  std::string owner = {};  // empty: NULL
  int attempt = 0;         // 0: NULL
  std::string engine_version = {};
  std::string checksum = {};    // of the script, SHA-256
  std::string started_at = {};  // RFC 3339, UTC; `finished_at` is the server's clock
};

class HistoryTable {
 public:
  // Finds the table, or makes it with the journal beside it, or brings an older one up (call under
  // the lock, outside a transaction). Throws Error(VersionConflict) when a newer engine made it
  // (schema_version above ours).
  HistoryTable(Connection&, const VersionTableName&);

  void insert(Connection&, const HistoryRow&) const;
  // The text of insert(), for those who send it with other statements.
  std::string statement(const Dialect&, const HistoryRow&) const;
  const std::string& qualified_name() const { return qualified_name_; }
  const std::string& journal_name() const { return journal_name_; }  // JournalTable
  const std::string& version_table() const { return version_table_; }

 private:
  std::string qualified_name_;
  std::string journal_name_;
  std::string version_table_;  // whose revisions these are: with its schema where there are schemas
};

}  // namespace engine
