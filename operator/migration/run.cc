// SPDX-License-Identifier: Apache-2.0
#include "operator/migration/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <nlohmann/json.hpp>
#include <string_view>

#include "operator/migration/containers.h"
#include "operator/migration/json_fields.h"

namespace controller {
namespace {

// How long after the time at which a pod should be gone its node counts as lost: clocks differ.
constexpr std::chrono::seconds kNodePatience{30};

const Json& status_of(const Json& pod, const char* list, std::string_view container) {
  static const Json kNothing;
  for (const Json& status : list_at(pod, {"status", list})) {
    if (text_at(status, {"name"}) == container) return status;
  }
  return kNothing;
}

const Json& terminated(const Json& pod, const char* list, std::string_view container) {
  return value_at(status_of(pod, list, container), {"state", "terminated"});
}

const Json& engine_end(const Json& pod) {
  return terminated(pod, "containerStatuses", kEngineContainer);
}

const Json* condition_of(const Json& job, std::string_view type) {
  for (const Json& condition : list_at(job, {"status", "conditions"})) {
    if (text_at(condition, {"type"}) == type && text_at(condition, {"status"}) == "True") {
      return &condition;
    }
  }
  return nullptr;
}

std::string memory_limit(const Json& pod) {
  for (const Json& container : list_at(pod, {"spec", "containers"})) {
    if (text_at(container, {"name"}) == kEngineContainer) {
      return text_at(container, {"resources", "limits", "memory"});
    }
  }
  return {};
}

// --- a pod that does not run ---------------------------------------------------------------------

// The kubelet says the same in turns as ErrImagePull and ImagePullBackOff: leave out what changes.
std::string without_back_off(const std::string& message) {
  constexpr std::string_view kCause = "ErrImagePull: ";
  const auto cause = message.find(kCause);
  return cause == std::string::npos ? message : message.substr(cause + kCause.size());
}

std::optional<PodProblem> image_problem(const std::string& image, const std::string& reason,
                                        const std::string& message) {
  constexpr std::array kReasons = {
      "ErrImagePull",    "ImagePullBackOff",    "InvalidImageName",  "ErrImageNeverPull",
      "ErrImageInspect", "RegistryUnavailable", "ImageInspectError", "SignatureValidationFailed"};
  if (std::ranges::find(kReasons, reason) == kReasons.end()) return {};
  const std::string cause = without_back_off(message);
  // A back-off without its cause tells less than the image's name alone.
  const bool tells = !cause.empty() && !cause.starts_with("Back-off pulling image");
  return PodProblem{.reason = "ImagePullFailed",
                    .message = fmt::format("image {} cannot be pulled{}{}", image,
                                           tells ? ": " : "", tells ? cause : "")};
}

std::optional<PodProblem> waiting_problem(const Json& status) {
  const std::string reason = text_at(status, {"state", "waiting", "reason"});
  const std::string message = text_at(status, {"state", "waiting", "message"});
  if (reason == "CreateContainerConfigError") {
    // Secrets are all that the pod refers to by name; anything else is a fault of the pod's shape.
    const bool secret = message.find("ecret") != std::string::npos;
    return PodProblem{.reason = secret ? "SecretNotFound" : "Progressing",
                      .message = "the container cannot be configured: " + message};
  }
  if (reason == "CreateContainerError" || reason == "RunContainerError") {
    return PodProblem{.reason = "InvalidSource",
                      .message = "the container cannot be started: " + message};
  }
  return image_problem(text_at(status, {"image"}), reason, message);
}

bool has_started(const Json& pod) {
  const Json& engine = status_of(pod, "containerStatuses", kEngineContainer);
  return value_at(engine, {"state", "running"}).is_object() ||
         value_at(engine, {"state", "terminated"}).is_object() ||
         value_at(engine, {"lastState", "terminated"}).is_object();
}

// The node controller calls pods of a node that is silent not ready; without a probe of its own a
// container that runs is always ready. Or the pod should have been gone long ago.
std::optional<PodProblem> lost_node(const Json& pod, WallTime now) {
  const Json& engine = status_of(pod, "containerStatuses", kEngineContainer);
  const bool runs = value_at(engine, {"state", "running"}).is_object();
  const bool silent =
      runs && text_at(pod, {"metadata", "deletionTimestamp"}).empty() &&
      std::ranges::any_of(list_at(pod, {"status", "conditions"}), [](const Json& condition) {
        return text_at(condition, {"type"}) == "Ready" && text_at(condition, {"status"}) != "True";
      });
  const auto gone_by = parse_rfc3339(text_at(pod, {"metadata", "deletionTimestamp"}));
  const bool overdue = gone_by && now - *gone_by > kNodePatience;
  if (!silent && !overdue) return {};
  return PodProblem{.reason = "PodUnreachable",
                    .message = fmt::format(
                        "node {} does not answer for pod {}: nobody knows whether it still "
                        "runs; it counts as running until the node is back, or the pod is "
                        "deleted by force once the node is known to be off",
                        text_at(pod, {"spec", "nodeName"}), text_at(pod, {"metadata", "name"}))};
}

std::optional<PodProblem> problem_of(const Json& pod, WallTime now) {
  if (auto lost = lost_node(pod, now)) return lost;
  for (const char* list : {"initContainerStatuses", "containerStatuses"}) {
    for (const Json& status : list_at(pod, {"status", list})) {
      if (auto problem = waiting_problem(status)) return problem;
    }
  }
  for (const Json& condition : list_at(pod, {"status", "conditions"})) {
    if (text_at(condition, {"type"}) == "PodScheduled" &&
        text_at(condition, {"status"}) == "False") {
      return PodProblem{.reason = "Progressing",
                        .message = "no node takes the pod: " + text_at(condition, {"message"})};
    }
  }
  return {};
}

// --- a pod that has ended ------------------------------------------------------------------------

std::string ending_of_container(const Json& pod, const Json& end, std::string_view container) {
  const std::string reason = text_at(end, {"reason"});
  if (reason == "OOMKilled") {
    const std::string limit = memory_limit(pod);
    return fmt::format("container {} needed more memory than it may have (OOMKilled, limit {})",
                       container, limit.empty() ? "of the node" : limit);
  }
  const std::string message = container == kBundleContainer || reason == "StartError"
                                  ? text_at(end, {"message"})
                                  : std::string();  // of the engine's container: half a report
  return fmt::format("container {} ended with exit code {}{}{}", container,
                     number_at(end, {"exitCode"}), message.empty() ? "" : ": ", message);
}

std::string ending_of(const Json& pod) {
  const Json& bundle = terminated(pod, "initContainerStatuses", kBundleContainer);
  if (bundle.is_object() && number_at(bundle, {"exitCode"}) != 0) {
    return ending_of_container(pod, bundle, kBundleContainer);
  }
  if (engine_end(pod).is_object()) {
    return ending_of_container(pod, engine_end(pod), kEngineContainer);
  }
  const std::string reason = text_at(pod, {"status", "reason"});
  const std::string message = text_at(pod, {"status", "message"});
  if (reason.empty() && message.empty()) return "the pod ended before the engine started";
  return fmt::format("the pod ended before the engine did: {}{}{}", reason,
                     reason.empty() || message.empty() ? "" : ": ", message);
}

void read_end(const Json& pod, Run& run) {
  const Json& end = engine_end(pod);
  if (end.is_object()) run.exit_code = static_cast<int>(number_at(end, {"exitCode"}));
  const std::string message = text_at(end, {"message"});
  run.report = engine::report_from_json(message);
  if (!run.report) {
    run.ending = ending_of(pod);
    return;
  }
  const Json report = Json::parse(message, nullptr, /*allow_exceptions=*/false);
  run.report_is_whole = !value_at(report, {"truncated"}).is_boolean();
}

// --- the Job -------------------------------------------------------------------------------------

// The pod to look at: the youngest, since an older one was replaced.
const Json* youngest(const std::vector<const Json*>& pods) {
  const auto created = [](const Json* pod) {
    return text_at(*pod, {"metadata", "creationTimestamp"}) + text_at(*pod, {"metadata", "name"});
  };
  const auto pod = std::ranges::max_element(pods, {}, created);
  return pod == pods.end() ? nullptr : *pod;
}

RunPhase phase_of(const Json& job, const std::vector<const Json*>& pods) {
  // The Job may be ahead of what we see of its pods; their report is not there yet, then.
  const bool alive = number_at(job, {"status", "active"}) > 0 ||
                     number_at(job, {"status", "terminating"}) > 0 ||
                     std::ranges::any_of(pods, [](const Json* pod) { return !is_over(*pod); });
  if (alive) return RunPhase::Active;
  if (condition_of(job, "Complete") != nullptr) return RunPhase::Succeeded;
  if (condition_of(job, "Failed") != nullptr) return RunPhase::Failed;
  return RunPhase::Active;
}

void read_phase(const Json& job, const std::vector<const Json*>& pods, Run& run) {
  run.phase = phase_of(job, pods);
  run.start_time = text_at(job, {"status", "startTime"});
  if (run.phase == RunPhase::Active) return;
  run.completion_time = text_at(job, {"status", "completionTime"});
  if (const Json* failed = condition_of(job, "Failed"); failed != nullptr) {
    run.failed_reason = text_at(*failed, {"reason"});
    if (run.completion_time.empty()) {
      run.completion_time = text_at(*failed, {"lastTransitionTime"});
    }
  }
}

// Of a pod that is no more, nobody can tell.
bool may_have_worked(const Run& run, const std::vector<const Json*>& pods) {
  if (pods.empty()) return run.phase != RunPhase::Active;
  return std::ranges::any_of(pods, [](const Json* pod) { return has_started(*pod); });
}

// 1 and more; empty: none.
std::optional<int> counted(const Json& metadata, const char* annotation) {
  const auto number = whole_number(text_at(metadata, {"annotations", annotation}));
  if (!number || *number < 1 || *number > kMostAttempts) return {};
  return static_cast<int>(*number);
}

}  // namespace

bool is_over(const Json& pod) {
  const std::string phase = text_at(pod, {"status", "phase"});
  return phase == "Succeeded" || phase == "Failed";
}

std::optional<Run> read_run(const Json& job, const std::vector<const Json*>& pods, WallTime now) {
  const Json& metadata = value_at(job, {"metadata"});
  const auto generation = whole_number(text_at(metadata, {"annotations", kGenerationAnnotation}));
  const auto attempt = counted(metadata, kAttemptAnnotation);
  if (!generation || !attempt) return {};
  Run run;
  run.job_name = text_at(metadata, {"name"});
  run.job_uid = text_at(metadata, {"uid"});
  run.generation = *generation;
  run.attempt = *attempt;
  run.probe = counted(metadata, kProbeAnnotation).value_or(0);
  run.inputs = text_at(metadata, {"annotations", kInputsAnnotation});
  run.deleting = !text_at(metadata, {"deletionTimestamp"}).empty();
  run.created = text_at(metadata, {"creationTimestamp"});
  read_phase(job, pods, run);
  const Json* pod = youngest(pods);
  run.has_pod = pod != nullptr;
  if (run.phase == RunPhase::Active) {
    if (pod != nullptr && !is_over(*pod)) run.problem = problem_of(*pod, now);
  } else if (pod != nullptr) {
    read_end(*pod, run);
  } else {
    run.ending = "its pod is gone";
  }
  run.may_have_worked = may_have_worked(run, pods);
  return run;
}

}  // namespace controller
