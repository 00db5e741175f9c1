// SPDX-License-Identifier: Apache-2.0
#include "engine/sql/hazards.h"

#include <algorithm>

#include "engine/sql/type_change.h"

namespace engine {
namespace {

using enum HazardKind;

class HazardRules {
 public:
  HazardRules(const Shape& shape, const StatementLocks& locks, const Catalog& catalog,
              SqlFlavour flavour, TransactionFacts& transaction)
      : shape_(shape),
        locks_(locks),
        catalog_(catalog),
        is_postgres_(flavour == SqlFlavour::PostgreSql),
        transaction_(transaction) {}

  std::vector<Hazard> judge(std::string_view statement, SqlFlavour flavour) {
    transactions();
    by_verb();
    if (is_postgres_) {
      enum_values(statement, flavour);
      held_locks();
      remember();
    }
    return std::move(found_);
  }

 private:
  void add(HazardKind kind, const std::string& relation) {
    const bool postgres_only = info_of(kind).severity != Severity::DataLoss &&
                               info_of(kind).severity != Severity::BreaksOldCode;
    if (postgres_only && !is_postgres_) return;
    const Hazard hazard{kind, relation};
    if (std::ranges::find(found_, hazard) == found_.end()) found_.push_back(hazard);
  }

  // Somebody may be using it: it was there before the plan, as far as is known.
  bool is_old(const ObjectName& name) const {
    const RelationFacts* facts = catalog_.find(name);
    return facts == nullptr ? !(catalog_.is_read && shape_.conditional) : !facts->made_here;
  }
  bool is_old(const std::string& key) const {
    const RelationFacts* facts = catalog_.at(key);
    return facts == nullptr || !facts->made_here;
  }

  std::string key(const ObjectName& name) const { return catalog_.key_of(name); }

  // --- in or out of a transaction ----------------------------------------------------------------

  void transactions() {
    if (transaction_.is_transaction && shape_.outside_transaction) add(NotInTransaction, "");
  }

  std::string first_key() const {
    if (shape_.objects.empty() || shape_.objects.front().name.empty()) return {};
    const bool is_index = shape_.verb == Verb::Drop || shape_.verb == Verb::Reindex;
    if (is_index && shape_.kind == ObjectKind::Index) {
      const RelationFacts* table = catalog_.table_of_index(shape_.objects.front());
      return table == nullptr ? "" : table->key();
    }
    return key(shape_.objects.front());
  }

  // --- verbs -------------------------------------------------------------------------------------

  void by_verb() {
    switch (shape_.verb) {
      case Verb::Alter:
        return alter();
      case Verb::CreateIndex:
        return create_index();
      case Verb::CreateTable:
        return create_table();
      case Verb::Drop:
        return drop();
      case Verb::Truncate:
        return truncate();
      case Verb::Reindex:
        if (!shape_.concurrently) add(ReindexBlocksWrites, first_key());
        return;
      case Verb::Cluster:
        return add(TableReorderRewrites, first_key());
      case Verb::Vacuum:
        if (shape_.full) add(TableReorderRewrites, first_key());
        return;
      case Verb::Refresh:
        if (!shape_.concurrently && is_old(shape_.objects.front())) {
          add(ViewRefreshBlocksReads, first_key());
        }
        return;
      case Verb::AlterDomain:
        return alter_domain();
      case Verb::AlterType:
        if (!shape_.new_name.empty()) add(EnumValueRenamed, shape_.objects.front().name);
        return;
      case Verb::Harmless:
        if (shape_.kind == ObjectKind::Schema && !shape_.new_name.empty()) {
          add(TableRenamed, shape_.objects.front().name);
        }
        return;
      case Verb::Data:
        return data();
      default:
        return;
    }
  }

  void create_index() {
    const ObjectName& name = shape_.objects.front();
    if (!is_old(name)) return;
    const RelationFacts* table = catalog_.find(name);
    const bool partitioned = table != nullptr && table->kind == RelationKind::PartitionedTable;
    if (shape_.concurrently) {
      if (partitioned) add(ConcurrentIndexOnPartitioned, key(name));
    } else if (!(partitioned && shape_.only)) {
      add(IndexBuildBlocksWrites, key(name));
    }
  }

  void create_table() {
    for (const ObjectName& parent : shape_.parents) {
      if (shape_.is_partition && is_old(parent)) add(PartitionCreateBlocksReads, key(parent));
    }
  }

  void drop() {
    if (shape_.cascade) add(CascadeDrops, first_key());
    if (shape_.kind == ObjectKind::Database) add(TableDropped, "");
    for (const ObjectName& name : shape_.objects) {
      if (shape_.kind == ObjectKind::Table && is_old(name)) add(TableDropped, key(name));
      if (shape_.kind != ObjectKind::Index || shape_.concurrently) continue;
      const RelationFacts* table = catalog_.table_of_index(name);
      if (table == nullptr ? !catalog_.is_read : !table->made_here) {
        add(IndexDropBlocksReads, table == nullptr ? "" : table->key());
      }
    }
  }

  void truncate() {
    for (const ObjectName& name : shape_.objects) {
      if (!is_old(name)) continue;
      add(TableTruncated, key(name));
      if (shape_.cascade) add(TruncateCascades, key(name));
    }
  }

  void alter_domain() {
    if (shape_.actions.empty()) return;
    const Action& action = shape_.actions.front();
    if (action.act == Act::AddConstraint && !action.constraint.valid) return;
    const auto type = catalog_.types.find(shape_.objects.front().name);
    if (type == catalog_.types.end()) return;
    for (const std::string& table : type->second.used_by) add(DomainScanBlocksWrites, table);
  }

  void data() {
    for (const DataTarget& target : shape_.data) {
      if (target.has_condition || !is_old(target.table)) continue;
      if (target.verb == DataVerb::Delete) add(AllRowsDeleted, key(target.table));
      if (target.verb == DataVerb::Update) add(AllRowsUpdated, key(target.table));
    }
  }

  // --- ALTER TABLE -------------------------------------------------------------------------------

  void alter() {
    if (shape_.kind == ObjectKind::Index || shape_.kind == ObjectKind::Sequence) return;
    const ObjectName& name = shape_.objects.front();
    if (!is_old(name)) return;
    table_ = catalog_.find(name);
    for (const Action& action : shape_.actions) act(action, key(name));
  }

  void act(const Action& action, const std::string& table) {
    switch (action.act) {
      case Act::AddColumn:
        return add_column(action, table);
      case Act::DropColumn:
        add(ColumnDropped, table);
        if (action.cascade) add(CascadeDrops, table);
        return;
      case Act::RenameColumn:
        if (shape_.kind == ObjectKind::Table || shape_.kind == ObjectKind::View) {
          add(ColumnRenamed, table);
        }
        return;
      case Act::RenameTo:
      case Act::SetSchema:
        return add(TableRenamed, table);
      case Act::SetType:
        return set_type(action, table);
      case Act::SetNotNull:
        if (table_ == nullptr || !table_->proves_not_null(action.name)) {
          add(NotNullScanBlocksReads, table);
        }
        return;
      case Act::AddConstraint:
        return add_constraint(action.constraint, table);
      case Act::DropConstraint:
        return drop_constraint(action, table);
      case Act::ValidateConstraint:
        if (transaction_.unvalidated.contains(table + " " + action.name)) {
          add(ValidateInSameTransaction, table);
        }
        return;
      case Act::Detach:
        if (!action.concurrently) add(PartitionDetachBlocksReads, table);
        return;
      case Act::SetLogged:
        if (table_ == nullptr || table_->logged != (action.name == "logged")) {
          add(LoggingChangeRewrites, table);
        }
        return;
      case Act::SetTablespace:
      case Act::SetAccessMethod:
        if (!catalog_.is_read || locks_.rewrites.contains(table)) add(TableMoveRewrites, table);
        return;
      default:
        return;
    }
  }

  bool has_constraints(const TypeShape& type) const {
    const auto found = catalog_.types.find(type.name);
    return found != catalog_.types.end() && found->second.has_constraints;
  }

  // Without a database only the best known are known.
  bool is_volatile(const Expression& value) const {
    static const std::set<std::string, std::less<>> kKnown = {
        "clock_timestamp", "random",           "gen_random_uuid", "nextval",
        "timeofday",       "uuid_generate_v4", "uuid_generate_v1"};
    return std::ranges::any_of(value.functions, [this](const std::string& function) {
      return catalog_.volatile_functions.contains(function) ||
             (!catalog_.is_read && kKnown.contains(function));
    });
  }

  void add_column(const Action& action, const std::string& table) {
    const ColumnShape& column = action.column;
    if (action.conditional && table_ != nullptr && table_->column(column.name) != nullptr) return;
    if (column.identity != Identity::None) {
      add(SequenceColumnRewrites, table);
    } else if (column.generated) {
      add(GeneratedColumnRewrites, table);
    } else if (has_constraints(column.type)) {
      add(DomainColumnRewrites, table);
    } else if (is_volatile(column.default_value)) {
      add(VolatileDefaultRewrites, table);
    }
    if (column.not_null && column.default_value.empty() && column.identity == Identity::None) {
      add(NotNullColumnFails, table);
    }
    for (const ConstraintShape& constraint : column.constraints) {
      if (constraint.kind == ConstraintKind::Check) {
        add(ColumnCheckScanBlocksReads, table);
      } else if (constraint.kind == ConstraintKind::ForeignKey) {
        if (!column.default_value.empty()) add(ForeignKeyScanBlocksWrites, table);
      } else {
        add(ColumnKeyBuildBlocksReads, table);
      }
    }
  }

  void set_type(const Action& action, const std::string& table) {
    const ColumnFacts* column = table_ == nullptr ? nullptr : table_->column(action.name);
    const bool free =
        column != nullptr && type_change(*column, action, catalog_) != TypeChange::Rewrites;
    if (!free) add(TypeChangeRewrites, table);
  }

  void add_constraint(const ConstraintShape& constraint, const std::string& table) {
    if (!constraint.valid) {
      if (transaction_.is_transaction && !constraint.name.empty()) {
        transaction_.unvalidated.insert(table + " " + constraint.name);
      }
      return;
    }
    if (!constraint.using_index.empty()) return;
    switch (constraint.kind) {
      case ConstraintKind::PrimaryKey:
        return add(PrimaryKeyBuildBlocksReads, table);
      case ConstraintKind::Unique:
        return add(UniqueBuildBlocksReads, table);
      case ConstraintKind::Exclude:
        return add(ExclusionBuildBlocksReads, table);
      case ConstraintKind::ForeignKey:
        return add(ForeignKeyScanBlocksWrites, table);
      case ConstraintKind::NotNull:
        return add(NotNullScanBlocksReads, table);
      case ConstraintKind::Check:
        return add(CheckScanBlocksReads, table);
    }
  }

  void drop_constraint(const Action& action, const std::string& table) {
    if (action.cascade) add(CascadeDrops, table);
    const ConstraintFacts* constraint =
        table_ == nullptr ? nullptr : table_->constraint(action.name);
    if (constraint != nullptr && constraint->kind == ConstraintKind::ForeignKey) {
      add(ForeignKeyDropBlocksReads, constraint->references);
    }
  }

  // --- the transaction so far --------------------------------------------------------------------

  void enum_values(std::string_view statement, SqlFlavour flavour) {
    if (shape_.verb == Verb::AlterType) {
      const std::string& type = shape_.objects.front().name;
      const bool added = shape_.new_name.empty() && !shape_.name.empty();
      if (added && !transaction_.new_types.contains(type))
        transaction_.new_values[shape_.name] = type;
      return;
    }
    if (shape_.verb == Verb::Harmless && shape_.kind == ObjectKind::Type) {
      for (const ObjectName& name : shape_.objects) transaction_.new_types.insert(name.name);
    }
    if (transaction_.new_values.empty() || !transaction_.is_transaction) return;
    SqlWords words(statement, flavour);
    for (; !words.at_end(); words.next()) {
      if (words.word().kind != SqlWord::Kind::String) continue;
      const auto value = transaction_.new_values.find(words.word().text);
      if (value != transaction_.new_values.end()) add(EnumValueUsedAtOnce, value->second);
    }
  }

  bool works_hard() const {
    return std::ranges::any_of(found_, [](const Hazard& hazard) {
      switch (hazard.kind) {
        case IndexBuildBlocksWrites:
        case ReindexBlocksWrites:
        case PrimaryKeyBuildBlocksReads:
        case UniqueBuildBlocksReads:
        case ExclusionBuildBlocksReads:
        case CheckScanBlocksReads:
        case ForeignKeyScanBlocksWrites:
        case ValidateInSameTransaction:
        case NotNullScanBlocksReads:
        case ViewRefreshBlocksReads:
        case ColumnCheckScanBlocksReads:
        case ColumnKeyBuildBlocksReads:
          return true;
        default:
          return info_of(hazard.kind).severity == Severity::Rewrites;
      }
    });
  }

  bool changes_rows() const {
    return shape_.verb == Verb::Data &&
           std::ranges::any_of(shape_.data, [&](const DataTarget& target) {
             return target.verb != DataVerb::LockRows &&
                    (target.verb != DataVerb::Insert || is_old(target.table));
           });
  }

  void held_locks() {
    if (!transaction_.is_transaction) return;
    const std::set<std::string>& held = transaction_.exclusive;
    if (!held.empty() && changes_rows()) add(RowsChangedUnderLock, *held.begin());
    if (!held.empty() && works_hard()) {
      // The table itself was counted with the statement that locked it only if it is another one.
      add(WorkUnderLock, *held.begin());
    }
    for (const TableLock& lock : locks_.locks) {
      const bool is_new = lock.mode == LockMode::AccessExclusive && is_table(lock.relation) &&
                          !held.contains(lock.relation);
      if (is_new && !held.empty()) add(SeveralTablesLocked, lock.relation);
    }
  }

  // Made before the plan, and something that people use.
  bool is_table(const std::string& key) const {
    const RelationFacts* facts = catalog_.at(key);
    return facts != nullptr && !facts->made_here && facts->kind != RelationKind::Sequence &&
           !locks_.made.contains(key);
  }

  void remember() {
    if (!transaction_.is_transaction) return;
    for (const TableLock& lock : locks_.locks) {
      if (lock.mode == LockMode::AccessExclusive && is_table(lock.relation)) {
        transaction_.exclusive.insert(lock.relation);
      }
    }
  }

  const Shape& shape_;
  const StatementLocks& locks_;
  const Catalog& catalog_;
  bool is_postgres_;
  TransactionFacts& transaction_;
  const RelationFacts* table_ = nullptr;
  std::vector<Hazard> found_ = {};
};

}  // namespace

std::vector<Hazard> hazards_of(std::string_view statement, const Shape& shape,
                               const StatementLocks& locks, const Catalog& catalog,
                               SqlFlavour flavour, TransactionFacts& transaction) {
  return HazardRules(shape, locks, catalog, flavour, transaction).judge(statement, flavour);
}

}  // namespace engine
