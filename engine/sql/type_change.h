// SPDX-License-Identifier: Apache-2.0
//
// What ALTER COLUMN ... TYPE costs: PostgreSQL keeps the rows where the old values are the new ones
// already.
#pragma once

#include "engine/sql/catalog.h"

namespace engine {

enum class TypeChange {
  Free,             // the catalog changes; indexes on the column are kept
  RebuildsIndexes,  // of the column: their order can be another
  Rewrites,         // the whole table, with all its indexes
};

// `action.act` is SetType.
TypeChange type_change(const ColumnFacts& column, const Action& action, const Catalog&);

}  // namespace engine
