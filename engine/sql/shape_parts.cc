// SPDX-License-Identifier: Apache-2.0
#include "engine/sql/shape_parts.h"

#include <array>
#include <charconv>
#include <map>
#include <utility>

namespace engine {
namespace {

// As written -> as format_type prints it.
const std::map<std::string, std::string, std::less<>>& type_aliases() {
  static const std::map<std::string, std::string, std::less<>> kAliases = {
      {"int", "integer"},
      {"int4", "integer"},
      {"int8", "bigint"},
      {"int2", "smallint"},
      {"varchar", "character varying"},
      {"char", "character"},
      {"bpchar", "character"},
      {"decimal", "numeric"},
      {"dec", "numeric"},
      {"bool", "boolean"},
      {"float8", "double precision"},
      {"float4", "real"},
      {"float", "double precision"},
      {"varbit", "bit varying"},
      {"timestamptz", "timestamp with time zone"},
      {"timetz", "time with time zone"},
      {"timestamp", "timestamp without time zone"},
      {"time", "time without time zone"},
      {"nchar", "character"},
  };
  return kAliases;
}

std::vector<int> take_modifiers(SqlWords& words) {
  std::vector<int> modifiers;
  if (!words.at_symbol("(")) return modifiers;
  const std::size_t begin = words.position();
  words.skip_parentheses();
  const std::size_t end = words.position();
  words.go_to(begin);
  for (; words.position() < end && !words.at_end(); words.next()) {
    if (words.word().kind != SqlWord::Kind::Number) continue;
    int number = 0;
    const std::string& text = words.word().text;
    std::from_chars(text.data(), text.data() + text.size(), number);
    modifiers.push_back(number);
  }
  return modifiers;
}

void take_interval_fields(SqlWords& words) {
  while (words.at_any({"year", "month", "day", "hour", "minute", "second", "to"})) words.next();
}

// Words after which no expression goes on, where one stands behind a column.
bool at_column_clause(const SqlWords& words) {
  return words.at_any({"constraint", "not", "null", "check", "default", "unique", "primary",
                       "references", "generated", "collate", "deferrable", "initially"});
}

Expression expression_between(SqlWords& words, std::size_t from, std::size_t to) {
  return {std::string(words.text_between(from, to)), functions_between(words, from, to)};
}

Expression take_default(SqlWords& words) {
  const std::size_t begin = words.position();
  words.skip_one();
  while (!words.at_end() && !words.at_symbol(",") && !words.at_symbol(")") &&
         !at_column_clause(words)) {
    words.skip_one();
  }
  return expression_between(words, begin, words.position());
}

Expression take_parenthesized(SqlWords& words) {
  const std::size_t begin = words.position();
  words.skip_parentheses();
  return expression_between(words, begin, words.position());
}

std::string take_referential_action(SqlWords& words) {
  if (words.take("cascade")) return "cascade";
  if (words.take("restrict")) return "restrict";
  if (words.take_all({"no", "action"})) return "";
  if (!words.take("set")) return "";
  std::string action = words.take("null") ? "set null" : (words.next(), "set default");
  words.skip_parentheses();
  return action;
}

// NOT VALID, DEFERRABLE, ON DELETE ..., MATCH ..., NO INHERIT, USING INDEX TABLESPACE.
void take_constraint_attributes(SqlWords& words, ConstraintShape& constraint) {
  while (true) {
    if (words.take_all({"not", "valid"})) {
      constraint.valid = false;
    } else if (words.take_all({"on", "delete"})) {
      constraint.on_delete = take_referential_action(words);
    } else if (words.take_all({"on", "update"})) {
      constraint.on_update = take_referential_action(words);
    } else if (words.at_all({"not", "deferrable"}) || words.at_all({"no", "inherit"}) ||
               words.at_all({"not", "enforced"}) || words.at_any({"match", "initially"})) {
      words.next();
      words.next();
    } else if (words.at_any({"deferrable", "enforced"}) ||
               words.take_all({"using", "index", "tablespace"})) {
      words.next();
    } else if (words.take("with") || words.take("include") || words.take("where")) {
      words.skip_parentheses();
    } else {
      return;
    }
  }
}

void take_references(SqlWords& words, ConstraintShape& constraint) {
  constraint.kind = ConstraintKind::ForeignKey;
  constraint.references = words.take_object();
  constraint.referenced_columns = words.take_name_list();
}

void take_key(SqlWords& words, ConstraintShape& constraint) {
  if (words.take("nulls")) {
    words.take("not");
    words.take("distinct");
  }
  if (words.take_all({"using", "index"}) && !words.at("tablespace")) {
    constraint.using_index = words.take_name();
  }
  if (words.at_symbol("(")) constraint.columns = words.take_name_list();
}

// `column` empty: of the table.
std::optional<ConstraintShape> take_constraint(SqlWords& words, const std::string& column) {
  const std::size_t begin = words.position();
  ConstraintShape constraint;
  if (words.take("constraint")) constraint.name = words.take_name();
  if (!column.empty()) constraint.columns = {column};
  if (words.take("check")) {
    constraint.check = take_parenthesized(words);
  } else if (words.take("unique")) {
    constraint.kind = ConstraintKind::Unique;
    take_key(words, constraint);
  } else if (words.take_all({"primary", "key"})) {
    constraint.kind = ConstraintKind::PrimaryKey;
    take_key(words, constraint);
  } else if (words.take("exclude")) {
    constraint.kind = ConstraintKind::Exclude;
    if (words.take("using")) words.next();
    words.skip_parentheses();
  } else if (words.take_all({"foreign", "key"})) {
    constraint.columns = words.take_name_list();
    words.take("references");
    take_references(words, constraint);
  } else if (!column.empty() && words.take("references")) {
    take_references(words, constraint);
  } else if (words.take_all({"not", "null"})) {
    constraint.kind = ConstraintKind::NotNull;
    if (column.empty()) constraint.columns = {words.take_name()};
  } else {
    words.go_to(begin);
    return {};
  }
  take_constraint_attributes(words, constraint);
  return constraint;
}

void take_generated(SqlWords& words, ColumnShape& column) {
  if (!words.take("always")) words.take_all({"by", "default"});
  words.take("as");
  if (words.take("identity")) {
    column.identity = Identity::Identity;
    column.not_null = true;
    words.skip_parentheses();
    return;
  }
  column.default_value = take_parenthesized(words);
  column.generated = words.take("stored");
  words.take("virtual");
}

// One clause behind a column's type. False: something else stands here.
bool take_column_clause(SqlWords& words, ColumnShape& column) {
  if (words.take("default")) {
    column.default_value = take_default(words);
  } else if (words.take("generated")) {
    take_generated(words, column);
  } else if (words.take("collate")) {
    column.collation = words.take_object().name;
  } else if (words.take("null") || words.take("deferrable") ||
             words.take_all({"not", "deferrable"})) {
    return true;
  } else if (words.at_any({"storage", "compression"})) {
    words.next();
    words.next();
  } else if (const auto constraint = take_constraint(words, column.name)) {
    if (constraint->kind == ConstraintKind::NotNull) {
      column.not_null = true;
    } else {
      column.constraints.push_back(*constraint);
    }
  } else {
    // CONSTRAINT name NULL, CONSTRAINT name DEFAULT ...
    if (!words.take("constraint")) return false;
    words.take_name();
  }
  return true;
}

Identity take_serial(TypeShape& type) {
  static const std::map<std::string, std::string, std::less<>> kSerials = {
      {"serial", "integer"}, {"serial4", "integer"},      {"bigserial", "bigint"},
      {"serial8", "bigint"}, {"smallserial", "smallint"}, {"serial2", "smallint"}};
  const auto found = kSerials.find(type.name);
  if (found == kSerials.end() || !type.schema.empty()) return Identity::None;
  type.name = found->second;
  return Identity::Serial;
}

}  // namespace

TypeShape take_type(SqlWords& words) {
  TypeShape type;
  words.take("setof");
  const bool quoted = words.word().kind == SqlWord::Kind::QuotedName;
  const ObjectName name = words.take_object();
  type.schema = name.schema == "pg_catalog" ? "" : name.schema;
  type.name = name.name;
  if (!quoted && type.schema.empty()) {
    if (type.name == "double") words.take("precision");
    const bool national = type.name == "national";
    if (national) type.name = words.take_name();
    if (const auto alias = type_aliases().find(type.name); alias != type_aliases().end()) {
      type.name = alias->second;
    }
    if (type.name == "double") type.name = "double precision";
    if ((type.name == "character" || type.name == "bit") && words.take("varying")) {
      type.name += " varying";
    }
  } else if (quoted && type.schema.empty() && type.name == "char") {
    type.name = "\"char\"";
  }
  if (type.name == "interval") take_interval_fields(words);
  type.modifiers = take_modifiers(words);
  if (words.take_all({"with", "time", "zone"})) {
    type.name = type.name.substr(0, type.name.find(' ')) + " with time zone";
  }
  words.take_all({"without", "time", "zone"});
  if ((type.name == "character" || type.name == "bit") && type.modifiers.empty() && !quoted) {
    type.modifiers = {1};
  }
  if (type.name == "numeric" && type.modifiers.size() == 1) type.modifiers.push_back(0);
  while (words.at_symbol("[") || words.at("array")) {
    type.is_array = true;
    words.skip_one();
  }
  return type;
}

TypeShape type_named(std::string_view text) {
  SqlWords words(text);
  return take_type(words);
}

ColumnShape take_column(SqlWords& words) {
  ColumnShape column;
  column.name = words.take_name();
  column.type = take_type(words);
  column.identity = take_serial(column.type);
  column.not_null = column.identity == Identity::Serial;
  while (take_column_clause(words, column)) {
  }
  for (const ConstraintShape& constraint : column.constraints) {
    if (constraint.kind == ConstraintKind::PrimaryKey) column.not_null = true;
  }
  return column;
}

std::optional<ConstraintShape> take_table_constraint(SqlWords& words) {
  return take_constraint(words, "");
}

void skip_action(SqlWords& words) {
  while (!words.at_end() && !words.at_symbol(",") && !words.at_symbol(")")) words.skip_one();
}

Expression take_expression(SqlWords& words) {
  const std::size_t begin = words.position();
  skip_action(words);
  return expression_between(words, begin, words.position());
}

std::set<std::string> functions_between(SqlWords& words, std::size_t from, std::size_t to) {
  // Names before a parenthesis that are no functions.
  static const std::set<std::string, std::less<>> kNoFunctions = {
      "all",        "and",       "any",          "array",     "as",         "between",
      "by",         "case",      "check",        "cast",      "coalesce",   "conflict",
      "default",    "distinct",  "else",         "end",       "except",     "exists",
      "extract",    "filter",    "from",         "greatest",  "group",      "grouping",
      "having",     "in",        "index",        "insert",    "intersect",  "interval",
      "into",       "is",        "join",         "key",       "lateral",    "least",
      "limit",      "like",      "materialized", "not",       "null",       "nullif",
      "offset",     "on",        "only",         "or",        "order",      "over",
      "overlay",    "partition", "position",     "row",       "rows",       "select",
      "set",        "similar",   "some",         "substring", "table",      "then",
      "to",         "trim",      "union",        "unique",    "using",      "values",
      "when",       "where",     "with",         "within",    "xmlelement", "returning",
      "references", "primary",   "foreign",      "exclude",   "window",     "cube",
      "rollup",     "sets",      "timestamp",    "time",      "numeric",    "decimal",
      "varchar",    "char",      "character",    "varying",   "bit",        "varbit",
      "dec",        "float",     "timestamptz",  "timetz",    "bpchar",     "zone",
      "tablesample"};
  std::set<std::string> functions;
  const std::size_t before = words.position();
  SqlWord last = {};
  for (words.go_to(from); words.position() < to && !words.at_end(); words.next()) {
    if (words.at_symbol("(") && last.is_name() && !kNoFunctions.contains(last.text)) {
      functions.insert(last.text);
    }
    last = words.word();
  }
  words.go_to(before);
  return functions;
}

}  // namespace engine
