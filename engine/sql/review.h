// SPDX-License-Identifier: Apache-2.0
//
// Goes through the statements of a plan in their order and says of each what it locks and what can
// go wrong, knowing what those before it made.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "engine/sql/hazards.h"
#include "engine/sql/split.h"

namespace engine {

struct StatementReview {
  StatementLocks locks = {};  // without those on what the plan itself makes
  std::vector<Hazard> hazards = {};
};

class Reviewer {
 public:
  // `catalog` of before the first statement; not read: of locks nothing is known.
  Reviewer(Catalog catalog, SqlFlavour flavour) : catalog_(std::move(catalog)), flavour_(flavour) {}

  // The statements that follow are in one transaction (true), or commit each by itself.
  void begin(bool transaction) { transaction_ = {.is_transaction = transaction}; }
  StatementReview review(std::string_view statement);

  const Catalog& catalog() const { return catalog_; }  // as it is now

 private:
  Catalog catalog_;
  SqlFlavour flavour_;
  TransactionFacts transaction_ = {};
};

}  // namespace engine
