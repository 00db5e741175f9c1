// SPDX-License-Identifier: Apache-2.0
//
// Whether a database has what somebody waits for. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/core/revision_graph.h"

namespace engine {

// What was read of the database.
struct DatabaseSeen {
  std::optional<RevisionSet> rows = {};     // of the version table; empty: not to be read
  std::optional<RevisionSet> applied = {};  // by the history; empty: there is none to be seen
};

// Those of `wanted` that are not applied. `graph` null: no scripts. The rows decide as far as the
// scripts explain them, which sees what other tools have done since; then the history, which knows
// what lies below a row that no script has; without a history the rows and what the scripts know to
// lie below them.
RevisionSet missing_of(const RevisionSet& wanted, const DatabaseSeen&, const RevisionGraph* graph);

// The revisions that `names` stand for: as targets where there are scripts; a name that no script
// answers to is a revision that newer scripts may have. Throws Error(InvalidTarget),
// Error(MultipleHeads); Error(InvalidUsage) for `base` and steps, and for `heads` and the like
// without scripts.
RevisionSet wanted_revisions(const std::vector<std::string>& names, const RevisionGraph* graph);

}  // namespace engine
