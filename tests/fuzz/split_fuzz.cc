// SPDX-License-Identifier: Apache-2.0
//
// Any text is split or refused; each statement is a piece of the text and is one statement again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "engine/core/error.h"
#include "engine/sql/split.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void split_and_check(std::string_view text, engine::SqlFlavour flavour) {
  int last_line = 1;
  for (const engine::Statement& statement :
       engine::split_statements(text, flavour, "fuzz.sql", 1)) {
    require(!statement.sql.empty());
    require(text.find(statement.sql) != std::string_view::npos);
    require(statement.line >= last_line);
    last_line = statement.line;
    const auto again = engine::split_statements(statement.sql, flavour, "fuzz.sql", 1);
    require(again.size() == 1 && again[0].sql == statement.sql && again[0].line == 1);
    engine::controls_transaction(statement.sql, flavour);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto flavour : {engine::SqlFlavour::PostgreSql, engine::SqlFlavour::Sqlite}) {
    try {
      split_and_check(text, flavour);
    } catch (const engine::Error& error) {
      require(error.reason() == engine::Reason::InvalidScripts);
    }
  }
  return 0;
}
