// SPDX-License-Identifier: Apache-2.0
//
// Which tables a PostgreSQL statement locks, and how hard: what pg_locks would show before its
// transaction ends. Held against a live server by tests/database/statement_locks_test.cc.
#pragma once

#include <compare>
#include <set>
#include <string>
#include <string_view>

#include "engine/sql/catalog.h"

namespace engine {

// Weakest first. ACCESS SHARE, which every SELECT takes, is left out.
enum class LockMode {
  RowShare,
  RowExclusive,
  ShareUpdateExclusive,
  Share,
  ShareRowExclusive,
  Exclusive,
  AccessExclusive
};
std::string_view code_of(LockMode);  // "RS", "RX", "SUX", "S", "SRX", "X", "AX"
std::string_view name_of(LockMode);  // "ROW SHARE" ...
bool blocks_reads(LockMode);
bool blocks_writes(LockMode);

struct TableLock {
  std::string relation = {};  // key in the catalog (schema.name), as it was before the statement
  LockMode mode = LockMode::AccessExclusive;

  friend auto operator<=>(const TableLock&, const TableLock&) = default;
};

struct StatementLocks {
  std::string why_unknown = {};         // not empty: the locks are not known, and why
  std::set<TableLock> locks = {};       // of tables, views, sequences; those that are made too
  std::set<std::string> rewrites = {};  // keys of tables and indexes that get new files
  std::set<std::string> made = {};      // keys of what the statement makes
  bool depends_on_rows = false;         // not all of the locks are taken if no row asks for them

  bool known() const { return why_unknown.empty(); }
};

// `catalog` as it is before the statement. Pure.
StatementLocks locks_of(const Shape&, const Catalog& catalog);

}  // namespace engine
