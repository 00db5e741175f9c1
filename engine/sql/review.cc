// SPDX-License-Identifier: Apache-2.0
#include "engine/sql/review.h"

namespace engine {

StatementReview Reviewer::review(std::string_view statement) {
  const Shape shape = shape_of(statement, flavour_);
  StatementReview review;
  if (flavour_ == SqlFlavour::PostgreSql) review.locks = locks_of(shape, catalog_);
  review.hazards = hazards_of(statement, shape, review.locks, catalog_, flavour_, transaction_);
  const auto is_ours = [&](const std::string& key) {
    const RelationFacts* facts = catalog_.at(key);
    return review.locks.made.contains(key) || (facts != nullptr && facts->made_here);
  };
  std::erase_if(review.locks.locks, [&](const TableLock& lock) { return is_ours(lock.relation); });
  std::erase_if(review.locks.rewrites, [&](const std::string& name) {
    const auto index = catalog_.index_tables.find(name);
    return is_ours(name) || (index != catalog_.index_tables.end() && is_ours(index->second));
  });
  apply(shape, catalog_);
  return review;
}

}  // namespace engine
