// SPDX-License-Identifier: Apache-2.0
//
// ALTER TABLE: one lock for all its actions, the strongest that one of them needs; and what the
// actions lock besides.
#include <algorithm>

#include "engine/sql/lock_rules.h"
#include "engine/sql/type_change.h"

namespace engine {
namespace {

using enum LockMode;

LockMode mode_of_options(const std::set<std::string>& options, RelationKind kind) {
  const bool light = kind == RelationKind::Table || kind == RelationKind::MaterializedView;
  return light && !options.contains("user_catalog_table") ? ShareUpdateExclusive : AccessExclusive;
}

LockMode mode_of(const Action& action, const RelationFacts& relation) {
  switch (action.act) {
    case Act::SetStatistics:
    case Act::SetColumnOptions:
    case Act::ValidateConstraint:
    case Act::Cluster:
    case Act::Attach:
      return ShareUpdateExclusive;
    case Act::Detach:
      return action.concurrently ? ShareUpdateExclusive : AccessExclusive;
    case Act::Trigger:
      return ShareRowExclusive;
    case Act::SetOptions:
      return mode_of_options(action.options, relation.kind);
    case Act::AddConstraint:
      return action.constraint.kind == ConstraintKind::ForeignKey ? ShareRowExclusive
                                                                  : AccessExclusive;
    default:
      return AccessExclusive;
  }
}

// Tables that inherit are changed, too.
bool recurses(const Action& action, const RelationFacts& relation) {
  switch (action.act) {
    case Act::AddColumn:
    case Act::DropColumn:
    case Act::SetType:
    case Act::SetDefault:
    case Act::DropDefault:
    case Act::SetNotNull:
    case Act::DropNotNull:
    case Act::DropExpression:
    case Act::SetStatistics:
    case Act::SetStorage:
    case Act::ValidateConstraint:
    case Act::DropConstraint:
    case Act::RenameColumn:
      return true;
    case Act::AddConstraint:
      return action.constraint.kind == ConstraintKind::Check ||
             (relation.kind == RelationKind::PartitionedTable &&
              (action.constraint.kind == ConstraintKind::ForeignKey ||
               action.constraint.kind == ConstraintKind::PrimaryKey));
    case Act::Trigger:
      return relation.kind == RelationKind::PartitionedTable;
    default:
      return false;
  }
}

class AlterLocks {
 public:
  AlterLocks(const RelationFacts& relation, bool only, LockRules& rules)
      : relation_(relation), rules_(rules) {
    targets_ = only ? std::vector<const RelationFacts*>{&relation}
                    : rules.catalog().with_children(relation);
  }

  void extras(const Action& action) {
    switch (action.act) {
      case Act::AddColumn:
        return add_column(action);
      case Act::DropColumn:
        return drop_column(action);
      case Act::SetType:
        return set_type(action);
      case Act::AddConstraint:
        return add_constraint(action.constraint);
      case Act::DropConstraint:
        return drop_constraint(action);
      case Act::ValidateConstraint:
        return validate(action);
      case Act::AddIdentity:
        return rules_.make_sequence(sequence_key(action.name));
      case Act::AlterIdentity:
        return with_sequence(action.name, {RowExclusive, ShareRowExclusive});
      case Act::DropIdentity:
        return with_sequence(action.name, {AccessExclusive});
      case Act::SetLogged:
        return set_logged(action);
      case Act::SetTablespace:
        return set_tablespace(action);
      case Act::SetAccessMethod:
        if (action.name != relation_.access_method) rules_.rewrite(relation_);
        return;
      case Act::Owner:
        return change_owner(action);
      case Act::SetSchema:
        return with_sequences({AccessExclusive});
      case Act::Inherit:
        if (const RelationFacts* parent = rules_.find(action.other)) {
          rules_.lock(*parent, ShareUpdateExclusive);
        }
        return;
      case Act::Attach:
        return attach(action);
      case Act::Detach:
        return detach(action);
      default:
        return;
    }
  }

 private:
  std::string sequence_key(const std::string& column) const {
    return relation_.schema + "." + made_name(relation_.name, column, "seq");
  }

  void with_sequence(const std::string& column, std::initializer_list<LockMode> modes) {
    const ColumnFacts* facts = relation_.column(column);
    if (facts == nullptr || facts->sequence.empty()) return;
    for (const LockMode mode : modes) rules_.lock(facts->sequence, mode);
  }

  void with_sequences(std::initializer_list<LockMode> modes) {
    for (const ColumnFacts& column : relation_.columns) with_sequence(column.name, modes);
  }

  void rewrite_all() {
    for (const RelationFacts* each : targets_) rules_.rewrite(*each);
  }

  bool must_be_computed(const ColumnShape& column) const {
    const Catalog& catalog = rules_.catalog();
    if (column.generated || column.identity != Identity::None) return true;
    const auto type = catalog.types.find(column.type.name);
    if (type != catalog.types.end() && type->second.has_constraints) return true;
    return std::ranges::any_of(column.default_value.functions, [&](const std::string& function) {
      return catalog.volatile_functions.contains(function);
    });
  }

  void add_column(const Action& action) {
    if (action.conditional && relation_.column(action.name) != nullptr) return;
    if (action.column.identity != Identity::None) rules_.make_sequence(sequence_key(action.name));
    if (must_be_computed(action.column)) rewrite_all();
    for (ConstraintShape constraint : action.column.constraints) {
      // A column of nulls has nothing that could be checked.
      constraint.valid = !action.column.default_value.empty();
      constraint_locks(constraint, relation_.key(), rules_);
    }
  }

  // Tables whose foreign keys would go with this key.
  void drop_dependent_keys() {
    for (const std::string& key : relation_.referenced_by) rules_.lock(key, AccessExclusive);
  }

  void drop_column(const Action& action) {
    for (const ConstraintFacts& constraint : relation_.constraints) {
      const auto& columns = constraint.columns;
      if (std::ranges::find(columns, action.name) == columns.end()) continue;
      rules_.drop_foreign_key(constraint);
      const bool is_key = constraint.kind == ConstraintKind::PrimaryKey ||
                          constraint.kind == ConstraintKind::Unique;
      if (is_key && action.cascade) drop_dependent_keys();
    }
    with_sequence(action.name, {AccessExclusive});
    lock_statistics(relation_, action.name);
    if (action.cascade) drop_views(relation_, action.name);
  }

  void lock_statistics(const RelationFacts& table, const std::string& column) {
    for (const auto& [name, columns] : table.statistics) {
      if (columns.contains(column)) rules_.lock(table, ShareUpdateExclusive);
    }
  }

  // `column` empty: all of them.
  void drop_views(const RelationFacts& relation, const std::string& column) {
    for (const auto& [view, columns] : relation.views) {
      if (!column.empty() && !columns.contains(column)) continue;
      rules_.lock(view, AccessExclusive);
      if (const RelationFacts* facts = rules_.catalog().at(view)) drop_views(*facts, "");
    }
  }

  void drop_constraint(const Action& action) {
    const ConstraintFacts* constraint = relation_.constraint(action.name);
    if (constraint == nullptr) return;
    rules_.drop_foreign_key(*constraint);
    const bool is_key = constraint->kind == ConstraintKind::PrimaryKey ||
                        constraint->kind == ConstraintKind::Unique;
    if (is_key && action.cascade) drop_dependent_keys();
  }

  void validate(const Action& action) {
    const ConstraintFacts* constraint = relation_.constraint(action.name);
    const bool is_checked = constraint != nullptr && !constraint->valid &&
                            constraint->kind == ConstraintKind::ForeignKey;
    if (is_checked) rules_.lock(constraint->references, RowShare);
  }

  void add_constraint(const ConstraintShape& constraint) {
    constraint_locks(constraint, relation_.key(), rules_);
    const bool builds =
        constraint.using_index.empty() && (constraint.kind == ConstraintKind::Unique ||
                                           constraint.kind == ConstraintKind::PrimaryKey);
    if (!builds || relation_.kind != RelationKind::PartitionedTable) return;
    for (const RelationFacts* each : targets_) rules_.lock(*each, Share);
  }

  void set_type(const Action& action) {
    for (const RelationFacts* each : targets_) {
      const ColumnFacts* column = each->column(action.name);
      if (column == nullptr) return rules_.unknown("no column " + action.name + " is known");
      change_type(*each, *column, action);
    }
    const ColumnFacts* column = relation_.column(action.name);
    if (column != nullptr && column->identity) {
      with_sequence(action.name, {RowExclusive, ShareRowExclusive});
    }
  }

  void change_type(const RelationFacts& table, const ColumnFacts& column, const Action& action) {
    const TypeChange change = type_change(column, action, rules_.catalog());
    if (change == TypeChange::Rewrites) rules_.rewrite(table);
    for (const IndexFacts& index : table.indexes) {
      if (!index.columns.contains(column.name)) continue;
      if (table.kind != RelationKind::PartitionedTable) rules_.lock(table, Share);
      if (change != TypeChange::Free) rules_.rebuild_index(table, index.name);
    }
    for (const ConstraintFacts& constraint : table.constraints) {
      if (constraint.kind != ConstraintKind::ForeignKey) continue;
      const auto& columns = constraint.columns;
      if (std::ranges::find(columns, column.name) == columns.end()) continue;
      remake_foreign_key(table.key(), constraint, change);
    }
    lock_statistics(table, column.name);
    remake_references(table, column, change);
  }

  void remake_foreign_key(const std::string& table, const ConstraintFacts& constraint,
                          TypeChange change) {
    rules_.lock(table, AccessExclusive);
    rules_.lock(table, ShareRowExclusive);
    rules_.lock(constraint.references, AccessExclusive);
    rules_.lock(constraint.references, ShareRowExclusive);
    if (constraint.valid && change == TypeChange::Rewrites) {
      rules_.lock(constraint.references, RowShare);
    }
  }

  static bool points_to(const ConstraintFacts& constraint, const RelationFacts& table,
                        const std::string& column) {
    const auto holds = [&](const std::vector<std::string>& columns) {
      return std::ranges::find(columns, column) != columns.end();
    };
    if (!constraint.referenced_columns.empty()) return holds(constraint.referenced_columns);
    return std::ranges::any_of(table.constraints, [&](const ConstraintFacts& key) {
      return key.kind == ConstraintKind::PrimaryKey && holds(key.columns);
    });
  }

  // Foreign keys of other tables that point to a key with this column.
  void remake_references(const RelationFacts& table, const ColumnFacts& column, TypeChange change) {
    for (const std::string& key : table.referenced_by) {
      const RelationFacts* other = rules_.catalog().at(key);
      if (other == nullptr) continue;
      for (const ConstraintFacts& constraint : other->constraints) {
        if (constraint.references == table.key() && points_to(constraint, table, column.name)) {
          remake_foreign_key(key, constraint, change);
        }
      }
    }
  }

  void change_owner(const Action& action) {
    const bool is_me = action.new_name == "current_role" || action.new_name == "current_user" ||
                       action.new_name == "session_user";
    const std::string& owner = is_me ? rules_.catalog().user : action.new_name;
    if (owner != relation_.owner) with_sequences({AccessExclusive});
  }

  void set_logged(const Action& action) {
    if ((action.name == "logged") == relation_.logged) return;
    rules_.rewrite(relation_);
    with_sequences({AccessExclusive, RowExclusive});
  }

  void set_tablespace(const Action& action) {
    const std::string& now =
        relation_.tablespace.empty() ? rules_.catalog().default_tablespace : relation_.tablespace;
    if (action.name != now && relation_.kind != RelationKind::PartitionedTable) {
      rules_.result().rewrites.insert(relation_.key());
    }
  }

  void lock_default_partition() {
    if (!relation_.default_partition.empty()) {
      rules_.lock(relation_.default_partition, AccessExclusive);
    }
  }

  void attach(const Action& action) {
    const RelationFacts* partition = rules_.find(action.other);
    if (partition == nullptr) return;
    for (const RelationFacts* each : rules_.catalog().with_children(*partition)) {
      rules_.lock(*each, AccessExclusive);
      if (!relation_.indexes.empty() && each->kind != RelationKind::PartitionedTable) {
        rules_.lock(*each, Share);
      }
    }
    lock_default_partition();
    for (const ConstraintFacts& constraint : relation_.constraints) {
      if (constraint.kind != ConstraintKind::ForeignKey) continue;
      rules_.lock(constraint.references, ShareRowExclusive);
      rules_.lock(constraint.references, RowShare);
      rules_.lock(*partition, ShareRowExclusive);
    }
    for (const std::string& key : relation_.referenced_by) {
      rules_.lock(key, ShareRowExclusive);
      rules_.lock(*partition, ShareRowExclusive);
    }
  }

  void detach(const Action& action) {
    if (const RelationFacts* partition = rules_.find(action.other)) {
      rules_.lock(*partition, AccessExclusive);
      for (const ConstraintFacts& constraint : partition->constraints) {
        if (constraint.kind != ConstraintKind::ForeignKey) continue;
        rules_.lock(constraint.references, ShareRowExclusive);
        rules_.lock(*partition, ShareRowExclusive);
      }
    }
    lock_default_partition();
    for (const std::string& key : relation_.referenced_by) {
      rules_.lock(key, AccessExclusive);
      rules_.lock(key, Share);
    }
  }

  const RelationFacts& relation_;
  LockRules& rules_;
  std::vector<const RelationFacts*> targets_ = {};
};

void alter_sequence(const Shape& shape, LockRules& rules) {
  const RelationFacts* sequence = rules.find(shape.objects.front(), shape.conditional);
  if (sequence == nullptr) return;
  if (!shape.actions.empty()) return rules.lock(*sequence, AccessExclusive);
  rules.lock(*sequence, RowExclusive);
  rules.lock(*sequence, ShareRowExclusive);
}

}  // namespace

void alter_locks(const Shape& shape, LockRules& rules) {
  if (shape.kind == ObjectKind::Index) return;  // only the index itself
  if (shape.kind == ObjectKind::Sequence) return alter_sequence(shape, rules);
  const RelationFacts* relation = rules.find(shape.objects.front(), shape.conditional);
  if (relation == nullptr || shape.actions.empty()) return;
  LockMode mode = RowShare;
  bool deep = false;
  for (const Action& action : shape.actions) {
    mode = std::max(mode, mode_of(action, *relation));
    deep = deep || (!shape.only && recurses(action, *relation));
  }
  if (deep) {
    rules.lock_with_children(*relation, mode);
  } else {
    rules.lock(*relation, mode);
  }
  AlterLocks alter(*relation, shape.only, rules);
  for (const Action& action : shape.actions) alter.extras(action);
}

}  // namespace engine
