// SPDX-License-Identifier: Apache-2.0
#include "engine/db/catalog.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace engine {
namespace {

using Keys = std::map<std::string, std::string>;  // oid -> key

// Between the names of a list: stands in no name.
constexpr char kSeparator = '\x1f';

std::vector<std::string> list_of(const std::optional<std::string>& text) {
  std::vector<std::string> parts;
  if (!text || text->empty()) return parts;
  std::size_t at = 0;
  while (true) {
    const std::size_t end = text->find(kSeparator, at);
    parts.push_back(text->substr(at, end - at));
    if (end == std::string::npos) return parts;
    at = end + 1;
  }
}

bool is_true(const std::optional<std::string>& value) { return value == "t"; }

char first_of(const std::optional<std::string>& value) {
  return value && !value->empty() ? value->front() : '\0';
}

std::string key_at(const Keys& keys, const std::optional<std::string>& oid) {
  const auto found = keys.find(oid.value_or(""));
  return found == keys.end() ? std::string() : found->second;
}

RelationKind kind_of(char relkind) {
  switch (relkind) {
    case 'p':
      return RelationKind::PartitionedTable;
    case 'v':
      return RelationKind::View;
    case 'm':
      return RelationKind::MaterializedView;
    case 'S':
      return RelationKind::Sequence;
    case 'f':
      return RelationKind::Foreign;
    default:
      return RelationKind::Table;
  }
}

ConstraintKind constraint_kind(char contype) {
  switch (contype) {
    case 'p':
      return ConstraintKind::PrimaryKey;
    case 'u':
      return ConstraintKind::Unique;
    case 'f':
      return ConstraintKind::ForeignKey;
    case 'x':
      return ConstraintKind::Exclude;
    case 'n':
      return ConstraintKind::NotNull;
    default:
      return ConstraintKind::Check;
  }
}

std::string action_named(char action) {
  switch (action) {
    case 'c':
      return "cascade";
    case 'n':
      return "set null";
    case 'd':
      return "set default";
    default:
      return "";
  }
}

class Reader {
 public:
  Reader(Connection& connection, const CatalogQuestion& question)
      : connection_(connection), question_(question) {}

  Catalog read() {
    catalog_.is_read = true;
    read_session();
    read_types();
    read_functions();
    find_relations();
    if (oids_.empty()) return std::move(catalog_);
    read_relations();
    read_columns();
    read_indexes();
    read_constraints();
    read_inheritance();
    read_views();
    return std::move(catalog_);
  }

 private:
  std::vector<Row> query(const std::string& sql) { return connection_.query(sql); }

  std::string literal(std::string_view text) const {
    return connection_.dialect().quote_literal(text);
  }

  // ('a'), ('b'); never empty.
  template <typename Names>
  std::string values(const Names& names) const {
    std::string text;
    for (const std::string& name : names) {
      text += fmt::format("{}({})", text.empty() ? "" : ", ", literal(name));
    }
    return text.empty() ? "(NULL::text)" : text;
  }

  void read_session() {
    const Row row = query(fmt::format(
        "SELECT current_setting('server_version_num'), current_user, "
        "upper(current_setting('TimeZone')) IN ('UTC', 'GMT', 'ETC/UTC', 'ETC/GMT', 'UCT', "
        "'ZULU'), "
        "array_to_string(current_schemas(false), E'\\x1f'), "
        "(SELECT t.spcname FROM pg_catalog.pg_database d JOIN pg_catalog.pg_tablespace t "
        "ON t.oid = d.dattablespace WHERE d.datname = current_database())"))[0];
    const std::string version = row[0].value_or("0");
    std::from_chars(version.data(), version.data() + version.size(), catalog_.server_version);
    catalog_.user = row[1].value_or("");
    catalog_.utc = is_true(row[2]);
    catalog_.search_path = list_of(row[3]);
    catalog_.default_tablespace = row[4].value_or("");
  }

  void read_types() {
    for (const Row& row : query(fmt::format(
             "SELECT t.typname, t.typtype = 'd', "
             "t.typnotnull OR EXISTS (SELECT FROM pg_catalog.pg_constraint c WHERE c.contypid = "
             "t.oid), format_type(t.typbasetype, t.typtypmod), t.oid, t.typbasetype "
             "FROM pg_catalog.pg_type t WHERE t.typtype IN ('d', 'e', 'c', 'r') "
             "AND pg_catalog.pg_type_is_visible(t.oid) "
             "AND NOT EXISTS (SELECT FROM pg_catalog.pg_class r WHERE r.oid = t.typrelid AND "
             "r.relkind <> 'c') AND (t.typtype = 'd' OR t.typname IN (VALUES {}))",
             values(question_.types)))) {
      TypeFacts facts;
      facts.is_domain = is_true(row[1]);
      facts.has_constraints = is_true(row[2]);
      if (facts.is_domain) facts.base = type_named(row[3].value_or(""));
      catalog_.types[row[0].value_or("")] = facts;
      if (question_.types.contains(row[0].value_or(""))) {
        type_oids_[row[4].value_or("")] = row[0].value_or("");
      }
    }
  }

  void read_functions() {
    if (question_.functions.empty()) return;
    for (const Row& row : query(fmt::format(
             "SELECT proname, bool_or(provolatile = 'v'), bool_or(pronamespace <> "
             "'pg_catalog'::regnamespace) FROM pg_catalog.pg_proc WHERE proname IN (VALUES {}) AND "
             "pg_catalog.pg_function_is_visible(oid) GROUP BY proname",
             values(question_.functions)))) {
      if (is_true(row[1])) catalog_.volatile_functions.insert(row[0].value_or(""));
      if (is_true(row[2])) catalog_.own_functions.insert(row[0].value_or(""));
    }
  }

  // The relations of the names, and all that hangs on them.
  void find_relations() {
    std::set<std::string> plain;
    std::string qualified;
    for (const ObjectName& name : question_.relations) {
      if (name.schema.empty()) {
        plain.insert(name.name);
      } else {
        qualified += fmt::format("{}({}, {})", qualified.empty() ? "" : ", ", literal(name.schema),
                                 literal(name.name));
      }
    }
    if (qualified.empty()) qualified = "(NULL::text, NULL::text)";
    std::string types;
    for (const auto& [oid, name] : type_oids_) types += (types.empty() ? "" : ",") + oid;
    const auto rows = query(fmt::format(
        "WITH RECURSIVE named AS ("
        "SELECT coalesce(i.indrelid, c.oid) AS oid FROM pg_catalog.pg_class c "
        "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
        "LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid "
        "WHERE (c.relname IN (VALUES {}) AND n.nspname = ANY(current_schemas(false))) "
        "OR (n.nspname, c.relname) IN (VALUES {}) "
        "UNION SELECT attrelid FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c "
        "ON c.oid = a.attrelid WHERE atttypid = ANY('{{{}}}'::oid[]) AND NOT attisdropped "
        "AND c.relkind IN ('r', 'm', 'p') "
        "UNION SELECT s.stxrelid FROM pg_catalog.pg_statistic_ext s WHERE s.stxname IN (VALUES "
        "{})), "
        "edges AS MATERIALIZED ("
        "SELECT inhparent AS a, inhrelid AS b FROM pg_catalog.pg_inherits "
        "UNION SELECT inhrelid, inhparent FROM pg_catalog.pg_inherits "
        "UNION SELECT confrelid, conrelid FROM pg_catalog.pg_constraint WHERE contype = 'f' "
        "UNION SELECT d.refobjid, r.ev_class FROM pg_catalog.pg_depend d "
        "JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid "
        "WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass "
        "AND r.ev_type = '1' AND r.ev_class <> d.refobjid AND r.oid > 16383), "
        "reached AS (SELECT oid FROM named UNION SELECT e.b FROM reached JOIN edges e ON e.a = "
        "reached.oid), "
        "referenced AS (SELECT oid FROM reached UNION SELECT confrelid FROM "
        "pg_catalog.pg_constraint JOIN reached ON conrelid = reached.oid WHERE contype = 'f' "
        "UNION SELECT e.b FROM referenced JOIN (SELECT inhparent AS a, inhrelid AS b FROM "
        "pg_catalog.pg_inherits) e ON e.a = referenced.oid) "
        "SELECT DISTINCT oid FROM referenced WHERE oid <> 0",
        values(plain), qualified, types, values(plain)));
    for (const Row& row : rows) {
      oids_ += (oids_.empty() ? "" : ",") + row[0].value_or("");
    }
  }

  std::string among(std::string_view column) const {
    return fmt::format("{} = ANY('{{{}}}'::oid[])", column, oids_);
  }

  RelationFacts* relation(const std::optional<std::string>& oid) {
    return catalog_.at(key_at(keys_, oid));
  }

  void read_relations() {
    for (const Row& row : query(fmt::format(
             "SELECT c.oid, n.nspname, c.relname, c.relkind, "
             "pg_catalog.pg_get_userbyid(c.relowner), "
             "t.spcname, a.amname, c.relpersistence = 'p' FROM pg_catalog.pg_class c "
             "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
             "LEFT JOIN pg_catalog.pg_tablespace t ON t.oid = c.reltablespace "
             "LEFT JOIN pg_catalog.pg_am a ON a.oid = c.relam "
             "WHERE {} OR c.oid IN (SELECT d.objid FROM pg_catalog.pg_depend d WHERE d.classid = "
             "'pg_class'::regclass AND d.deptype IN ('a', 'i') AND {} AND c.relkind = 'S')",
             among("c.oid"), among("d.refobjid")))) {
      RelationFacts facts;
      facts.schema = row[1].value_or("");
      facts.name = row[2].value_or("");
      facts.kind = kind_of(first_of(row[3]));
      facts.owner = row[4].value_or("");
      facts.tablespace = row[5].value_or("");
      facts.access_method = row[6].value_or("");
      facts.logged = is_true(row[7]);
      keys_[row[0].value_or("")] = facts.key();
      catalog_.relations[facts.key()] = std::move(facts);
    }
  }

  void read_columns() {
    for (const Row& row : query(fmt::format(
             "SELECT a.attrelid, a.attname, format_type(a.atttypid, a.atttypmod), "
             "CASE WHEN a.attcollation <> t.typcollation THEN l.collname END, a.attnotnull, "
             "a.atthasdef OR a.attidentity <> '', a.attidentity <> '', "
             "(SELECT d.objid FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class s ON s.oid = "
             "d.objid AND s.relkind = 'S' WHERE d.classid = 'pg_class'::regclass AND d.refclassid "
             "= "
             "'pg_class'::regclass AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum AND "
             "d.deptype IN ('a', 'i') LIMIT 1), a.atttypid "
             "FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid "
             "LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation "
             "WHERE a.attnum > 0 AND NOT a.attisdropped AND {} ORDER BY a.attrelid, a.attnum",
             among("a.attrelid")))) {
      RelationFacts* table = relation(row[0]);
      if (table == nullptr) continue;
      table->columns.push_back({row[1].value_or(""), type_named(row[2].value_or("")),
                                row[3].value_or(""), is_true(row[4]), is_true(row[5]),
                                is_true(row[6]), key_at(keys_, row[7])});
      const bool stored =
          table->kind == RelationKind::Table || table->kind == RelationKind::MaterializedView;
      const auto type = type_oids_.find(row[8].value_or(""));
      if (stored && type != type_oids_.end())
        catalog_.types[type->second].used_by.insert(table->key());
    }
  }

  void read_indexes() {
    for (const Row& row : query(fmt::format(
             "SELECT i.indrelid, n.nspname, c.relname, i.indisunique, i.indisvalid, "
             "array_to_string(ARRAY(SELECT a.attname FROM pg_catalog.pg_attribute a "
             "WHERE a.attrelid = i.indrelid AND a.attnum > 0 AND (a.attnum = ANY(i.indkey) OR "
             "EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_class'::regclass "
             "AND "
             "d.objid = c.oid AND d.refclassid = 'pg_class'::regclass AND d.refobjid = i.indrelid "
             "AND d.refobjsubid = a.attnum))), E'\\x1f') "
             "FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid "
             "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE {}",
             among("i.indrelid")))) {
      RelationFacts* table = relation(row[0]);
      if (table == nullptr) continue;
      const auto columns = list_of(row[5]);
      table->indexes.push_back({row[2].value_or(""),
                                {columns.begin(), columns.end()},
                                is_true(row[3]),
                                is_true(row[4])});
      catalog_.index_tables[row[1].value_or("") + "." + row[2].value_or("")] = table->key();
    }
  }

  void read_constraints() {
    for (
        const Row& row : query(fmt::format(
            "SELECT c.conrelid, c.conname, c.contype, c.convalidated, c.confrelid, c.confdeltype, "
            "c.confupdtype, pg_catalog.pg_get_expr(c.conbin, c.conrelid), i.relname, "
            "array_to_string(ARRAY(SELECT a.attname FROM unnest(c.conkey) WITH ORDINALITY k(n, o) "
            "JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.n ORDER BY "
            "k.o), E'\\x1f'), "
            "array_to_string(ARRAY(SELECT a.attname FROM unnest(c.confkey) WITH ORDINALITY k(n, o) "
            "JOIN pg_catalog.pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.n ORDER "
            "BY "
            "k.o), E'\\x1f') FROM pg_catalog.pg_constraint c LEFT JOIN pg_catalog.pg_class i "
            "ON i.oid = c.conindid AND c.contype IN ('p', 'u', 'x') "
            "WHERE c.contype <> 't' AND c.conrelid <> 0 AND {}",
            among("c.conrelid")))) {
      RelationFacts* table = relation(row[0]);
      if (table == nullptr) continue;
      ConstraintFacts facts;
      facts.name = row[1].value_or("");
      facts.kind = constraint_kind(first_of(row[2]));
      facts.valid = is_true(row[3]);
      facts.references = key_at(keys_, row[4]);
      facts.on_delete = action_named(first_of(row[5]));
      facts.on_update = action_named(first_of(row[6]));
      facts.text = row[7].value_or("");
      facts.index = row[8].value_or("");
      facts.columns = list_of(row[9]);
      facts.referenced_columns = list_of(row[10]);
      if (RelationFacts* other = catalog_.at(facts.references)) {
        other->referenced_by.insert(table->key());
      }
      table->constraints.push_back(std::move(facts));
    }
  }

  void read_inheritance() {
    for (const Row& row : query(fmt::format(
             "SELECT h.inhparent, h.inhrelid, p.partdefid = h.inhrelid FROM pg_catalog.pg_inherits "
             "h "
             "LEFT JOIN pg_catalog.pg_partitioned_table p ON p.partrelid = h.inhparent WHERE {}",
             among("h.inhrelid")))) {
      RelationFacts* parent = relation(row[0]);
      RelationFacts* child = relation(row[1]);
      if (parent == nullptr || child == nullptr) continue;
      parent->children.insert(child->key());
      child->parents.insert(parent->key());
      if (is_true(row[2])) parent->default_partition = child->key();
    }
  }

  void read_views() {
    for (const Row& row : query(fmt::format(
             "SELECT d.refobjid, r.ev_class, NULL, a.attname FROM pg_catalog.pg_depend d "
             "JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid LEFT JOIN pg_catalog.pg_attribute a "
             "ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid WHERE d.classid = "
             "'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass AND r.ev_class <> "
             "d.refobjid AND r.ev_type = '1' AND {} "
             "UNION ALL SELECT s.stxrelid, NULL, s.stxname, a.attname FROM "
             "pg_catalog.pg_statistic_ext s "
             "JOIN pg_catalog.pg_attribute a ON a.attrelid = s.stxrelid AND a.attnum = "
             "ANY(s.stxkeys) "
             "WHERE {}",
             among("d.refobjid"), among("stxrelid")))) {
      RelationFacts* table = relation(row[0]);
      if (table == nullptr) continue;
      const std::string column = row[3].value_or("");
      if (row[2]) table->statistics[*row[2]].insert(column);
      if (const std::string view = key_at(keys_, row[1]); !view.empty()) {
        table->views[view].insert(column);
      }
    }
  }

  Connection& connection_;
  const CatalogQuestion& question_;
  Catalog catalog_ = {};
  Keys keys_ = {};
  Keys type_oids_ = {};  // oid -> name
  std::string oids_ = {};
};

}  // namespace

Catalog read_catalog(Connection& connection, const CatalogQuestion& question) {
  if (connection.dialect().flavour() != SqlFlavour::PostgreSql) return {};
  if (connection.in_transaction()) return Reader(connection, question).read();
  // One snapshot for all queries. The planner thinks much of the long ones: compiling them would
  // take longer than running them.
  Transaction transaction(connection);
  connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY");
  connection.query(
      "SELECT set_config('jit', 'off', true) WHERE current_setting('jit', true) IS NOT NULL");
  Catalog catalog = Reader(connection, question).read();
  transaction.commit();
  return catalog;
}

}  // namespace engine
