// SPDX-License-Identifier: Apache-2.0
//
// Roles that may read the history without being the one that runs migrations: gates and dashboards.
// PostgreSQL only; on SQLite, which has no roles, nothing happens.
#pragma once

#include <string>
#include <vector>

#include "engine/db/connection.h"
#include "engine/db/history_table.h"

namespace engine {

// Throws Error(InvalidUsage) naming every one of `roles` that does not exist.
void check_readers(Connection&, const std::vector<std::string>& roles);

// Each gets USAGE on the schemas and SELECT on the tables of the history and on the version table,
// if it is there; what a role has already is not granted again. In a transaction of its own. Throws
// Error(InvalidUsage) with the statement that somebody else has to execute.
void grant_reading(Connection&, const HistoryTable&, const VersionTableName&,
                   const std::vector<std::string>& roles);

}  // namespace engine
