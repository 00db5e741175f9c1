// SPDX-License-Identifier: Apache-2.0
//
// What people write for a revision: `head`, `heads`, `base`, an id or a unique prefix of one, a
// branch label, `branch@head`, `+2`, `-1`. Alembic's grammar (alembic.util, section "Partial
// Revision Identifiers" and "Relative Migration Identifiers" of its tutorial).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/core/revision_graph.h"

namespace engine {

// A target once it is looked up. `revisions` empty: base. `branch` is the part before `@`, resolved
// to the revision that stands for the branch; it limits a downgrade to that branch.
struct Target {
  std::string text = {};
  RevisionSet revisions = {};
  std::optional<RevisionId> branch = {};
};

// Throws Error(UnknownRevision) naming every row of the version table that no script has.
void require_known(const RevisionGraph&, const RevisionSet& current);

// `current` = rows of the version table; only relative targets look at it.
// Throws what require_known throws; Error(InvalidTarget): no such revision (with the nearest ids),
// ambiguous prefix (with all candidates), not on that branch, walks too far. Error(MultipleHeads):
// `head` when there are several.
Target resolve_upgrade_target(const RevisionGraph&, std::string_view text,
                              const RevisionSet& current);
// `first_row`: the row that a SELECT returns first; with several rows Alembic counts `-N` from it.
// Empty: `-N` is ambiguous then (InvalidTarget).
Target resolve_downgrade_target(const RevisionGraph&, std::string_view text,
                                const RevisionSet& current, std::string_view first_row = {});

}  // namespace engine
