// SPDX-License-Identifier: Apache-2.0
//
// The heart of the operator: what is, in; what to do and what to say, out. Pure: the only place
// that decides whether a Job is created. Laws (tests hold them): deciding again on the result of a
// decision changes nothing; never a second Job while one is active; never Ready for a generation
// that no run has finished.
#pragma once

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "operator/migration/resource.h"
#include "operator/migration/run.h"
#include "operator/migration/status.h"
#include "operator/migration/time.h"

namespace controller {

// Pause after a Job that the API server has refused, where it names none.
inline constexpr std::chrono::seconds kRefusalPause{30};
// No refusal is waited for longer, whatever the API server asks for.
inline constexpr std::chrono::minutes kLongestPause{10};
// Probes without an answer, after which the run counts as failed.
inline constexpr int kMostProbes = 3;
// Finished Jobs that are kept per resource; older ones are deleted once their result is in the
// status.
inline constexpr int kKeptJobs = 3;

enum class SourceState { Present, Missing };  // Missing: the ConfigMap does not exist

struct Observed {
  DatabaseMigration migration = {};
  std::vector<Run> runs = {};  // of this uid, any generation, any order; probes among them
  SourceState source = SourceState::Present;
  WallTime now = {};
  // Names of its pods that may still work, and whose Job is in none of `runs`: it was deleted, and
  // has left them behind.
  std::vector<std::string> strays = {};
};

// Executed in order, before the status is written, except what deletes and RemoveFinalizer: after
// it.
struct AddFinalizer {};
struct CreateScripts {};
struct CreateJob {
  int attempt = 1;
};
// A Job that asks the database how the attempt ended.
struct CreateProbe {
  int attempt = 1;
  int number = 1;
};
struct DeleteJob {
  std::string name = {};
  std::string uid = {};
  // Given up because it could not begin: only if that still holds when one looks at it again.
  bool only_if_unstarted = false;
};
// Of a generation that has no Job any more.
struct DeleteScripts {
  long generation = 0;
};
struct RemoveFinalizer {};
using Action = std::variant<AddFinalizer, CreateScripts, CreateJob, CreateProbe, DeleteJob,
                            DeleteScripts, RemoveFinalizer>;

struct Decision {
  std::vector<Action> actions = {};
  std::string status = {};  // JSON text; empty: leave the stored one
  std::optional<std::chrono::milliseconds> look_again = {};
};

Decision decide(const Observed&);

// A create that the API server has refused.
struct Refusal {
  Verdict verdict = {};
  std::chrono::milliseconds pause = kRefusalPause;  // until the next attempt
};

// What is told then, without actions. The time of the next attempt is in the status, and `decide`
// makes none before it: the text of a refusal may differ each time, so that each status written
// would be a reason to try again at once.
Decision decide_after(const Observed&, const Refusal&);

}  // namespace controller
