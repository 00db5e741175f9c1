// SPDX-License-Identifier: Apache-2.0
//
// What a PostgreSQL database holds, as far as it decides which locks a statement takes. Facts only;
// engine/db/catalog.h reads them, and a plan changes them as its statements would.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/sql/statement_shape.h"

namespace engine {

struct ColumnFacts {
  std::string name = {};
  TypeShape type = {};
  std::string collation = {};
  bool not_null = false;
  bool has_default = false;
  bool identity = false;
  std::string sequence = {};  // owned (serial, identity): its key; empty: none
};

struct IndexFacts {
  std::string name = {};
  std::set<std::string> columns = {};  // in keys, expressions and the condition
  bool unique = false;
  bool valid = true;
};

struct ConstraintFacts {
  std::string name = {};
  ConstraintKind kind = ConstraintKind::Check;
  std::vector<std::string> columns = {};
  bool valid = true;
  std::string index = {};       // of a key
  std::string references = {};  // key of the table that a foreign key points to
  std::vector<std::string> referenced_columns = {};  // empty: its primary key
  std::string on_delete = {};  // "cascade", "set null", "set default"; empty: no action
  std::string on_update = {};
  std::string text = {};  // of a CHECK: its expression
};

enum class RelationKind { Table, PartitionedTable, View, MaterializedView, Sequence, Foreign };

// Keys are "schema.name".
struct RelationFacts {
  std::string schema = {};
  std::string name = {};
  RelationKind kind = RelationKind::Table;
  std::string owner = {};
  std::string tablespace = {};  // empty: the database's
  std::string access_method = {};
  bool logged = true;
  std::vector<ColumnFacts> columns = {};
  std::vector<IndexFacts> indexes = {};
  std::vector<ConstraintFacts> constraints = {};
  std::set<std::string> children = {};  // partitions, inheriting tables; not theirs
  std::set<std::string> parents = {};
  std::string default_partition = {};
  std::set<std::string> referenced_by = {};  // tables with a foreign key to this one
  // Views that read it, views of views not; and the columns that each uses.
  std::map<std::string, std::set<std::string>> views = {};
  std::map<std::string, std::set<std::string>> statistics = {};  // name -> columns
  bool made_here = false;  // by an earlier statement of the plan

  const ColumnFacts* column(std::string_view) const;
  ColumnFacts* column(std::string_view);
  const ConstraintFacts* constraint(std::string_view) const;
  // A valid CHECK (column IS NOT NULL) says so, or the column itself.
  bool proves_not_null(std::string_view column) const;
  std::string key() const { return schema + "." + name; }
};

struct TypeFacts {
  bool is_domain = false;
  bool has_constraints = false;        // CHECK or NOT NULL, also those of the domain beneath
  TypeShape base = {};                 // of a domain
  std::set<std::string> used_by = {};  // tables with a column of it
  bool made_here = false;
};

struct Catalog {
  bool is_read = false;    // false: nothing is known (no database)
  int server_version = 0;  // 150018
  std::string user = {};
  bool utc = true;  // the session's TimeZone
  std::vector<std::string> search_path = {"public"};
  std::string default_tablespace = {};                   // of the database
  std::map<std::string, RelationFacts> relations = {};   // by key
  std::map<std::string, std::string> index_tables = {};  // key of an index -> key of its table
  std::map<std::string, TypeFacts> types = {};           // by name
  // By name, of those asked for: what is volatile, and what is not of PostgreSQL itself.
  std::set<std::string> volatile_functions = {};
  std::set<std::string> own_functions = {};

  // Through the search path; null: there is none.
  const RelationFacts* find(const ObjectName&) const;
  RelationFacts* find(const ObjectName&);
  const RelationFacts* at(const std::string& key) const;
  RelationFacts* at(const std::string& key);
  const RelationFacts* table_of_index(const ObjectName&) const;
  std::string key_of(const ObjectName&) const;  // where it is, or where it would be made
  // Without schema where the search path finds it; quoted where it must be.
  std::string shown(const std::string& key) const;
  // The relation, then its children and theirs.
  std::vector<const RelationFacts*> with_children(const RelationFacts&) const;
};

// What is to be read for these statements.
struct CatalogQuestion {
  std::set<ObjectName> relations = {};  // tables, views, sequences and indexes
  std::set<std::string> types = {};
  std::set<std::string> functions = {};
};
CatalogQuestion question_of(const std::vector<Shape>&);

// What the statement leaves behind: tables made and gone, columns, indexes, constraints, names.
void apply(const Shape&, Catalog&);

}  // namespace engine
