// SPDX-License-Identifier: Apache-2.0
//
// Random lives of a resource: what users, the cluster and crashes of the operator do to it, in any
// order. After each step the laws of decide.h must hold, and once everybody leaves it alone it must
// come to rest in the state that is true. Seeds are fixed and printed on failure.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "operator/migration/decide.h"
#include "tests/operator/migration/builders.h"

namespace controller {
namespace {

using engine::Reason;
using testing::condition;
using testing::failed;
using testing::failed_statement;
using testing::health_of;
using testing::json_of;
using testing::succeeded;

using JobRun = decltype(testing::run_of(testing::migration(), 1, RunPhase::Active));

class World {
 public:
  explicit World(unsigned seed) : random_(seed) {
    observed_.now = testing::at("2026-11-20T08:00:00Z");
    edit_spec();
  }

  void step() {
    observed_.now += std::chrono::milliseconds(pick(8000));
    switch (pick(20)) {
      case 0:
        edit_spec();
        break;
      case 1:
        observed_.source = pick(2) == 0 ? SourceState::Missing : SourceState::Present;
        break;
      case 2:
        observed_.migration.status = pick(2) == 0 ? "" : R"({"observedGeneration":-1})";
        break;
      case 3:
        lose_finished_jobs();
        break;
      case 4:
        lose_reports();
        break;
      case 5:
        observed_.now += std::chrono::seconds(40);
        break;
      case 6:
        lose_active_job();
        break;
      case 7:
        start_deleting_active_job();
        break;
      case 8:
        forget_finalizer();
        break;
      case 9:
      case 10:
      case 11:
      case 12:
        advance_job();
        break;
      default:
        reconcile(/*may_crash=*/true);
    }
  }

  void delete_resource() { observed_.migration.deleting = true; }

  // Nobody interferes any more: Jobs end well, time goes on, no call is lost.
  void come_to_rest() {
    observed_.source = SourceState::Present;
    target_is_reachable_ = true;
    for (int i = 0; i < 60; ++i) {
      reconcile(/*may_crash=*/false);
      advance_job();
      observed_.now += std::chrono::seconds(5);
    }
    observed_.strays.clear();
    for (int i = 0; i < 20; ++i) {
      while (at_work() != nullptr) advance_job();
      reconcile(/*may_crash=*/false);
      observed_.now += std::chrono::seconds(601);
    }
    EXPECT_EQ(at_work(), nullptr);
    EXPECT_FALSE(observed_.migration.has_finalizer());
    if (observed_.migration.deleting) return;
    check_quiet();
    const Json status = json_of(observed_.migration.status);
    EXPECT_NE(status.value("lastRun", Json::object()).value("result", "none"), "Running") << status;
    if (!observed_.migration.problems.empty()) {
      EXPECT_EQ(health_of(status), "Ready=False InvalidSpec Stalled");
    } else if (observed_.migration.spec.suspend) {
      EXPECT_EQ(condition(status, "Ready")["reason"], "Suspended");
    } else {
      EXPECT_TRUE(health_of(status) == "Ready=True UpToDate" ||
                  health_of(status) == "Ready=False MigrationFailed Stalled" ||
                  health_of(status) == "Ready=False DeadlineExceeded Stalled")
          << health_of(status);
    }
    EXPECT_LE(observed_.runs.size(), 6U) << "one that succeeded, three that failed, the latest, "
                                            "and what was asked about it";
  }

 private:
  int pick(int count) { return std::uniform_int_distribution<int>(0, count - 1)(random_); }

  // --- what others do ----------------------------------------------------------------------------

  void edit_spec() {
    DatabaseMigration& stored = observed_.migration;
    if (stored.deleting) return;
    static const Json kSpecs[] = {
        Json::object(),
        {{"source", testing::config_map_source()}},
        {{"source", testing::image_source()}},
        {{"target", {{"revision", "a1"}}}},
        {{"suspend", true}},
        {{"source", Json::object()}},
    };
    DatabaseMigration edited = testing::migration(kSpecs[pick(6)]);
    edited.generation = stored.generation + 1;
    edited.status = stored.status;
    edited.finalizers = stored.finalizers;
    stored = edited;
  }

  void lose_finished_jobs() {
    std::erase_if(observed_.runs,
                  [&](const JobRun& run) { return run.phase != RunPhase::Active && pick(2) == 0; });
  }

  void lose_reports() {
    for (JobRun& run : observed_.runs) {
      if (run.phase == RunPhase::Active || pick(2) == 0) continue;
      run.report.reset();
      run.exit_code.reset();
      run.has_pod = false;
      run.ending = "its pod is gone";
    }
  }

  void lose_active_job() {
    const JobRun* run = at_work();
    if (run == nullptr) return;
    if (run->probe == 0 && run->may_have_worked && pick(2) == 0) {
      observed_.strays.push_back("pod-of-" + run->job_uid);
    }
    std::erase_if(observed_.runs, [&](const JobRun& one) { return one.job_uid == run->job_uid; });
  }

  void start_deleting_active_job() {
    if (JobRun* run = at_work()) run->deleting = true;
  }

  void forget_finalizer() {
    if (!observed_.migration.deleting) observed_.migration.finalizers.clear();
  }

  // A Job that is not finished, of either kind.
  JobRun* at_work() {
    const auto run = std::ranges::find(observed_.runs, RunPhase::Active, &JobRun::phase);
    return run == observed_.runs.end() ? nullptr : &*run;
  }

  // One that changes the database.
  JobRun* active() {
    const auto run = std::ranges::find_if(observed_.runs, [](const JobRun& one) {
      return one.phase == RunPhase::Active && one.probe == 0;
    });
    return run == observed_.runs.end() ? nullptr : &*run;
  }

  // What the Job controller, the kubelet and the engine do.
  void advance_job() {
    if (!observed_.strays.empty() && pick(3) == 0) observed_.strays.pop_back();
    JobRun* run = at_work();
    if (run == nullptr) return;
    if (run->deleting) {
      std::erase_if(observed_.runs, [&](const JobRun& one) { return &one == run; });
    } else if (!run->has_pod) {
      run->has_pod = pick(3) != 0 || target_is_reachable_;
      run->start_time = rfc3339(observed_.now);
      if (pick(3) == 0) run->problem = PodProblem{.reason = "ImagePullFailed", .message = "x"};
      run->may_have_worked = run->has_pod && !run->problem;
    } else if (run->problem && (pick(2) == 0 || target_is_reachable_)) {
      run->problem.reset();
      run->may_have_worked = true;
    } else if (!run->problem && pick(2) == 0) {
      run->probe > 0 ? answer(*run) : finish(*run);
    }
    if (active() != nullptr && active()->may_have_worked) database_ = "on the way";
  }

  void answer(JobRun& probe) {
    probe.completion_time = rfc3339(observed_.now);
    const int how = target_is_reachable_ ? 0 : pick(4);
    probe.phase = how == 0 ? RunPhase::Succeeded : RunPhase::Failed;
    if (how == 0) {
      probe.report = succeeded();
      probe.report->steps.clear();
      probe.report->pending = database_ == observed_.migration.inputs ? 0 : 1;
    } else if (how == 1) {
      probe.report = failed(Reason::DatabaseUnreachable, "refused");
    } else {
      probe.ending = "container stillhead ended with exit code 137";
    }
  }

  void finish(JobRun& run) {
    run.completion_time = rfc3339(observed_.now);
    const int how = target_is_reachable_ ? pick(2) : pick(7);
    run.phase = how == 0 ? RunPhase::Succeeded : RunPhase::Failed;
    switch (how) {
      case 0:
        run.report = succeeded();
        break;
      case 1:
        run.report = failed_statement();
        break;
      case 2:
        run.report = failed(Reason::DatabaseUnreachable, "refused");
        break;
      case 3:
        run.report = failed(Reason::LockUnavailable, "busy");
        break;
      case 4:
        run.report = failed(Reason::Interrupted, "stopped");
        break;
      case 5:
        run.ending = "container stillhead ended with exit code 137";
        break;
      default:
        run.failed_reason = "DeadlineExceeded";
    }
    // One that left no word may have got there, too.
    const bool is_there = how == 0 || (!run.report && pick(2) == 0);
    database_ = is_there ? run.inputs : "half-way";
    if (run.report) run.exit_code = engine::exit_code_of(run.report->reason);
  }

  // --- what the operator does --------------------------------------------------------------------

  void reconcile(bool may_crash) {
    const Decision decision = decide(observed_);
    check(decision);
    int left = may_crash ? pick(12) : 1000;  // calls until the operator is killed
    for (const Action& action : decision.actions) {
      if (is_late(action)) continue;
      const bool is_create =
          std::holds_alternative<CreateJob>(action) || std::holds_alternative<CreateProbe>(action);
      if (is_create && !target_is_reachable_ && pick(4) == 0) {
        if (left-- > 0) be_refused();
        return;
      }
      if (left-- > 0) apply(action);
    }
    if (!decision.status.empty() && left-- > 0) {
      observed_.migration.status = decision.status;
      check_status();
    }
    for (const Action& action : decision.actions) {
      if (is_late(action) && left-- > 0) apply(action);
    }
    if (left >= 0) check_quiet();
  }

  // By a quota, or as invalid; the text is another one each time.
  void be_refused() {
    const bool invalid = pick(2) == 0;
    const Decision told = decide_after(
        observed_, {.verdict = {.health = invalid ? Health::Stalled : Health::Reconciling,
                                .reason = invalid ? "InvalidSpec" : "BackingOff",
                                .message = std::to_string(pick(1000))},
                    .pause = std::chrono::seconds(1 + pick(40))});
    EXPECT_TRUE(told.actions.empty());
    EXPECT_GT(told.look_again.value_or(std::chrono::milliseconds(0)).count(), 0);
    if (!told.status.empty()) observed_.migration.status = told.status;
    check_status();
    const Decision again = decide(observed_);
    EXPECT_EQ(again.status, "") << "another status, after " << observed_.migration.status;
    for (const Action& action : again.actions) {
      EXPECT_TRUE(is_late(action)) << "another attempt before its time";
    }
  }

  static bool is_late(const Action& action) {
    return std::holds_alternative<DeleteJob>(action) ||
           std::holds_alternative<DeleteScripts>(action) ||
           std::holds_alternative<RemoveFinalizer>(action);
  }

  void apply(const Action& action) {
    DatabaseMigration& stored = observed_.migration;
    if (std::holds_alternative<AddFinalizer>(action)) {
      stored.finalizers.emplace_back(kFinalizer);
    } else if (std::holds_alternative<RemoveFinalizer>(action)) {
      std::erase(stored.finalizers, kFinalizer);
    } else if (const auto* create = std::get_if<CreateJob>(&action)) {
      create_job(create->attempt, 0);
    } else if (const auto* probe = std::get_if<CreateProbe>(&action)) {
      create_job(probe->attempt, probe->number);
    } else if (const auto* gone = std::get_if<DeleteJob>(&action)) {
      for (JobRun& run : observed_.runs) {
        if (run.job_uid == gone->uid) run.deleting = true;
      }
      std::erase_if(observed_.runs, [](const JobRun& run) {
        return run.deleting && run.phase != RunPhase::Active;
      });
    }
  }

  // The Job is there, as the API server answers; nothing of it has happened yet.
  void create_job(int attempt, int probe) {
    EXPECT_TRUE(probe > 0 || observed_.migration.has_finalizer());
    EXPECT_EQ(active(), nullptr) << "a second Job beside an active one";
    EXPECT_TRUE(observed_.strays.empty()) << "a Job beside a pod that may still work";
    JobRun run;
    run.probe = probe;
    run.may_have_worked = false;
    run.inputs = observed_.migration.inputs;
    run.job_name =
        probe > 0 ? probe_name(observed_.migration, observed_.migration.generation, attempt, probe)
                  : job_name(observed_.migration, attempt);
    run.job_uid = std::to_string(++uids_);
    run.generation = observed_.migration.generation;
    run.attempt = attempt;
    run.created = rfc3339(observed_.now);
    for (const JobRun& other : observed_.runs) EXPECT_NE(other.job_name, run.job_name);
    observed_.runs.push_back(run);
  }

  // --- the laws ----------------------------------------------------------------------------------

  void check(const Decision& decision) {
    int creates = 0;
    for (const Action& action : decision.actions) {
      if (std::holds_alternative<CreateJob>(action) ||
          std::holds_alternative<CreateProbe>(action)) {
        ++creates;
      }
      if (const auto* gone = std::get_if<DeleteJob>(&action)) check_deletion(*gone);
      if (std::holds_alternative<RemoveFinalizer>(action)) {
        EXPECT_EQ(active(), nullptr) << "a running Job without a finalizer";
      }
    }
    EXPECT_LE(creates, active() == nullptr && !observed_.migration.deleting ? 1 : 0);
    if (creates > 0) {
      EXPECT_FALSE(observed_.migration.spec.suspend);
      EXPECT_TRUE(observed_.migration.problems.empty());
      EXPECT_EQ(observed_.source, SourceState::Present);
    }
    EXPECT_GT(decision.look_again.value_or(std::chrono::milliseconds(1)).count(), 0);
  }

  // No run that may be at work is ever stopped.
  void check_deletion(const DeleteJob& gone) {
    for (const JobRun& run : observed_.runs) {
      if (run.job_uid != gone.uid || run.phase != RunPhase::Active) continue;
      EXPECT_TRUE(run.probe > 0 || !run.may_have_worked);
      EXPECT_TRUE(observed_.migration.deleting || run.generation != observed_.migration.generation);
    }
  }

  // Deciding again on the result of a decision changes nothing.
  void check_quiet() {
    const Decision again = decide(observed_);
    EXPECT_TRUE(again.actions.empty())
        << "action of kind " << again.actions.front().index() << " after all was done, after "
        << observed_.migration.status;
    EXPECT_EQ(again.status, "") << "another status, after " << observed_.migration.status;
  }

  void check_status() {
    const Json status = json_of(observed_.migration.status);
    const long generation = observed_.migration.generation;
    EXPECT_EQ(status["observedGeneration"], generation);
    const Json ready = condition(status, "Ready");
    ASSERT_FALSE(ready.is_null());
    const bool reconciling = !condition(status, "Reconciling").is_null();
    const bool stalled = !condition(status, "Stalled").is_null();
    EXPECT_FALSE(reconciling && stalled);
    if (ready["status"] == "True") {
      EXPECT_FALSE(reconciling || stalled);
      EXPECT_EQ(database_, observed_.migration.inputs)
          << "Ready for generation " << generation << ", which no run has reached";
    }
    for (const Json& one : status["conditions"]) {
      EXPECT_EQ(one["observedGeneration"], generation);
      EXPECT_FALSE(one["reason"].get<std::string>().empty());
      EXPECT_FALSE(one["message"].get<std::string>().empty()) << one;
    }
    EXPECT_TRUE(reconciling || stalled || !status.contains("retry"));
  }

  std::minstd_rand random_;
  Observed observed_ = {};
  std::string database_ = "empty";  // DatabaseMigration::inputs of what it has reached
  bool target_is_reachable_ = false;
  int uids_ = 0;
};

TEST(DecideLawsTest, HoldInEveryLife) {
  for (unsigned seed = 1; seed <= 80; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed);
    for (int i = 0; i < 120; ++i) world.step();
    if (seed % 5 == 0) world.delete_resource();
    world.come_to_rest();
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace controller
