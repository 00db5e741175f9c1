// SPDX-License-Identifier: Apache-2.0
//
// Revisions that the database has and the folder has not, as after a return to an older image: the
// history has kept their scripts, so that they can be taken back.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "engine/cli/options.h"
#include "engine/cli/workplace.h"
#include "engine/core/plan.h"
#include "engine/core/revision_graph.h"
#include "engine/db/history_reader.h"

namespace engine {

struct RunPlan {
  Plan plan = {};
  // Instead of the scripts', with those of `stored`; empty: nothing is missing.
  std::optional<RevisionGraph> graph = {};
  std::map<RevisionId, StoredScript> stored = {};  // by revision

  // Where `plan` leads.
  const RevisionGraph& graph_or(const RevisionGraph& scripts) const {
    return graph ? *graph : scripts;
  }
  RevisionSet stored_revisions() const;
};

// As plan_for(); where Downgrade, Apply and ShowPlan may go down and would do so, stored scripts
// stand in for those that are missing, and a warning of the plan names them. What the target means
// is settled by the scripts that are there.
RunPlan plan_run(const Command&, const RevisionGraph& scripts, const std::vector<RevisionId>& rows,
                 Workplace&);

}  // namespace engine
