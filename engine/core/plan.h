// SPDX-License-Identifier: Apache-2.0
//
// Everything that will happen, as data: computed before anything is touched, printable, comparable.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/core/revision_graph.h"
#include "engine/core/stamp.h"
#include "engine/core/target.h"
#include "engine/core/version_rows.h"

namespace engine {

struct Step {
  Direction direction = Direction::Up;
  RevisionId revision = {};
  std::vector<RowChange> rows = {};  // in the order in which they are to be executed
  friend bool operator==(const Step&, const Step&) = default;
};

struct Plan {
  RevisionSet start = {};    // rows of the version table the plan was made for
  RevisionSet targets = {};  // what the target resolved to; empty: base
  std::vector<Step> steps = {};
  RevisionSet finish = {};                 // rows afterwards
  std::vector<std::string> warnings = {};  // Alembic's words; empty: none
};

enum class DowngradePolicy { Forbid, Allow };

// All throw Error(UnknownRevision) when `current` holds an id that no script has, or (but for
// plan_downgrade) a row that lies below another one; and what resolve_..._target throws.

// Error(DatabaseAhead): nothing is to be done because the target is an applied ancestor.
Plan plan_upgrade(const RevisionGraph&, const RevisionSet& current, std::string_view target);
// Several targets at once, none of them relative.
Plan plan_upgrade(const RevisionGraph&, const RevisionSet& current,
                  const std::vector<std::string>& targets);
// Error(InvalidTarget): the target is not applied. `first_row` as in resolve_downgrade_target.
Plan plan_downgrade(const RevisionGraph&, const RevisionSet& current, std::string_view target,
                    std::string_view first_row = {});
// Either direction, so that the target is applied and nothing of its line beyond it is; branches
// beside it are left alone, and so is one that merely depends on it. Relative targets are refused
// (InvalidUsage: not idempotent). Error(DowngradeForbidden) with DowngradePolicy::Forbid.
Plan plan_apply(const RevisionGraph&, const RevisionSet& current, std::string_view target,
                DowngradePolicy);
// The same for a target that was looked up before, perhaps in a smaller graph.
Plan plan_apply(const RevisionGraph&, const RevisionSet& current, const Target&, DowngradePolicy);
// Throws Error(InvalidUsage) for a relative target.
Target resolve_apply_target(const RevisionGraph&, std::string_view text,
                            const RevisionSet& current);

// For tests and logs: "+a[+a] +b[a>b] -b[b>a]".
std::string describe(const Plan&);

}  // namespace engine
