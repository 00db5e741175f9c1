// SPDX-License-Identifier: Apache-2.0
#include "operator/migration/decide.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "operator/migration/job.h"
#include "operator/migration/json_fields.h"
#include "operator/migration/retry.h"
#include "operator/migration/stored_run.h"

namespace controller {
namespace {

using std::chrono::milliseconds;

// How often a missing source is looked for.
constexpr std::chrono::seconds kSourcePause{5};
// How long a Job may be without a pod before that is worth a word: the Job controller needs a
// moment.
constexpr std::chrono::seconds kPodPatience{10};
// Events may be lost: what runs is looked at again.
constexpr std::chrono::seconds kGlance{60};

auto order_of(const Run& run) { return std::tuple(run.generation, run.attempt); }

auto order_of_probe(const Run& run) { return std::tuple(run.generation, run.attempt, run.probe); }

bool is_active(const Run& run) { return run.phase == RunPhase::Active; }

// How this generation's latest attempt ended.
struct Outcome {
  Verdict verdict = {};
  std::optional<Run> run = {};  // empty: only the status remembers it
  int attempt = 0;
};

// One decision in the making.
class Deciding {
 public:
  explicit Deciding(const Observed& observed)
      : observed_(observed), migration_(observed.migration) {
    const Json status = Json::parse(migration_.status, nullptr, /*allow_exceptions=*/false);
    stored_ = status.is_object() ? status : Json::object();
    stored_run_ = read_stored_run(migration_, stored_);
    for (const Run& run : observed.runs) (run.probe > 0 ? probes_ : runs_).push_back(run);
    add_lost_run();
    std::ranges::sort(runs_, std::greater<>(), order_of);
    std::ranges::sort(probes_, std::greater<>(), order_of_probe);
    const auto active = std::ranges::find_if(runs_, is_active);
    if (active != runs_.end()) active_ = &*active;
    for (Run& run : runs_) take_answer(run);
  }

  Decision decide() {
    if (migration_.deleting) {
      decide_deletion();
      return std::move(decision_);
    }
    if (active_ != nullptr) {
      decide_while_running();
    } else if (!observed_.strays.empty()) {
      wait_for_strays();
    } else {
      decide_at_rest();
    }
    delete_old_jobs();
    const bool starts = active_ != nullptr || !observed_.strays.empty() || keeps_finalizer_;
    if (!starts && migration_.has_finalizer()) decision_.actions.push_back(RemoveFinalizer{});
    return std::move(decision_);
  }

  Decision decide_after(const Refusal& refusal) {
    const milliseconds pause = std::min<milliseconds>(refusal.pause, kLongestPause);
    // Up to whole seconds, as they are stored: a short pause must not become none.
    const WallTime next = std::chrono::ceil<std::chrono::seconds>(observed_.now + pause);
    keep_count();
    retry_["count"] = next_attempt() - 1;
    retry_["nextAttemptTime"] = rfc3339(next);
    retry_["refused"] = true;
    say(refusal.verdict, latest_finished());
    look_again(next - observed_.now);
    return std::move(decision_);
  }

 private:
  // --- what is known -----------------------------------------------------------------------------

  // The run that the status names, if its Job has gone. A result that the status has kept of it is
  // believed, unless Jobs of the same generation are there, which go before it: somebody has taken
  // that one away, or has written the status.
  void add_lost_run() {
    if (stored_run_.attempt == 0) return;
    const bool has_job = std::ranges::any_of(
        runs_, [&](const Run& run) { return run.job_name == stored_run_.job_name; });
    const bool has_earlier = std::ranges::any_of(
        runs_, [&](const Run& run) { return run.generation == stored_run_.generation; });
    if (has_job || (stored_run_.is_final() && !has_earlier)) return;
    runs_.push_back(stored_run_.lost());
  }

  // The latest probe of a run; null: it was not asked yet.
  const Run* probe_of(const Run& run) const {
    const auto probe = std::ranges::find_if(
        probes_, [&](const Run& candidate) { return order_of(candidate) == order_of(run); });
    return probe == probes_.end() ? nullptr : &*probe;
  }

  void take_answer(Run& run) const {
    const Run* probe = probe_of(run);
    if (!is_unanswered(run) || probe == nullptr || is_active(*probe) || !probe->report) return;
    if (probe->report->reason == engine::Reason::Succeeded) run.answer = probe->report;
  }

  // --- the resource is being deleted -------------------------------------------------------------

  // Deletion waits for a migration in mid-run: the garbage collector would kill it.
  void decide_deletion() {
    if (active_ == nullptr && observed_.strays.empty()) {
      if (migration_.has_finalizer()) decision_.actions.push_back(RemoveFinalizer{});
      return;
    }
    if (active_ == nullptr) {
      say({.health = Health::Reconciling, .reason = "Terminating", .message = words_of_strays()},
          latest_finished());
      look_again(kGlance);
      return;
    }
    say({.health = Health::Reconciling,
         .reason = "Terminating",
         .message = fmt::format("waiting for Job {} to end", active_->job_name)},
        *active_);
    give_up_unstarted([](const Run&) { return true; });
  }

  // --- a Job has gone, and a pod of it has not ---------------------------------------------------

  std::string words_of_strays() const {
    return fmt::format(
        "pod {} may still work, and its Job was deleted: waiting for the pod to end; delete it if "
        "it does not",
        observed_.strays.front());
  }

  void wait_for_strays() {
    if (!migration_.has_finalizer()) decision_.actions.push_back(AddFinalizer{});
    say({.health = Health::Reconciling, .reason = "Progressing", .message = words_of_strays()},
        latest_finished());
    look_again(kGlance);
  }

  // --- a Job is active ---------------------------------------------------------------------------

  void decide_while_running() {
    if (!migration_.has_finalizer()) decision_.actions.push_back(AddFinalizer{});
    keep_count();
    say(verdict_while_running(), *active_);
    look_again(kGlance);
    // What never started cannot keep a corrected spec waiting.
    give_up_unstarted([&](const Run& run) { return run.generation != migration_.generation; });
  }

  Verdict verdict_while_running() const {
    const Run& run = *active_;
    if (!migration_.problems.empty()) return invalid_spec();
    Verdict verdict{.health = Health::Reconciling, .reason = "Progressing"};
    if (run.generation != migration_.generation) {
      verdict.message =
          fmt::format("waiting for Job {} of generation {} to end", run.job_name, run.generation);
    } else if (run.problem) {
      verdict.reason = run.problem->reason;
      verdict.message = run.problem->message;
    } else if (lacks_pod(run)) {
      verdict.message = fmt::format(
          "Job {0} has no pod; `kubectl describe job {0}` tells why (a quota, or a missing service "
          "account)",
          run.job_name);
    } else {
      verdict.message = message_while_running(run.job_name, run.attempt);
    }
    return verdict;
  }

  static std::string message_while_running(const std::string& job, int attempt) {
    return fmt::format("Job {} is running (attempt {})", job, attempt);
  }

  bool lacks_pod(const Run& run) const {
    const auto created = parse_rfc3339(run.created);
    return !run.has_pod && created && observed_.now - *created >= kPodPatience;
  }

  // Deletes the active Jobs, of those that `concerns` names, whose engine cannot have started yet,
  // and looks again when one more may count as such.
  template <typename Predicate>
  void give_up_unstarted(Predicate concerns) {
    for (const Run& run : runs_) {
      if (!is_active(run) || run.deleting || run.may_have_worked) continue;
      if (run.problem || lacks_pod(run)) {
        if (concerns(run)) decision_.actions.push_back(DeleteJob{run.job_name, run.job_uid, true});
      } else if (const auto created = parse_rfc3339(run.created); !run.has_pod && created) {
        look_again(*created + kPodPatience - observed_.now);
      }
    }
  }

  // --- no Job is active --------------------------------------------------------------------------

  void decide_at_rest() {
    if (!migration_.problems.empty()) {
      say(invalid_spec(), latest_finished());
      return;
    }
    const auto outcome = find_outcome();
    if (migration_.spec.suspend) {
      say({.health = Health::Waiting,
           .ready = outcome && outcome->verdict.health == Health::Ready,
           .reason = "Suspended",
           .message = "spec.suspend is true: no run is started"},
          latest_finished());
    } else if (!outcome) {
      start({});
    } else if (outcome->run && is_unanswered(*outcome->run)) {
      ask(*outcome);
    } else if (outcome->verdict.health == Health::Reconciling) {
      try_again(*outcome);
    } else {
      say(outcome->verdict, outcome->run);
    }
  }

  Verdict invalid_spec() const {
    return {.health = Health::Stalled,
            .reason = "InvalidSpec",
            .message = fmt::format("{}", fmt::join(migration_.problems, "; "))};
  }

  // Of any generation: what became of the run that the status names.
  std::optional<Run> latest_finished() const {
    if (runs_.empty() ||
        order_of(runs_.front()) < std::tuple(stored_run_.generation, stored_run_.attempt)) {
      return {};
    }
    if (is_kept_better_in_status(runs_.front())) return {};
    return runs_.front();
  }

  // The pod can go before the Job does, and the report with it.
  bool is_kept_better_in_status(const Run& run) const {
    return is_unanswered(run) && stored_run_.agrees_with(run);
  }

  // What was wanted then is what is wanted now, and nothing else has been done since.
  bool still_holds() const { return text_at(stored_, {"reachedInputs"}) == migration_.inputs; }

  bool answers_for(const Run& run) const {
    if (run.generation == migration_.generation) return true;
    return &run == &runs_.front() && still_holds() && run.inputs == migration_.inputs &&
           judge(run).health == Health::Ready;
  }

  bool stored_run_answers() const {
    if (!stored_run_.is_final()) return false;
    if (stored_run_.generation == migration_.generation) return true;
    return still_holds() && stored_run_.result == "Succeeded";
  }

  std::optional<Outcome> find_outcome() const {
    const auto run =
        std::ranges::find_if(runs_, [&](const Run& candidate) { return answers_for(candidate); });
    const bool stored = stored_run_answers();
    if (run != runs_.end() && !is_kept_better_in_status(*run)) {
      return Outcome{.verdict = judge(*run), .run = *run, .attempt = run->attempt};
    }
    if (!stored) return {};
    return Outcome{.verdict = stored_verdict(), .attempt = stored_run_.attempt};
  }

  // The stored message says more than can be made of lastRun, where it is still about the same.
  Verdict stored_verdict() const {
    Verdict verdict = judge_stored(value_at(stored_, {"lastRun"}));
    for (const Json& condition : list_at(stored_, {"conditions"})) {
      if (text_at(condition, {"type"}) == "Ready" &&
          text_at(condition, {"reason"}) == verdict.reason &&
          number_at(condition, {"observedGeneration"}) == migration_.generation) {
        verdict.message = text_at(condition, {"message"});
      }
    }
    return verdict;
  }

  // --- a run has ended without a word ------------------------------------------------------------

  // The database knows how far it got.
  void ask(const Outcome& outcome) {
    const Run& run = *outcome.run;
    const Run* probe = probe_of(run);
    if (probe != nullptr && !is_active(*probe)) return ask_again(outcome, *probe);
    keep_count();
    if (probe == nullptr) return create_probe(run, 1);
    Verdict verdict = asking(run);
    if (probe->problem) {
      verdict.reason = probe->problem->reason;
      verdict.message += ": " + probe->problem->message;
    }
    keeps_finalizer_ = true;
    say(verdict, run);
    look_again(kGlance);
  }

  static Verdict asking(const Run& run) {
    return {.health = Health::Reconciling,
            .reason = "Progressing",
            .message = fmt::format("Job {} left no result: asking the database", run.job_name)};
  }

  void ask_again(const Outcome& outcome, const Run& probe) {
    Verdict told = judge(probe);
    if (probe.report && told.health == Health::Stalled) return say(told, outcome.run);
    if (!probe.report && probe.probe >= kMostProbes) return settle(outcome);
    told.health = Health::Reconciling;
    const WallTime next = next_time("probes", probe.probe, probe.job_name);
    keep_count();
    retry_["probes"] = probe.probe;
    retry_["nextAttemptTime"] = rfc3339(next);
    if (next <= observed_.now || is_refused()) {
      return create_probe(*outcome.run, probe.probe + 1);
    }
    say(told, outcome.run);
    look_again(next - observed_.now);
  }

  void create_probe(const Run& run, int number) {
    if (!may_create_job(run)) return;
    keeps_finalizer_ = true;
    decision_.actions.push_back(CreateProbe{run.attempt, number});
    say(asking(run), run);
    look_again(kGlance);
  }

  // What is known without the database.
  void settle(const Outcome& outcome) {
    if (outcome.verdict.health == Health::Reconciling) {
      try_again(outcome);
    } else {
      say(outcome.verdict, outcome.run);
    }
  }

  // --- the next attempt --------------------------------------------------------------------------

  // When it is due: kept in the status from the moment at which the failure was seen, since the
  // cluster's clock is another one. `counter`: of status.retry, which says `count` then.
  WallTime next_time(const char* counter, int count, const std::string& seed) const {
    const RetryPolicy& policy = migration_.spec.execution.retry;
    if (number_at(stored_, {"retry", counter}) == count && is_of_this_generation()) {
      const auto stored = parse_rfc3339(text_at(stored_, {"retry", "nextAttemptTime"}));
      const auto longest = std::max<milliseconds>(policy.max_backoff, kLongestPause);
      // A clock was set back, or the status was edited: nobody waits as long as that.
      if (stored && *stored - observed_.now <= longest + std::chrono::seconds(1)) return *stored;
    }
    return std::chrono::ceil<std::chrono::seconds>(observed_.now +
                                                   pause_after(policy, count, seed));
  }

  bool is_of_this_generation() const {
    return number_at(stored_, {"observedGeneration"}) == migration_.generation;
  }

  // Of attempts that ended of themselves, this one included.
  int failures_with(const Outcome& outcome) const {
    const int stored =
        is_of_this_generation() ? static_cast<int>(number_at(stored_, {"retry", "failures"})) : 0;
    const bool counted =
        is_of_this_generation() && number_at(stored_, {"retry", "count"}) == outcome.attempt;
    return counted ? stored : stored + (counts_as_failure(outcome.verdict.reason) ? 1 : 0);
  }

  // While a run is under way, the number of those before it is kept.
  void keep_count() {
    if (!is_of_this_generation() || value_at(stored_, {"retry"}).is_null()) return;
    retry_ = value_at(stored_, {"retry"});
    retry_.erase("nextAttemptTime");
    retry_.erase("refused");
  }

  void try_again(const Outcome& outcome) {
    const int failures = failures_with(outcome);
    const int limit = migration_.spec.execution.retry.limit;
    const std::string seed = fmt::format("{}/{}", migration_.uid, outcome.attempt);
    retry_ = {{"count", outcome.attempt}};
    if (failures > 0) retry_["failures"] = failures;
    if (counts_as_failure(outcome.verdict.reason) && failures > limit) {
      give_up(outcome, failures);
      return;
    }
    const bool at_once = outcome.verdict.reason == "StaleAttempt";
    const WallTime next = at_once ? observed_.now : next_time("count", outcome.attempt, seed);
    retry_["nextAttemptTime"] = rfc3339(next);
    if (observed_.now >= next || is_refused()) {
      start(outcome.run);
      return;
    }
    say(outcome.verdict, outcome.run);
    look_again(next - observed_.now);
  }

  void give_up(const Outcome& outcome, int failures) {
    Verdict verdict = outcome.verdict;
    verdict.health = Health::Stalled;
    if (verdict.reason == "BackingOff" || verdict.reason == "Progressing") {
      verdict.reason = "MigrationFailed";
    }
    verdict.message += fmt::format(
        "; {} runs have failed, and spec.execution.retry.limit is {}: nothing is tried any more",
        failures, migration_.spec.execution.retry.limit);
    say(verdict, outcome.run);
  }

  // A Job could not be made; what it waits for now is the time that was named then.
  bool is_refused() const {
    return value_at(stored_, {"retry", "refused"}) == true && promised_attempt().has_value();
  }

  // What the status promises after a refusal; empty: nothing keeps the next attempt back.
  std::optional<WallTime> promised_attempt() const {
    if (number_at(stored_, {"observedGeneration"}) != migration_.generation) return {};
    const auto next = parse_rfc3339(text_at(stored_, {"retry", "nextAttemptTime"}));
    if (!next || *next <= observed_.now) return {};
    // Nobody promises that much: a clock was set back, or the status was edited.
    if (*next - observed_.now > kLongestPause + std::chrono::seconds(1)) return {};
    return next;
  }

  // What the status says of the refusal.
  Verdict told_verdict() const {
    Verdict verdict{.health = Health::Reconciling,
                    .reason = "BackingOff",
                    .message = "waiting before the next attempt"};
    for (const Json& condition : list_at(stored_, {"conditions"})) {
      const std::string type = text_at(condition, {"type"});
      const std::string status = text_at(condition, {"status"});
      if (type == "Stalled" && status == "True") verdict.health = Health::Stalled;
      if (type != "Ready" || status != "False") continue;
      verdict.reason = text_at(condition, {"reason"});
      verdict.message = text_at(condition, {"message"});
    }
    return verdict;
  }

  // False: it was said why not.
  bool may_create_job(const std::optional<Run>& before) {
    if (const auto next = promised_attempt()) {
      retry_ = value_at(stored_, {"retry"});
      say(told_verdict(), latest_finished());
      look_again(*next - observed_.now);
      return false;
    }
    if (observed_.source == SourceState::Missing) {
      say({.health = Health::Reconciling, .reason = "SourceNotFound", .message = missing_source()},
          before);
      look_again(kSourcePause);
      return false;
    }
    if (!retry_.is_null()) retry_.erase("nextAttemptTime");
    return true;
  }

  void start(const std::optional<Run>& before) {
    if (!may_create_job(before)) return;
    if (!migration_.has_finalizer()) decision_.actions.push_back(AddFinalizer{});
    if (std::holds_alternative<InlineSource>(migration_.spec.source)) {
      decision_.actions.push_back(CreateScripts{});
    }
    const int attempt = next_attempt();
    decision_.actions.push_back(CreateJob{attempt});
    keeps_finalizer_ = true;
    const Run run{.job_name = job_name(migration_, attempt),
                  .generation = migration_.generation,
                  .attempt = attempt,
                  .inputs = migration_.inputs};
    say({.health = Health::Reconciling,
         .reason = "Progressing",
         .message = message_while_running(run.job_name, attempt)},
        run);
  }

  std::string missing_source() const {
    const auto* config_map = std::get_if<ConfigMapSource>(&migration_.spec.source);
    return fmt::format("spec.source.configMapRef: ConfigMap {} does not exist",
                       config_map != nullptr ? config_map->name : "");
  }

  // Never one that was there before: names of Jobs are made of it, and the database has noted it.
  int next_attempt() const {
    int highest = stored_run_.generation == migration_.generation ? stored_run_.attempt : 0;
    for (const Run& run : runs_) {
      if (run.generation != migration_.generation) continue;
      highest = std::max(highest, run.attempt);
      if (run.report && run.report->stored_generation == migration_.generation &&
          run.report->stored_attempt < kMostAttempts) {
        highest = std::max(highest, run.report->stored_attempt);
      }
    }
    return highest + 1;
  }

  // --- what every decision ends with -------------------------------------------------------------

  void say(const Verdict& verdict, const std::optional<Run>& run) {
    Json status = build_status(migration_, verdict, run, rfc3339(observed_.now));
    if (!retry_.is_null()) status["retry"] = retry_;
    if (!observed_.strays.empty()) status.erase("reachedInputs");
    // A run that is neither there nor over was deleted before anybody could read how it ended.
    if (!run && text_at(status, {"lastRun", "result"}) == "Running") {
      status["lastRun"]["result"] = "Unknown";
    }
    if (status != stored_) decision_.status = status.dump();
  }

  // What this decision creates counts.
  std::tuple<long, int> latest_attempt() const {
    std::tuple<long, int> latest(stored_run_.generation, stored_run_.attempt);
    if (!runs_.empty()) latest = std::max(latest, order_of(runs_.front()));
    for (const Action& action : decision_.actions) {
      if (const auto* created = std::get_if<CreateJob>(&action)) {
        latest = {migration_.generation, created->attempt};
      }
    }
    return latest;
  }

  // The latest run is a fact that the status is made of: its Job stays, and what was asked about
  // it.
  void delete_old_jobs() {
    const History& history = migration_.spec.execution.history;
    const auto latest = latest_attempt();
    int succeeded = 0;
    int failed = 0;
    std::set<long> kept;
    std::set<long> deleted;
    std::vector<DeleteJob> old;
    for (const Run& run : runs_) {
      const bool is_over = !is_active(run) && run.phase != RunPhase::Lost && !run.deleting &&
                           run.generation <= migration_.generation;
      const bool is_good = is_over && judge(run).health == Health::Ready;
      const bool is_kept =
          !is_over || (is_good ? ++succeeded <= history.succeeded : ++failed <= history.failed) ||
          order_of(run) == latest;
      (is_kept ? kept : deleted).insert(run.generation);
      if (!is_kept) old.push_back({run.job_name, run.job_uid});
    }
    for (const Run& probe : probes_) {
      const bool is_needed = order_of(probe) >= latest;
      if (!is_needed && !probe.deleting) old.push_back({probe.job_name, probe.job_uid});
    }
    for (const long generation : deleted) {
      if (kept.contains(generation) || generation == migration_.generation) continue;
      decision_.actions.push_back(DeleteScripts{generation});
    }
    // Last: they tell which scripts may still be there.
    decision_.actions.insert(decision_.actions.end(), old.begin(), old.end());
  }

  void look_again(milliseconds pause) {
    pause = std::max(pause, milliseconds(1));
    decision_.look_again = decision_.look_again ? std::min(*decision_.look_again, pause) : pause;
  }

  const Observed& observed_;
  const DatabaseMigration& migration_;
  Json stored_ = {};
  StoredRun stored_run_ = {};
  std::vector<Run> runs_ = {};    // the latest first
  std::vector<Run> probes_ = {};  // the latest first
  const Run* active_ = nullptr;   // the latest of `runs_` that is
  Json retry_ = {};
  bool keeps_finalizer_ = false;
  Decision decision_ = {};
};

}  // namespace

Decision decide(const Observed& observed) { return Deciding(observed).decide(); }

Decision decide_after(const Observed& observed, const Refusal& refusal) {
  return Deciding(observed).decide_after(refusal);
}

}  // namespace controller
