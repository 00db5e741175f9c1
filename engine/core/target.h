// SPDX-License-Identifier: Apache-2.0
//
// What people write for a revision: `head`, `heads`, `base`, an id or a unique prefix of one, a
// branch label, `branch@head`, `+2`, `-1`. Alembic's grammar (alembic.util, section "Partial
// Revision Identifiers" and "Relative Migration Identifiers" of its tutorial).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/error.h"
#include "engine/core/lookup.h"
#include "engine/core/revision_graph.h"

namespace engine {

// A target once it is looked up. `revisions` empty: base. `branch` is the part before `@`, resolved
// to the revision that stands for the branch; it limits a downgrade to that branch.
struct Target {
  std::string text = {};
  std::vector<RevisionId> revisions = {};  // in Alembic's order, each once
  std::optional<RevisionId> branch = {};
  std::vector<std::string> warnings = {};  // Alembic's words
};

// Throws Error(UnknownRevision) naming every row of the version table that no script has.
void require_known(const RevisionGraph&, const RevisionSet& current);

// Throws Error(InvalidTarget) when one of `revisions` lies below another one, dependencies counted.
// `reason`: whose fault it is.
void require_no_overlap(const RevisionGraph&, const std::vector<RevisionId>& revisions,
                        Reason reason, const std::string& hint);

// `current` = rows of the version table; only relative targets look at it. Throw
// Error(InvalidTarget): no such revision (with the nearest ids), ambiguous prefix (with all
// candidates), not on that branch, walks too far. Error(MultipleHeads): `head` when there are
// several. Error(UnknownRevision): a relative target and a row that no script has.
Target resolve_upgrade_target(const RevisionGraph&, std::string_view text,
                              const RevisionSet& current);
// Several targets; relative ones are not understood. What lies below another one is not refused.
Target resolve_upgrade_targets(const RevisionGraph&, const std::vector<std::string>& texts);
// `first_row`: the row that a SELECT returns first; with several rows Alembic counts `-N` from it.
// Empty: `-N` is ambiguous then (InvalidTarget). `too_far`: what steps beyond the history's end
// are.
Target resolve_downgrade_target(const RevisionGraph&, std::string_view text,
                                const RevisionSet& current, std::string_view first_row = {},
                                Lookup::TooFar too_far = Lookup::TooFar::IsNowhere);

// The lowest revisions that a downgrade to `target` takes away, applied or not. Throws
// Error(InvalidTarget) when none of them leads to the target's branch.
RevisionGraph::Positions downgrade_roots(const RevisionGraph&, const Target& target);

// What commands other than upgrade and downgrade need; no row of the version table matters. `-N`,
// alone or behind `LABEL@`, walks down from each effective head. `wording`: see lookup.h. Throw
// Error(InvalidTarget), Error(MultipleHeads).
// Exactly one revision; empty: base.
std::optional<RevisionId> resolve(const RevisionGraph&, std::string_view text,
                                  const Wording& wording = {});
// Of all texts, in Alembic's order, with repetitions; base adds nothing.
std::vector<RevisionId> resolve_many(const RevisionGraph&, const std::vector<std::string>& texts,
                                     const Wording& wording = {});

// Those of `candidates` that are above or below what `text` names, by down_revision. Throws what
// resolve throws.
std::vector<RevisionId> in_lineage(const RevisionGraph&, const std::vector<RevisionId>& candidates,
                                   std::string_view text, const Wording& wording = {});
// The bases of that lineage. Throws what resolve throws.
RevisionSet bases_for(const RevisionGraph&, std::string_view text, const Wording& wording = {});

}  // namespace engine
