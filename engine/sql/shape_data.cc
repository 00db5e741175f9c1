// SPDX-License-Identifier: Apache-2.0
//
// Statements that read and write rows. They nest, so all words are looked at, wherever they stand.
#include "engine/sql/shape_parts.h"

namespace engine {
namespace {

// The columns that an UPDATE sets, up to FROM, WHERE or RETURNING.
std::vector<std::string> columns_set(SqlWords& words) {
  std::vector<std::string> columns;
  if (!words.take("set")) return columns;
  do {
    if (words.at_symbol("(")) {
      for (std::string& name : words.take_name_list()) columns.push_back(std::move(name));
    } else {
      columns.push_back(words.take_name());
    }
    while (!words.at_end() && !words.at_symbol(",") && !words.at_symbol(")") &&
           !words.at_any({"from", "where", "returning"})) {
      words.skip_one();
    }
  } while (words.take_symbol(","));
  return columns;
}

// In the parenthesis (or statement) that goes on here.
bool has_condition_ahead(SqlWords& words) {
  const std::size_t begin = words.position();
  bool found = false;
  while (!words.at_end() && !words.at_symbol(")") && !found) {
    found = words.at_any({"where", "using"});
    words.skip_one();
  }
  words.go_to(begin);
  return found;
}

void skip_alias(SqlWords& words) {
  words.take_symbol("*");
  if (words.take("as") || !words.at_any({"set", "where", "using", "returning", "default", "values",
                                         "select", "with", "overriding", "on", "when"})) {
    words.take_name();
  }
}

void take_target(SqlWords& words, Shape& shape, DataVerb verb) {
  words.take("only");
  DataTarget target;
  target.verb = verb;
  target.table = words.take_object();
  if (target.table.name.empty()) return;
  skip_alias(words);
  if (verb == DataVerb::Insert) target.columns = words.take_name_list();
  if (verb != DataVerb::Insert) target.has_condition = has_condition_ahead(words);
  if (verb == DataVerb::Update) {
    const std::size_t begin = words.position();
    target.columns = columns_set(words);
    words.go_to(begin);  // the values can hold calls and subqueries
  }
  shape.data.push_back(std::move(target));
}

// The tables of FROM and JOIN, for FOR UPDATE. Subqueries and functions are left out.
void note_source(const SqlWords& words, std::vector<ObjectName>& sources) {
  SqlWords ahead = words;
  ahead.take("only");
  const ObjectName name = ahead.take_object();
  if (!name.name.empty() && !ahead.at_symbol("(") && name.name != "lateral") {
    sources.push_back(name);
  }
}

bool take_row_lock(SqlWords& words) {
  return words.take_all({"for", "update"}) || words.take_all({"for", "share"}) ||
         words.take_all({"for", "no", "key", "update"}) || words.take_all({"for", "key", "share"});
}

// 'sq' of nextval('sq').
void note_sequence(SqlWords& words, Shape& shape) {
  const bool is_call = words.at_any({"nextval", "setval"}) && words.word(1).is_symbol("(");
  if (!is_call || words.word(2).kind != SqlWord::Kind::String) return;
  SqlWords name(words.word(2).text);
  shape.sequences.push_back(name.take_object());
}

// WHEN ... THEN, in a MERGE.
void take_merge_action(SqlWords& words, Shape& shape, const ObjectName& table) {
  if (words.take("delete")) {
    shape.data.push_back({DataVerb::Delete, table, {}, true});
  } else if (words.at("update") && words.word(1).is("set")) {
    words.next();
    const std::size_t begin = words.position();
    shape.data.push_back({DataVerb::Update, table, columns_set(words), true});
    words.go_to(begin);
  } else if (words.take("insert")) {
    shape.data.push_back({DataVerb::Insert, table, words.take_name_list(), false});
  }
}

void take_copy(SqlWords& words, Shape& shape) {
  const ObjectName table = words.take_object();
  const auto columns = words.take_name_list();
  if (words.at("from") && !table.name.empty()) {
    shape.data.push_back({DataVerb::Insert, table, columns, false});
  }
}

}  // namespace

void take_data(SqlWords& words, Shape& shape) {
  const std::size_t begin = words.position();
  std::vector<ObjectName> sources;
  std::set<std::string> queries;  // names of WITH
  bool locks_rows = false;
  ObjectName merged = {};
  if (words.take("copy")) take_copy(words, shape);
  while (!words.at_end()) {
    if (words.word().is_name() && words.word(1).is("as") &&
        (words.word(2).is_symbol("(") || words.word(2).is("materialized") ||
         words.word(2).is("not"))) {
      queries.insert(words.word().text);
    }
    note_sequence(words, shape);
    if (words.at_all({"on", "conflict"}) || words.at_all({"do", "update"})) {
      words.next();
      words.next();
    } else if (words.take_all({"insert", "into"})) {
      take_target(words, shape, DataVerb::Insert);
    } else if (words.take_all({"delete", "from"})) {
      take_target(words, shape, DataVerb::Delete);
    } else if (words.take_all({"merge", "into"})) {
      take_target(words, shape, DataVerb::Merge);
      if (!shape.data.empty()) merged = shape.data.back().table;
    } else if (words.take("then") && !merged.name.empty()) {
      take_merge_action(words, shape, merged);
    } else if (take_row_lock(words)) {
      locks_rows = true;
      if (words.take("of")) {
        words.take_object();
      }
    } else if (words.take("update")) {
      if (!words.at("set")) take_target(words, shape, DataVerb::Update);
    } else if (words.take("from") || words.take("join")) {
      note_source(words, sources);
    } else {
      words.next();
    }
  }
  for (const ObjectName& source : sources) {
    if (locks_rows && !(source.schema.empty() && queries.contains(source.name))) {
      shape.data.push_back({DataVerb::LockRows, source, {}, true});
    }
  }
  shape.functions.merge(functions_between(words, begin, words.position()));
}

}  // namespace engine
