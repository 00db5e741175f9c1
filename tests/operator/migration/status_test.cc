// SPDX-License-Identifier: Apache-2.0
#include "operator/migration/status.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/operator/migration/builders.h"

namespace controller {
namespace {

using engine::Reason;
using testing::failed;
using testing::failed_run;
using testing::failed_statement;
using testing::health_of;
using testing::json_of;
using testing::migration;
using testing::run_of;
using testing::succeeded;
using testing::succeeded_run;

constexpr const char* kNow = "2026-11-20T09:00:00Z";
constexpr const char* kLater = "2026-11-20T09:30:00Z";

Verdict progressing() {
  return {.health = Health::Reconciling, .reason = "Progressing", .message = "at work"};
}

auto succeeded_run_at(std::vector<std::string> revisions) {
  auto run = succeeded_run(migration());
  run.report = succeeded(std::move(revisions));
  return run;
}

Json status_after(const auto& run, DatabaseMigration of = migration()) {
  return build_status(of, judge(run), run, kNow);
}

TEST(StatusTest, ConditionsFollowKstatus) {
  struct Case {
    Verdict verdict = {};
    const char* health = "";
  };
  const Case cases[] = {
      {{.health = Health::Ready, .reason = "UpToDate"}, "Ready=True UpToDate"},
      {{.health = Health::Reconciling, .reason = "Progressing"},
       "Ready=False Progressing Reconciling"},
      {{.health = Health::Stalled, .reason = "MigrationFailed"},
       "Ready=False MigrationFailed Stalled"},
      {{.health = Health::Waiting, .reason = "Suspended"}, "Ready=False Suspended"},
      {{.health = Health::Waiting, .ready = true, .reason = "Suspended"}, "Ready=True Suspended"},
      // `ready` is for Waiting alone.
      {{.health = Health::Stalled, .ready = true, .reason = "X"}, "Ready=False X Stalled"},
  };
  for (const Case& c : cases) {
    const Json status = build_status(migration(), c.verdict, {}, kNow);
    EXPECT_EQ(health_of(status), c.health);
    EXPECT_EQ(status["observedGeneration"], 3);
    for (const Json& condition : status["conditions"]) {
      EXPECT_EQ(condition["observedGeneration"], 3);
      EXPECT_EQ(condition["lastTransitionTime"], kNow);
    }
  }
}

TEST(StatusTest, TransitionTimeStaysWhileTheStatusDoes) {
  DatabaseMigration resource = migration();
  resource.status = build_status(resource, progressing(), {}, kNow).dump();
  Verdict other = progressing();
  other.reason = "WaitingForLock";
  Json status = build_status(resource, other, {}, kLater);
  EXPECT_EQ(testing::condition(status, "Ready")["lastTransitionTime"], kNow);
  EXPECT_EQ(testing::condition(status, "Reconciling")["lastTransitionTime"], kNow);
  status = build_status(resource, {.health = Health::Stalled, .reason = "X"}, {}, kLater);
  EXPECT_EQ(testing::condition(status, "Ready")["lastTransitionTime"], kNow);
  EXPECT_EQ(testing::condition(status, "Stalled")["lastTransitionTime"], kLater);
  status = build_status(resource, {.health = Health::Ready, .reason = "X"}, {}, kLater);
  EXPECT_EQ(testing::condition(status, "Ready")["lastTransitionTime"], kLater);
}

TEST(StatusTest, ConditionsOfOthersStay) {
  DatabaseMigration resource = migration();
  const Json foreign = {{"type", "Approved"}, {"status", "True"}, {"reason", "Ada"}};
  resource.status = Json{{"conditions", {foreign}}}.dump();
  const Json status = build_status(resource, progressing(), {}, kNow);
  EXPECT_EQ(testing::condition(status, "Approved"), foreign);
  EXPECT_EQ(health_of(status), "Ready=False Progressing Reconciling");
}

TEST(StatusTest, ShowsASuccessfulRun) {
  const DatabaseMigration resource = migration();
  const Json status = status_after(succeeded_run(resource));
  EXPECT_EQ(health_of(status), "Ready=True UpToDate");
  EXPECT_EQ(testing::condition(status, "Ready")["message"], "at b2");
  EXPECT_EQ(status["currentRevisions"], Json::array({"b2"}));
  EXPECT_EQ(status["targetRevisions"], Json::array({"b2"}));
  EXPECT_EQ(status["pendingCount"], 0);
  EXPECT_EQ(status["source"]["heads"], Json::array({"b2"}));
  EXPECT_EQ(status["source"]["revisions"], 2);
  EXPECT_TRUE(status["source"]["digest"].get<std::string>().starts_with("sha256:"));
  EXPECT_EQ(status["lastRun"], (Json{{"jobName", job_name(resource, 1)},
                                     {"generation", 3},
                                     {"attempt", 1},
                                     {"inputs", resource.inputs},
                                     {"startTime", "2026-11-20T08:00:00Z"},
                                     {"completionTime", "2026-11-20T08:00:10Z"},
                                     {"result", "Succeeded"},
                                     {"from", {"a1"}},
                                     {"to", {"b2"}}}));
}

TEST(StatusTest, ShowsWhereARunFailed) {
  const Json status = status_after(failed_run(migration(), failed_statement()));
  EXPECT_EQ(health_of(status), "Ready=False MigrationFailed Stalled");
  EXPECT_EQ(testing::condition(status, "Stalled")["message"],
            "revision c3: statement 2 of 5 (c3_totals.sql:7) failed: relation \"totals\" already "
            "exists (SQLSTATE 42P07)");
  EXPECT_EQ(status["lastRun"]["result"], "Failed");
  EXPECT_EQ(status["lastRun"]["failure"],
            (Json{{"reason", "MigrationFailed"},
                  {"revision", "c3"},
                  {"file", "c3_totals.sql"},
                  {"statement", 2},
                  {"line", 7},
                  {"sqlState", "42P07"},
                  {"message", "relation \"totals\" already exists"}}));
  EXPECT_EQ(status["currentRevisions"], Json::array({"b2"}));
  EXPECT_EQ(status["targetRevisions"], Json::array({"d4"}));
  EXPECT_EQ(status["pendingCount"], 2);
}

TEST(StatusTest, AStatementThatTheDatabaseDidNotRefuseIsAPlaceOnly) {
  auto report = failed(Reason::ChecksumMismatch, "b2.sql was changed in statement 2");
  report.failure = engine::Failure{.revision = "b2", .file = "b2.sql", .statement = 2};
  report.hint = "put it back";
  const Json status = status_after(failed_run(migration(), report));
  const std::string message = "b2.sql was changed in statement 2; put it back";
  EXPECT_EQ(testing::condition(status, "Stalled")["message"], message);
  EXPECT_EQ(judge_stored(status["lastRun"]).message, "b2.sql was changed in statement 2");
}

// DETAIL and the statement can hold people's data.
TEST(StatusTest, NeverShowsDetailOrSql) {
  const std::string text = status_after(failed_run(migration(), failed_statement())).dump();
  EXPECT_EQ(text.find("ada@example.com"), std::string::npos);
  EXPECT_EQ(text.find("create table"), std::string::npos);
}

TEST(StatusTest, AShortenedReportDoesNotSayHowManyArePending) {
  auto run = failed_run(migration(), failed_statement());
  run.report_is_whole = false;
  EXPECT_FALSE(status_after(run).contains("pendingCount"));
}

// An empty list would say that the database is at base.
TEST(StatusTest, ListsThatAReportLeftOutSayNothing) {
  DatabaseMigration resource = migration();
  resource.status = status_after(succeeded_run(resource)).dump();
  auto run = succeeded_run(resource, 2);
  run.report->from = run.report->to = {};
  run.report->target_revisions = run.report->source_heads = {};
  for (const bool whole : {true, false}) {
    SCOPED_TRACE(whole);
    run.report_is_whole = whole;
    const Json status = status_after(run, resource);
    const Json expected = whole ? Json::array() : Json::array({"b2"});
    EXPECT_EQ(status["currentRevisions"], expected);
    EXPECT_EQ(status["targetRevisions"], expected);
    EXPECT_EQ(status["source"]["heads"], expected);
    EXPECT_EQ(status["source"]["revisions"], 2);
    EXPECT_EQ(status["lastRun"].contains("from"), whole);
    EXPECT_EQ(status["lastRun"].contains("to"), whole);
    EXPECT_EQ(testing::condition(status, "Ready")["message"],
              whole ? "at base: no revision is applied"
                    : "at the target; the revisions are more than fit into the run's report");
    EXPECT_EQ(judge_stored(status["lastRun"]).message,
              whole ? "at base: no revision is applied" : "at the target");
  }
  // The same of a run of a generation that is no longer the current one.
  resource.generation = 4;
  const Json status = build_status(resource, progressing(), run, kNow);
  EXPECT_EQ(status["currentRevisions"], Json::array({"b2"}));
}

std::size_t characters(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

// As crds/databasemigrations.yaml bounds it: more, and the whole status is refused.
TEST(StatusTest, NothingIsLongerThanTheApiServerTakes) {
  DatabaseMigration resource = migration({{"source",
                                           {{"image",
                                             {{"reference", "x@sha256:" + std::string(400, 'z')},
                                              {"path", "/m"},
                                              {"allowMutableTag", true}}}}}});
  std::string umlauts;
  for (int i = 0; i < 600; ++i) umlauts += "\xc3\xa4";
  const std::vector<std::string> revisions(2000, umlauts);
  engine::RunReport report = failed_statement();
  report.from = report.to = report.target_revisions = report.source_heads = revisions;
  report.failure->revision = report.failure->file = report.failure->sqlstate = umlauts;
  const Json status = status_after(failed_run(resource, report), resource);
  EXPECT_NO_THROW(status.dump());
  for (const Json& list :
       {status["currentRevisions"], status["targetRevisions"], status["source"]["heads"],
        status["lastRun"]["from"], status["lastRun"]["to"]}) {
    EXPECT_EQ(list.size(), 1024u);
    const auto first = list.at(0).get<std::string>();
    EXPECT_TRUE(first.ends_with("\xc3\xa4...")) << first;
    EXPECT_LE(characters(first), 256u);
  }
  const Json& failure = status["lastRun"]["failure"];
  EXPECT_LE(characters(failure["revision"]), 256u);
  EXPECT_LE(characters(failure["file"]), 512u);
  EXPECT_LE(characters(failure["sqlState"]), 16u);
  EXPECT_EQ(status["source"]["digest"].get<std::string>().size(), 128u);
}

// An id of a length that fits stands there whole.
TEST(StatusTest, IdsUpToTheBoundAreNotCut) {
  const std::string longest(256, 'a');
  const Json status = status_after(succeeded_run_at({longest, longest + "a"}));
  EXPECT_EQ(status["currentRevisions"], Json::array({longest, std::string(253, 'a') + "..."}));
}

TEST(StatusTest, ARunThatSawNoDatabaseSaysNothingOfIt) {
  DatabaseMigration resource = migration();
  resource.status = status_after(succeeded_run(resource)).dump();
  const auto run =
      failed_run(resource, failed(Reason::DatabaseUnreachable, "connection refused"), 2);
  const Json status = build_status(resource, judge(run), run, kNow);
  EXPECT_EQ(health_of(status), "Ready=False WaitingForDatabase Reconciling");
  EXPECT_EQ(status["currentRevisions"], Json::array({"b2"}));
  EXPECT_EQ(status["pendingCount"], 0);
}

TEST(StatusTest, ANewGenerationForgetsTheOldTarget) {
  DatabaseMigration resource = migration();
  resource.status = status_after(succeeded_run(resource)).dump();
  resource.generation = 4;
  EXPECT_EQ(build_status(resource, progressing(), {}, kNow)["targetRevisions"], Json::array({"b2"}))
      << "it has not moved";
  resource.inputs = "other";
  const Json status = build_status(resource, progressing(), {}, kNow);
  EXPECT_EQ(status["observedGeneration"], 4);
  EXPECT_EQ(status["currentRevisions"], Json::array({"b2"}));
  EXPECT_FALSE(status.contains("targetRevisions"));
  EXPECT_FALSE(status.contains("pendingCount"));
  EXPECT_FALSE(status["source"].contains("heads"));
}

TEST(StatusTest, ARunOfAnOldGenerationTellsOfTheDatabaseOnly) {
  DatabaseMigration resource = migration();
  const auto run = succeeded_run(resource);
  resource.generation = 4;
  resource.inputs = "other";
  const Json status = build_status(resource, progressing(), run, kNow);
  EXPECT_EQ(status["currentRevisions"], Json::array({"b2"}));
  EXPECT_EQ(status["lastRun"]["generation"], 3);
  EXPECT_FALSE(status.contains("targetRevisions"));
  EXPECT_FALSE(status.contains("pendingCount"));
}

TEST(StatusTest, AMessageIsOneBoundedLine) {
  Verdict verdict = progressing();
  verdict.message = "a\nb\tc" + std::string("\xc3\xa4") + std::string(5000, 'x');
  const Json status = build_status(migration(), verdict, {}, kNow);
  const auto message = testing::condition(status, "Ready")["message"].get<std::string>();
  EXPECT_TRUE(message.starts_with("a b c"));
  EXPECT_TRUE(message.ends_with("..."));
  EXPECT_EQ(message.size(), 2048u);
  std::string umlauts;
  for (int i = 0; i < 2000; ++i) umlauts += "\xc3\xa4";
  verdict.message = umlauts;
  EXPECT_NO_THROW(build_status(migration(), verdict, {}, kNow).dump());
}

// Each reason that the engine can give, with what the status makes of it.
TEST(StatusTest, EveryReasonOfTheEngineHasItsHealth) {
  for (const engine::ReasonInfo& info : engine::reason_table()) {
    if (info.reason == Reason::Succeeded) continue;
    SCOPED_TRACE(info.name);
    const Verdict verdict = judge(failed_run(migration(), failed(info.reason, "the cause")));
    const bool heals = info.exit_code == 5 || info.exit_code == 8;
    EXPECT_EQ(verdict.health, heals ? Health::Reconciling : Health::Stalled);
    EXPECT_EQ(verdict.message, "the cause");
    if (heals || info.condition_reason != "Progressing") {
      EXPECT_EQ(verdict.reason, info.condition_reason);
    } else {
      EXPECT_EQ(verdict.reason, "MigrationFailed");
    }
  }
}

TEST(StatusTest, JudgesRunsByWhatIsKnown) {
  struct Case {
    const char* name = "";
    RunPhase phase = RunPhase::Failed;
    const char* failed_reason = "";
    std::optional<int> exit_code = {};
    std::optional<engine::RunReport> report = {};
    const char* ending = "";
    Health health = Health::Ready;
    const char* reason = "";
    std::string message = {};
  };
  const std::string job = "Job " + job_name(migration(), 1);
  engine::RunReport two_heads = succeeded({"a", "b"});
  engine::RunReport hinted = failed(Reason::InvalidScripts, "two files claim revision a1");
  hinted.hint = "give one of them another id";
  const Case cases[] = {
      {"success", RunPhase::Succeeded, "", 0, succeeded(), "", Health::Ready, "UpToDate", "at b2"},
      {"two heads", RunPhase::Succeeded, "", 0, two_heads, "", Health::Ready, "UpToDate",
       "at a, b (2 heads)"},
      {"base", RunPhase::Succeeded, "", 0, succeeded({}), "", Health::Ready, "UpToDate",
       "at base: no revision is applied"},
      {"success without report",
       RunPhase::Succeeded,
       "",
       {},
       {},
       "its pod is gone",
       Health::Reconciling,
       "BackingOff",
       job + " left no result: its pod is gone"},
      {"success that reports failure", RunPhase::Succeeded, "", 0, failed(Reason::Bug, "broken"),
       "", Health::Stalled, "MigrationFailed", "broken"},
      {"hint", RunPhase::Failed, "", 3, hinted, "", Health::Stalled, "InvalidSource",
       "two files claim revision a1; give one of them another id"},
      {"deadline",
       RunPhase::Failed,
       "DeadlineExceeded",
       {},
       {},
       "its pod is gone",
       Health::Stalled,
       "DeadlineExceeded",
       job + " was stopped: it took longer than spec.execution.activeDeadline"},
      {"deadline, interrupted", RunPhase::Failed, "DeadlineExceeded", 8,
       failed(Reason::Interrupted, "stopped"), "", Health::Stalled, "DeadlineExceeded",
       job + " was stopped: it took longer than spec.execution.activeDeadline"},
      {"evicted",
       RunPhase::Failed,
       "BackoffLimitExceeded",
       {},
       {},
       "its pod is gone",
       Health::Reconciling,
       "BackingOff",
       job + " left no result: its pod is gone"},
      {"killed",
       RunPhase::Failed,
       "",
       137,
       {},
       "container x ended with exit code 137",
       Health::Reconciling,
       "BackingOff",
       job + " left no result: container x ended with exit code 137"},
      {"retryable without report",
       RunPhase::Failed,
       "",
       5,
       {},
       "exit code 5",
       Health::Reconciling,
       "BackingOff",
       job + " left no result: exit code 5"},
      {"permanent without report",
       RunPhase::Failed,
       "",
       3,
       {},
       "exit code 3",
       Health::Stalled,
       "MigrationFailed",
       job + " left no result: exit code 3"},
      {"killed after it reported success", RunPhase::Failed, "", 137, succeeded(), "",
       Health::Reconciling, "BackingOff",
       job + " left no result: it ended in another way than it says"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    auto run = run_of(migration(), 1, c.phase);
    run.failed_reason = c.failed_reason;
    run.exit_code = c.exit_code;
    run.report = c.report;
    run.ending = c.ending;
    const Verdict verdict = judge(run);
    EXPECT_EQ(verdict.health, c.health);
    EXPECT_EQ(verdict.reason, c.reason);
    EXPECT_EQ(verdict.message, c.message);
  }
}

// What a Job is judged by must be found again in the status when the Job is gone.
TEST(StatusTest, TheStoredRunIsJudgedLikeTheRun) {
  std::vector<decltype(succeeded_run(migration()))> runs = {succeeded_run(migration())};
  for (const engine::ReasonInfo& info : engine::reason_table()) {
    if (info.reason == Reason::Succeeded) continue;
    runs.push_back(failed_run(migration(), failed(info.reason, "the cause")));
  }
  auto lost = run_of(migration(), 1, RunPhase::Failed);
  lost.ending = "the pod ended before the engine did";
  lost.may_have_worked = false;
  runs.push_back(lost);
  lost.failed_reason = "DeadlineExceeded";
  runs.push_back(lost);
  auto stopped = failed_run(migration(), failed(Reason::Interrupted, "stopped"));
  stopped.failed_reason = "DeadlineExceeded";
  runs.push_back(stopped);
  lost.failed_reason = "";
  lost.exit_code = 2;
  runs.push_back(lost);
  runs.push_back(failed_run(migration(), failed_statement()));
  for (const auto& run : runs) {
    SCOPED_TRACE(run.report ? engine::name_of(run.report->reason) : run.ending);
    const Verdict before = judge(run);
    const Verdict after = judge_stored(status_after(run)["lastRun"]);
    EXPECT_EQ(after.health, before.health);
    EXPECT_EQ(after.reason, before.reason);
    EXPECT_FALSE(after.message.empty());
  }
}

TEST(StatusTest, APatchMakesOneOfTheOther) {
  const char* documents[] = {
      "{}",
      R"({"a":1})",
      R"({"a":{"b":1,"c":[1,2]},"d":"x"})",
      R"({"a":{"c":[2]},"e":{"f":{}}})",
      R"({"a":[1],"e":{"f":{"g":true}}})",
      R"({"a":{"b":{"c":{"d":1}}}})",
  };
  for (const char* from : documents) {
    for (const char* to : documents) {
      const Json patch = merge_patch_between(json_of(from), json_of(to));
      Json patched = json_of(from);
      patched.merge_patch(patch);
      EXPECT_EQ(patched, json_of(to)) << from << " -> " << to << " by " << patch;
      EXPECT_EQ(patch.empty(), std::string_view(from) == to);
    }
  }
}

}  // namespace
}  // namespace controller
