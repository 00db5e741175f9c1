// SPDX-License-Identifier: Apache-2.0
//
// Says which locks statements take, without running them: one JSON line on standard input for each,
// {"url": "postgresql://...", "sql": "..."}, and one JSON line of answer for each on standard
// output:
// {"locks": ["relation:mode"], "rewritten": [...], "unknown": ""}. Names are those that the server
// would show before the transaction of the statement ends: of what it drops or moves to a schema
// out of sight nothing is seen, what it renames has its new name.
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <iostream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "engine/db/catalog.h"
#include "engine/sql/split.h"
#include "engine/sql/statement_locks.h"

namespace engine {
namespace {

using Json = nlohmann::json;

// What `key` is called once the statement has run; empty: out of sight.
std::string seen_as(const std::string& key, const Shape& shape, const Catalog& before,
                    const Catalog& after) {
  std::string name = key;
  if (after.at(key) == nullptr && before.at(key) != nullptr) {
    const bool renamed = !shape.actions.empty() && shape.actions.front().act == Act::RenameTo;
    name = renamed ? "public." + shape.actions.front().new_name : "";
  }
  return name.starts_with("public.") ? name.substr(7) : std::string();
}

Json answer(const std::string& url, const std::string& sql) {
  const auto connection = connect(parse_database_url(url), {}, {});
  std::vector<Shape> shapes;
  for (const Statement& statement : split_statements(sql, SqlFlavour::PostgreSql, "case", 1)) {
    shapes.push_back(shape_of(statement.sql));
  }
  Catalog catalog = read_catalog(*connection, question_of(shapes));
  std::set<std::string> locks;
  std::set<std::string> rewritten;
  std::string unknown;
  for (const Shape& shape : shapes) {
    const StatementLocks found = locks_of(shape, catalog);
    if (!found.known()) unknown = found.why_unknown;
    const Catalog before = catalog;
    apply(shape, catalog);
    for (const TableLock& lock : found.locks) {
      const std::string name = seen_as(lock.relation, shape, before, catalog);
      if (!name.empty()) locks.insert(fmt::format("{}:{}", name, code_of(lock.mode)));
    }
    for (const std::string& key : found.rewrites) rewritten.insert(key.substr(key.find('.') + 1));
  }
  return {{"locks", locks}, {"rewritten", rewritten}, {"unknown", unknown}};
}

void run() {
  for (std::string line; std::getline(std::cin, line);) {
    const Json question = Json::parse(line);
    std::cout << answer(question.at("url"), question.at("sql")).dump() << std::endl;
  }
}

}  // namespace
}  // namespace engine

int main() {
  try {
    engine::run();
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "locks_replay: %s\n", error.what());
    return 1;
  }
}
