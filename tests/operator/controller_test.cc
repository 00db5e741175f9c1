// SPDX-License-Identifier: Apache-2.0
#include "operator/controller.h"

#include <gtest/gtest.h>

#include "operator/kinds.h"
#include "tests/operator/migration/builders.h"
#include "tests/support/fake_api_server.h"

namespace controller {
namespace {

using testing::condition;
using testing::health_of;
using testing_support::FakeApiServer;

const kube::Key kKey{"shop", "orders"};

// The operator and the cluster around it, step by step.
class ControllerTest : public ::testing::Test {
 protected:
  // What the operator sees is what the lists say at this moment; all else of it is new each time,
  // as after a crash.
  std::optional<std::chrono::milliseconds> reconcile() {
    kube::Reflector migrations(server_, {kMigrations, "", ""}, nothing(), {});
    kube::Reflector jobs(server_, {kJobs, "", ours()}, nothing(), {});
    kube::Reflector pods(server_, {kPods, "", ours()}, nothing(), {});
    for (kube::Reflector* reflector : {&migrations, &jobs, &pods}) {
      std::stop_source stop;
      server_.on_watch([&] { stop.request_stop(); });
      reflector->run(stop.get_token());
    }
    kube::ApiClient client(server_, {});
    Controller controller({migrations, jobs, pods}, client, {.engine_image = "stillhead:1"},
                          [this] { return now_; });
    return controller.reconcile(kKey);
  }

  // Until nothing changes any more; failed calls are tried again.
  void settle() {
    for (int i = 0; i < 20; ++i) {
      const auto before = server_.requests().size();
      try {
        reconcile();
      } catch (const kube::ApiError& error) {
        EXPECT_TRUE(error.retryable()) << error.what();
        continue;
      }
      if (server_.requests().size() == before) return;
    }
    ADD_FAILURE() << "the operator does not come to rest";
  }

  void create(const Json& spec = Json::object()) {
    Json object = testing::migration_object(spec);
    object.erase("status");
    EXPECT_EQ(server_.create("databasemigrations", "shop", object).status, 201);
  }
  void edit(const Json& spec) {
    EXPECT_EQ(server_.patch("databasemigrations", kKey, {{"spec", spec}}).status, 200);
  }
  void remove() { EXPECT_EQ(server_.remove("databasemigrations", kKey).status, 200); }

  Json migration() { return server_.object("databasemigrations", kKey); }
  Json status() { return migration().value("status", Json::object()); }
  bool exists() { return server_.objects("databasemigrations").contains(kKey); }
  std::size_t jobs() { return server_.objects("jobs").size(); }
  std::string message() { return condition(status(), "Ready").value("message", ""); }

  // The Job that has not ended; there must be one.
  Json& active_job() {
    for (auto& [key, job] : server_.objects("jobs")) {
      if (job["status"].value("active", 0) == 1) return job;
    }
    throw std::logic_error("no Job is active");
  }

  void add_pod(const Json& job, const Json& pod_status) {
    Json pod = {{"metadata",
                 {{"name", job["metadata"]["name"].get<std::string>() + "-x"},
                  {"labels", job["spec"]["template"]["metadata"]["labels"]},
                  {"ownerReferences", {{{"uid", job["metadata"]["uid"]}}}}}}};
    const kube::Key key{"shop", pod["metadata"]["name"]};
    server_.create("pods", "shop", pod);
    server_.object("pods", key)["status"] = pod_status;
  }

  void finish_job(const engine::RunReport& report) {
    Json& job = active_job();
    const int code = engine::exit_code_of(report.reason);
    add_pod(
        job,
        {{"phase", code == 0 ? "Succeeded" : "Failed"},
         {"containerStatuses",
          {{{"name", "stillhead"},
            {"state", {{"terminated", {{"exitCode", code}, {"message", to_json(report)}}}}}}}}});
    job["status"] = {{"startTime", rfc3339(now_)},
                     {"conditions",
                      {{{"type", code == 0 ? "Complete" : "Failed"},
                        {"status", "True"},
                        {"reason", "PodFailurePolicy"},
                        {"lastTransitionTime", rfc3339(now_)}}}}};
    if (code == 0) job["status"]["completionTime"] = rfc3339(now_);
    server_.touch(job);
  }

  static kube::Reflector::OnChange nothing() {
    return [](const kube::Key&, const Json&) {};
  }
  static std::string ours() { return std::string(kManagedByLabel) + "=" + kManagedBy; }

  FakeApiServer server_;
  WallTime now_ = testing::at("2026-11-20T08:00:00Z");
};

TEST_F(ControllerTest, RunsAMigrationToItsEnd) {
  create();
  EXPECT_FALSE(reconcile().has_value());
  const std::string job = active_job()["metadata"]["name"];
  EXPECT_EQ(server_.requests().size(), 4u);
  EXPECT_EQ(server_.requests()[0],
            "PATCH /apis/stillhead.dev/v1alpha1/namespaces/shop/databasemigrations/orders");
  EXPECT_EQ(server_.requests()[1], "POST /api/v1/namespaces/shop/configmaps");
  EXPECT_EQ(server_.requests()[2], "POST /apis/batch/v1/namespaces/shop/jobs");
  EXPECT_EQ(server_.requests()[3],
            "PATCH /apis/stillhead.dev/v1alpha1/namespaces/shop/databasemigrations/orders/status");
  EXPECT_EQ(health_of(status()), "Ready=False Progressing Reconciling");
  EXPECT_EQ(status()["lastRun"]["jobName"], job);

  settle();
  EXPECT_EQ(server_.requests().size(), 4u) << "nothing to do while it runs";
  finish_job(testing::succeeded());
  settle();
  EXPECT_EQ(health_of(status()), "Ready=True UpToDate");
  EXPECT_EQ(status()["currentRevisions"], Json::array({"b2"}));
  EXPECT_EQ(migration()["metadata"]["finalizers"], Json::array());
  EXPECT_EQ(jobs(), 1u);
}

TEST_F(ControllerTest, NothingIsDoneForWhatDoesNotExist) {
  EXPECT_FALSE(reconcile().has_value());
  EXPECT_TRUE(server_.requests().empty());
}

TEST_F(ControllerTest, ACorrectedSpecIsRun) {
  create();
  settle();
  finish_job(testing::failed_statement());
  settle();
  EXPECT_EQ(health_of(status()), "Ready=False MigrationFailed Stalled");
  EXPECT_EQ(status()["lastRun"]["failure"]["sqlState"], "42P07");
  edit({{"source", testing::inline_source("-- corrected")}});
  settle();
  EXPECT_EQ(health_of(status()), "Ready=False Progressing Reconciling");
  EXPECT_EQ(status()["observedGeneration"], 2);
  finish_job(testing::succeeded());
  settle();
  EXPECT_EQ(health_of(status()), "Ready=True UpToDate");
  EXPECT_EQ(server_.objects("configmaps").size(), 2u);
}

TEST_F(ControllerTest, TriesAgainAfterThePause) {
  create();
  settle();
  finish_job(testing::failed(engine::Reason::DatabaseUnreachable, "connection refused"));
  const std::chrono::milliseconds pause = reconcile().value();
  EXPECT_LE(pause, std::chrono::seconds(10));
  EXPECT_GE(pause, std::chrono::milliseconds(7500));
  EXPECT_EQ(health_of(status()), "Ready=False WaitingForDatabase Reconciling");
  now_ += pause - std::chrono::milliseconds(1);
  EXPECT_EQ(reconcile(), std::chrono::milliseconds(1));
  EXPECT_EQ(jobs(), 1u);
  now_ += std::chrono::milliseconds(1);
  reconcile();
  EXPECT_EQ(jobs(), 2u);
  EXPECT_EQ(active_job()["metadata"]["annotations"][kAttemptAnnotation], "2");
}

TEST_F(ControllerTest, OldJobsGo) {
  create();
  for (int i = 0; i < 6; ++i) {
    settle();
    finish_job(testing::failed(engine::Reason::LockUnavailable, "busy"));
    settle();
    now_ += std::chrono::minutes(10);
  }
  settle();
  finish_job(testing::succeeded());
  settle();
  EXPECT_EQ(jobs(), 4U) << "one that succeeded, three that failed";
  EXPECT_EQ(status()["lastRun"]["attempt"], 7);
  EXPECT_EQ(health_of(status()), "Ready=True UpToDate");
}

TEST_F(ControllerTest, WaitsForTheConfigMap) {
  create({{"source", testing::config_map_source()}});
  EXPECT_EQ(reconcile(), std::chrono::seconds(5));
  EXPECT_EQ(health_of(status()), "Ready=False SourceNotFound Reconciling");
  EXPECT_EQ(jobs(), 0u);
  EXPECT_FALSE(migration()["metadata"].contains("finalizers"));
  server_.create("configmaps", "shop", {{"metadata", {{"name", "orders-scripts"}}}});
  settle();
  EXPECT_EQ(jobs(), 1u);
  EXPECT_EQ(server_.objects("configmaps").size(), 1u) << "it is used as it is";
}

TEST_F(ControllerTest, DeletionWaitsForTheRun) {
  create();
  settle();
  add_pod(active_job(), {{"phase", "Running"}});
  remove();
  settle();
  EXPECT_EQ(health_of(status()), "Ready=False Terminating Reconciling");
  EXPECT_EQ(jobs(), 1u);
  server_.objects("pods").clear();
  finish_job(testing::succeeded());
  settle();
  EXPECT_FALSE(exists());
  EXPECT_EQ(jobs(), 0u);
}

TEST_F(ControllerTest, DeletionAtRestIsImmediate) {
  create();
  settle();
  finish_job(testing::succeeded());
  settle();
  remove();
  EXPECT_FALSE(exists());
}

TEST_F(ControllerTest, AFinalizerOfSomebodyElseStays) {
  create();
  Json& stored = server_.object("databasemigrations", kKey);
  stored["metadata"]["finalizers"] = {"example.com/other"};
  server_.touch(stored);
  settle();
  EXPECT_EQ(migration()["metadata"]["finalizers"], (Json{"example.com/other", kFinalizer}));
  finish_job(testing::succeeded());
  settle();
  EXPECT_EQ(migration()["metadata"]["finalizers"], Json::array({"example.com/other"}));
  remove();
  settle();
  EXPECT_TRUE(exists());
}

TEST_F(ControllerTest, AnotherResourceOfTheSameNameHasItsOwnRuns) {
  create();
  settle();
  finish_job(testing::succeeded());
  settle();
  const Json old_job = server_.objects("jobs").begin()->second;
  remove();
  // The garbage collector has not come round yet.
  server_.objects("jobs")[{"shop", old_job["metadata"]["name"]}] = old_job;
  create();
  settle();
  EXPECT_EQ(health_of(status()), "Ready=False Progressing Reconciling");
  EXPECT_EQ(jobs(), 2u);
}

// --- what caches do not know ---------------------------------------------------------------------

TEST_F(ControllerTest, AStaleCacheMakesNoSecondJob) {
  create();
  server_.freeze_lists();
  reconcile();
  EXPECT_EQ(jobs(), 1u);
  // The lists still show neither finalizer, Job nor status.
  for (int i = 0; i < 3; ++i) EXPECT_EQ(reconcile(), std::chrono::milliseconds(0));
  EXPECT_EQ(jobs(), 1u);
  server_.thaw_lists();
  settle();
  EXPECT_EQ(jobs(), 1u);
}

TEST_F(ControllerTest, AJobThatTheCacheLacksIsLookedFor) {
  create();
  reconcile();
  Json hidden = active_job();
  hidden["metadata"]["labels"].erase(kManagedByLabel);
  active_job() = hidden;  // the list does not show it, a look at it does
  settle();
  EXPECT_EQ(jobs(), 1u);
  server_.objects("jobs").clear();
  settle();
  EXPECT_EQ(active_job()["metadata"]["annotations"][kAttemptAnnotation], "1");
  EXPECT_EQ(active_job()["metadata"]["annotations"][kProbeAnnotation], "1");
}

// Deleting a Job may leave its pod behind, which goes on with its work.
TEST_F(ControllerTest, NothingBeginsBesideAPodThatHasLostItsJob) {
  create();
  settle();
  add_pod(active_job(), {{"phase", "Running"},
                         {"containerStatuses",
                          {{{"name", "stillhead"}, {"state", {{"running", Json::object()}}}}}}});
  server_.objects("jobs").clear();
  settle();
  EXPECT_EQ(jobs(), 0u);
  EXPECT_NE(message().find("may still work, and its Job was deleted"), std::string::npos);
  edit({{"target", {{"revision", "a1"}}}});
  settle();
  EXPECT_EQ(jobs(), 0u) << "a new spec waits, too";
  remove();
  settle();
  EXPECT_TRUE(exists()) << "and so does the deletion";
  for (auto& [key, pod] : server_.objects("pods")) {
    pod["status"]["phase"] = "Failed";
    server_.touch(pod);
  }
  settle();
  EXPECT_FALSE(exists());
}

// The watch of the pods shows less than there is.
TEST_F(ControllerTest, AStalePodCacheStopsNoRun) {
  create();
  settle();
  add_pod(
      active_job(),
      {{"phase", "Pending"},
       {"containerStatuses",
        {{{"name", "stillhead"}, {"state", {{"waiting", {{"reason", "ImagePullBackOff"}}}}}}}}});
  settle();
  for (auto& [key, pod] : server_.objects("pods")) {
    pod["status"] = {
        {"phase", "Running"},
        {"containerStatuses", {{{"name", "stillhead"}, {"state", {{"running", Json::object()}}}}}}};
  }
  // Only the first list, that of the cache, is the old one.
  int lists = 0;
  server_.answer_with([&](const kube::Request& request) -> std::optional<kube::Response> {
    if (!request.path.ends_with("/pods") || request.method != "GET" || ++lists > 1) return {};
    Json pods = {{"kind", "PodList"}, {"metadata", {{"resourceVersion", "1"}}}};
    for (auto& [key, pod] : server_.objects("pods")) {
      Json old = pod;
      old["status"] = {
          {"phase", "Pending"},
          {"containerStatuses",
           {{{"name", "stillhead"}, {"state", {{"waiting", {{"reason", "ImagePullBackOff"}}}}}}}}};
      pods["items"].push_back(old);
    }
    return kube::Response{.status = 200, .body = pods.dump()};
  });
  edit({{"target", {{"revision", "a1"}}}});
  reconcile();
  EXPECT_GE(lists, 2) << "it has looked again";
  EXPECT_FALSE(active_job()["metadata"].contains("deletionTimestamp"));
  EXPECT_EQ(jobs(), 1u);
}

TEST_F(ControllerTest, ALabelMakesNoJobOurs) {
  create();
  settle();
  const Json own = active_job();
  for (const bool owned : {false, true}) {
    Json theirs = own;
    theirs["metadata"]["name"] = owned ? "a-copy" : "somebody-s";
    theirs["metadata"]["annotations"][kAttemptAnnotation] = "9";
    theirs["metadata"].erase("uid");
    if (!owned) theirs["metadata"].erase("ownerReferences");
    server_.create("jobs", "shop", theirs);
    server_.object("jobs", {"shop", theirs["metadata"]["name"]})["status"] = {
        {"conditions", {{{"type", "Complete"}, {"status", "True"}}}}};
  }
  settle();
  EXPECT_EQ(health_of(status()), "Ready=False Progressing Reconciling");
  EXPECT_EQ(status()["lastRun"]["attempt"], 1);
  EXPECT_EQ(jobs(), 3u);
}

TEST_F(ControllerTest, ScriptsOfOldGenerationsGoWithTheirJobs) {
  create({{"execution", {{"history", {{"succeeded", 1}, {"failed", 1}}}}}});
  for (const char* text : {"-- one", "-- two", "-- three"}) {
    edit({{"source", testing::inline_source(text)}});
    settle();
    finish_job(testing::succeeded());
    settle();
  }
  EXPECT_EQ(jobs(), 1u);
  EXPECT_EQ(server_.objects("configmaps").size(), 1u);
}

// The Job is made, then nothing comes through any more: neither the status nor the Job's event.
class UnseenJobTest : public ControllerTest {
 protected:
  void make_unseen_job() {
    create();
    server_.lose({.write = 4, .after_effect = false});
    EXPECT_THROW(reconcile(), kube::ApiError);
    EXPECT_EQ(jobs(), 1u);
    EXPECT_FALSE(status().contains("lastRun"));
  }

  // The events of the resource arrive, those of the Job do not.
  void hide_jobs() {
    server_.answer_with([](const kube::Request& request) -> std::optional<kube::Response> {
      if (request.path != "/apis/batch/v1/jobs") return {};
      return kube::Response{.status = 200,
                            .body = R"({"metadata":{"resourceVersion":"1"},"items":[]})"};
    });
  }

  void show_jobs() { server_.answer_with({}); }
};

TEST_F(UnseenJobTest, IsNotJoinedByASecondOneOfANewerSpec) {
  make_unseen_job();
  const std::string job = active_job()["metadata"]["name"];
  edit({{"target", {{"revision", "c3"}}}});
  hide_jobs();
  for (int i = 0; i < 3; ++i) reconcile();
  EXPECT_EQ(jobs(), 1u);
  EXPECT_EQ(message(), "waiting for Job " + job + " of generation 1 to end");
  show_jobs();
  finish_job(testing::succeeded());
  settle();
  EXPECT_EQ(active_job()["metadata"]["annotations"][kGenerationAnnotation], "2");
}

TEST_F(UnseenJobTest, ThatHasEndedIsWaitedForUntilItsResultIsSeen) {
  make_unseen_job();
  finish_job(testing::succeeded());
  hide_jobs();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(reconcile(), std::chrono::milliseconds(0));
  EXPECT_EQ(jobs(), 1u);
  EXPECT_FALSE(status().contains("lastRun"));
  show_jobs();
  settle();
  EXPECT_EQ(health_of(status()), "Ready=True UpToDate");
  EXPECT_EQ(jobs(), 1u);
}

TEST_F(UnseenJobTest, KeepsTheFinalizerOfASuspendedResource) {
  make_unseen_job();
  edit({{"suspend", true}});
  hide_jobs();
  for (int i = 0; i < 3; ++i) reconcile();
  EXPECT_EQ(migration()["metadata"]["finalizers"], Json::array({kFinalizer}));
  remove();
  for (int i = 0; i < 3; ++i) reconcile();
  EXPECT_TRUE(exists());
  EXPECT_EQ(health_of(status()), "Ready=False Terminating Reconciling");
  EXPECT_EQ(jobs(), 1u);
}

TEST_F(ControllerTest, AResourceThatChangedMeanwhileIsLookedAtAgain) {
  create();
  Json& stored = server_.object("databasemigrations", kKey);
  stored["metadata"]["finalizers"] = {kFinalizer};
  server_.freeze_lists();
  edit({{"suspend", true}});
  EXPECT_EQ(reconcile(), std::chrono::milliseconds(0));
  EXPECT_EQ(jobs(), 0u);
  server_.thaw_lists();
  settle();
  EXPECT_EQ(jobs(), 0u);
  EXPECT_EQ(health_of(status()), "Ready=False Suspended");
}

TEST_F(ControllerTest, AForeignJobIsLeftAlone) {
  create();
  const std::string name = job_name(read_migration(migration()), 1);
  server_.create("jobs", "shop", {{"metadata", {{"name", name}}}, {"spec", {{"theirs", 1}}}});
  EXPECT_EQ(reconcile(), std::chrono::seconds(60));
  EXPECT_EQ(health_of(status()), "Ready=False Conflict Stalled");
  EXPECT_EQ(message(),
            "Job " + name + " exists and belongs to somebody else; it was left as it is");
  const Json told = status();
  settle();
  EXPECT_EQ(status(), told) << "the status is written once";
  EXPECT_EQ(server_.object("jobs", {"shop", name})["spec"], (Json{{"theirs", 1}}));
  server_.objects("jobs").clear();
  now_ += std::chrono::seconds(60);
  settle();
  EXPECT_EQ(health_of(status()), "Ready=False Progressing Reconciling");
}

TEST_F(ControllerTest, RefusedJobsAreTold) {
  create();
  const auto refuse = [&](int code, const std::string& reason, const std::string& message) {
    server_.answer_with([=](const kube::Request& request) -> std::optional<kube::Response> {
      if (request.method != "POST" || !request.path.ends_with("/jobs")) return {};
      return FakeApiServer::refusal(code, reason, message);
    });
  };
  refuse(422, "Invalid", "limits.memory: Invalid value");
  EXPECT_EQ(reconcile(), std::chrono::minutes(5));
  EXPECT_EQ(health_of(status()), "Ready=False InvalidSpec Stalled");
  EXPECT_NE(message().find("limits.memory: Invalid value"), std::string::npos) << message();
  EXPECT_EQ(status()["retry"],
            (Json{{"count", 0}, {"nextAttemptTime", "2026-11-20T08:05:00Z"}, {"refused", true}}));
  refuse(403, "Forbidden", "exceeded quota: jobs");
  now_ += std::chrono::minutes(5);
  EXPECT_EQ(reconcile(), std::chrono::seconds(30));
  EXPECT_EQ(health_of(status()), "Ready=False BackingOff Reconciling");
  EXPECT_NE(message().find("exceeded quota: jobs"), std::string::npos) << message();
  refuse(500, "InternalError", "etcd");
  now_ += std::chrono::seconds(30);
  EXPECT_THROW(reconcile(), kube::ApiError);
  EXPECT_EQ(health_of(status()), "Ready=False BackingOff Reconciling");
  server_.answer_with({});
  settle();
  EXPECT_EQ(health_of(status()), "Ready=False Progressing Reconciling");
  EXPECT_FALSE(status().contains("retry"));
}

// An admission webhook may put a time or an id into its text: then each status that is written is
// another one, and wakes the resource.
TEST_F(ControllerTest, ARefusalOfAnotherTextEachTimeIsNoReasonToTryAgainAtOnce) {
  for (const char* refused : {"/jobs", "/configmaps"}) {
    SCOPED_TRACE(refused);
    server_ = FakeApiServer();
    create();
    int attempts = 0;
    server_.answer_with([&](const kube::Request& request) -> std::optional<kube::Response> {
      if (request.method != "POST" || !request.path.ends_with(refused)) return {};
      return FakeApiServer::refusal(403, "Forbidden", "request " + std::to_string(++attempts));
    });
    EXPECT_EQ(reconcile(), std::chrono::seconds(30));
    settle();
    EXPECT_EQ(attempts, 1);
    EXPECT_NE(message().find("request 1"), std::string::npos) << message();
    now_ += std::chrono::milliseconds(29999);
    EXPECT_EQ(reconcile(), std::chrono::milliseconds(1));
    EXPECT_EQ(attempts, 1);
    now_ += std::chrono::milliseconds(1);
    settle();
    EXPECT_EQ(attempts, 2);
    EXPECT_NE(message().find("request 2"), std::string::npos) << message();
    // A corrected spec need not wait.
    edit({{"target", {{"revision", "c3"}}}});
    settle();
    EXPECT_EQ(attempts, 3);
  }
}

TEST_F(ControllerTest, ARefusalThatNamesALongerPauseIsObeyed) {
  create();
  server_.answer_with([](const kube::Request& request) -> std::optional<kube::Response> {
    if (request.method != "POST" || !request.path.ends_with("/jobs")) return {};
    kube::Response response = FakeApiServer::refusal(403, "Forbidden", "not now");
    response.headers["retry-after"] = "90";
    return response;
  });
  EXPECT_EQ(reconcile(), std::chrono::seconds(90));
  EXPECT_EQ(status()["retry"]["nextAttemptTime"], "2026-11-20T08:01:30Z");
}

TEST_F(ControllerTest, LabelsOfOthersDoNotKeepTheStatusBack) {
  create();
  settle();
  finish_job(testing::succeeded());
  server_.freeze_lists();
  Json& stored = server_.object("databasemigrations", kKey);
  stored["metadata"]["labels"] = {{"touched", "yes"}};
  server_.touch(stored);
  EXPECT_FALSE(reconcile().has_value());
  EXPECT_EQ(health_of(status()), "Ready=True UpToDate");
  EXPECT_EQ(migration()["metadata"]["labels"]["touched"], "yes");
}

// What was decided for one generation must not be said of the next.
TEST_F(ControllerTest, AStatusForASpecThatChangedMeanwhileIsNotWritten) {
  create();
  settle();
  finish_job(testing::succeeded());
  server_.freeze_lists();
  edit({{"target", {{"revision", "c3"}}}});
  EXPECT_EQ(reconcile(), std::chrono::milliseconds(0));
  EXPECT_EQ(health_of(status()), "Ready=False Progressing Reconciling");
  EXPECT_NE(migration()["metadata"]["finalizers"], Json::array());
  server_.thaw_lists();
  settle();
  EXPECT_EQ(status()["observedGeneration"], 2);
  EXPECT_EQ(health_of(status()), "Ready=False Progressing Reconciling");
}

// Deleting the only record of a result before it is in the status would lose it.
TEST_F(ControllerTest, NothingIsDeletedBeforeTheStatusIsWritten) {
  create();
  for (int i = 0; i < 4; ++i) {
    settle();
    now_ += std::chrono::minutes(10);
    settle();
    finish_job(testing::failed(engine::Reason::LockUnavailable, "busy"));
  }
  server_.answer_with([](const kube::Request& request) -> std::optional<kube::Response> {
    if (!request.path.ends_with("/status")) return {};
    return FakeApiServer::refusal(503, "ServiceUnavailable");
  });
  EXPECT_EQ(jobs(), 4u);
  EXPECT_THROW(reconcile(), kube::ApiError);
  EXPECT_EQ(jobs(), 4u);
  EXPECT_NE(migration()["metadata"]["finalizers"], Json::array());
  server_.answer_with({});
  reconcile();
  EXPECT_EQ(jobs(), 3u);
  EXPECT_EQ(migration()["metadata"]["finalizers"], Json::array());
}

TEST_F(ControllerTest, AWipedStatusIsMadeAnewFromTheJob) {
  create();
  settle();
  finish_job(testing::succeeded());
  settle();
  const Json before = status();
  Json& stored = server_.object("databasemigrations", kKey);
  stored["status"] = {{"observedGeneration", -1}};
  server_.touch(stored);
  settle();
  EXPECT_EQ(status(), before);
  EXPECT_EQ(jobs(), 1u);
}

// --- killed at any point -------------------------------------------------------------------------

// The life of a resource: created, failed once for a passing reason, done, edited, failed,
// corrected, deleted while it runs.
class LifeTest : public ControllerTest {
 protected:
  void live() {
    create();
    settle();
    finish_job(testing::failed(engine::Reason::DatabaseUnreachable, "refused"));
    settle();
    now_ += std::chrono::seconds(31);
    settle();
    finish_job(testing::succeeded());
    settle();
    see("Ready=True UpToDate");
    edit({{"target", {{"revision", "c3"}}}});
    settle();
    finish_job(testing::failed_statement());
    settle();
    see("Ready=False MigrationFailed Stalled");
    edit({{"target", {{"revision", "b2"}}}});
    settle();
    finish_job(testing::succeeded());
    settle();
    see("Ready=True UpToDate");
    edit({{"target", {{"revision", "heads"}}}});
    settle();
    add_pod(active_job(), {{"phase", "Running"}});
    remove();
    settle();
    see("Ready=False Terminating Reconciling");
    server_.objects("pods").clear();
    finish_job(testing::succeeded());
    settle();
    EXPECT_FALSE(exists());
    EXPECT_EQ(jobs(), 0u);
    EXPECT_TRUE(server_.objects("configmaps").empty());
  }

  void see(const std::string& health) { EXPECT_EQ(health_of(status()), health); }

  // What was created and deleted: the same in every life.
  std::vector<std::string> effects() {
    std::vector<std::string> result;
    for (const std::string& request : server_.requests()) {
      if (request.starts_with("DELETE")) result.push_back(request);
    }
    return result;
  }
};

TEST_F(LifeTest, IsTheSameWhereverTheOperatorIsKilled) {
  live();
  const int writes = server_.writes();
  const auto deletions = effects();
  ASSERT_GT(writes, 20);
  for (int lost = 1; lost <= writes; ++lost) {
    for (const bool after_effect : {false, true}) {
      SCOPED_TRACE("write " + std::to_string(lost) + (after_effect ? " after" : " before"));
      server_ = FakeApiServer();
      now_ = testing::at("2026-11-20T08:00:00Z");
      server_.lose({.write = lost, .after_effect = after_effect});
      live();
      if (HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace controller
