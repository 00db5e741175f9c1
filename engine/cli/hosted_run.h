// SPDX-License-Identifier: Apache-2.0
//
// Runs whose scripts are Python: the project's own env.py and Alembic do the work in a child
// process, step by step, and ask before each; connections, lock, order, history and reports stay
// here. Messages: docs/script-host.md.
#pragma once

#include <stop_token>

#include "engine/cli/options.h"
#include "engine/contract/report.h"
#include "engine/core/revision_graph.h"
#include "engine/run/observer.h"

namespace engine {

// As migrate(), which calls it. `options.command` is Upgrade, Downgrade or Apply.
void migrate_hosted(const Options&, Observer&, const std::stop_token&, RunReport&,
                    const Environment&, const RevisionGraph&);

}  // namespace engine
