// SPDX-License-Identifier: Apache-2.0
//
// stillhead_history: one row per revision run, written in the transaction of its step, and one for
// each that became or ceased to be applied without us. Where it is: history_layout.h; reading:
// history_reader.h. Layout: docs/history.md.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "engine/core/plan.h"
#include "engine/db/connection.h"

namespace engine {

inline constexpr std::size_t kLargestStoredSource = std::size_t{1} << 20;  // bytes

enum class HistoryResult {
  Succeeded,  // we ran it
  Adopted,    // the version table says so; somebody else did it
  Stamped,    // `stamp` says so; nothing was run
  Repaired,   // `repair`: the script as it is now is the one that was run
};
std::string_view name_of(HistoryResult);

struct HistoryRow {
  RevisionId revision = {};
  Direction direction = Direction::Up;
  std::string run_id = {};
  std::string owner = {};  // empty: NULL
  int attempt = 0;         // 0: NULL
  std::string engine_version = {};
  std::string checksum = {};    // of the script, SHA-256; empty: not known
  std::string started_at = {};  // RFC 3339, UTC; `finished_at` is the server's clock
  HistoryResult result = HistoryResult::Succeeded;
  std::string meaning = {};  // second-level checksum (sql/meaning.h); empty: NULL
  std::string file = {};     // base name of the script; empty: NULL
  std::string source = {};   // the whole script, UTF-8; empty, or larger than
                            // kLargestStoredSource, or not to be had in the server's encoding: NULL
};

class HistoryTable {
 public:
  // Finds the table, or makes it with those beside it, or brings older ones up (call under the
  // lock, outside a transaction). Throws Error(VersionConflict) when a newer engine made it
  // (schema_version above ours); Error(InvalidUsage) when the role may not bring it up.
  HistoryTable(Connection&, const VersionTableName&);

  void insert(Connection&, const HistoryRow&) const;
  // The text of insert() for one row, for those who send it with other statements.
  std::string statement(const Dialect&, const HistoryRow&) const;
  // In as few statements as can be.
  void insert(Connection&, std::span<const HistoryRow>) const;

  const std::string& schema() const { return schema_; }
  const std::string& qualified_name() const { return qualified_name_; }
  const std::string& journal_name() const { return journal_name_; }  // JournalTable
  const std::string& version_table() const { return version_table_; }

 private:
  std::string insert_into() const;
  std::string values_of(const Dialect&, const HistoryRow&) const;
  bool can_hold(std::string_view text) const;

  std::string schema_;
  std::string qualified_name_;
  std::string journal_name_;
  std::string version_table_;  // whose revisions these are: with its schema where there are schemas
  std::string encoding_;       // of the server
};

}  // namespace engine
