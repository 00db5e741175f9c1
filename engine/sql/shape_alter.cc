// SPDX-License-Identifier: Apache-2.0
//
// ALTER TABLE and its sisters.
#include "engine/sql/shape_parts.h"

namespace engine {
namespace {

void take_behaviour(SqlWords& words, Action& action) {
  if (words.take("cascade")) action.cascade = true;
  words.take("restrict");
}

std::optional<Action> take_add(SqlWords& words) {
  Action action;
  if (const auto constraint = take_table_constraint(words)) {
    action.act = Act::AddConstraint;
    action.constraint = *constraint;
    return action;
  }
  words.take("column");
  action.act = Act::AddColumn;
  action.conditional = words.take_all({"if", "not", "exists"});
  action.column = take_column(words);
  action.name = action.column.name;
  if (action.name.empty()) return {};
  return action;
}

std::optional<Action> take_drop(SqlWords& words) {
  Action action;
  action.act = words.take("constraint") ? Act::DropConstraint : Act::DropColumn;
  words.take("column");
  action.conditional = words.take_all({"if", "exists"});
  action.name = words.take_name();
  take_behaviour(words, action);
  if (action.name.empty()) return {};
  return action;
}

void take_new_type(SqlWords& words, Action& action) {
  action.act = Act::SetType;
  action.column.type = take_type(words);
  if (words.take("collate")) action.column.collation = words.take_object().name;
  if (words.take("using")) action.using_value = take_expression(words);
}

bool take_column_set(SqlWords& words, Action& action) {
  if (words.take("default")) {
    action.act = Act::SetDefault;
    action.column.default_value = take_expression(words);
  } else if (words.take_all({"not", "null"})) {
    action.act = Act::SetNotNull;
  } else if (words.take("statistics")) {
    action.act = Act::SetStatistics;
  } else if (words.take("storage") || words.take("compression")) {
    action.act = Act::SetStorage;
  } else if (words.at_symbol("(")) {
    action.act = Act::SetColumnOptions;
  } else if (words.take_all({"data", "type"})) {
    take_new_type(words, action);
    return true;
  } else if (words.at_any({"generated", "increment", "start", "restart", "cache", "minvalue",
                           "maxvalue", "cycle", "no", "sequence"})) {
    action.act = Act::AlterIdentity;
  } else {
    return false;  // SET EXPRESSION of later versions
  }
  if (action.act != Act::SetDefault) skip_action(words);
  return true;
}

std::optional<Action> take_alter_column(SqlWords& words) {
  Action action;
  words.take("column");
  action.name = words.take_name();
  action.column.name = action.name;
  if (words.take("type")) {
    take_new_type(words, action);
  } else if (words.take("set")) {
    if (!take_column_set(words, action)) return {};
  } else if (words.take("reset")) {
    action.act = Act::SetColumnOptions;
    skip_action(words);
  } else if (words.take("restart")) {
    action.act = Act::AlterIdentity;
    skip_action(words);
  } else if (words.take("add")) {
    action.act = Act::AddIdentity;
    skip_action(words);
  } else if (words.take_all({"drop", "default"})) {
    action.act = Act::DropDefault;
  } else if (words.take_all({"drop", "not", "null"})) {
    action.act = Act::DropNotNull;
  } else if (words.take_all({"drop", "identity"})) {
    action.act = Act::DropIdentity;
    skip_action(words);
  } else if (words.take_all({"drop", "expression"})) {
    action.act = Act::DropExpression;
    skip_action(words);
  } else {
    return {};
  }
  return action;
}

Action simple(Act act, SqlWords& words) {
  Action action;
  action.act = act;
  skip_action(words);
  return action;
}

Action take_options(SqlWords& words) {
  Action action;
  action.act = Act::SetOptions;
  if (!words.take_symbol("(")) return action;
  while (!words.at_end() && !words.at_symbol(")")) {
    const ObjectName option = words.take_object();
    if (!option.name.empty()) action.options.insert(option.name);
    skip_action(words);
    words.take_symbol(",");
  }
  words.take_symbol(")");
  return action;
}

std::optional<Action> take_set(SqlWords& words) {
  Action action;
  if (words.at_symbol("(")) return take_options(words);
  if (words.take("schema")) {
    action.act = Act::SetSchema;
    action.new_name = words.take_name();
  } else if (words.at_any({"logged", "unlogged"})) {
    action.act = Act::SetLogged;
    action.name = words.take_name();
  } else if (words.take("tablespace")) {
    action.act = Act::SetTablespace;
    action.name = words.take_name();
    words.take("nowait");
  } else if (words.take_all({"access", "method"})) {
    action.act = Act::SetAccessMethod;
    action.name = words.take_name();
  } else if (words.at_all({"without", "cluster"})) {
    return simple(Act::Cluster, words);
  } else {
    return {};
  }
  return action;
}

std::optional<Action> take_rename(SqlWords& words) {
  Action action;
  if (words.take("to")) {
    action.act = Act::RenameTo;
    action.new_name = words.take_name();
    return action;
  }
  action.act = words.take("constraint") ? Act::RenameConstraint : Act::RenameColumn;
  words.take("column");
  action.name = words.take_name();
  if (!words.take("to")) return {};
  action.new_name = words.take_name();
  return action;
}

Action take_partition(SqlWords& words, Act act) {
  Action action;
  action.act = act;
  action.other = words.take_object();
  action.concurrently = words.take("concurrently");
  if (words.take("finalize")) action.concurrently = action.conditional = true;
  action.is_default = words.take("default");
  skip_action(words);
  return action;
}

std::optional<Action> take_alter(SqlWords& words) {
  if (!words.take("constraint")) return take_alter_column(words);
  Action action;
  action.act = Act::AlterConstraint;
  action.name = words.take_name();
  skip_action(words);
  return action;
}

std::optional<Action> take_validate(SqlWords& words) {
  if (!words.take("constraint")) return {};
  Action action;
  action.act = Act::ValidateConstraint;
  action.name = words.take_name();
  return action;
}

Action take_inheritance(SqlWords& words, Act act) {
  Action action;
  action.act = act;
  action.other = words.take_object();
  return action;
}

std::optional<Action> take_switch(SqlWords& words) {
  words.next();
  words.take("replica");
  words.take("always");
  if (words.take("trigger")) return simple(Act::Trigger, words);
  if (words.take("rule")) return simple(Act::Rule, words);
  if (words.at("row")) return simple(Act::RowSecurity, words);
  return {};
}

std::optional<Action> take_action(SqlWords& words) {
  if (words.take_all({"attach", "partition"})) return take_partition(words, Act::Attach);
  if (words.take_all({"detach", "partition"})) return take_partition(words, Act::Detach);
  if (words.take("add")) return take_add(words);
  if (words.take("drop")) return take_drop(words);
  if (words.take("alter")) return take_alter(words);
  if (words.take("rename")) return take_rename(words);
  if (words.take("validate")) return take_validate(words);
  if (words.take("set")) return take_set(words);
  if (words.take("reset")) return take_options(words);
  if (words.take("inherit")) return take_inheritance(words, Act::Inherit);
  if (words.at_any({"enable", "disable"})) return take_switch(words);
  if (words.take_all({"no", "inherit"})) return take_inheritance(words, Act::NoInherit);
  if (words.at("force") || words.at_all({"no", "force"})) return simple(Act::RowSecurity, words);
  if (words.take_all({"cluster", "on"})) {
    Action action = simple(Act::Cluster, words);
    action.name = "on";
    return action;
  }
  if (words.take("of") || words.take_all({"not", "of"})) return simple(Act::OfType, words);
  if (words.take_all({"replica", "identity"})) return simple(Act::ReplicaIdentity, words);
  if (words.take_all({"owner", "to"})) {
    Action action;
    action.act = Act::Owner;
    action.new_name = words.take_name();
    return action;
  }
  return {};
}

}  // namespace

bool take_actions(SqlWords& words, Shape& shape) {
  do {
    const auto action = take_action(words);
    if (!action) return false;
    shape.actions.push_back(*action);
  } while (words.take_symbol(","));
  return words.at_end();
}

}  // namespace engine
