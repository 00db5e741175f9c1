// SPDX-License-Identifier: Apache-2.0
//
// What can go wrong with a statement that PostgreSQL accepts: who has to wait, what is lost, what
// fails. Names are public (docs/hazards.md, plan files): add, never rename. Each is proved on a
// live server by tests/database/hazards_test.cc.
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/sql/statement_locks.h"

namespace engine {

enum class Severity { BlocksReads, BlocksWrites, Rewrites, DataLoss, Fails, BreaksOldCode };
std::string_view name_of(Severity);  // "blocks-reads" ...

enum class HazardKind {
  IndexBuildBlocksWrites,
  IndexDropBlocksReads,
  ReindexBlocksWrites,
  ConcurrentIndexOnPartitioned,
  NotInTransaction,
  PrimaryKeyBuildBlocksReads,
  UniqueBuildBlocksReads,
  ExclusionBuildBlocksReads,
  CheckScanBlocksReads,
  ForeignKeyScanBlocksWrites,
  ForeignKeyDropBlocksReads,
  ValidateInSameTransaction,
  NotNullScanBlocksReads,
  DomainScanBlocksWrites,
  VolatileDefaultRewrites,
  SequenceColumnRewrites,
  GeneratedColumnRewrites,
  DomainColumnRewrites,
  NotNullColumnFails,
  ColumnCheckScanBlocksReads,
  ColumnKeyBuildBlocksReads,
  TypeChangeRewrites,
  ColumnDropped,
  ColumnRenamed,
  TableDropped,
  CascadeDrops,
  TableTruncated,
  TruncateCascades,
  TableRenamed,
  PartitionCreateBlocksReads,
  PartitionDetachBlocksReads,
  LoggingChangeRewrites,
  TableMoveRewrites,
  TableReorderRewrites,
  ViewRefreshBlocksReads,
  AllRowsDeleted,
  AllRowsUpdated,
  RowsChangedUnderLock,
  WorkUnderLock,
  SeveralTablesLocked,
  EnumValueUsedAtOnce,
  EnumValueRenamed,
};

struct HazardInfo {
  HazardKind kind = HazardKind::TableDropped;
  std::string_view name = {};  // "table-dropped"
  Severity severity = Severity::DataLoss;
  std::string_view what = {};     // one sentence: what happens
  std::string_view instead = {};  // one sentence: what to do
};
std::span<const HazardInfo> hazard_table();  // in the order of HazardKind
const HazardInfo& info_of(HazardKind);

struct Hazard {
  HazardKind kind = HazardKind::TableDropped;
  std::string relation = {};  // key of the table (or the name as written), empty: none

  friend auto operator<=>(const Hazard&, const Hazard&) = default;
};

// What the statements before did in the same transaction. A new one for each transaction.
struct TransactionFacts {
  bool is_transaction = true;              // false: the statement commits by itself
  std::set<std::string> exclusive = {};    // tables that are ACCESS EXCLUSIVE locked, made before
  std::set<std::string> unvalidated = {};  // "table constraint" added NOT VALID
  std::map<std::string, std::string> new_values = {};  // added to an enum -> its type
  std::set<std::string> new_types = {};
};

// `locks` by locks_of with the same catalog; for SQLite none. Tells `transaction` what the
// statement did.
std::vector<Hazard> hazards_of(std::string_view statement, const Shape&,
                               const StatementLocks& locks, const Catalog&, SqlFlavour,
                               TransactionFacts& transaction);

}  // namespace engine
