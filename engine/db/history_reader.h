// SPDX-License-Identifier: Apache-2.0
//
// What the history says, for whoever has SELECT on it and nothing else. Makes nothing, takes no
// lock, and reads every layout from the first on, newer ones included: what they add does not
// change what was there.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/core/plan.h"
#include "engine/db/connection.h"
#include "engine/db/history_table.h"

namespace engine {

struct HistoryEntry {
  RevisionId revision = {};
  Direction direction = Direction::Up;
  std::string result = {};  // "succeeded", "adopted" ...: name_of(HistoryResult), or a newer one
  std::string run_id = {};
  std::string owner = {};  // empty: not given
  int attempt = 0;         // 0: not given
  std::string engine_version = {};
  std::string checksum = {};    // empty: not known
  std::string meaning = {};     // empty: not known
  std::string file = {};        // empty: not known
  std::string started_at = {};  // RFC 3339, UTC, milliseconds
  std::string finished_at = {};
};

// The last row of every revision that was ever applied or reverted.
class AppliedHistory {
 public:
  explicit AppliedHistory(std::vector<HistoryEntry> last_rows);

  // Applied, and not reverted since.
  bool contains(const RevisionId&) const;
  RevisionSet applied() const;
  // The last row, whichever direction; null: the history has never heard of the revision.
  const HistoryEntry* find(const RevisionId&) const;

 private:
  std::map<RevisionId, HistoryEntry> last_ = {};
};

struct StoredScript {
  std::string file = {};  // base name
  std::string source = {};
};

// All throw Error(InvalidUsage) with what to grant when a right is missing, and what Connection
// throws. Empty: there is no history, or the role may not see it; the rows are those of that
// version table.
std::optional<AppliedHistory> read_history(Connection&, const VersionTableName&);
// Every row, newest first.
std::optional<std::vector<HistoryEntry>> read_history_rows(Connection&, const VersionTableName&);
// The script as it is stored in the last row of each of `revisions`; those without one are left
// out.
std::map<RevisionId, StoredScript> read_stored_scripts(Connection&, const VersionTableName&,
                                                       const RevisionSet& revisions);

// The same for a run, which has found the table already.
AppliedHistory read_history(Connection&, const HistoryTable&);
std::map<RevisionId, StoredScript> read_stored_scripts(Connection&, const HistoryTable&,
                                                       const RevisionSet& revisions);

}  // namespace engine
