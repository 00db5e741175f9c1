// SPDX-License-Identifier: Apache-2.0
#include "engine/sql/statement_locks.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "engine/sql/lock_rules.h"

namespace engine {
namespace {

using enum LockMode;

struct ModeInfo {
  std::string_view code;
  std::string_view name;
};

// In the order of LockMode.
constexpr std::array kModes = {
    ModeInfo{"RS", "ROW SHARE"},
    ModeInfo{"RX", "ROW EXCLUSIVE"},
    ModeInfo{"SUX", "SHARE UPDATE EXCLUSIVE"},
    ModeInfo{"S", "SHARE"},
    ModeInfo{"SRX", "SHARE ROW EXCLUSIVE"},
    ModeInfo{"X", "EXCLUSIVE"},
    ModeInfo{"AX", "ACCESS EXCLUSIVE"},
};

bool has_storage(const RelationFacts& relation) {
  return relation.kind == RelationKind::Table || relation.kind == RelationKind::MaterializedView;
}

// --- what is made --------------------------------------------------------------------------------

bool builds_index(const ConstraintShape& constraint) {
  return constraint.using_index.empty() && (constraint.kind == ConstraintKind::Unique ||
                                            constraint.kind == ConstraintKind::PrimaryKey ||
                                            constraint.kind == ConstraintKind::Exclude);
}

void lock_parent_of_partition(const RelationFacts& parent, const std::string& key,
                              LockRules& rules) {
  rules.lock(parent, AccessExclusive);
  if (!parent.default_partition.empty()) rules.lock(parent.default_partition, AccessExclusive);
  if (!parent.indexes.empty()) rules.lock(key, Share);
  for (const ConstraintFacts& constraint : parent.constraints) {
    if (constraint.kind != ConstraintKind::ForeignKey) continue;
    rules.lock(constraint.references, ShareRowExclusive);
    rules.lock(key, ShareRowExclusive);
  }
  for (const std::string& other : parent.referenced_by) {
    rules.lock(other, ShareRowExclusive);
    rules.lock(key, ShareRowExclusive);
  }
}

void like_locks(const LikeShape& like, const ObjectName& table, const std::string& key,
                LockRules& rules) {
  const RelationFacts* source = rules.find(like.table);
  if (source == nullptr) return;
  if (like.indexes && !source->indexes.empty()) rules.lock(key, Share);
  if (like.statistics && !source->statistics.empty()) rules.lock(key, ShareUpdateExclusive);
  if (!like.identity) return;
  for (const ColumnFacts& column : source->columns) {
    if (!column.identity) continue;
    const std::string schema = key.substr(0, key.find('.'));
    rules.make_sequence(schema + "." + made_name(table.name, column.name, "seq"));
  }
}

void create_table(const Shape& shape, LockRules& rules) {
  const ObjectName& name = shape.objects.front();
  const Catalog& catalog = rules.catalog();
  if (shape.conditional && catalog.find(name) != nullptr) return;
  const std::string key = shape.temporary ? "pg_temp." + name.name : catalog.key_of(name);
  rules.result().made.insert(key);
  rules.lock(key, AccessExclusive);
  for (const ColumnShape& column : shape.columns) {
    if (column.identity != Identity::None) {
      const std::string schema = key.substr(0, key.find('.'));
      rules.make_sequence(schema + "." + made_name(name.name, column.name, "seq"));
    }
    for (const ConstraintShape& constraint : column.constraints) {
      constraint_locks(constraint, key, rules);
    }
  }
  for (const ConstraintShape& constraint : shape.constraints) {
    constraint_locks(constraint, key, rules);
  }
  for (const LikeShape& like : shape.likes) like_locks(like, name, key, rules);
  for (const ObjectName& each : shape.parents) {
    const RelationFacts* parent = rules.find(each);
    if (parent == nullptr) continue;
    if (shape.is_partition) {
      lock_parent_of_partition(*parent, key, rules);
    } else {
      rules.lock(*parent, ShareUpdateExclusive);
    }
  }
}

void create_index(const Shape& shape, LockRules& rules) {
  const RelationFacts* table = rules.find(shape.objects.front());
  if (table == nullptr) return;
  const LockMode mode = shape.concurrently ? ShareUpdateExclusive : Share;
  const bool deep = table->kind == RelationKind::PartitionedTable && !shape.only;
  if (deep) {
    rules.lock_with_children(*table, mode);
  } else {
    rules.lock(*table, mode);
  }
}

void create_relation(const Shape& shape, LockRules& rules) {
  const ObjectName& name = shape.objects.front();
  const bool is_there = rules.catalog().find(name) != nullptr;
  if (is_there && shape.conditional) return;
  const std::string key = shape.temporary ? "pg_temp." + name.name : rules.catalog().key_of(name);
  if (!is_there) rules.result().made.insert(key);
  rules.lock(key, AccessExclusive);
}

// --- what is emptied, rebuilt --------------------------------------------------------------------

void truncate(const Shape& shape, LockRules& rules) {
  std::set<std::string> keys;
  std::vector<std::string> next;
  for (const ObjectName& name : shape.objects) {
    if (const RelationFacts* table = rules.find(name)) next.push_back(table->key());
  }
  while (!next.empty()) {
    const std::string key = next.back();
    next.pop_back();
    const RelationFacts* table = rules.catalog().at(key);
    if (table == nullptr || !keys.insert(key).second) continue;
    rules.lock(key, AccessExclusive);
    if (has_storage(*table)) rules.rewrite(*table);
    if (!shape.only) next.insert(next.end(), table->children.begin(), table->children.end());
    if (shape.cascade) {
      next.insert(next.end(), table->referenced_by.begin(), table->referenced_by.end());
    }
    for (const ColumnFacts& column : table->columns) {
      if (shape.name == "restart" && !column.sequence.empty()) {
        rules.lock(column.sequence, AccessExclusive);
      }
    }
  }
}

void reindex(const Shape& shape, LockRules& rules) {
  if (shape.for_all) return rules.unknown("REINDEX of a schema or database names no table");
  const LockMode mode = shape.concurrently ? ShareUpdateExclusive : Share;
  const ObjectName& name = shape.objects.front();
  if (shape.kind == ObjectKind::Table) {
    const RelationFacts* table = rules.find(name);
    if (table == nullptr) return;
    for (const RelationFacts* each : rules.catalog().with_children(*table)) {
      if (!has_storage(*each)) continue;
      if (each != table && table->kind != RelationKind::PartitionedTable) continue;
      rules.lock(*each, mode);
      for (const IndexFacts& index : each->indexes) rules.rebuild_index(*each, index.name);
    }
    return;
  }
  const RelationFacts* table = rules.catalog().table_of_index(name);
  if (table == nullptr) return rules.unknown(fmt::format("no index {} is known", name.name));
  rules.lock(*table, mode);
  rules.rebuild_index(*table, name.name);
}

void vacuum(const Shape& shape, LockRules& rules) {
  if (shape.for_all) return rules.unknown("it names no table: it goes through all of them");
  for (const ObjectName& name : shape.objects) {
    const RelationFacts* table = rules.find(name);
    if (table == nullptr) continue;
    for (const RelationFacts* each : rules.catalog().with_children(*table)) {
      if (each != table && table->kind != RelationKind::PartitionedTable) continue;
      rules.lock(*each, shape.full ? AccessExclusive : ShareUpdateExclusive);
      if (shape.full) rules.rewrite(*each);
    }
  }
}

void cluster(const Shape& shape, LockRules& rules) {
  if (shape.for_all) return rules.unknown("it names no table: it goes through all of them");
  if (const RelationFacts* table = rules.find(shape.objects.front())) {
    rules.lock(*table, AccessExclusive);
    rules.rewrite(*table);
  }
}

void refresh(const Shape& shape, LockRules& rules) {
  const RelationFacts* view = rules.find(shape.objects.front());
  if (view == nullptr) return;
  rules.lock(*view, Exclusive);
  if (shape.concurrently) return rules.lock(*view, RowExclusive);
  rules.lock(*view, AccessExclusive);
  rules.rewrite(*view);
}

// --- the rest ------------------------------------------------------------------------------------

void lock_tables(const Shape& shape, LockRules& rules) {
  const auto mode = std::ranges::find_if(kModes, [&](const ModeInfo& info) {
    return std::ranges::equal(info.name, shape.new_name, [](char a, char b) {
      return a == b || (a >= 'A' && a <= 'Z' && a - 'A' + 'a' == b);
    });
  });
  for (const ObjectName& name : shape.objects) {
    const RelationFacts* table = rules.find(name);
    if (table == nullptr) continue;
    if (table->kind == RelationKind::View) return rules.unknown("it locks what the view reads");
    if (mode == kModes.end()) continue;  // ACCESS SHARE
    const auto wanted = static_cast<LockMode>(mode - kModes.begin());
    if (shape.only) {
      rules.lock(*table, wanted);
    } else {
      rules.lock_with_children(*table, wanted);
    }
  }
}

void comment(const Shape& shape, LockRules& rules) {
  const bool locks = shape.kind == ObjectKind::Table || shape.kind == ObjectKind::Column ||
                     shape.kind == ObjectKind::View || shape.kind == ObjectKind::Sequence ||
                     shape.kind == ObjectKind::MaterializedView;
  if (!locks) return;
  if (const RelationFacts* relation = rules.find(shape.objects.front())) {
    rules.lock(*relation, ShareUpdateExclusive);
  }
}

void lock_named(const Shape& shape, LockMode mode, LockRules& rules, bool deep = false) {
  for (const ObjectName& name : shape.objects) {
    const RelationFacts* table = rules.find(name, shape.conditional);
    if (table == nullptr) continue;
    if (deep) {
      rules.lock_with_children(*table, mode);
    } else {
      rules.lock(*table, mode);
    }
  }
}

void alter_domain(const Shape& shape, LockRules& rules) {
  if (shape.actions.front().act == Act::AddConstraint && !shape.actions.front().constraint.valid) {
    return;
  }
  const std::string& name = shape.objects.front().name;
  const auto type = rules.catalog().types.find(name);
  if (type == rules.catalog().types.end()) {
    return rules.unknown(fmt::format("no domain {} is known", name));
  }
  for (const std::string& table : type->second.used_by) rules.lock(table, Share);
}

// --- rows ----------------------------------------------------------------------------------------

bool touches(const DataTarget& target, const RelationFacts& table,
             const std::vector<std::string>& columns) {
  if (target.columns.empty()) return true;
  return std::ranges::any_of(columns, [&](const std::string& column) {
    if (std::ranges::find(target.columns, column) != target.columns.end()) return true;
    const ColumnFacts* facts = table.column(column);
    return target.verb == DataVerb::Insert && facts != nullptr && facts->has_default;
  });
}

class DataLocks {
 public:
  explicit DataLocks(LockRules& rules) : rules_(rules) {}

  void write(const DataTarget& target, const RelationFacts& table) {
    if (target.verb == DataVerb::LockRows) return rules_.lock_with_children(table, RowShare);
    rules_.lock_with_children(table, RowExclusive);
    if (!table.children.empty()) rules_.result().depends_on_rows = true;
    if (target.verb == DataVerb::Merge) return;  // its actions are targets of their own
    if (target.verb == DataVerb::Insert) defaults(target, table);
    if (target.verb != DataVerb::Delete) look_up(target, table);
    if (target.verb == DataVerb::Delete) removed(table);
    if (target.verb == DataVerb::Update) changed(target, table);
  }

 private:
  void defaults(const DataTarget& target, const RelationFacts& table) {
    for (const ColumnFacts& column : table.columns) {
      const auto& listed = target.columns;
      const bool given = std::ranges::find(listed, column.name) != listed.end();
      if (column.sequence.empty() || given || (listed.empty() && !column.identity)) continue;
      rules_.lock(column.sequence, RowExclusive);
      rules_.result().depends_on_rows = true;
    }
  }

  void look_up(const DataTarget& target, const RelationFacts& table) {
    for (const ConstraintFacts& constraint : table.constraints) {
      if (constraint.kind != ConstraintKind::ForeignKey) continue;
      if (!touches(target, table, constraint.columns)) continue;
      rules_.lock(constraint.references, RowShare);
      rules_.result().depends_on_rows = true;
    }
  }

  void refer(const RelationFacts& table, std::string ConstraintFacts::*action) {
    for (const std::string& key : table.referenced_by) {
      const RelationFacts* other = rules_.catalog().at(key);
      if (other == nullptr) continue;
      rules_.result().depends_on_rows = true;
      for (const ConstraintFacts& constraint : other->constraints) {
        if (constraint.references != table.key()) continue;
        if ((constraint.*action).empty() || constraint.*action == "restrict") {
          rules_.lock(key, RowShare);
          rules_.lock(table, RowShare);  // another row may stand in for the one that goes
        } else {
          rules_.lock(key, RowExclusive);
          if (constraint.*action == "cascade" && seen_.insert(key).second) refer(*other, action);
        }
      }
    }
  }

  void removed(const RelationFacts& table) { refer(table, &ConstraintFacts::on_delete); }

  void changed(const DataTarget& target, const RelationFacts& table) {
    for (const ConstraintFacts& constraint : table.constraints) {
      const bool is_key = constraint.kind == ConstraintKind::PrimaryKey ||
                          constraint.kind == ConstraintKind::Unique;
      if (is_key && touches(target, table, constraint.columns)) {
        return refer(table, &ConstraintFacts::on_update);
      }
    }
  }

  LockRules& rules_;
  std::set<std::string> seen_ = {};
};

void data_locks(const Shape& shape, LockRules& rules) {
  DataLocks locks(rules);
  for (const DataTarget& target : shape.data) {
    const bool may_be_local = target.verb == DataVerb::LockRows;  // a name of WITH, a function
    const RelationFacts* table = rules.find(target.table, may_be_local);
    if (table == nullptr) continue;
    if (table->kind == RelationKind::View) {
      return rules.unknown(fmt::format("{} is a view: what lies under it is locked", table->name));
    }
    locks.write(target, *table);
  }
  for (const ObjectName& name : shape.sequences) {
    if (const RelationFacts* sequence = rules.find(name)) rules.lock(*sequence, RowExclusive);
  }
  for (const std::string& function : shape.functions) {
    if (rules.catalog().own_functions.contains(function)) {
      return rules.unknown(fmt::format("it calls {}(), which can do anything", function));
    }
  }
}

void locks_of(const Shape& shape, LockRules& rules) {
  switch (shape.verb) {
    case Verb::Unknown:
      return rules.unknown(shape.why_unknown);
    case Verb::Alter:
      return alter_locks(shape, rules);
    case Verb::CreateTable:
      return create_table(shape, rules);
    case Verb::CreateIndex:
      return create_index(shape, rules);
    case Verb::CreateView:
    case Verb::CreateSequence:
      return create_relation(shape, rules);
    case Verb::CreateTrigger: {
      return lock_named(shape, ShareRowExclusive, rules, true);
    }
    case Verb::CreateRule:
      lock_named(shape, AccessExclusive, rules);
      return data_locks(shape, rules);
    case Verb::CreatePolicy:
    case Verb::AlterPolicy:
      return lock_named(shape, AccessExclusive, rules);
    case Verb::CreateStatistics:
      return lock_named(shape, ShareUpdateExclusive, rules);
    case Verb::Publication:
      if (shape.new_name == "set") return rules.unknown("the tables that leave are locked, too");
      return lock_named(shape, ShareUpdateExclusive, rules);
    case Verb::AlterDomain:
      return alter_domain(shape, rules);
    case Verb::Drop:
      return drop_locks(shape, rules);
    case Verb::Truncate:
      return truncate(shape, rules);
    case Verb::Reindex:
      return reindex(shape, rules);
    case Verb::Cluster:
      return cluster(shape, rules);
    case Verb::Vacuum:
    case Verb::Analyze:
      return vacuum(shape, rules);
    case Verb::Lock:
      return lock_tables(shape, rules);
    case Verb::Comment:
      return comment(shape, rules);
    case Verb::Refresh:
      return refresh(shape, rules);
    case Verb::Data:
      return data_locks(shape, rules);
    case Verb::Harmless:
    case Verb::AlterType:
    case Verb::Setting:
    case Verb::Transaction:
    case Verb::Outside:
      return;
  }
}

}  // namespace

std::string_view code_of(LockMode mode) { return kModes[static_cast<std::size_t>(mode)].code; }

std::string_view name_of(LockMode mode) { return kModes[static_cast<std::size_t>(mode)].name; }

bool blocks_reads(LockMode mode) { return mode == AccessExclusive; }

bool blocks_writes(LockMode mode) { return mode >= Share; }

void LockRules::lock_with_children(const RelationFacts& relation, LockMode mode) {
  for (const RelationFacts* each : catalog_.with_children(relation)) lock(*each, mode);
}

void LockRules::make_sequence(const std::string& key) {
  result_.made.insert(key);
  for (const LockMode mode : {AccessExclusive, RowExclusive, ShareRowExclusive}) lock(key, mode);
}

void LockRules::rewrite(const RelationFacts& relation) {
  if (!has_storage(relation)) return;
  lock(relation, Share);
  result_.rewrites.insert(relation.key());
  for (const IndexFacts& index : relation.indexes) rebuild_index(relation, index.name);
}

void LockRules::rebuild_index(const RelationFacts& table, const std::string& index) {
  if (has_storage(table)) result_.rewrites.insert(table.schema + "." + index);
}

void LockRules::make_foreign_key(const std::string& table, const ConstraintShape& constraint) {
  lock(table, ShareRowExclusive);
  if (catalog_.key_of(constraint.references) == table) {
    if (constraint.valid && catalog_.at(table) != nullptr) lock(table, RowShare);
    return;
  }
  const RelationFacts* referenced = find(constraint.references);
  if (referenced == nullptr) return;
  lock_with_children(*referenced, ShareRowExclusive);
  if (constraint.valid && catalog_.at(table) != nullptr) lock(*referenced, RowShare);
}

void LockRules::drop_foreign_key(const ConstraintFacts& constraint) {
  if (constraint.kind != ConstraintKind::ForeignKey) return;
  if (const RelationFacts* referenced = catalog_.at(constraint.references)) {
    lock_with_children(*referenced, AccessExclusive);
  } else {
    lock(constraint.references, AccessExclusive);
  }
}

void LockRules::unknown(std::string why) {
  if (result_.why_unknown.empty()) result_.why_unknown = std::move(why);
}

const RelationFacts* LockRules::find(const ObjectName& name, bool missing_is_fine) {
  const RelationFacts* found = catalog_.find(name);
  if (found == nullptr && !missing_is_fine) {
    unknown(fmt::format("no relation {} is known",
                        name.schema.empty() ? name.name : name.schema + "." + name.name));
  }
  return found;
}

void constraint_locks(const ConstraintShape& constraint, const std::string& key, LockRules& rules) {
  if (constraint.kind == ConstraintKind::ForeignKey) rules.make_foreign_key(key, constraint);
  const RelationFacts* table = rules.catalog().at(key);
  const bool stored = table == nullptr || table->kind != RelationKind::PartitionedTable;
  if (builds_index(constraint) && stored) rules.lock(key, Share);
}

StatementLocks locks_of(const Shape& shape, const Catalog& catalog) {
  LockRules rules(catalog);
  const bool needs_facts = shape.verb != Verb::Unknown && shape.verb != Verb::Harmless &&
                           shape.verb != Verb::AlterType && shape.verb != Verb::Setting &&
                           shape.verb != Verb::Transaction && shape.verb != Verb::Outside;
  if (needs_facts && !catalog.is_read) {
    rules.unknown("the database was not asked");
  } else {
    locks_of(shape, rules);
  }
  return std::move(rules.result());
}

}  // namespace engine
