// SPDX-License-Identifier: Apache-2.0
//
// Reads the facts about a PostgreSQL database that decide which locks statements take.
#pragma once

#include "engine/db/connection.h"
#include "engine/sql/catalog.h"

namespace engine {

// A few queries, however many relations are asked for; also reads what these hang together with:
// partitions, tables at both ends of foreign keys, views. Another database than PostgreSQL: nothing
// is read. Throws Error as Connection::query does.
Catalog read_catalog(Connection&, const CatalogQuestion&);

}  // namespace engine
