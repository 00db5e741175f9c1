// SPDX-License-Identifier: Apache-2.0
#include "engine/sql/statement_shape.h"

#include <fmt/format.h>

#include <array>

#include "engine/sql/shape_parts.h"

namespace engine {
namespace {

Shape unknown(std::string why) {
  Shape shape;
  shape.why_unknown = std::move(why);
  return shape;
}

Shape harmless(ObjectKind kind = ObjectKind::None) {
  Shape shape;
  shape.verb = Verb::Harmless;
  shape.kind = kind;
  return shape;
}

Shape with(Verb verb, ObjectKind kind = ObjectKind::Table) {
  Shape shape;
  shape.verb = verb;
  shape.kind = kind;
  return shape;
}

Shape outside_transactions() {
  Shape shape = with(Verb::Outside, ObjectKind::Other);
  shape.outside_transaction = true;
  return shape;
}

// The kind of object that stands here, its words taken; None: another word.
ObjectKind take_kind(SqlWords& words) {
  struct Named {
    std::string_view word;
    ObjectKind kind;
  };
  static constexpr std::array kKinds = {Named{"table", ObjectKind::Table},
                                        Named{"view", ObjectKind::View},
                                        Named{"index", ObjectKind::Index},
                                        Named{"sequence", ObjectKind::Sequence},
                                        Named{"type", ObjectKind::Type},
                                        Named{"domain", ObjectKind::Domain},
                                        Named{"schema", ObjectKind::Schema},
                                        Named{"trigger", ObjectKind::Trigger},
                                        Named{"rule", ObjectKind::Rule},
                                        Named{"policy", ObjectKind::Policy},
                                        Named{"statistics", ObjectKind::Statistics},
                                        Named{"publication", ObjectKind::Publication},
                                        Named{"column", ObjectKind::Column},
                                        Named{"database", ObjectKind::Database},
                                        Named{"extension", ObjectKind::Extension},
                                        Named{"function", ObjectKind::Function},
                                        Named{"procedure", ObjectKind::Function},
                                        Named{"routine", ObjectKind::Function},
                                        Named{"aggregate", ObjectKind::Function}};
  if (words.take_all({"materialized", "view"})) return ObjectKind::MaterializedView;
  if (words.take_all({"foreign", "table"})) return ObjectKind::Table;
  for (const Named& named : kKinds) {
    if (words.take(named.word)) return named.kind;
  }
  return ObjectKind::None;
}

// [ONLY] a [*], b ...
void take_tables(SqlWords& words, Shape& shape) {
  words.take("table");
  do {
    if (words.take("only")) shape.only = true;
    const ObjectName name = words.take_object();
    if (name.name.empty()) return;
    shape.objects.push_back(name);
    words.take_symbol("*");
    words.skip_parentheses();
  } while (words.take_symbol(","));
}

Shape take_alter_relation(SqlWords& words, ObjectKind kind) {
  Shape shape = with(Verb::Alter, kind);
  if (words.at("all")) return unknown("ALTER ... ALL IN TABLESPACE names no table");
  shape.conditional = words.take_all({"if", "exists"});
  shape.only = words.take("only");
  shape.objects = {words.take_object()};
  words.take_symbol("*");
  if (kind == ObjectKind::Sequence && !words.at_any({"rename", "set", "owner"})) return shape;
  if (kind == ObjectKind::Index && words.at_any({"attach", "depends", "no", "alter"})) return shape;
  if (!take_actions(words, shape)) {
    return unknown(fmt::format("this form of ALTER {} is not known",
                               kind == ObjectKind::Table ? "TABLE" : "..."));
  }
  return shape;
}

Shape take_alter_type(SqlWords& words) {
  Shape shape = with(Verb::AlterType, ObjectKind::Type);
  shape.objects = {words.take_object()};
  if (words.take_all({"add", "value"})) {
    words.take_all({"if", "not", "exists"});
    shape.name = words.word().text;
  } else if (words.take_all({"rename", "value"})) {
    shape.name = words.word().text;
    shape.new_name = words.word(2).text;
  } else if (words.at_all({"rename", "attribute"}) || words.at_any({"add", "drop", "alter"})) {
    return unknown("ALTER TYPE of a composite type changes the tables made from it");
  }
  return shape;
}

Shape take_alter_domain(SqlWords& words) {
  Shape shape = with(Verb::AlterDomain, ObjectKind::Domain);
  shape.objects = {words.take_object()};
  Action action;
  if (words.take("add")) {
    const auto constraint = take_table_constraint(words);
    if (!constraint) return unknown("this form of ALTER DOMAIN is not known");
    action.act = Act::AddConstraint;
    action.constraint = *constraint;
  } else if (words.take_all({"validate", "constraint"})) {
    action.act = Act::ValidateConstraint;
  } else if (words.take_all({"set", "not", "null"})) {
    action.act = Act::SetNotNull;
  } else {
    return harmless(ObjectKind::Domain);
  }
  action.name = words.take_name();
  shape.actions = {action};
  return shape;
}

// name ON table
Shape take_on_table(SqlWords& words, Verb verb, ObjectKind kind) {
  Shape shape = with(verb, kind);
  shape.conditional = words.take_all({"if", "exists"});
  shape.name = words.take_name();
  if (words.take("on")) shape.objects = {words.take_object()};
  shape.cascade = words.take("cascade");
  return shape;
}

Shape take_publication(SqlWords& words) {
  Shape shape = with(Verb::Publication, ObjectKind::Publication);
  shape.name = words.take_name();
  if (words.at_any({"rename", "owner"}) || (words.at("set") && words.word(1).is_symbol("("))) {
    return harmless(ObjectKind::Publication);
  }
  if (words.at_any({"add", "set", "drop"})) shape.new_name = words.word().text;
  while (!words.at_end() && !words.at("table")) words.skip_one();
  if (!words.at("table")) return harmless(ObjectKind::Publication);
  take_tables(words, shape);
  return shape;
}

Shape take_alter(SqlWords& words) {
  const ObjectKind kind = take_kind(words);
  switch (kind) {
    case ObjectKind::Table:
    case ObjectKind::View:
    case ObjectKind::MaterializedView:
    case ObjectKind::Index:
    case ObjectKind::Sequence:
      return take_alter_relation(words, kind);
    case ObjectKind::Type:
      return take_alter_type(words);
    case ObjectKind::Domain:
      return take_alter_domain(words);
    case ObjectKind::Policy:
    case ObjectKind::Trigger:
    case ObjectKind::Rule:
      return take_on_table(words, Verb::AlterPolicy, kind);
    case ObjectKind::Publication: {
      Shape shape = take_publication(words);
      return shape;
    }
    case ObjectKind::Extension:
      return unknown("the script of an extension can do anything");
    case ObjectKind::Schema: {
      Shape shape = harmless(kind);
      shape.objects = {words.take_object()};
      if (words.take_all({"rename", "to"})) shape.new_name = words.take_name();
      return shape;
    }
    default:
      break;
  }
  if (words.at("system") || words.at("tablespace")) return outside_transactions();
  return harmless(kind);
}

void take_like(SqlWords& words, Shape& shape) {
  LikeShape like;
  like.table = words.take_object();
  while (words.at_any({"including", "excluding"})) {
    const bool including = words.take("including");
    if (!including) words.next();
    if (words.at_any({"all", "indexes"})) like.indexes = including;
    if (words.at_any({"all", "identity"})) like.identity = including;
    if (words.at_any({"all", "statistics"})) like.statistics = including;
    words.next();
  }
  shape.likes.push_back(like);
}

void take_table_elements(SqlWords& words, Shape& shape) {
  if (!words.take_symbol("(")) return;
  while (!words.at_end() && !words.at_symbol(")")) {
    if (words.take("like")) {
      take_like(words, shape);
    } else if (const auto constraint = take_table_constraint(words)) {
      shape.constraints.push_back(*constraint);
    } else {
      ColumnShape column = take_column(words);
      if (!column.name.empty()) shape.columns.push_back(std::move(column));
    }
    skip_action(words);
    if (!words.take_symbol(",")) break;
  }
  words.take_symbol(")");
}

Shape take_create_table(SqlWords& words) {
  Shape shape = with(Verb::CreateTable);
  shape.conditional = words.take_all({"if", "not", "exists"});
  shape.objects = {words.take_object()};
  if (words.take_all({"partition", "of"})) {
    shape.is_partition = true;
    shape.parents = {words.take_object()};
    take_table_elements(words, shape);
  } else if (words.at_symbol("(") && words.word(1).kind != SqlWord::Kind::End) {
    take_table_elements(words, shape);
  }
  if (words.take("inherits") && words.take_symbol("(")) {
    do {
      shape.parents.push_back(words.take_object());
    } while (words.take_symbol(","));
  }
  while (!words.at_end()) {
    if (words.at_all({"partition", "by"})) shape.is_partitioned = true;
    if (words.at("as")) shape.with_query = true;
    if (words.at_all({"no", "data"})) shape.without_data = true;
    words.skip_one();
  }
  return shape;
}

Shape take_create_index(SqlWords& words, bool unique) {
  Shape shape = with(Verb::CreateIndex, ObjectKind::Index);
  shape.unique = unique;
  shape.concurrently = shape.outside_transaction = words.take("concurrently");
  shape.conditional = words.take_all({"if", "not", "exists"});
  if (!words.at("on")) shape.name = words.take_name();
  if (!words.take("on")) return unknown("this form of CREATE INDEX is not known");
  shape.only = words.take("only");
  shape.objects = {words.take_object()};
  if (words.take("using")) words.next();
  if (!words.take_symbol("(")) return shape;
  while (!words.at_end() && !words.at_symbol(")")) {
    ColumnShape column;
    if (words.word().is_name() && !words.word(1).is_symbol("(")) column.name = words.take_name();
    shape.columns.push_back(column);
    skip_action(words);
    words.take_symbol(",");
  }
  return shape;
}

Shape take_create_trigger(SqlWords& words) {
  Shape shape = with(Verb::CreateTrigger, ObjectKind::Trigger);
  shape.name = words.take_name();
  while (!words.at_end() && !words.at("on")) words.skip_one();
  if (words.take("on")) shape.objects = {words.take_object()};
  if (words.take("from")) words.take_object();
  return shape;
}

Shape take_create_rule(SqlWords& words) {
  Shape shape = with(Verb::CreateRule, ObjectKind::Rule);
  shape.name = words.take_name();
  while (!words.at_end() && !words.at("to")) words.skip_one();
  if (words.take("to")) shape.objects = {words.take_object()};
  while (!words.at_end() && !words.at("do")) words.skip_one();
  take_data(words, shape);
  return shape;
}

Shape take_create_statistics(SqlWords& words) {
  Shape shape = with(Verb::CreateStatistics, ObjectKind::Statistics);
  words.take_all({"if", "not", "exists"});
  while (!words.at_end() && !words.at("from")) words.skip_one();
  if (words.take("from")) shape.objects = {words.take_object()};
  return shape;
}

Shape take_create_schema(SqlWords& words) {
  words.take_all({"if", "not", "exists"});
  if (!words.at("authorization")) words.take_name();
  if (words.take("authorization")) words.next();
  return words.at_end() ? harmless(ObjectKind::Schema)
                        : unknown("CREATE SCHEMA with elements does several things");
}

Shape take_create_view(SqlWords& words, ObjectKind kind) {
  Shape shape = with(Verb::CreateView, kind);
  shape.conditional = words.take_all({"if", "not", "exists"});
  shape.objects = {words.take_object()};
  return shape;
}

Shape take_create(SqlWords& words) {
  words.take_all({"or", "replace"});
  const bool temporary = words.at_any({"temp", "temporary"}) ||
                         words.at_all({"global", "temporary"}) ||
                         words.at_all({"local", "temporary"}) || words.at_all({"local", "temp"});
  while (words.at_any({"temp", "temporary", "unlogged", "global", "local", "recursive",
                       "constraint", "trusted", "procedural"})) {
    words.next();
  }
  if (words.take_all({"unique", "index"})) return take_create_index(words, true);
  const ObjectKind kind = take_kind(words);
  Shape shape;
  switch (kind) {
    case ObjectKind::Table:
      shape = take_create_table(words);
      break;
    case ObjectKind::Index:
      return take_create_index(words, false);
    case ObjectKind::View:
    case ObjectKind::MaterializedView:
      shape = take_create_view(words, kind);
      break;
    case ObjectKind::Sequence:
      shape = take_create_view(words, kind);
      shape.verb = Verb::CreateSequence;
      break;
    case ObjectKind::Trigger:
      return take_create_trigger(words);
    case ObjectKind::Rule:
      return take_create_rule(words);
    case ObjectKind::Policy:
      return take_on_table(words, Verb::CreatePolicy, kind);
    case ObjectKind::Statistics:
      return take_create_statistics(words);
    case ObjectKind::Schema:
      return take_create_schema(words);
    case ObjectKind::Publication:
      return take_publication(words);
    case ObjectKind::Database:
      return outside_transactions();
    default:
      if (words.at("tablespace")) return outside_transactions();
      if (words.at("subscription")) return unknown("CREATE SUBSCRIPTION talks to another server");
      shape = harmless(kind);
      if (kind == ObjectKind::Type || kind == ObjectKind::Domain) {
        shape.objects = {words.take_object()};
      }
      return shape;
  }
  shape.temporary = temporary;
  return shape;
}

Shape take_drop(SqlWords& words) {
  const ObjectKind kind = take_kind(words);
  if (kind == ObjectKind::Trigger || kind == ObjectKind::Rule || kind == ObjectKind::Policy) {
    return take_on_table(words, Verb::Drop, kind);
  }
  if (kind == ObjectKind::Database || words.at("tablespace")) {
    Shape shape = with(Verb::Drop, kind == ObjectKind::Database ? kind : ObjectKind::Other);
    shape.outside_transaction = true;
    return shape;
  }
  if (words.take("owned")) return unknown("DROP OWNED names no table");
  Shape shape = with(Verb::Drop, kind == ObjectKind::None ? ObjectKind::Other : kind);
  shape.concurrently = shape.outside_transaction = words.take("concurrently");
  shape.conditional = words.take_all({"if", "exists"});
  do {
    shape.objects.push_back(words.take_object());
    words.skip_parentheses();
  } while (words.take_symbol(","));
  while (!words.at_end()) {
    if (words.at("cascade")) shape.cascade = true;
    words.next();
  }
  return shape;
}

Shape take_truncate(SqlWords& words) {
  Shape shape = with(Verb::Truncate);
  take_tables(words, shape);
  while (!words.at_end()) {
    if (words.at("cascade")) shape.cascade = true;
    if (words.at("restart")) shape.name = "restart";
    words.next();
  }
  return shape;
}

bool is_off(std::string_view value) {
  return value == "false" || value == "off" || value == "0" || value == "'false'" ||
         value == "'off'";
}

Shape take_reindex(SqlWords& words) {
  Shape shape = with(Verb::Reindex);
  if (words.at_symbol("(")) {
    const std::size_t begin = words.position();
    words.skip_parentheses();
    const std::size_t end = words.position();
    for (words.go_to(begin); words.position() < end; words.next()) {
      if (words.at("concurrently")) shape.concurrently = !is_off(words.word(1).text);
    }
  }
  shape.kind = take_kind(words);
  shape.for_all = shape.kind != ObjectKind::Table && shape.kind != ObjectKind::Index;
  if (shape.for_all) words.take("system");
  if (words.take("concurrently")) shape.concurrently = true;
  shape.outside_transaction = shape.concurrently || shape.for_all;
  shape.objects = {words.take_object()};
  return shape;
}

Shape take_cluster(SqlWords& words) {
  Shape shape = with(Verb::Cluster);
  words.skip_parentheses();
  words.take("verbose");
  shape.objects = {words.take_object()};
  shape.for_all = shape.objects.front().name.empty();
  if (words.take("on")) {  // CLUSTER index ON table
    shape.name = shape.objects.front().name;
    shape.objects = {words.take_object()};
  } else if (words.take("using")) {
    shape.name = words.take_name();
  }
  shape.outside_transaction = shape.for_all;
  return shape;
}

Shape take_vacuum(SqlWords& words, Verb verb) {
  Shape shape = with(verb);
  shape.outside_transaction = verb == Verb::Vacuum;
  if (words.take_symbol("(")) {
    while (!words.at_end() && !words.take_symbol(")")) {
      if (words.at("full")) shape.full = !words.word(1).is("false") && !words.word(1).is("off");
      words.next();
    }
  }
  while (words.at_any({"full", "freeze", "verbose", "analyze"})) {
    if (words.at("full")) shape.full = true;
    words.next();
  }
  take_tables(words, shape);
  shape.for_all = shape.objects.empty();
  return shape;
}

Shape take_lock(SqlWords& words) {
  Shape shape = with(Verb::Lock);
  take_tables(words, shape);
  if (words.take("in")) {
    while (!words.at_end() && !words.at("mode")) {
      shape.new_name += (shape.new_name.empty() ? "" : " ") + words.word().text;
      words.next();
    }
  }
  if (shape.new_name.empty()) shape.new_name = "access exclusive";
  return shape;
}

Shape take_comment(SqlWords& words) {
  Shape shape = with(Verb::Comment);
  words.take("on");
  shape.kind = take_kind(words);
  ObjectName name = words.take_object();
  if (shape.kind == ObjectKind::Column) {
    // schema.table.column was taken as table.column: read the last part off again.
    words.go_to(0);
    words.take_all({"comment", "on", "column"});
    std::vector<std::string> parts = {words.take_name()};
    while (words.take_symbol(".")) parts.push_back(words.take_name());
    name = {};
    if (parts.size() >= 2) name.name = parts[parts.size() - 2];
    if (parts.size() >= 3) name.schema = parts[parts.size() - 3];
  }
  shape.objects = {name};
  return shape;
}

Shape take_refresh(SqlWords& words) {
  Shape shape = with(Verb::Refresh, ObjectKind::MaterializedView);
  words.take_all({"materialized", "view"});
  shape.concurrently = words.take("concurrently");
  shape.objects = {words.take_object()};
  shape.without_data = words.take_all({"with", "no", "data"});
  return shape;
}

Shape take_setting(SqlWords& words) {
  Shape shape = with(Verb::Setting, ObjectKind::None);
  shape.session_wide = !words.at_any({"local", "transaction", "constraints"});
  words.take("local");
  words.take("session");
  shape.name = words.take_object().name;
  while (!words.at_end()) {
    const std::string& value = words.word().text;
    if (value == "UTC" || value == "utc" || value == "GMT" || value == "gmt") {
      shape.value_is_utc = true;
    }
    words.next();
  }
  if (shape.name == "transaction" || shape.name == "constraints") shape.session_wide = false;
  return shape;
}

Shape take_statement(SqlWords& words) {
  if (words.take("alter")) return take_alter(words);
  if (words.take("create")) return take_create(words);
  if (words.take("drop")) return take_drop(words);
  if (words.take("truncate")) return take_truncate(words);
  if (words.take("reindex")) return take_reindex(words);
  if (words.take("cluster")) return take_cluster(words);
  if (words.take("vacuum")) return take_vacuum(words, Verb::Vacuum);
  if (words.take("analyze") || words.take("analyse")) return take_vacuum(words, Verb::Analyze);
  if (words.take("lock")) return take_lock(words);
  if (words.take("comment")) return take_comment(words);
  if (words.take("refresh")) return take_refresh(words);
  if (words.at_any(
          {"insert", "update", "delete", "merge", "select", "with", "values", "table", "copy"}) ||
      words.at_symbol("(")) {
    Shape shape = with(Verb::Data);
    take_data(words, shape);
    return shape;
  }
  if (words.take("set")) return take_setting(words);
  if (words.at_any({"reset", "discard", "load"})) {
    Shape shape = with(Verb::Setting, ObjectKind::None);
    shape.session_wide = true;
    return shape;
  }
  if (words.at_any(
          {"begin", "commit", "rollback", "start", "end", "abort", "savepoint", "release"})) {
    return with(Verb::Transaction, ObjectKind::None);
  }
  if (words.at_any({"grant", "revoke", "show", "listen", "notify", "unlisten", "checkpoint",
                    "deallocate", "close", "fetch", "move"})) {
    return harmless();
  }
  if (words.at_any({"do", "call", "execute"})) {
    return unknown("the code that it runs can do anything");
  }
  if (words.at_end()) return harmless();
  return unknown("this kind of statement is not known");
}

}  // namespace

Shape shape_of(std::string_view statement, SqlFlavour flavour) {
  if (statement.size() > kLongestShape) return unknown("it is longer than 1 MiB");
  SqlWords words(statement, flavour);
  return take_statement(words);
}

}  // namespace engine
