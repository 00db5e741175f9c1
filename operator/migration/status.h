// SPDX-License-Identifier: Apache-2.0
//
// Facts -> status, by kstatus rules: Ready always there; Reconciling and Stalled only while true,
// never both. Pure: times are arguments or come from the facts.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "operator/migration/resource.h"
#include "operator/migration/run.h"

namespace controller {

enum class Health {
  Ready,        // the database has reached this generation's target
  Reconciling,  // being worked on, or will heal by itself
  Stalled,      // somebody has to change something
  Waiting,      // nothing is being worked on, nothing is wrong (suspended)
};

struct Verdict {
  Health health = Health::Reconciling;
  bool ready = false;        // only with Waiting: Ready=True while suspended at the target
  std::string reason = {};   // CamelCase, from docs/operator.md's list
  std::string message = {};  // one line for people
};

// The whole status object to be stored: conditions with observedGeneration = generation;
// lastTransitionTime is kept from `migration.status` where the condition's status did not change,
// else `now` (RFC 3339). `reachedInputs` is there from when the target was reached until something
// else is begun. `run`: the run to show as lastRun; empty: keep the stored one.
Json build_status(const DatabaseMigration&, const Verdict&, const std::optional<Run>& run,
                  const std::string& now);

// Nobody knows what it has done: it has ended without a report, and the database was not asked.
bool is_unanswered(const Run&);

// Verdict of a finished run of the current generation.
Verdict judge(const Run&);

// The same from what `status.lastRun` keeps of it, for when Job or pod are gone. Precondition: its
// `result` is Succeeded or Failed.
Verdict judge_stored(const Json& last_run);

// The JSON merge patch that makes `want` of `have`: both objects, without nulls in `want`.
Json merge_patch_between(const Json& have, const Json& want);

}  // namespace controller
