// SPDX-License-Identifier: Apache-2.0
#include "engine/sql/catalog.h"

#include <algorithm>
#include <utility>

#include "engine/sql/dialect.h"

namespace engine {
namespace {

template <typename List>
auto* named(List& list, std::string_view name) {
  const auto found =
      std::ranges::find_if(list, [&](const auto& each) { return each.name == name; });
  return found == list.end() ? nullptr : &*found;
}

void ask_for(const Expression& expression, CatalogQuestion& question) {
  question.functions.insert(expression.functions.begin(), expression.functions.end());
}

void ask_for(const ConstraintShape& constraint, CatalogQuestion& question) {
  if (!constraint.references.name.empty()) question.relations.insert(constraint.references);
}

void ask_for(const ColumnShape& column, CatalogQuestion& question) {
  if (!column.type.name.empty()) question.types.insert(column.type.name);
  ask_for(column.default_value, question);
  for (const ConstraintShape& constraint : column.constraints) ask_for(constraint, question);
}

void ask_for(const Action& action, CatalogQuestion& question) {
  ask_for(action.column, question);
  ask_for(action.using_value, question);
  ask_for(action.constraint, question);
  if (!action.other.name.empty()) question.relations.insert(action.other);
}

void ask_for(const Shape& shape, CatalogQuestion& question) {
  for (const ObjectName& object : shape.objects) {
    if (!object.name.empty()) question.relations.insert(object);
    question.types.insert(object.name);
  }
  for (const Action& action : shape.actions) ask_for(action, question);
  for (const ColumnShape& column : shape.columns) ask_for(column, question);
  for (const ConstraintShape& constraint : shape.constraints) ask_for(constraint, question);
  for (const LikeShape& like : shape.likes) question.relations.insert(like.table);
  for (const DataTarget& target : shape.data) question.relations.insert(target.table);
  question.relations.insert(shape.parents.begin(), shape.parents.end());
  question.relations.insert(shape.sequences.begin(), shape.sequences.end());
  question.functions.insert(shape.functions.begin(), shape.functions.end());
}

void add_children(const Catalog& catalog, const RelationFacts& relation,
                  std::vector<const RelationFacts*>& found) {
  if (std::ranges::find(found, &relation) != found.end()) return;
  found.push_back(&relation);
  for (const std::string& child : relation.children) {
    if (const RelationFacts* facts = catalog.at(child)) add_children(catalog, *facts, found);
  }
}

// `a IS NOT NULL`, perhaps with AND and parentheses around it.
bool says_not_null(const std::string& check, std::string_view column) {
  SqlWords words(check);
  bool found = false;
  for (; !words.at_end(); words.next()) {
    if (words.at_any({"or", "not", "case", "coalesce"})) return false;
    if (!words.word().is_name() || words.word().text != column) continue;
    const bool reads =
        words.word(1).is("is") && words.word(2).is("not") && words.word(3).is("null");
    found = found || reads;
    if (reads) words.go_to(words.position() + 3);
  }
  return found;
}

}  // namespace

const ColumnFacts* RelationFacts::column(std::string_view wanted) const {
  return named(columns, wanted);
}

ColumnFacts* RelationFacts::column(std::string_view wanted) { return named(columns, wanted); }

const ConstraintFacts* RelationFacts::constraint(std::string_view wanted) const {
  return named(constraints, wanted);
}

bool RelationFacts::proves_not_null(std::string_view wanted) const {
  const ColumnFacts* facts = column(wanted);
  if (facts != nullptr && facts->not_null) return true;
  return std::ranges::any_of(constraints, [&](const ConstraintFacts& each) {
    return each.kind == ConstraintKind::Check && each.valid && says_not_null(each.text, wanted);
  });
}

const RelationFacts* Catalog::at(const std::string& key) const {
  const auto found = relations.find(key);
  return found == relations.end() ? nullptr : &found->second;
}

RelationFacts* Catalog::at(const std::string& key) {
  const auto found = relations.find(key);
  return found == relations.end() ? nullptr : &found->second;
}

const RelationFacts* Catalog::find(const ObjectName& name) const {
  if (!name.schema.empty()) return at(name.schema + "." + name.name);
  for (const std::string& schema : search_path) {
    if (const RelationFacts* found = at(schema + "." + name.name)) return found;
  }
  return nullptr;
}

RelationFacts* Catalog::find(const ObjectName& name) { return at(key_of(name)); }

const RelationFacts* Catalog::table_of_index(const ObjectName& name) const {
  const auto find_in = [&](const std::string& schema) -> const RelationFacts* {
    const auto found = index_tables.find(schema + "." + name.name);
    return found == index_tables.end() ? nullptr : at(found->second);
  };
  if (!name.schema.empty()) return find_in(name.schema);
  for (const std::string& schema : search_path) {
    if (const RelationFacts* found = find_in(schema)) return found;
  }
  return nullptr;
}

std::string Catalog::key_of(const ObjectName& name) const {
  if (const RelationFacts* found = std::as_const(*this).find(name)) return found->key();
  const std::string& schema =
      name.schema.empty() && !search_path.empty() ? search_path.front() : name.schema;
  return schema + "." + name.name;
}

std::string Catalog::shown(const std::string& key) const {
  const std::size_t dot = key.find('.');
  const std::string schema = key.substr(0, dot);
  const std::string name = dot == std::string::npos ? key : key.substr(dot + 1);
  const std::string plain = postgres_dialect().identifier(name);
  for (const std::string& visible : search_path) {
    if (visible == schema) return plain;
    // Hidden by one of the same name.
    const std::string other = visible + "." + name;
    if (relations.contains(other) || index_tables.contains(other)) break;
  }
  return postgres_dialect().identifier(schema) + "." + plain;
}

std::vector<const RelationFacts*> Catalog::with_children(const RelationFacts& relation) const {
  std::vector<const RelationFacts*> found;
  add_children(*this, relation, found);
  return found;
}

CatalogQuestion question_of(const std::vector<Shape>& shapes) {
  CatalogQuestion question;
  for (const Shape& shape : shapes) ask_for(shape, question);
  question.relations.erase(ObjectName{});
  question.types.erase("");
  return question;
}

}  // namespace engine
