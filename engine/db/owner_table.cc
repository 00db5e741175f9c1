// SPDX-License-Identifier: Apache-2.0
#include "engine/db/owner_table.h"

#include <fmt/format.h>

#include "engine/db/history_layout.h"

namespace engine {
namespace {

std::string text_of(const AttemptToken& token) {
  return fmt::format("generation {}, attempt {}", token.generation, token.attempt);
}

AttemptToken read_token(const Row& row) {
  return {std::stol(row.at(0).value_or("0")), std::stoi(row.at(1).value_or("0"))};
}

}  // namespace

std::optional<AttemptToken> claim_attempt(Connection& connection, const HistoryTable& history,
                                          const std::string& owner, const AttemptToken& token) {
  const Dialect& dialect = connection.dialect();
  const std::string table = history_table_name(dialect, history.schema(), kOwnerTable);
  try {
    Transaction transaction(connection);
    const long claimed = connection.execute(fmt::format(
        "INSERT INTO {} AS kept (owner, generation, attempt) VALUES ({}, {}, {}) ON CONFLICT "
        "(owner) DO UPDATE SET generation = excluded.generation, attempt = excluded.attempt WHERE "
        "(kept.generation, kept.attempt) <= (excluded.generation, excluded.attempt)",
        table, dialect.quote_literal(owner), token.generation, token.attempt));
    if (claimed > 0) {
      transaction.commit();
      return {};
    }
    return read_token(connection
                          .query(fmt::format("SELECT generation, attempt FROM {} WHERE owner = {}",
                                             table, dialect.quote_literal(owner)))
                          .at(0));
  } catch (const Error& error) {
    if (error.reason() == Reason::Interrupted) throw;
    throw with_intent("cannot note the attempt in " + table, error);
  }
}

Error stale_attempt(const std::string& owner, const AttemptToken& own, const AttemptToken& kept) {
  return {Reason::StaleAttempt,
          fmt::format("this run is {} of owner '{}', and {} has already begun", text_of(own), owner,
                      text_of(kept)),
          "leave the work to the newer attempt; to run once more, give a number that was not used "
          "yet"};
}

}  // namespace engine
