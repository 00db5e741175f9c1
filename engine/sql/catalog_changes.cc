// SPDX-License-Identifier: Apache-2.0
//
// apply(): what statements do to the facts, so that the next statement of a plan is judged as it
// will be met.
#include <algorithm>
#include <utility>

#include "engine/sql/catalog.h"

namespace engine {
namespace {

template <typename List>
void erase_named(List& list, std::string_view name) {
  std::erase_if(list, [&](const auto& each) { return each.name == name; });
}

void erase_relation(Catalog& catalog, const std::string& key) {
  const RelationFacts* gone = catalog.at(key);
  if (gone == nullptr) return;
  const auto children = gone->children;
  const bool partitioned = gone->kind == RelationKind::PartitionedTable;
  const std::vector<ColumnFacts> columns = gone->columns;
  catalog.relations.erase(key);
  for (const ColumnFacts& column : columns) catalog.relations.erase(column.sequence);
  std::erase_if(catalog.index_tables, [&](const auto& each) { return each.second == key; });
  for (auto& [other_key, other] : catalog.relations) {
    other.children.erase(key);
    other.parents.erase(key);
    other.referenced_by.erase(key);
    other.views.erase(key);
    if (other.default_partition == key) other.default_partition.clear();
    std::erase_if(other.constraints,
                  [&](const ConstraintFacts& each) { return each.references == key; });
  }
  if (!partitioned) return;
  for (const std::string& child : children) erase_relation(catalog, child);
}

void rename_in(std::set<std::string>& keys, const std::string& from, const std::string& to) {
  if (keys.erase(from) != 0) keys.insert(to);
}

void rename_relation(Catalog& catalog, const std::string& from, const std::string& schema,
                     const std::string& name) {
  auto node = catalog.relations.extract(from);
  if (node.empty()) return;
  const std::vector<ColumnFacts> columns = node.mapped().columns;
  const bool moves = node.mapped().schema != schema;
  node.mapped().schema = schema;
  node.mapped().name = name;
  const std::string to = node.mapped().key();
  node.key() = to;
  catalog.relations.insert(std::move(node));
  for (auto& [key, table] : catalog.index_tables) {
    if (table == from) table = to;
  }
  for (auto& [key, other] : catalog.relations) {
    rename_in(other.children, from, to);
    rename_in(other.parents, from, to);
    rename_in(other.referenced_by, from, to);
    if (auto view = other.views.extract(from); !view.empty()) {
      view.key() = to;
      other.views.insert(std::move(view));
    }
    if (other.default_partition == from) other.default_partition = to;
    for (ConstraintFacts& constraint : other.constraints) {
      if (constraint.references == from) constraint.references = to;
    }
    for (ColumnFacts& column : other.columns) {
      if (column.sequence == from) column.sequence = to;
    }
  }
  if (!moves) return;
  for (const ColumnFacts& column : columns) {
    const RelationFacts* sequence = catalog.at(column.sequence);
    if (sequence == nullptr) continue;
    const std::string sequence_name = sequence->name;
    rename_relation(catalog, column.sequence, schema, sequence_name);
  }
}

class TableChange {
 public:
  TableChange(Catalog& catalog, RelationFacts& table) : catalog_(catalog), table_(table) {}

  void add(const ColumnShape& column) {
    if (table_.column(column.name) != nullptr) return;
    ColumnFacts facts{column.name,
                      column.type,
                      column.collation,
                      column.not_null,
                      !column.default_value.empty() || column.identity != Identity::None,
                      column.identity == Identity::Identity,
                      ""};
    if (column.identity != Identity::None) facts.sequence = make_sequence(column.name);
    table_.columns.push_back(std::move(facts));
    for (const ConstraintShape& constraint : column.constraints) add(constraint);
  }

  void add(const ConstraintShape& constraint) {
    ConstraintFacts facts;
    facts.kind = constraint.kind;
    facts.columns = constraint.columns;
    facts.name = constraint.name.empty() ? default_name(constraint) : constraint.name;
    facts.valid = constraint.valid;
    facts.on_delete = constraint.on_delete;
    facts.on_update = constraint.on_update;
    facts.text = constraint.check.text;
    if (constraint.kind == ConstraintKind::NotNull) return;
    if (constraint.kind == ConstraintKind::ForeignKey) {
      facts.references = catalog_.key_of(constraint.references);
      facts.referenced_columns = constraint.referenced_columns;
      if (RelationFacts* other = catalog_.at(facts.references)) {
        other->referenced_by.insert(table_.key());
      }
    } else if (constraint.kind != ConstraintKind::Check) {
      add_key(constraint, facts);
    }
    table_.constraints.push_back(std::move(facts));
  }

  void drop_constraint(const std::string& name) {
    const ConstraintFacts* found = table_.constraint(name);
    if (found == nullptr) return;
    const ConstraintFacts gone = *found;
    erase_named(table_.constraints, name);
    if (!gone.index.empty()) drop_index(gone.index);
    const bool still = std::ranges::any_of(table_.constraints, [&](const ConstraintFacts& each) {
      return each.references == gone.references;
    });
    RelationFacts* other = catalog_.at(gone.references);
    if (other != nullptr && !still) other->referenced_by.erase(table_.key());
  }

  void drop_column(const std::string& name) {
    std::vector<std::string> constraints;
    for (const ConstraintFacts& constraint : table_.constraints) {
      const auto& columns = constraint.columns;
      if (std::ranges::find(columns, name) != columns.end()) constraints.push_back(constraint.name);
    }
    for (const std::string& constraint : constraints) drop_constraint(constraint);
    std::vector<std::string> indexes;
    for (const IndexFacts& index : table_.indexes) {
      if (index.columns.contains(name)) indexes.push_back(index.name);
    }
    for (const std::string& index : indexes) drop_index(index);
    erase_named(table_.columns, name);
  }

  void rename_column(const std::string& from, const std::string& to) {
    if (ColumnFacts* column = table_.column(from)) column->name = to;
    for (ConstraintFacts& constraint : table_.constraints) {
      std::ranges::replace(constraint.columns, from, to);
    }
    for (IndexFacts& index : table_.indexes) rename_in(index.columns, from, to);
  }

  void add_index(IndexFacts index) {
    catalog_.index_tables[table_.schema + "." + index.name] = table_.key();
    table_.indexes.push_back(std::move(index));
  }

  void drop_index(const std::string& name) {
    catalog_.index_tables.erase(table_.schema + "." + name);
    erase_named(table_.indexes, name);
  }

  std::string make_sequence(const std::string& column) {
    RelationFacts sequence;
    sequence.schema = table_.schema;
    sequence.name = made_name(table_.name, column, "seq");
    sequence.kind = RelationKind::Sequence;
    sequence.made_here = true;
    const std::string key = sequence.key();
    catalog_.relations.try_emplace(key, std::move(sequence));
    return key;
  }

 private:
  std::string default_name(const ConstraintShape& constraint) const {
    std::string columns;
    for (const std::string& column : constraint.columns) {
      columns += (columns.empty() ? "" : "_") + column;
    }
    switch (constraint.kind) {
      case ConstraintKind::PrimaryKey:
        return made_name(table_.name, "", "pkey");
      case ConstraintKind::ForeignKey:
        return made_name(table_.name, columns, "fkey");
      case ConstraintKind::Unique:
        return made_name(table_.name, columns, "key");
      case ConstraintKind::Exclude:
        return made_name(table_.name, columns, "excl");
      default:
        return made_name(table_.name, columns, "check");
    }
  }

  void add_key(const ConstraintShape& constraint, ConstraintFacts& facts) {
    facts.index = facts.name;
    if (!constraint.using_index.empty()) {
      for (const IndexFacts& index : table_.indexes) {
        if (index.name != constraint.using_index) continue;
        facts.columns.assign(index.columns.begin(), index.columns.end());
      }
      drop_index(constraint.using_index);
    }
    IndexFacts index{facts.name, {facts.columns.begin(), facts.columns.end()}, true, true};
    add_index(std::move(index));
    if (constraint.kind != ConstraintKind::PrimaryKey) return;
    for (const std::string& column : facts.columns) {
      if (ColumnFacts* found = table_.column(column)) found->not_null = true;
    }
  }

  Catalog& catalog_;
  RelationFacts& table_;
};

// --- ALTER ---------------------------------------------------------------------------------------

void change_column(const Action& action, RelationFacts& table) {
  ColumnFacts* column = table.column(action.name);
  if (column == nullptr) return;
  switch (action.act) {
    case Act::SetType:
      column->type = action.column.type;
      column->collation = action.column.collation;
      return;
    case Act::SetNotNull:
    case Act::DropNotNull:
      column->not_null = action.act == Act::SetNotNull;
      return;
    case Act::SetDefault:
    case Act::DropDefault:
      column->has_default = action.act == Act::SetDefault;
      return;
    case Act::AddIdentity:
    case Act::DropIdentity:
      column->identity = action.act == Act::AddIdentity;
      if (!column->identity) column->sequence.clear();
      return;
    default:
      return;
  }
}

// What is done to the children as well.
void change_table(const Action& action, Catalog& catalog, RelationFacts& table) {
  TableChange change(catalog, table);
  switch (action.act) {
    case Act::AddColumn:
      return change.add(action.column);
    case Act::DropColumn:
      return change.drop_column(action.name);
    case Act::AddConstraint:
      return change.add(action.constraint);
    case Act::DropConstraint:
      return change.drop_constraint(action.name);
    case Act::RenameColumn:
      return change.rename_column(action.name, action.new_name);
    default:
      return change_column(action, table);
  }
}

void attach(const Action& action, Catalog& catalog, RelationFacts& table, bool attached) {
  RelationFacts* other = catalog.find(action.other);
  if (other == nullptr) return;
  const bool down = action.act == Act::Attach || action.act == Act::Detach;
  RelationFacts& parent = down ? table : *other;
  RelationFacts& child = down ? *other : table;
  if (attached) {
    parent.children.insert(child.key());
    child.parents.insert(parent.key());
    if (action.is_default) parent.default_partition = child.key();
  } else {
    parent.children.erase(child.key());
    child.parents.erase(parent.key());
    if (parent.default_partition == child.key()) parent.default_partition.clear();
  }
}

void alter_table(const Action& action, Catalog& catalog, RelationFacts& table) {
  switch (action.act) {
    case Act::SetLogged:
      table.logged = action.name == "logged";
      return;
    case Act::SetTablespace:
      table.tablespace = action.name;
      return;
    case Act::SetAccessMethod:
      table.access_method = action.name;
      return;
    case Act::Owner:
      table.owner = action.new_name;
      return;
    case Act::ValidateConstraint:
      for (ConstraintFacts& constraint : table.constraints) {
        if (constraint.name == action.name) constraint.valid = true;
      }
      return;
    case Act::RenameConstraint:
      for (ConstraintFacts& constraint : table.constraints) {
        if (constraint.name == action.name) constraint.name = action.new_name;
      }
      return;
    case Act::Attach:
    case Act::Inherit:
      return attach(action, catalog, table, true);
    case Act::Detach:
    case Act::NoInherit:
      return attach(action, catalog, table, false);
    default:
      break;
  }
  std::vector<std::string> keys;
  for (const RelationFacts* each : catalog.with_children(table)) keys.push_back(each->key());
  for (const std::string& key : keys) {
    if (RelationFacts* each = catalog.at(key)) change_table(action, catalog, *each);
  }
}

void rename_index(const Shape& shape, Catalog& catalog) {
  for (const Action& action : shape.actions) {
    const RelationFacts* table = catalog.table_of_index(shape.objects.front());
    if (table == nullptr || action.act != Act::RenameTo) continue;
    RelationFacts* found = catalog.at(table->key());
    catalog.index_tables.erase(found->schema + "." + shape.objects.front().name);
    catalog.index_tables[found->schema + "." + action.new_name] = found->key();
    for (IndexFacts& index : found->indexes) {
      if (index.name == shape.objects.front().name) index.name = action.new_name;
    }
  }
}

void alter(const Shape& shape, Catalog& catalog) {
  if (shape.kind == ObjectKind::Index) return rename_index(shape, catalog);
  const RelationFacts* relation = std::as_const(catalog).find(shape.objects.front());
  if (relation == nullptr) return;
  const std::string key = relation->key();
  for (const Action& action : shape.actions) {
    RelationFacts* table = catalog.at(key);
    if (table == nullptr) return;
    if (action.act == Act::RenameTo) {
      const std::string schema = table->schema;
      return rename_relation(catalog, key, schema, action.new_name);
    }
    if (action.act == Act::SetSchema) {
      const std::string name = table->name;
      return rename_relation(catalog, key, action.new_name, name);
    }
    alter_table(action, catalog, *table);
  }
}

// --- CREATE --------------------------------------------------------------------------------------

void inherit(RelationFacts& table, const RelationFacts& parent, Catalog& catalog) {
  for (const ColumnFacts& column : parent.columns) {
    if (table.column(column.name) != nullptr) continue;
    table.columns.push_back(column);
    table.columns.back().sequence.clear();
  }
  const std::string key = table.key();
  if (RelationFacts* found = catalog.at(parent.key())) found->children.insert(key);
  table.parents.insert(parent.key());
}

RelationFacts& make_relation(const ObjectName& name, RelationKind kind, Catalog& catalog) {
  const std::string key = catalog.key_of(name);
  RelationFacts made;
  made.schema = key.substr(0, key.find('.'));
  made.name = name.name;
  made.kind = kind;
  made.owner = catalog.user;
  made.made_here = true;
  return catalog.relations[key] = std::move(made);
}

void create_table(const Shape& shape, Catalog& catalog) {
  const ObjectName& name = shape.objects.front();
  if (std::as_const(catalog).find(name) != nullptr) return;
  RelationFacts& table = make_relation(
      name, shape.is_partitioned ? RelationKind::PartitionedTable : RelationKind::Table, catalog);
  table.access_method = "heap";
  TableChange change(catalog, table);
  for (const LikeShape& like : shape.likes) {
    if (const RelationFacts* source = std::as_const(catalog).find(like.table)) {
      for (ColumnFacts column : source->columns) {
        column.sequence.clear();
        table.columns.push_back(std::move(column));
      }
    }
  }
  for (const ColumnShape& column : shape.columns) change.add(column);
  for (const ConstraintShape& constraint : shape.constraints) change.add(constraint);
  for (const ObjectName& each : shape.parents) {
    if (const RelationFacts* parent = std::as_const(catalog).find(each)) {
      inherit(table, *parent, catalog);
    }
  }
}

void create_index(const Shape& shape, Catalog& catalog) {
  RelationFacts* table = catalog.find(shape.objects.front());
  if (table == nullptr) return;
  IndexFacts index{shape.name, {}, shape.unique, true};
  std::string columns;
  for (const ColumnShape& column : shape.columns) {
    if (!column.name.empty()) index.columns.insert(column.name);
    columns += (columns.empty() ? "" : "_") + (column.name.empty() ? "expr" : column.name);
  }
  if (index.name.empty()) index.name = made_name(table->name, columns, "idx");
  const bool is_there = std::ranges::any_of(
      table->indexes, [&](const IndexFacts& each) { return each.name == index.name; });
  if (!is_there) TableChange(catalog, *table).add_index(std::move(index));
}

void create_relation(const Shape& shape, Catalog& catalog) {
  const ObjectName& name = shape.objects.front();
  if (std::as_const(catalog).find(name) != nullptr) return;
  make_relation(name,
                shape.verb == Verb::CreateSequence           ? RelationKind::Sequence
                : shape.kind == ObjectKind::MaterializedView ? RelationKind::MaterializedView
                                                             : RelationKind::View,
                catalog);
}

// --- DROP ----------------------------------------------------------------------------------------

void drop(const Shape& shape, Catalog& catalog) {
  for (const ObjectName& name : shape.objects) {
    switch (shape.kind) {
      case ObjectKind::Table:
      case ObjectKind::View:
      case ObjectKind::MaterializedView:
      case ObjectKind::Sequence:
        if (const RelationFacts* found = std::as_const(catalog).find(name)) {
          const std::string key = found->key();
          erase_relation(catalog, key);
        }
        break;
      case ObjectKind::Index:
        if (const RelationFacts* table = catalog.table_of_index(name)) {
          RelationFacts* found = catalog.at(table->key());
          TableChange(catalog, *found).drop_index(name.name);
        }
        break;
      case ObjectKind::Type:
      case ObjectKind::Domain:
        catalog.types.erase(name.name);
        break;
      default:
        break;
    }
  }
}

void alter_domain(const Shape& shape, Catalog& catalog) {
  const auto found = catalog.types.find(shape.objects.front().name);
  if (found != catalog.types.end()) found->second.has_constraints = true;
}

}  // namespace

void apply(const Shape& shape, Catalog& catalog) {
  switch (shape.verb) {
    case Verb::Alter:
      return alter(shape, catalog);
    case Verb::CreateTable:
      return create_table(shape, catalog);
    case Verb::CreateIndex:
      return create_index(shape, catalog);
    case Verb::CreateView:
    case Verb::CreateSequence:
      return create_relation(shape, catalog);
    case Verb::Drop:
      return drop(shape, catalog);
    case Verb::AlterDomain:
      return alter_domain(shape, catalog);
    case Verb::Setting:
      if (shape.name == "timezone" || shape.name == "time") catalog.utc = shape.value_is_utc;
      return;
    default:
      return;
  }
}

}  // namespace engine
