// SPDX-License-Identifier: Apache-2.0
//
// A Job with its pods -> what is known of the run. Pure.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "engine/contract/report.h"
#include "operator/migration/resource.h"
#include "operator/migration/time.h"

namespace controller {

// Why a pod that exists does not run, as far as the kubelet says so.
struct PodProblem {
  std::string reason = {};  // a condition reason: SecretNotFound, ImagePullFailed ...
  std::string message = {};
};

enum class RunPhase {
  Active,     // the Job is not finished, or pods of it may still be alive
  Succeeded,  // Job condition Complete
  Failed,     // Job condition Failed, no pod alive any more
  Lost,       // the Job has gone before anybody had read how it ended
};

// Attempts beyond it come of nobody who counts.
inline constexpr int kMostAttempts = 1'000'000'000;

struct Run {
  std::string job_name = {};
  std::string job_uid = {};
  long generation = 0;
  int attempt = 0;
  int probe = 0;  // from 1: it only asks the database how `attempt` ended; 0: it is that attempt
  RunPhase phase = RunPhase::Active;
  std::string inputs = {};  // DatabaseMigration::inputs, when it was made
  bool deleting = false;
  std::string created = {};          // RFC 3339; of the Job
  std::string start_time = {};       // RFC 3339; empty: not yet
  std::string completion_time = {};  // RFC 3339; empty: not yet
  // Of Job condition Failed: DeadlineExceeded, PodFailurePolicy ...
  std::string failed_reason = {};
  std::optional<int> exit_code = {};             // of the engine's container
  std::optional<engine::RunReport> report = {};  // its termination message
  std::optional<PodProblem> problem = {};        // only while Active
  bool has_pod = false;                          // whatever the state of the pod
  // Its engine may have done something: one of its pods has started it, or is not there to tell.
  bool may_have_worked = true;
  bool report_is_whole = true;  // false: the engine left steps out, so that it fits
  std::string ending = {};      // how the pod ended, for people, where there is no report
  // What a probe has found out, where there is no report: nothing is pending, if the target is
  // reached.
  std::optional<engine::RunReport> answer = {};
};

// Empty: the Job lacks our annotations (not ours to judge).
std::optional<Run> read_run(const Json& job, const std::vector<const Json*>& pods, WallTime now);

// Its containers have ended, as far as the kubelet has told.
bool is_over(const Json& pod);

}  // namespace controller
