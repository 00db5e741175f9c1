// SPDX-License-Identifier: Apache-2.0
//
// Plans of `stamp`: rows of the version table move, no script runs. Alembic's
// ScriptDirectory._stamp_revs.
#pragma once

#include <string>
#include <vector>

#include "engine/core/revision_graph.h"
#include "engine/core/version_rows.h"

namespace engine {

struct StampPlan {
  RevisionSet start = {};             // rows of the version table the plan was made for
  bool purge = false;                 // all rows are deleted before the first step
  std::vector<StampStep> steps = {};  // with their row changes
  RevisionSet finish = {};            // rows afterwards
};

// `rows` in the order of a SELECT, which settles the order of names in a step. Each of `targets` is
// what `resolve_many` understands; none: base. `purge`: as if there were no rows. Throws
// Error(UnknownRevision): a row that no script has (but with `purge`); Error(InvalidTarget): no
// such revision, or targets that would move one row twice (named); Error(MultipleHeads).
StampPlan plan_stamp(const RevisionGraph&, const std::vector<RevisionId>& rows,
                     const std::vector<std::string>& targets, bool purge = false);

}  // namespace engine
