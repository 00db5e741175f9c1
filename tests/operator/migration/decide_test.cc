// SPDX-License-Identifier: Apache-2.0
#include "operator/migration/decide.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "tests/operator/migration/builders.h"

namespace controller {
namespace {

using engine::Reason;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::at;
using testing::config_map_source;
using testing::failed;
using testing::failed_run;
using testing::failed_statement;
using testing::health_of;
using testing::image_source;
using testing::json_of;
using testing::migration;
using testing::run_of;
using testing::succeeded_run;

const WallTime kNow = at("2026-11-20T08:00:20Z");  // ten seconds after the end of a finished run

std::string words_of(const Action& action, const DatabaseMigration& of) {
  if (std::holds_alternative<AddFinalizer>(action)) return "add finalizer";
  if (std::holds_alternative<CreateScripts>(action)) return "create scripts";
  if (std::holds_alternative<RemoveFinalizer>(action)) return "remove finalizer";
  if (const auto* create = std::get_if<CreateJob>(&action)) {
    return fmt::format("create job {}", create->attempt);
  }
  if (const auto* probe = std::get_if<CreateProbe>(&action)) {
    return fmt::format("ask about job {} ({})", probe->attempt, probe->number);
  }
  if (const auto* scripts = std::get_if<DeleteScripts>(&action)) {
    return fmt::format("delete scripts {}", scripts->generation);
  }
  const auto& gone = std::get<DeleteJob>(action);
  EXPECT_EQ(gone.uid, "uid-of-" + gone.name);
  for (long generation = 1; generation <= of.generation; ++generation) {
    DatabaseMigration then = of;
    then.generation = generation;
    for (int attempt = 1; attempt < 10; ++attempt) {
      if (job_name(then, attempt) == gone.name) {
        return fmt::format("delete job {}.{}{}", generation, attempt,
                           gone.only_if_unstarted ? " if unstarted" : "");
      }
    }
  }
  return "delete job " + gone.name;
}

// "create job 1, remove finalizer | Ready=False Progressing Reconciling | 30000 ms"
std::string words_of(const Decision& decision, const DatabaseMigration& of) {
  std::vector<std::string> actions;
  for (const Action& action : decision.actions) actions.push_back(words_of(action, of));
  std::string text = fmt::format("{}", fmt::join(actions, ", "));
  text += " | " + (decision.status.empty() ? "as stored" : health_of(json_of(decision.status)));
  if (decision.look_again) text += fmt::format(" | {} ms", decision.look_again->count());
  return text;
}

// Of generation 3 unless said otherwise, in an image: no scripts have to be created.
DatabaseMigration resource(const Json& spec = Json::object()) {
  Json whole = {{"source", image_source()}};
  whole.update(spec);
  return migration(whole);
}

DatabaseMigration with_finalizer(DatabaseMigration of) {
  of.finalizers.emplace_back(kFinalizer);
  return of;
}

DatabaseMigration deleting(DatabaseMigration of) {
  of.deleting = true;
  return of;
}

DatabaseMigration generation(long generation, DatabaseMigration of = resource()) {
  of.generation = generation;
  return of;
}

// As it is stored after the operator has seen `run`.
DatabaseMigration after(const auto& run, DatabaseMigration of = resource()) {
  of.status = build_status(of, judge(run), run, "2026-11-20T08:00:11Z").dump();
  return of;
}

// The spec was edited after that status was written.
DatabaseMigration edited_since(const DatabaseMigration& before, DatabaseMigration now) {
  now.status = before.status;
  now.generation = before.generation + 1;
  return now;
}

DatabaseMigration while_running(const auto& run, DatabaseMigration of = resource()) {
  of.status = build_status(of, {.health = Health::Reconciling, .reason = "Progressing"}, run,
                           "2026-11-20T08:00:01Z")
                  .dump();
  return of;
}

auto active(int attempt = 1, const DatabaseMigration& of = resource()) {
  return run_of(of, attempt, RunPhase::Active);
}

auto with_problem(auto run, const char* reason = "SecretNotFound") {
  run.problem = PodProblem{.reason = reason, .message = "secret \"db\" not found"};
  run.may_have_worked = false;
  return run;
}

auto without_pod(auto run, const char* created) {
  run.has_pod = false;
  run.may_have_worked = false;
  run.created = created;
  return run;
}

auto stopped(auto run) {
  run.deleting = true;
  return run;
}

auto unreachable(int attempt = 1, const DatabaseMigration& of = resource()) {
  return failed_run(of, failed(Reason::DatabaseUnreachable, "connection refused"), attempt);
}

auto lost(auto run) {
  run.report.reset();
  run.exit_code.reset();
  run.ending = "its pod is gone";
  return run;
}

auto never_begun(auto run) {
  run.may_have_worked = false;
  return run;
}

auto crashed(int attempt) {
  return failed_run(resource(), failed(Reason::Interrupted, "stopped"), attempt);
}

auto stale(long generation, int attempt) {
  engine::RunReport report = failed(Reason::StaleAttempt, "a newer one has begun");
  report.generation = 3;
  report.stored_generation = generation;
  report.stored_attempt = attempt;
  return failed_run(resource(), report);
}

// About the first attempt of generation 3.
Run probe(RunPhase phase, int number = 1) {
  Run run = run_of(resource(), 1, phase);
  run.probe = number;
  run.job_name = probe_name(resource(), 3, 1, number);
  run.job_uid = "uid-of-" + run.job_name;
  return run;
}

std::string probe_job() { return "job " + probe(RunPhase::Active).job_name; }

Run answered(int pending) {
  Run run = probe(RunPhase::Succeeded);
  run.report = testing::succeeded();
  run.report->steps.clear();
  run.report->pending = pending;
  return run;
}

Run failed_probe(Reason reason, int number = 1) {
  Run run = probe(RunPhase::Failed, number);
  run.report = failed(reason, "no");
  return run;
}

DatabaseMigration edited(DatabaseMigration of, const char* member, const Json& value) {
  Json status = json_of(of.status);
  status["lastRun"][member] = value;
  of.status = status.dump();
  return of;
}

DatabaseMigration forged(DatabaseMigration of, int attempt) {
  of = edited(std::move(of), "attempt", attempt);
  of = edited(std::move(of), "jobName", job_name(of, attempt));
  return edited(std::move(of), "result", "Succeeded");
}

// So many attempts were counted, and so many of them as failures.
DatabaseMigration failed_before(DatabaseMigration of, int count, int failures) {
  Json status = json_of(of.status);
  status["retry"] = {{"count", count}, {"failures", failures}};
  of.status = status.dump();
  return of;
}

// The pause after this attempt is over.
DatabaseMigration waited(DatabaseMigration of, int count) {
  Json status = json_of(of.status);
  status["retry"] = {{"count", count}, {"nextAttemptTime", "2026-11-20T08:00:20Z"}};
  of.status = status.dump();
  return of;
}

TEST(DecideTest, Table) {
  struct Case {
    const char* name = "";
    Observed observed = {};
    std::string decision = {};
  };
  const DatabaseMigration done = resource();
  const Case cases[] = {
      // --- a run begins
      {"new",
       {resource(), {}},
       "add finalizer, create job 1 | Ready=False Progressing Reconciling"},
      {"new with inline scripts",
       {migration(), {}},
       "add finalizer, create scripts, create job 1 | Ready=False Progressing Reconciling"},
      {"new with a ConfigMap",
       {resource({{"source", config_map_source()}}), {}},
       "add finalizer, create job 1 | Ready=False Progressing Reconciling"},
      {"the ConfigMap is missing",
       {resource({{"source", config_map_source()}}), {}, SourceState::Missing},
       " | Ready=False SourceNotFound Reconciling | 5000 ms"},
      {"the finalizer is there already",
       {with_finalizer(resource()), {}},
       "create job 1 | Ready=False Progressing Reconciling"},
      {"invalid",
       {resource({{"source", Json::object()}}), {}},
       " | Ready=False InvalidSpec Stalled"},
      {"invalid, with a finalizer left over",
       {with_finalizer(resource({{"source", Json::object()}})), {}},
       "remove finalizer | Ready=False InvalidSpec Stalled"},

      // --- a run goes on
      {"running",
       {with_finalizer(resource()), {active()}},
       " | Ready=False Progressing Reconciling | 60000 ms"},
      {"running, somebody took the finalizer away",
       {resource(), {active()}},
       "add finalizer | Ready=False Progressing Reconciling | 60000 ms"},
      {"no pod yet",
       {with_finalizer(resource()), {without_pod(active(), "2026-11-20T08:00:16Z")}},
       " | Ready=False Progressing Reconciling | 6000 ms"},
      {"no pod for long",
       {with_finalizer(resource()), {without_pod(active(), "2026-11-20T08:00:10Z")}},
       " | Ready=False Progressing Reconciling | 60000 ms"},
      {"the Secret is missing",
       {with_finalizer(resource()), {with_problem(active())}},
       " | Ready=False SecretNotFound Reconciling | 60000 ms"},
      {"two active: none is added",
       {with_finalizer(resource()), {active(1), active(2)}},
       " | Ready=False Progressing Reconciling | 60000 ms"},

      // --- a run has ended
      {"succeeded",
       {with_finalizer(resource()), {succeeded_run(done)}},
       "remove finalizer | Ready=True UpToDate"},
      {"succeeded, seen before",
       {after(succeeded_run(done)), {succeeded_run(done)}},
       " | as stored"},
      {"succeeded, the Job is gone", {after(succeeded_run(done)), {}}, " | as stored"},
      {"succeeded, the pod is gone",
       {after(succeeded_run(done)), {lost(succeeded_run(done))}},
       " | as stored"},
      {"failed",
       {with_finalizer(resource()), {failed_run(done, failed_statement())}},
       "remove finalizer | Ready=False MigrationFailed Stalled"},
      {"failed, seen before",
       {after(failed_run(done, failed_statement())), {failed_run(done, failed_statement())}},
       " | as stored"},
      {"failed, the Job is gone",
       {after(failed_run(done, failed_statement())), {}},
       " | as stored"},
      // Without the report it would look like a run worth repeating.
      {"failed, the pod is gone",
       {after(failed_run(done, failed_statement())), {lost(failed_run(done, failed_statement()))}},
       " | as stored"},
      {"forbidden downgrade",
       {resource(), {failed_run(done, failed(Reason::DowngradeForbidden, ""))}},
       " | Ready=False DowngradeForbidden Stalled"},
      {"status wiped, the Job is there",
       {resource(), {succeeded_run(done)}},
       " | Ready=True UpToDate"},
      {"status and Job are gone",
       {resource(), {}},
       "add finalizer, create job 1 | Ready=False Progressing Reconciling"},
      {"the Job vanished in mid-run",
       {with_finalizer(while_running(active())), {}},
       "ask about job 1 (1) | Ready=False Progressing Reconciling | 60000 ms"},
      {"the second attempt vanished, the first Job is there",
       {with_finalizer(while_running(active(2))), {unreachable(1)}},
       "ask about job 2 (1) | Ready=False Progressing Reconciling | 60000 ms"},

      // --- another attempt
      {"unreachable: pause",
       {with_finalizer(resource()), {unreachable()}},
       "remove finalizer | Ready=False WaitingForDatabase Reconciling | 9000 ms"},
      {"unreachable: pause is over",
       {waited(after(unreachable()), 1), {unreachable()}},
       "add finalizer, create job 2 | Ready=False Progressing Reconciling"},
      {"unreachable, the Job is gone: pause",
       {after(unreachable()), {}},
       " | Ready=False WaitingForDatabase Reconciling | 9000 ms"},
      {"unreachable, the Job is gone: pause is over",
       {waited(after(unreachable(4)), 4), {}},
       "add finalizer, create job 5 | Ready=False Progressing Reconciling"},
      {"many attempts",
       {waited(after(unreachable(9)), 9), {unreachable(3), unreachable(9), unreachable(8)}},
       "add finalizer, create job 10 | Ready=False Progressing Reconciling"},
      {"the ninth attempt in a row: a longer pause",
       {resource(), {unreachable(9)}},
       " | Ready=False WaitingForDatabase Reconciling | 460000 ms"},
      {"the source went missing",
       {waited(after(unreachable(), resource({{"source", config_map_source()}})), 1),
        {unreachable()},
        SourceState::Missing},
       " | Ready=False SourceNotFound Reconciling | 5000 ms"},

      // --- a run without a report
      {"the pod is gone before anybody has read it",
       {resource(), {lost(unreachable())}},
       "ask about job 1 (1) | Ready=False Progressing Reconciling | 60000 ms"},
      {"it ended well, and the pod is gone",
       {with_finalizer(resource()), {lost(succeeded_run(done))}},
       "ask about job 1 (1) | Ready=False Progressing Reconciling | 60000 ms"},
      {"the database is asked",
       {with_finalizer(resource()), {lost(succeeded_run(done)), probe(RunPhase::Active)}},
       " | Ready=False Progressing Reconciling | 60000 ms"},
      {"it cannot be asked",
       {resource(), {lost(succeeded_run(done)), with_problem(probe(RunPhase::Active))}},
       " | Ready=False SecretNotFound Reconciling | 60000 ms"},
      {"it is at the target",
       {resource(), {lost(unreachable()), answered(0)}},
       " | Ready=True UpToDate"},
      {"it is not at the target",
       {resource(), {lost(succeeded_run(done)), answered(1)}},
       " | Ready=False BackingOff Reconciling | 9000 ms"},
      {"it does not answer",
       {resource(), {lost(succeeded_run(done)), failed_probe(Reason::DatabaseUnreachable)}},
       " | Ready=False WaitingForDatabase Reconciling | 9000 ms"},
      {"it does not fit",
       {resource(), {lost(succeeded_run(done)), failed_probe(Reason::UnknownRevision)}},
       " | Ready=False UnknownRevision Stalled"},
      {"its answers are lost, too: what the Job says holds",
       {resource(), {lost(succeeded_run(done)), lost(failed_probe(Reason::Bug, kMostProbes))}},
       " | Ready=False BackingOff Reconciling | 9000 ms"},
      {"an engine that never began has done nothing",
       {resource(), {never_begun(lost(unreachable()))}},
       " | Ready=False BackingOff Reconciling | 9000 ms"},
      {"suspended: nobody asks",
       {resource({{"suspend", true}}), {lost(unreachable())}},
       " | Ready=False Suspended"},
      {"a new generation needs no answer, and its question goes",
       {generation(4, resource({{"target", {{"revision", "c3"}}}})),
        {lost(succeeded_run(done)), answered(1)}},
       "add finalizer, create job 1, delete " + probe_job() +
           " | Ready=False Progressing Reconciling"},

      // --- a Job was deleted, and its pod lives on
      {"a pod without its Job",
       {.migration = with_finalizer(while_running(active())), .strays = {"orders-x"}},
       " | Ready=False Progressing Reconciling | 60000 ms"},
      {"a pod without its Job, somebody took the finalizer away",
       {.migration = after(succeeded_run(done), generation(4)), .strays = {"orders-x"}},
       "add finalizer | Ready=False Progressing Reconciling | 60000 ms"},
      {"a pod without its Job, deleted",
       {.migration = deleting(with_finalizer(resource())), .strays = {"orders-x"}},
       " | Ready=False Terminating Reconciling | 60000 ms"},
      {"it has ended",
       {.migration = with_finalizer(while_running(active()))},
       "ask about job 1 (1) | Ready=False Progressing Reconciling | 60000 ms"},

      // --- a status that no run has left
      {"another attempt than any Job, said to be well",
       {forged(after(unreachable()), 99), {unreachable()}},
       "ask about job 99 (1) | Ready=False Progressing Reconciling | 60000 ms"},
      {"a name that is none of ours",
       {edited(after(unreachable()), "jobName", "orders-0000000000"), {unreachable()}},
       " | Ready=False WaitingForDatabase Reconciling | 9000 ms"},
      {"well, says the status; the Job says that it failed",
       {edited(after(unreachable()), "result", "Succeeded"), {lost(unreachable())}},
       "ask about job 1 (1) | Ready=False Progressing Reconciling | 60000 ms"},
      {"an attempt beyond all numbers",
       {edited(after(unreachable()), "attempt", 2147483647), {unreachable()}},
       " | Ready=False WaitingForDatabase Reconciling | 9000 ms"},

      // --- a number that the database knows already
      {"a newer attempt has begun",
       {resource(), {stale(3, 7)}},
       "add finalizer, create job 8 | Ready=False Progressing Reconciling"},
      {"of a newer generation", {resource(), {stale(4, 1)}}, " | Ready=False StaleAttempt Stalled"},

      // --- the limit
      {"as often as it may fail",
       {failed_before(after(crashed(6)), 5, 5), {crashed(6)}},
       " | Ready=False MigrationFailed Stalled"},
      {"once less",
       {failed_before(after(crashed(5)), 4, 4), {crashed(5)}},
       " | Ready=False Progressing Reconciling | 145000 ms"},
      {"what others have to mend has no limit",
       {failed_before(after(unreachable(6)), 5, 5), {unreachable(6)}},
       " | Ready=False WaitingForDatabase Reconciling | 285000 ms"},

      // --- the spec changes
      {"new generation", {after(succeeded_run(done), generation(3)), {}}, " | as stored"},
      {"new generation after success, of something else",
       {edited_since(after(succeeded_run(done)), resource({{"target", {{"revision", "c3"}}}})),
        {succeeded_run(done)}},
       "add finalizer, create job 1 | Ready=False Progressing Reconciling"},
      {"new generation after success, of the same",
       {generation(4, after(succeeded_run(done))), {succeeded_run(done)}},
       " | Ready=True UpToDate"},
      {"new generation of the same, the Job is gone",
       {generation(4, after(succeeded_run(done))), {}},
       " | Ready=True UpToDate"},
      {"new generation of the same, and the status is gone",
       {generation(4), {succeeded_run(done)}},
       "add finalizer, create job 1 | Ready=False Progressing Reconciling"},
      {"new generation after failure",
       {generation(4, after(failed_run(done, failed_statement()))), {}},
       "add finalizer, create job 1 | Ready=False Progressing Reconciling"},
      {"new generation in mid-run",
       {generation(4, with_finalizer(resource())), {active()}},
       " | Ready=False Progressing Reconciling | 60000 ms"},
      {"new generation, the old pod cannot start",
       {generation(4, with_finalizer(resource())), {with_problem(active())}},
       "delete job 3.1 if unstarted | Ready=False Progressing Reconciling | 60000 ms"},
      {"new generation, the old pod cannot start and is being deleted",
       {generation(4, with_finalizer(resource())), {stopped(with_problem(active()))}},
       " | Ready=False Progressing Reconciling | 60000 ms"},
      {"new generation, no pod came of the old Job",
       {generation(4, with_finalizer(resource())), {without_pod(active(), "2026-11-20T08:00:10Z")}},
       "delete job 3.1 if unstarted | Ready=False Progressing Reconciling | 60000 ms"},
      {"new generation, the old Job may yet get a pod",
       {generation(4, with_finalizer(resource())), {without_pod(active(), "2026-11-20T08:00:11Z")}},
       " | Ready=False Progressing Reconciling | 1000 ms"},
      {"invalid in mid-run",
       {generation(4, with_finalizer(resource({{"source", Json::object()}}))), {active()}},
       " | Ready=False InvalidSpec Stalled | 60000 ms"},

      // --- suspended
      {"suspended", {resource({{"suspend", true}}), {}}, " | Ready=False Suspended"},
      {"suspended in mid-run",
       {with_finalizer(resource({{"suspend", true}})), {active()}},
       " | Ready=False Progressing Reconciling | 60000 ms"},
      {"suspended, an older generation of something else succeeded",
       {edited_since(after(succeeded_run(done)),
                     resource({{"suspend", true}, {"target", {{"revision", "c3"}}}})),
        {succeeded_run(done)}},
       " | Ready=False Suspended"},
      {"suspended, an older generation of the same succeeded",
       {edited_since(after(succeeded_run(done)), resource({{"suspend", true}})),
        {succeeded_run(done)}},
       " | Ready=True Suspended"},
      {"suspended at the target",
       {resource({{"suspend", true}}), {succeeded_run(done)}},
       " | Ready=True Suspended"},
      {"suspended between attempts",
       {resource({{"suspend", true}}),
        {unreachable()},
        SourceState::Present,
        at("2026-11-20T09:00:00Z")},
       " | Ready=False Suspended"},

      // --- deletion
      {"deleted at rest",
       {deleting(with_finalizer(after(succeeded_run(done)))), {succeeded_run(done)}},
       "remove finalizer | as stored"},
      {"deleted, not ours to hold", {deleting(resource()), {}}, " | as stored"},
      {"deleted in mid-run",
       {deleting(with_finalizer(resource())), {active()}},
       " | Ready=False Terminating Reconciling"},
      {"deleted, the pod cannot start",
       {deleting(with_finalizer(resource())), {with_problem(active())}},
       "delete job 3.1 if unstarted | Ready=False Terminating Reconciling"},
      {"deleted, no pod yet",
       {deleting(with_finalizer(resource())), {without_pod(active(), "2026-11-20T08:00:16Z")}},
       " | Ready=False Terminating Reconciling | 6000 ms"},
      {"deleted and invalid",
       {deleting(with_finalizer(resource({{"source", nullptr}}))), {}},
       "remove finalizer | as stored"},

      // --- old Jobs
      {"finished Jobs",
       {resource(),
        {succeeded_run(done, 5), unreachable(4), unreachable(3), unreachable(2), unreachable(1)}},
       "delete job 3.1 | Ready=True UpToDate"},
      {"as many of them as the spec says",
       {resource({{"execution", {{"history", {{"succeeded", 2}, {"failed", 1}}}}}}),
        {succeeded_run(done, 5), unreachable(4), succeeded_run(done, 3), unreachable(2)}},
       "delete job 3.2 | Ready=True UpToDate"},
      {"finished Jobs of older generations go first",
       {resource(),
        {succeeded_run(generation(1)), succeeded_run(done, 2), unreachable(1),
         succeeded_run(generation(2)), succeeded_run(generation(2), 2)}},
       "delete scripts 1, delete scripts 2, delete job 2.2, delete job 2.1, delete job 1.1 | "
       "Ready=True UpToDate"},
  };
  for (Case c : cases) {
    SCOPED_TRACE(c.name);
    if (c.observed.now == WallTime()) c.observed.now = kNow;
    EXPECT_EQ(words_of(decide(c.observed), c.observed.migration), c.decision);
  }
}

Json status_of(const Observed& observed) { return json_of(decide(observed).status); }

std::string message_of(const Observed& observed) {
  return testing::condition(status_of(observed), "Ready").value("message", "");
}

TEST(DecideTest, MessagesSayWhatIsWaitedFor) {
  const std::string job = job_name(resource(), 1);
  EXPECT_EQ(message_of({resource(), {}, SourceState::Present, kNow}),
            "Job " + job + " is running (attempt 1)");
  EXPECT_EQ(message_of({resource(), {active()}, SourceState::Present, kNow}),
            "Job " + job + " is running (attempt 1)");
  EXPECT_EQ(message_of({generation(4), {active()}, SourceState::Present, kNow}),
            "waiting for Job " + job + " of generation 3 to end");
  EXPECT_EQ(message_of({resource(), {with_problem(active())}, SourceState::Present, kNow}),
            "secret \"db\" not found");
  EXPECT_EQ(message_of({resource(),
                        {without_pod(active(), "2026-11-20T08:00:00Z")},
                        SourceState::Present,
                        kNow}),
            "Job " + job + " has no pod; `kubectl describe job " + job +
                "` tells why (a quota, or a missing service account)");
  EXPECT_EQ(
      message_of({resource({{"source", config_map_source()}}), {}, SourceState::Missing, kNow}),
      "spec.source.configMapRef: ConfigMap orders-scripts does not exist");
  EXPECT_EQ(message_of({resource({{"suspend", true}}), {}, SourceState::Present, kNow}),
            "spec.suspend is true: no run is started");
  EXPECT_EQ(message_of({deleting(resource()), {active()}, SourceState::Present, kNow}),
            "waiting for Job " + job + " to end");
  EXPECT_EQ(message_of({resource({{"source", Json::object()}, {"suspend", "x"}}),
                        {},
                        SourceState::Present,
                        kNow}),
            "spec.source: exactly one of image, configMapRef, inline is needed; spec.suspend: must "
            "be true or false");
}

// The cluster's clock is not ours: the pause begins when the failure is seen.
TEST(DecideTest, TheNextAttemptIsNotDerivedFromTheClockOfTheCluster) {
  for (const char* ended : {"", "2026-11-20T07:00:00Z", "2026-11-20T09:00:00Z"}) {
    SCOPED_TRACE(ended);
    auto run = unreachable(2);
    run.completion_time = ended;
    const Json status = status_of({resource(), {run}, SourceState::Present, kNow});
    EXPECT_EQ(status["retry"], (Json{{"count", 2}, {"nextAttemptTime", "2026-11-20T08:00:37Z"}}));
    // While it runs there is none to wait for.
    Observed running{resource(), {run, active(3)}, SourceState::Present, kNow};
    running.migration.status = status.dump();
    EXPECT_EQ(status_of(running)["retry"], (Json{{"count", 2}}));
  }
}

TEST(DecideTest, OnlyWhatEndsOfItselfCountsAsAFailure) {
  DatabaseMigration seen = resource();
  for (const auto& [run, failures] :
       {std::pair{crashed(1), 1}, {unreachable(2), 1}, {crashed(3), 2}}) {
    for (int look = 0; look < 2; ++look) {
      const Decision decision = decide({seen, {run}, SourceState::Present, kNow});
      if (!decision.status.empty()) seen.status = decision.status;
      EXPECT_EQ(json_of(seen.status)["retry"]["failures"], failures) << run.attempt;
    }
  }
}

Refusal refused(Health health, const char* reason, milliseconds pause = kRefusalPause) {
  return {.verdict = {.health = health, .reason = reason, .message = "exceeded quota"},
          .pause = pause};
}

// As it is stored after a create for `observed` was refused.
Observed refused_after(Observed observed, const Refusal& refusal) {
  observed.migration.status = decide_after(observed, refusal).status;
  return observed;
}

TEST(DecideTest, ARefusalPromisesATimeAndTheTimeIsKept) {
  const Refusal quota = refused(Health::Reconciling, "BackingOff");
  const Observed before{
      resource(), {unreachable(2)}, SourceState::Present, at("2026-11-20T08:00:40.300Z")};
  const Decision told = decide_after(before, quota);
  EXPECT_EQ(words_of(told, before.migration), " | Ready=False BackingOff Reconciling | 30700 ms");
  EXPECT_EQ(json_of(told.status)["retry"],
            (Json{{"count", 2}, {"nextAttemptTime", "2026-11-20T08:01:11Z"}, {"refused", true}}));
  EXPECT_EQ(json_of(told.status)["lastRun"]["attempt"], 2);

  Observed waiting = refused_after(before, quota);
  EXPECT_EQ(words_of(decide(waiting), waiting.migration), " | as stored | 30700 ms");
  waiting.now = at("2026-11-20T08:01:10.999Z");
  EXPECT_EQ(words_of(decide(waiting), waiting.migration), " | as stored | 1 ms");
  waiting.now = at("2026-11-20T08:01:11Z");
  EXPECT_EQ(words_of(decide(waiting), waiting.migration),
            "add finalizer, create job 3 | Ready=False Progressing Reconciling");
  EXPECT_EQ(status_of(waiting)["retry"], (Json{{"count", 2}}));
}

TEST(DecideTest, WhatIsRefusedAsInvalidWaitsStalled) {
  const Refusal invalid = refused(Health::Stalled, "InvalidSpec", std::chrono::minutes(5));
  Observed waiting =
      refused_after({with_finalizer(resource()), {}, SourceState::Present, kNow}, invalid);
  EXPECT_EQ(health_of(json_of(waiting.migration.status)), "Ready=False InvalidSpec Stalled");
  EXPECT_EQ(words_of(decide(waiting), waiting.migration),
            "remove finalizer | as stored | 300000 ms");
}

TEST(DecideTest, APromiseHoldsForItsGenerationAndInReason) {
  const Observed before{resource(), {}, SourceState::Present, kNow};
  const char* created = "add finalizer, create job 1 | Ready=False Progressing Reconciling";
  Observed edited = refused_after(before, refused(Health::Reconciling, "BackingOff"));
  edited.migration.generation = 4;
  EXPECT_EQ(words_of(decide(edited), edited.migration), created);

  // No answer of the API server keeps a migration back for an hour.
  Observed waiting =
      refused_after(before, refused(Health::Reconciling, "BackingOff", std::chrono::hours(1)));
  EXPECT_EQ(words_of(decide(waiting), waiting.migration), " | as stored | 600000 ms");

  for (const char* time : {"2026-11-20T08:10:22Z", "9999-12-31T23:59:59Z", "soon", ""}) {
    SCOPED_TRACE(time);
    Json status = json_of(waiting.migration.status);
    status["retry"]["nextAttemptTime"] = time;
    Observed odd = before;
    odd.migration.status = status.dump();
    EXPECT_EQ(words_of(decide(odd), odd.migration), created);
  }
}

TEST(DecideTest, ARefusalWhoseWordsWereTakenAwayIsStillWaitedFor) {
  Observed waiting = refused_after({resource(), {}, SourceState::Present, kNow},
                                   refused(Health::Reconciling, "BackingOff"));
  Json status = json_of(waiting.migration.status);
  status.erase("conditions");
  waiting.migration.status = status.dump();
  EXPECT_EQ(words_of(decide(waiting), waiting.migration),
            " | Ready=False BackingOff Reconciling | 30000 ms");
  EXPECT_EQ(message_of(waiting), "waiting before the next attempt");
}

TEST(DecideTest, ARunThatVanishedIsUnknownUntilTheNextOne) {
  DatabaseMigration suspended = resource({{"suspend", true}});
  suspended.status = while_running(active()).status;
  const Json status = status_of({suspended, {}, SourceState::Present, kNow});
  EXPECT_EQ(status["lastRun"]["result"], "Unknown");
  EXPECT_EQ(status["lastRun"]["attempt"], 1);
  // Its number is not used again.
  suspended.spec.suspend = false;
  suspended.status = status.dump();
  const Decision next = decide({suspended, {}, SourceState::Present, kNow});
  EXPECT_EQ(std::get<CreateProbe>(next.actions.back()).attempt, 1);
}

TEST(DecideTest, TheRunToComeIsInTheStatusThatFollowsItsJob) {
  const Json status = status_of({resource(), {}, SourceState::Present, kNow});
  EXPECT_EQ(status["lastRun"], (Json{{"jobName", job_name(resource(), 1)},
                                     {"generation", 3},
                                     {"attempt", 1},
                                     {"inputs", resource().inputs},
                                     {"result", "Running"}}));
}

TEST(DecideTest, AReportThatComesLateReplacesTheGuess) {
  Observed observed{after(lost(succeeded_run(resource()))),
                    {failed_run(resource(), failed_statement())},
                    SourceState::Present,
                    kNow};
  EXPECT_EQ(health_of(status_of(observed)), "Ready=False MigrationFailed Stalled");
}

TEST(DecideTest, ConditionsEditedByHandAreMadeAnew) {
  DatabaseMigration edited = after(failed_run(resource(), failed_statement()));
  const Json truth = json_of(edited.status);
  Json status = truth;
  status["conditions"] = {{{"type", "Ready"},
                           {"status", "True"},
                           {"reason", "UpToDate"},
                           {"observedGeneration", 3},
                           {"lastTransitionTime", "2026-11-20T08:00:11Z"}}};
  edited.status = status.dump();
  const Observed observed{edited, {}, SourceState::Present, kNow};
  EXPECT_EQ(health_of(status_of(observed)), "Ready=False MigrationFailed Stalled");
  EXPECT_EQ(message_of(observed),
            "revision c3: statement 2 (c3_totals.sql:7) failed: relation \"totals\" already exists "
            "(SQLSTATE 42P07)");
}

TEST(DecideTest, GarbageInTheStatusIsNoReasonToFail) {
  for (const char* status :
       {"", "null", "[]", "{", R"({"lastRun":7})", R"({"conditions":{}})",
        R"({"lastRun":{"generation":"x","attempt":-1e300}})", R"({"conditions":[1,null,{}]})"}) {
    SCOPED_TRACE(status);
    DatabaseMigration garbage = resource();
    garbage.status = status;
    const Observed observed{garbage, {}, SourceState::Present, kNow};
    EXPECT_EQ(words_of(decide(observed), garbage),
              "add finalizer, create job 1 | Ready=False Progressing Reconciling");
  }
}

}  // namespace
}  // namespace controller
