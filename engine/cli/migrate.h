// SPDX-License-Identifier: Apache-2.0
//
// upgrade, downgrade and apply: the one flow that changes a database.
#pragma once

#include <stop_token>

#include "engine/cli/options.h"
#include "engine/contract/report.h"
#include "engine/run/observer.h"

namespace engine {

// Everything that can be found wrong is found before the lock is taken; where nothing is to be
// done, no lock is taken and nothing is written. Fills `report` as it goes, so that it is true when
// an Error leaves; `report.run_id`, `owner` and `attempt` must be set. Throws Error.
// `options.command` is Upgrade, Downgrade or Apply.
void migrate(const Options&, Observer&, std::stop_token, RunReport& report);

// The version rows once the first `done` steps of `plan` are committed.
RevisionSet rows_after(const Plan& plan, std::size_t done);

}  // namespace engine
