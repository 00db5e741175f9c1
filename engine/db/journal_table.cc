// SPDX-License-Identifier: Apache-2.0
#include "engine/db/journal_table.h"

#include <fmt/format.h>

#include <string_view>

namespace engine {
namespace {

std::string_view name_of(Direction direction) {
  return direction == Direction::Up ? "upgrade" : "downgrade";
}

}  // namespace

std::map<JournalKey, Progress> JournalTable::read(Connection& connection) const {
  std::vector<Row> rows;
  try {
    rows = connection.query(
        fmt::format("SELECT revision, direction, done, in_doubt, digest, announced, cursor FROM {} "
                    "WHERE version_table = {}",
                    qualified_name_, connection.dialect().quote_literal(version_table_)));
  } catch (const Error& error) {
    if (error.reason() == Reason::Interrupted) throw;
    throw with_intent("cannot read the journal", error);
  }
  std::map<JournalKey, Progress> result;
  for (const Row& row : rows) {
    const Direction direction = row[1] == name_of(Direction::Up) ? Direction::Up : Direction::Down;
    result[{row[0].value_or(""), direction}] = {std::stoi(row[2].value_or("0")), row[3] == "1",
                                                row[4].value_or(""), row[5].value_or(""),
                                                row[6].value_or("")};
  }
  return result;
}

void JournalTable::write(Connection& connection, const JournalKey& key,
                         const Progress& progress) const {
  connection.execute(statement(connection.dialect(), key, progress));
}

std::string JournalTable::statement(const Dialect& dialect, const JournalKey& key,
                                    const Progress& progress) const {
  return fmt::format(
      "INSERT INTO {} (version_table, revision, direction, done, in_doubt, digest, announced, "
      "cursor) VALUES ({}, {}, "
      "'{}', {}, {}, {}, {}, {}) ON CONFLICT (version_table, revision, direction) DO UPDATE SET "
      "done = "
      "excluded.done, in_doubt = excluded.in_doubt, digest = excluded.digest, announced = "
      "excluded.announced, cursor = excluded.cursor",
      qualified_name_, dialect.quote_literal(version_table_), dialect.quote_literal(key.first),
      name_of(key.second), progress.done, progress.in_doubt ? 1 : 0,
      dialect.quote_literal(progress.digest), dialect.quote_literal(progress.announced),
      dialect.quote_literal(progress.cursor));
}

std::string JournalTable::clear_statement(const Dialect& dialect,
                                          const RevisionId& revision) const {
  return fmt::format("DELETE FROM {} WHERE version_table = {} AND revision = {}", qualified_name_,
                     dialect.quote_literal(version_table_), dialect.quote_literal(revision));
}

void JournalTable::clear_all(Connection& connection) const {
  connection.execute(fmt::format("DELETE FROM {} WHERE version_table = {}", qualified_name_,
                                 connection.dialect().quote_literal(version_table_)));
}

}  // namespace engine
