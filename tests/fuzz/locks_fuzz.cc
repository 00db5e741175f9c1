// SPDX-License-Identifier: Apache-2.0
//
// Whatever a statement is: it is read to its end, judged, and its effect on the facts noted,
// without a catalog and with one that its own statements make.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "engine/core/error.h"
#include "engine/sql/review.h"

namespace {

void review_all(std::string_view text, engine::SqlFlavour flavour, bool read) {
  engine::Catalog catalog;
  catalog.is_read = read;
  engine::Reviewer reviewer(catalog, flavour);
  reviewer.begin(true);
  for (const engine::Statement& statement :
       engine::split_statements(text, flavour, "fuzz.sql", 1)) {
    const engine::StatementReview review = reviewer.review(statement.sql);
    // SQLite has no such locks; without a database nothing is claimed about tables that exist.
    if (flavour == engine::SqlFlavour::Sqlite && !review.locks.locks.empty()) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto flavour : {engine::SqlFlavour::PostgreSql, engine::SqlFlavour::Sqlite}) {
    try {
      review_all(text, flavour, true);
      review_all(text, flavour, false);
    } catch (const engine::Error& error) {
      if (error.reason() != engine::Reason::InvalidScripts) std::abort();
    }
  }
  return 0;
}
