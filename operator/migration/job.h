// SPDX-License-Identifier: Apache-2.0
//
// DatabaseMigration -> Job, and Job with its Pods -> what is known of the run. Pure.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "engine/contract/report.h"
#include "operator/migration/resource.h"

namespace controller {

// What the operator was started with.
struct JobSettings {
  std::string engine_image = {};
  std::string image_pull_policy = "IfNotPresent";
};

// <name, cut>-<10 hex digits of SHA-256 over uid, generation and attempt>, at most 63 characters.
// Never reused: re-creating a Job under an old name can leave it without pods.
std::string job_name(const DatabaseMigration&, int attempt);
// Of the ConfigMap that carries inline scripts; a function of uid and generation.
std::string scripts_name(const DatabaseMigration&);

Json build_job(const DatabaseMigration&, int attempt, const JobSettings&);
// The immutable ConfigMap with the inline scripts. Precondition: the source is inline.
Json build_scripts(const DatabaseMigration&);
// What `stillhead digest` prints for these files.
std::string scripts_digest(const std::map<std::string, std::string>& files);

// Why a pod that exists does not run, as far as the kubelet says so.
struct PodProblem {
  std::string reason = {};  // a condition reason: SecretNotFound, ImagePullFailed ...
  std::string message = {};
};

enum class RunPhase {
  Active,     // the Job is not finished, or pods of it may still be alive
  Succeeded,  // Job condition Complete
  Failed,     // Job condition Failed, no pod alive any more
};

struct Run {
  std::string job_name = {};
  std::string job_uid = {};
  long generation = 0;
  int attempt = 0;
  RunPhase phase = RunPhase::Active;
  bool deleting = false;
  std::string created = {};          // RFC 3339; of the Job
  std::string start_time = {};       // RFC 3339; empty: not yet
  std::string completion_time = {};  // RFC 3339; empty: not yet
  std::string failed_reason =
      {};  // of Job condition Failed: DeadlineExceeded, PodFailurePolicy ...
  std::optional<int> exit_code = {};             // of the engine's container
  std::optional<engine::RunReport> report = {};  // its termination message
  std::optional<PodProblem> problem = {};        // only while Active
  bool has_pod = false;                          // whatever the state of the pod
  bool report_is_whole = true;  // false: the engine left steps out, so that it fits
  std::string ending = {};      // how the pod ended, for people, where there is no report
};

// Empty: the Job lacks our annotations (not ours to judge).
std::optional<Run> read_run(const Json& job, const std::vector<const Json*>& pods);

}  // namespace controller
