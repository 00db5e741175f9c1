// SPDX-License-Identifier: Apache-2.0
#include "operator/migration/run.h"

#include <gtest/gtest.h>

#include "tests/operator/migration/builders.h"

namespace controller {
namespace {

using testing::migration;

Json job_object(const Json& status = Json::object()) {
  Json job = build_job(migration(), 2, {.engine_image = "stillhead:1"});
  job["metadata"]["uid"] = "job-uid";
  job["metadata"]["creationTimestamp"] = "2026-11-20T08:00:00Z";
  job["status"] = status;
  return job;
}

Json condition(const char* type, const char* reason = "") {
  return {{"type", type},
          {"status", "True"},
          {"reason", reason},
          {"lastTransitionTime", "2026-11-20T08:00:09Z"}};
}

Json complete() {
  return job_object({{"startTime", "2026-11-20T08:00:01Z"},
                     {"completionTime", "2026-11-20T08:00:08Z"},
                     {"succeeded", 1},
                     {"conditions", {condition("SuccessCriteriaMet"), condition("Complete")}}});
}

Json failed(const char* reason = "PodFailurePolicy") {
  return job_object(
      {{"startTime", "2026-11-20T08:00:01Z"},
       {"failed", 1},
       {"conditions", {condition("FailureTarget", reason), condition("Failed", reason)}}});
}

const WallTime kNow = testing::at("2026-11-20T08:01:00Z");

Json pod_object(const char* phase, const Json& state, const char* name = "p1") {
  return {{"metadata", {{"name", name}, {"creationTimestamp", "2026-11-20T08:00:02Z"}}},
          {"spec",
           {{"containers",
             {{{"name", "stillhead"}, {"resources", {{"limits", {{"memory", "256Mi"}}}}}}}}}},
          {"status",
           {{"phase", phase},
            {"containerStatuses",
             {{{"name", "stillhead"}, {"image", "example.com/orders"}, {"state", state}}}}}}};
}

Json ended(int exit_code, const std::string& message = {}, const char* reason = "Error") {
  return {{"terminated", {{"exitCode", exit_code}, {"reason", reason}, {"message", message}}}};
}

Json waiting(const char* reason, const std::string& message = {}) {
  return {{"waiting", {{"reason", reason}, {"message", message}}}};
}

Run read(const Json& job, const Json& pod) {
  const auto run = read_run(job, {&pod}, kNow);
  EXPECT_TRUE(run.has_value());
  return run.value_or(Run{});
}

TEST(RunTest, ReadsWhatTheJobSaysOfItself) {
  const auto run = read_run(job_object(), {}, kNow);
  ASSERT_TRUE(run);
  EXPECT_EQ(run->job_name, job_name(migration(), 2));
  EXPECT_EQ(run->job_uid, "job-uid");
  EXPECT_EQ(run->generation, 3);
  EXPECT_EQ(run->attempt, 2);
  EXPECT_EQ(run->phase, RunPhase::Active);
  EXPECT_EQ(run->created, "2026-11-20T08:00:00Z");
  EXPECT_FALSE(run->has_pod);
  EXPECT_FALSE(run->deleting);
}

TEST(RunTest, AJobWithoutOurAnnotationsIsNotOurs) {
  for (const char* broken : {"", "x", "0", "-1", "1.5", "99999999999999999999"}) {
    Json job = job_object();
    job["metadata"]["annotations"][kAttemptAnnotation] = broken;
    EXPECT_FALSE(read_run(job, {}, kNow)) << broken;
  }
  EXPECT_FALSE(read_run(Json::object(), {}, kNow));
}

TEST(RunTest, SuccessComesWithTheReport) {
  const auto run =
      read(complete(), pod_object("Succeeded", ended(0, to_json(testing::succeeded()))));
  EXPECT_EQ(run.phase, RunPhase::Succeeded);
  EXPECT_EQ(run.exit_code, 0);
  ASSERT_TRUE(run.report);
  EXPECT_EQ(run.report->to, std::vector<std::string>{"b2"});
  EXPECT_TRUE(run.report_is_whole);
  EXPECT_EQ(run.start_time, "2026-11-20T08:00:01Z");
  EXPECT_EQ(run.completion_time, "2026-11-20T08:00:08Z");
}

TEST(RunTest, FailureIsOverWhenTheJobSaysSo) {
  const auto run =
      read(failed(), pod_object("Failed", ended(1, to_json(testing::failed_statement()))));
  EXPECT_EQ(run.phase, RunPhase::Failed);
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_EQ(run.failed_reason, "PodFailurePolicy");
  EXPECT_EQ(run.completion_time, "2026-11-20T08:00:09Z");
  EXPECT_EQ(run.report->failure->sqlstate, "42P07");
}

TEST(RunTest, AReportThatWasShortenedSaysSo) {
  engine::RunReport report = testing::failed_statement();
  report.failure->sql = std::string(8000, 'x');
  const auto run = read(failed(), pod_object("Failed", ended(1, to_json(report, 4096))));
  ASSERT_TRUE(run.report);
  EXPECT_FALSE(run.report_is_whole);
}

TEST(RunTest, AProbeSaysWhichAttemptItAsksAbout) {
  Json job = job_object();
  EXPECT_EQ(read_run(job, {}, kNow)->probe, 0);
  job["metadata"]["annotations"][kProbeAnnotation] = "3";
  EXPECT_EQ(read_run(job, {}, kNow)->probe, 3);
  EXPECT_EQ(read_run(job, {}, kNow)->attempt, 2);
}

// Whoever has not begun has done nothing; of a pod that is gone nobody can tell.
TEST(RunTest, TellsWhetherTheEngineMayHaveWorked) {
  const Json pulling = pod_object("Pending", waiting("ImagePullBackOff"));
  EXPECT_FALSE(read_run(job_object(), {}, kNow)->may_have_worked) << "no pod yet";
  EXPECT_FALSE(read(job_object(), pulling).may_have_worked);
  EXPECT_TRUE(
      read(job_object(), pod_object("Running", {{"running", Json::object()}})).may_have_worked);
  EXPECT_TRUE(read(failed(), pod_object("Failed", ended(137))).may_have_worked);
  EXPECT_FALSE(read(failed(), pod_object("Failed", waiting("ContainerCreating"))).may_have_worked);
  EXPECT_TRUE(read_run(failed(), {}, kNow)->may_have_worked) << "its pod is gone";
}

TEST(RunTest, ANodeThatDoesNotAnswerIsNamed) {
  Json pod = pod_object("Running", {{"running", Json::object()}});
  pod["spec"]["nodeName"] = "n7";
  EXPECT_FALSE(read(job_object(), pod).problem);
  Json silent = pod;
  silent["status"]["conditions"] = {{{"type", "Ready"}, {"status", "False"}}};
  ASSERT_TRUE(read(job_object(), silent).problem);
  EXPECT_EQ(read(job_object(), silent).problem->reason, "PodUnreachable");
  EXPECT_EQ(read(job_object(), silent).problem->message,
            "node n7 does not answer for pod p1: nobody knows whether it still runs; it counts as "
            "running until the node is back, or the pod is deleted by force once the node is known "
            "to be off");
  EXPECT_TRUE(read(job_object(), silent).may_have_worked);
  // A pod that ends in its own time.
  Json leaving = silent;
  leaving["metadata"]["deletionTimestamp"] = "2026-11-20T08:00:45Z";
  EXPECT_FALSE(read(job_object(), leaving).problem);
  leaving["metadata"]["deletionTimestamp"] = "2026-11-20T08:00:29Z";
  EXPECT_EQ(read(job_object(), leaving).problem->reason, "PodUnreachable");
}

// The Job's own word is not enough while a pod may still be at work, or its report on the way.
TEST(RunTest, IsActiveWhileAnyPodMayBeAlive) {
  const Json running = pod_object("Running", {{"running", Json::object()}});
  EXPECT_EQ(read(complete(), running).phase, RunPhase::Active);
  EXPECT_EQ(read(failed(), running).phase, RunPhase::Active);
  for (const char* count : {"active", "terminating"}) {
    Json job = failed();
    job["status"][count] = 1;
    EXPECT_EQ(read_run(job, {}, kNow)->phase, RunPhase::Active) << count;
  }
  const Json target =
      job_object({{"conditions", {condition("FailureTarget", "DeadlineExceeded")}}});
  EXPECT_EQ(read_run(target, {}, kNow)->phase, RunPhase::Active);
  const Json over = pod_object("Failed", ended(1));
  EXPECT_EQ(read_run(failed(), {&over, &running}, kNow)->phase, RunPhase::Active);
}

TEST(RunTest, ADeletedPodLeavesNoReport) {
  const auto run = read_run(failed("BackoffLimitExceeded"), {}, kNow);
  EXPECT_EQ(run->phase, RunPhase::Failed);
  EXPECT_FALSE(run->report || run->exit_code);
  EXPECT_EQ(run->ending, "its pod is gone");
}

TEST(RunTest, TellsHowAPodEndedWithoutReport) {
  Json bundle = pod_object("Failed", waiting("PodInitializing"));
  bundle["status"]["initContainerStatuses"] = {
      {{"name", "stillhead-engine"}, {"state", ended(1, "no space left on device")}}};
  Json evicted = pod_object("Failed", Json::object());
  evicted["status"]["reason"] = "Evicted";
  evicted["status"]["message"] = "The node was low on resource: memory.";
  const std::pair<Json, const char*> cases[] = {
      {pod_object("Failed", ended(137, "", "OOMKilled")),
       "container stillhead needed more memory than it may have (OOMKilled, limit 256Mi)"},
      {pod_object("Failed", ended(139)), "container stillhead ended with exit code 139"},
      // Half a report may hold what must not be shown.
      {pod_object("Failed", ended(137, "{\"contractVersion\":1,\"failure\":{\"detail\":\"ada")),
       "container stillhead ended with exit code 137"},
      {pod_object("Failed", ended(128, "exec: no such file", "StartError")),
       "container stillhead ended with exit code 128: exec: no such file"},
      {bundle, "container stillhead-engine ended with exit code 1: no space left on device"},
      {evicted,
       "the pod ended before the engine did: Evicted: The node was low on resource: memory."},
      {pod_object("Failed", Json::object()), "the pod ended before the engine started"},
  };
  for (const auto& [pod, ending] : cases) EXPECT_EQ(read(failed(), pod).ending, ending);
}

TEST(RunTest, TheYoungestPodCounts) {
  const Json first = pod_object("Failed", ended(137), "p1");
  Json second = pod_object("Succeeded", ended(0, to_json(testing::succeeded())), "p0");
  second["metadata"]["creationTimestamp"] = "2026-11-20T08:00:05Z";
  for (const auto& pods : {std::vector<const Json*>{&first, &second}, {&second, &first}}) {
    EXPECT_EQ(read_run(complete(), pods, kNow)->exit_code, 0);
  }
}

TEST(RunTest, NamesWhyAPodDoesNotRun) {
  Json unschedulable = pod_object("Pending", Json::object());
  unschedulable["status"]["conditions"] = {{{"type", "PodScheduled"},
                                            {"status", "False"},
                                            {"reason", "Unschedulable"},
                                            {"message", "0/1 nodes are available"}}};
  Json bundle = pod_object("Pending", waiting("PodInitializing"));
  bundle["status"]["initContainerStatuses"] = {{{"name", "stillhead-engine"},
                                                {"image", "example.com/engine"},
                                                {"state", waiting("InvalidImageName", "bad")}}};
  struct Case {
    Json pod = {};
    const char* reason = "";
    const char* message = "";
  };
  const Case cases[] = {
      {pod_object("Pending", waiting("CreateContainerConfigError", "secret \"db\" not found")),
       "SecretNotFound", "the container cannot be configured: secret \"db\" not found"},
      {pod_object("Pending",
                  waiting("CreateContainerConfigError", "couldn't find key url in Secret shop/db")),
       "SecretNotFound",
       "the container cannot be configured: couldn't find key url in Secret shop/db"},
      {pod_object("Pending", waiting("ErrImagePull", "not found")), "ImagePullFailed",
       "image example.com/orders cannot be pulled: not found"},
      {pod_object("Pending", waiting("ImagePullBackOff",
                                     "Back-off pulling image \"x\": ErrImagePull: not found")),
       "ImagePullFailed", "image example.com/orders cannot be pulled: not found"},
      {pod_object("Pending", waiting("ImagePullBackOff", "Back-off pulling image \"x\"")),
       "ImagePullFailed", "image example.com/orders cannot be pulled"},
      {pod_object("Pending", waiting("CreateContainerError", "no such mount")), "InvalidSource",
       "the container cannot be started: no such mount"},
      {bundle, "ImagePullFailed", "image example.com/engine cannot be pulled: bad"},
      {unschedulable, "Progressing", "no node takes the pod: 0/1 nodes are available"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.message);
    const auto run = read(job_object({{"active", 1}}), c.pod);
    ASSERT_TRUE(run.problem);
    EXPECT_EQ(run.problem->reason, c.reason);
    EXPECT_EQ(run.problem->message, c.message);
  }
  EXPECT_FALSE(read(job_object(), pod_object("Pending", waiting("ContainerCreating"))).problem);
  EXPECT_FALSE(read(job_object(), pod_object("Running", {{"running", Json::object()}})).problem);
  // Of a pod that is over there is nothing to wait for.
  EXPECT_FALSE(read(job_object(), pod_object("Failed", waiting("ErrImagePull", "x"))).problem);
}

}  // namespace
}  // namespace controller
