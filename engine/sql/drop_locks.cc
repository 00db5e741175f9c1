// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "engine/sql/lock_rules.h"

namespace engine {
namespace {

using enum LockMode;

class DropLocks {
 public:
  DropLocks(LockRules& rules, bool cascade) : rules_(rules), cascade_(cascade) {}

  void drop(const RelationFacts& relation) {
    if (!seen_.insert(relation.key()).second) return;
    rules_.lock(relation, AccessExclusive);
    for (const ColumnFacts& column : relation.columns) {
      if (!column.sequence.empty()) rules_.lock(column.sequence, AccessExclusive);
    }
    if (!relation.statistics.empty()) rules_.lock(relation, ShareUpdateExclusive);
    for (const ConstraintFacts& constraint : relation.constraints) {
      rules_.drop_foreign_key(constraint);
    }
    if (relation.kind == RelationKind::PartitionedTable || cascade_) {
      for (const std::string& child : relation.children) drop_key(child);
    }
    for (const std::string& parent : relation.parents) leave(parent);
    if (!cascade_) return;
    for (const std::string& other : relation.referenced_by) rules_.lock(other, AccessExclusive);
    for (const auto& [view, columns] : relation.views) drop_key(view);
  }

 private:
  void drop_key(const std::string& key) {
    if (const RelationFacts* facts = rules_.catalog().at(key)) {
      drop(*facts);
    } else {
      rules_.lock(key, AccessExclusive);
    }
  }

  void leave(const std::string& key) {
    const RelationFacts* parent = rules_.catalog().at(key);
    if (parent == nullptr || parent->kind != RelationKind::PartitionedTable) return;
    rules_.lock(*parent, AccessExclusive);
    if (!parent->default_partition.empty()) {
      rules_.lock(parent->default_partition, AccessExclusive);
    }
  }

  LockRules& rules_;
  bool cascade_;
  std::set<std::string> seen_ = {};
};

void drop_index(const Shape& shape, const ObjectName& name, LockRules& rules) {
  const RelationFacts* table = rules.catalog().table_of_index(name);
  if (table == nullptr) {
    if (!shape.conditional) rules.unknown(fmt::format("no index {} is known", name.name));
    return;
  }
  const LockMode mode = shape.concurrently ? ShareUpdateExclusive : AccessExclusive;
  if (table->kind == RelationKind::PartitionedTable) {
    rules.lock_with_children(*table, mode);
  } else {
    rules.lock(*table, mode);
  }
}

void drop_type(const Shape& shape, const ObjectName& name, LockRules& rules) {
  if (!shape.cascade) return;
  const auto type = rules.catalog().types.find(name.name);
  if (type == rules.catalog().types.end()) return rules.unknown("CASCADE drops what uses it");
  for (const std::string& table : type->second.used_by) rules.lock(table, AccessExclusive);
}

void drop_statistics(const Shape& shape, const ObjectName& name, LockRules& rules) {
  for (const auto& [key, relation] : rules.catalog().relations) {
    if (relation.statistics.contains(name.name)) return rules.lock(key, ShareUpdateExclusive);
  }
  if (!shape.conditional) rules.unknown(fmt::format("no statistics {} are known", name.name));
}

void drop_one(const Shape& shape, const ObjectName& name, DropLocks& drops, LockRules& rules) {
  switch (shape.kind) {
    case ObjectKind::Table:
    case ObjectKind::View:
    case ObjectKind::MaterializedView:
    case ObjectKind::Sequence:
      if (const RelationFacts* relation = rules.find(name, shape.conditional))
        drops.drop(*relation);
      return;
    case ObjectKind::Index:
      return drop_index(shape, name, rules);
    case ObjectKind::Type:
    case ObjectKind::Domain:
      return drop_type(shape, name, rules);
    case ObjectKind::Statistics:
      return drop_statistics(shape, name, rules);
    case ObjectKind::Trigger:
    case ObjectKind::Rule:
    case ObjectKind::Policy:
      if (const RelationFacts* relation = rules.find(name, shape.conditional)) {
        rules.lock(*relation, AccessExclusive);
      }
      return;
    case ObjectKind::Extension:
      return rules.unknown("an extension goes with all that it made");
    default:
      if (shape.cascade) rules.unknown("CASCADE drops what uses it");
  }
}

}  // namespace

void drop_locks(const Shape& shape, LockRules& rules) {
  DropLocks drops(rules, shape.cascade);
  for (const ObjectName& name : shape.objects) drop_one(shape, name, drops, rules);
}

}  // namespace engine
