// SPDX-License-Identifier: Apache-2.0
//
// What a statement does, as far as rules about locks and dangers need it. Not a grammar:
// what is not recognised says so, and whether it runs is PostgreSQL's business.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/sql/sql_words.h"

namespace engine {

// A type by the name that PostgreSQL's format_type prints: "integer", "character varying".
struct TypeShape {
  std::string schema = {};
  std::string name = {};
  std::vector<int> modifiers = {};  // (10), (8,2)
  bool is_array = false;

  friend bool operator==(const TypeShape&, const TypeShape&) = default;
};

struct Expression {
  std::string text = {};
  std::set<std::string> functions = {};  // called in it, without schema

  bool empty() const { return text.empty(); }
};

enum class ConstraintKind { Check, NotNull, Unique, PrimaryKey, Exclude, ForeignKey };

struct ConstraintShape {
  ConstraintKind kind = ConstraintKind::Check;
  std::string name = {};  // empty: PostgreSQL makes one
  std::vector<std::string> columns = {};
  Expression check = {};
  ObjectName references = {};
  std::vector<std::string> referenced_columns = {};
  std::string on_delete = {};  // "cascade", "set null" ...; empty: no action
  std::string on_update = {};
  std::string using_index = {};
  bool valid = true;  // false: NOT VALID
};

enum class Identity { None, Serial, Identity };

struct ColumnShape {
  std::string name = {};
  TypeShape type = {};
  Expression default_value = {};
  Identity identity = Identity::None;
  bool generated = false;  // STORED
  bool not_null = false;
  std::string collation = {};
  std::vector<ConstraintShape> constraints = {};  // without NOT NULL
};

enum class Act {
  AddColumn,
  DropColumn,
  SetType,
  SetDefault,
  DropDefault,
  SetNotNull,
  DropNotNull,
  DropExpression,
  SetStatistics,
  SetColumnOptions,
  SetStorage,
  AddIdentity,
  AlterIdentity,
  DropIdentity,
  AddConstraint,
  AlterConstraint,
  ValidateConstraint,
  DropConstraint,
  Trigger,
  Rule,
  RowSecurity,
  Cluster,
  SetLogged,
  SetTablespace,
  SetAccessMethod,
  SetOptions,
  Inherit,
  NoInherit,
  OfType,
  Owner,
  ReplicaIdentity,
  RenameColumn,
  RenameConstraint,
  RenameTo,
  SetSchema,
  Attach,
  Detach
};

// One action of ALTER TABLE (VIEW, MATERIALIZED VIEW, SEQUENCE, INDEX).
struct Action {
  Act act = Act::SetOptions;
  std::string name = {};  // of the column, constraint or index; SetTablespace ...: the new value
  std::string new_name = {};        // Rename..., SetSchema, Owner
  ColumnShape column = {};          // AddColumn, SetType (type and collation), SetDefault
  Expression using_value = {};      // SetType
  ConstraintShape constraint = {};  // AddConstraint
  ObjectName other = {};            // Attach, Detach, Inherit, NoInherit
  bool conditional = false;         // IF EXISTS, IF NOT EXISTS
  bool cascade = false;
  bool concurrently = false;           // Detach
  bool is_default = false;             // Attach: DEFAULT
  std::set<std::string> options = {};  // SetOptions
};

enum class ObjectKind {
  None,
  Table,
  View,
  MaterializedView,
  Index,
  Sequence,
  Type,
  Domain,
  Schema,
  Trigger,
  Rule,
  Policy,
  Statistics,
  Publication,
  Column,
  Database,
  Extension,
  Function,
  Other
};

enum class Verb {
  Unknown,
  Harmless,  // takes no lock on a table: `kind` may say what it is about
  Alter,     // of `kind` Table, View, MaterializedView, Sequence, Index: see `actions`
  CreateTable,
  CreateIndex,
  CreateView,
  CreateSequence,
  CreateTrigger,
  CreateRule,
  CreatePolicy,
  CreateStatistics,
  AlterType,
  AlterDomain,
  AlterPolicy,
  Drop,
  Truncate,
  Reindex,
  Cluster,
  Vacuum,
  Analyze,
  Lock,
  Comment,
  Refresh,
  Publication,
  Data,
  Setting,
  Transaction,
  Outside
};

enum class DataVerb { Insert, Update, Delete, Merge, LockRows };

struct DataTarget {
  DataVerb verb = DataVerb::Insert;
  ObjectName table = {};
  std::vector<std::string> columns = {};  // Insert: the list (empty: all); Update: what is set
  bool has_condition = false;             // Update, Delete: WHERE or USING
};

struct LikeShape {
  ObjectName table = {};
  bool indexes = false;
  bool identity = false;
  bool statistics = false;
};

struct Shape {
  Verb verb = Verb::Unknown;
  ObjectKind kind = ObjectKind::None;
  std::string why_unknown = {};          // Unknown
  std::vector<ObjectName> objects = {};  // the tables (or what `kind` says) that are named
  std::vector<Action> actions = {};      // Alter; AlterDomain: at most one constraint
  bool concurrently = false;
  bool conditional = false;  // IF EXISTS, IF NOT EXISTS
  bool only = false;
  bool cascade = false;
  bool unique = false;
  bool temporary = false;
  bool full = false;        // VACUUM FULL
  bool with_query = false;  // CREATE TABLE ... AS
  bool without_data = false;
  bool for_all = false;              // ANALYZE, VACUUM, CLUSTER without a table; REINDEX SCHEMA ...
  bool outside_transaction = false;  // PostgreSQL refuses it in a transaction (25001)
  bool session_wide = false;         // Setting: outlives the transaction
  bool value_is_utc = false;         // Setting
  std::string name = {};      // of an index, trigger, policy, rule, setting; AlterType: the value
  std::string new_name = {};  // AlterType: RENAME; the mode of LOCK
  std::vector<ColumnShape> columns = {};  // CreateTable; CreateIndex: names of plain columns
  std::vector<ConstraintShape> constraints = {};
  std::vector<ObjectName> parents = {};  // INHERITS, PARTITION OF
  bool is_partition = false;
  bool is_partitioned = false;
  std::vector<LikeShape> likes = {};
  std::vector<DataTarget> data = {};       // Data; CreateRule: of its actions
  std::set<std::string> functions = {};    // called by Data
  std::vector<ObjectName> sequences = {};  // nextval('...'), setval('...')
};

// Never throws for what split_statements returns. Longer than kLongestShape bytes: Unknown.
inline constexpr std::size_t kLongestShape = 1U << 20;
Shape shape_of(std::string_view statement, SqlFlavour flavour = SqlFlavour::PostgreSql);

// "varchar(10)", as a statement or format_type writes it.
TypeShape take_type(SqlWords&);
TypeShape type_named(std::string_view text);

}  // namespace engine
