// SPDX-License-Identifier: Apache-2.0
//
// The pen with which the rules of statement_locks.cc, alter_locks.cc and drop_locks.cc write down
// locks.
#pragma once

#include "engine/sql/statement_locks.h"

namespace engine {

class LockRules {
 public:
  explicit LockRules(const Catalog& catalog) : catalog_(catalog) {}

  const Catalog& catalog() const { return catalog_; }
  StatementLocks& result() { return result_; }

  void lock(const std::string& key, LockMode mode) { result_.locks.insert({key, mode}); }
  void lock(const RelationFacts& relation, LockMode mode) { lock(relation.key(), mode); }
  void lock_with_children(const RelationFacts&, LockMode);
  // A new table's or column's sequence.
  void make_sequence(const std::string& key);
  // New files for the table and its indexes. Partitioned: for those of its partitions.
  void rewrite(const RelationFacts&);
  void rebuild_index(const RelationFacts& table, const std::string& index);
  // As the foreign key of `table` (a key) to `referenced` is made.
  void make_foreign_key(const std::string& table, const ConstraintShape&);
  void drop_foreign_key(const ConstraintFacts&);
  void unknown(std::string why);
  // Null, and noted as unknown unless `missing_is_fine`.
  const RelationFacts* find(const ObjectName&, bool missing_is_fine = false);

 private:
  const Catalog& catalog_;
  StatementLocks result_ = {};
};

void alter_locks(const Shape&, LockRules&);  // Verb::Alter
void drop_locks(const Shape&, LockRules&);   // Verb::Drop

// A new column or table has this constraint: on `key`, which is locked already.
void constraint_locks(const ConstraintShape&, const std::string& key, LockRules&);

}  // namespace engine
