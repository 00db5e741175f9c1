// SPDX-License-Identifier: Apache-2.0
//
// What is to be run, made ready: plans with the statements of their scripts.
#pragma once

#include <map>
#include <vector>

#include "engine/cli/options.h"
#include "engine/core/plan.h"
#include "engine/core/revision_graph.h"
#include "engine/db/history_reader.h"
#include "engine/run/migrator.h"
#include "engine/sql/dialect.h"

namespace engine {

// Reads, splits and checks the scripts of `plan`. Throws Error(InvalidScripts), also when the
// folder was exchanged meanwhile (--scripts-sha256); Error(IrreversibleRevision). `stored`: scripts
// whose files are gone.
std::vector<PreparedStep> prepare(const Plan& plan, const RevisionGraph&, const Dialect&,
                                  const Options&,
                                  const std::map<RevisionId, StoredScript>& stored = {});

// The ids that a plan writes into the version table.
RevisionSet written_by(const Plan&);
RevisionSet written_by(const StampPlan&);

}  // namespace engine
