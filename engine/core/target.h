// SPDX-License-Identifier: Apache-2.0
//
// What people write for a revision: `head`, `heads`, `base`, an id or a unique prefix of one, a branch
// label, `branch@head`, `+2`, `-1`. Alembic's grammar (alembic.util, section "Partial Revision
// Identifiers" and "Relative Migration Identifiers" of its tutorial).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/core/revision_graph.h"

namespace engine {

// A target once it is looked up. `revisions` empty: base. `branch` is the part before `@`, resolved to
// the revision that stands for the branch; it limits a downgrade to that branch.
struct Target {
  std::string text = {};
  RevisionSet revisions = {};
  std::optional<RevisionId> branch = {};
};

// `current` = rows of the version table; only relative targets look at it.
// Throws Error(InvalidTarget): no such revision (with the nearest ids), ambiguous prefix (with all
// candidates), not on that branch, walks too far. Error(MultipleHeads): `head` when there are several.
Target resolve_upgrade_target(const RevisionGraph&, std::string_view text, const RevisionSet& current);
Target resolve_downgrade_target(const RevisionGraph&, std::string_view text,
                                const RevisionSet& current);

}  // namespace engine
