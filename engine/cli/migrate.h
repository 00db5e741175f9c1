// SPDX-License-Identifier: Apache-2.0
//
// Commands that change a database: the one flow of upgrade, downgrade and apply, and its small
// sisters.
#pragma once

#include <stop_token>
#include <vector>

#include "engine/cli/options.h"
#include "engine/cli/paint.h"
#include "engine/contract/report.h"
#include "engine/core/plan.h"
#include "engine/run/observer.h"

namespace engine {

// Everything that can be found wrong is found before the lock is taken; where nothing is to be
// done, no lock is taken and nothing is written. Fills `report` as it goes, so that it is true when
// an Error leaves; `report.run_id`, `owner` and `attempt` must be set. Hooks get `environment`.
// Throws Error.
// `options.command` is Upgrade, Downgrade or Apply.
void migrate(const Options&, Observer&, std::stop_token, RunReport& report,
             const Environment& environment);

// `options.command` is Stamp. Writes under the lock; where the rows are right already, not at all.
void stamp(const Options&, Observer&, std::stop_token, RunReport& report);

// Makes the version table where it is missing.
void ensure_version(const Options&, Observer&, std::stop_token, RunReport& report);

// The plan of Upgrade, Downgrade, Apply or ShowPlan. `rows` of the version table in the database's
// order, which settles what `-1` means where there are several.
Plan plan_for(const Command&, const RevisionGraph&, const std::vector<RevisionId>& rows);

// What `plan` shows. Changes nothing.
struct PlanShown {
  Plan plan = {};
  std::string text = {};
  std::string json = {};
};
PlanShown show_plan(const Options&, const ShowPlan&, Observer&, std::stop_token, const Paint&,
                    RunReport& report);

// The version rows once the first `done` steps of `plan` are committed.
RevisionSet rows_after(const Plan& plan, std::size_t done);

}  // namespace engine
