// SPDX-License-Identifier: Apache-2.0
#include "operator/migration/decide.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <string_view>
#include <tuple>
#include <utility>

#include "operator/migration/job.h"
#include "operator/migration/json_fields.h"

namespace controller {
namespace {

using std::chrono::milliseconds;

// How often a missing source is looked for.
constexpr std::chrono::seconds kSourcePause{5};
// How long a Job may be without a pod before that is worth a word: the Job controller needs a
// moment.
constexpr std::chrono::seconds kPodPatience{10};

auto order_of(const Run& run) { return std::tuple(run.generation, run.attempt); }

bool is_active(const Run& run) { return run.phase == RunPhase::Active; }

// What status.lastRun says.
struct StoredRun {
  Json json = {};
  std::string job_name = {};
  long generation = 0;
  int attempt = 0;
  std::string result = {};

  bool is_final() const { return result == "Succeeded" || result == "Failed"; }
};

StoredRun read_stored_run(const Json& status) {
  const Json& json = value_at(status, {"lastRun"});
  return {.json = json,
          .job_name = text_at(json, {"jobName"}),
          .generation = number_at(json, {"generation"}),
          .attempt = static_cast<int>(number_at(json, {"attempt"})),
          .result = text_at(json, {"result"})};
}

// How this generation's latest attempt ended.
struct Outcome {
  Verdict verdict = {};
  std::optional<Run> run = {};  // empty: only the status remembers it
  int attempt = 0;
  std::string completion_time = {};
};

// One decision in the making.
class Deciding {
 public:
  explicit Deciding(const Observed& observed)
      : observed_(observed), migration_(observed.migration) {
    const Json status = Json::parse(migration_.status, nullptr, /*allow_exceptions=*/false);
    stored_ = status.is_object() ? status : Json::object();
    stored_run_ = read_stored_run(stored_);
    for (const Run& run : observed.runs) runs_.push_back(&run);
    std::ranges::sort(runs_, std::greater<>(), [](const Run* run) { return order_of(*run); });
    const auto active = std::ranges::find_if(runs_, [](const Run* run) { return is_active(*run); });
    if (active != runs_.end()) active_ = *active;
  }

  Decision decide() {
    if (migration_.deleting) {
      decide_deletion();
      return std::move(decision_);
    }
    if (active_ != nullptr) {
      decide_while_running();
    } else {
      decide_at_rest();
    }
    delete_old_jobs();
    const bool starts = active_ != nullptr || creates_job_;
    if (!starts && migration_.has_finalizer()) decision_.actions.push_back(RemoveFinalizer{});
    return std::move(decision_);
  }

  Decision decide_after(const Refusal& refusal) {
    const milliseconds pause = std::min<milliseconds>(refusal.pause, kLongestPause);
    // Up to whole seconds, as they are stored: a short pause must not become none.
    const WallTime next = std::chrono::ceil<std::chrono::seconds>(observed_.now + pause);
    retry_ = {{"count", next_attempt() - 1}, {"nextAttemptTime", rfc3339(next)}};
    say(refusal.verdict, latest_finished());
    look_again(next - observed_.now);
    return std::move(decision_);
  }

 private:
  // --- the resource is being deleted -------------------------------------------------------------

  // Deletion waits for a migration in mid-run: the garbage collector would kill it.
  void decide_deletion() {
    if (active_ == nullptr) {
      if (migration_.has_finalizer()) decision_.actions.push_back(RemoveFinalizer{});
      return;
    }
    say({.health = Health::Reconciling,
         .reason = "Terminating",
         .message = fmt::format("waiting for Job {} to end", active_->job_name)},
        *active_);
    give_up_unstarted([](const Run&) { return true; });
  }

  // --- a Job is active ---------------------------------------------------------------------------

  void decide_while_running() {
    if (!migration_.has_finalizer()) decision_.actions.push_back(AddFinalizer{});
    say(verdict_while_running(), *active_);
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
    for (const Run* run : runs_) {
      if (!is_active(*run) || run->deleting) continue;
      if (run->problem || lacks_pod(*run)) {
        if (concerns(*run)) decision_.actions.push_back(DeleteJob{run->job_name, run->job_uid});
      } else if (const auto created = parse_rfc3339(run->created); !run->has_pod && created) {
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
        order_of(*runs_.front()) < std::tuple(stored_run_.generation, stored_run_.attempt)) {
      return {};
    }
    if (is_kept_better_in_status(*runs_.front())) return {};
    return *runs_.front();
  }

  // The pod can go before the Job does, and the report with it.
  bool is_kept_better_in_status(const Run& run) const {
    return !run.report && stored_run_.is_final() && stored_run_.job_name == run.job_name;
  }

  std::optional<Outcome> find_outcome() const {
    const auto run = std::ranges::find_if(runs_, [&](const Run* candidate) {
      return candidate->generation == migration_.generation;
    });
    const bool stored = stored_run_.generation == migration_.generation;
    if (run != runs_.end() && (!stored || (*run)->attempt >= stored_run_.attempt)) {
      if (!stored || !is_kept_better_in_status(**run)) {
        return Outcome{.verdict = judge(**run),
                       .run = **run,
                       .attempt = (*run)->attempt,
                       .completion_time = (*run)->completion_time};
      }
    }
    if (!stored || !stored_run_.is_final()) return {};
    return Outcome{.verdict = stored_verdict(),
                   .attempt = stored_run_.attempt,
                   .completion_time = text_at(stored_run_.json, {"completionTime"})};
  }

  // The stored message says more than can be made of lastRun, where it is still about the same.
  Verdict stored_verdict() const {
    Verdict verdict = judge_stored(stored_run_.json);
    for (const Json& condition : list_at(stored_, {"conditions"})) {
      if (text_at(condition, {"type"}) == "Ready" &&
          text_at(condition, {"reason"}) == verdict.reason &&
          number_at(condition, {"observedGeneration"}) == migration_.generation) {
        verdict.message = text_at(condition, {"message"});
      }
    }
    return verdict;
  }

  void try_again(const Outcome& outcome) {
    const auto ended = parse_rfc3339(outcome.completion_time);
    const WallTime next = ended ? *ended + kRetryPause : observed_.now;
    if (observed_.now >= next) {
      start(outcome.run);
      return;
    }
    retry_ = {{"count", outcome.attempt}, {"nextAttemptTime", rfc3339(next)}};
    say(outcome.verdict, outcome.run);
    look_again(next - observed_.now);
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

  void start(const std::optional<Run>& before) {
    if (const auto next = promised_attempt()) {
      retry_ = value_at(stored_, {"retry"});
      say(told_verdict(), latest_finished());
      look_again(*next - observed_.now);
      return;
    }
    if (observed_.source == SourceState::Missing) {
      say({.health = Health::Reconciling, .reason = "SourceNotFound", .message = missing_source()},
          before);
      look_again(kSourcePause);
      return;
    }
    if (!migration_.has_finalizer()) decision_.actions.push_back(AddFinalizer{});
    if (std::holds_alternative<InlineSource>(migration_.spec.source)) {
      decision_.actions.push_back(CreateScripts{});
    }
    const int attempt = next_attempt();
    decision_.actions.push_back(CreateJob{attempt});
    creates_job_ = true;
    const Run run{.job_name = job_name(migration_, attempt),
                  .generation = migration_.generation,
                  .attempt = attempt};
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

  // Never one that was there before: names of Jobs are made of it.
  int next_attempt() const {
    int highest = stored_run_.generation == migration_.generation ? stored_run_.attempt : 0;
    for (const Run* run : runs_) {
      if (run->generation == migration_.generation) highest = std::max(highest, run->attempt);
    }
    return highest + 1;
  }

  // --- what every decision ends with -------------------------------------------------------------

  void say(const Verdict& verdict, const std::optional<Run>& run) {
    Json status = build_status(migration_, verdict, run, rfc3339(observed_.now));
    if (!retry_.is_null()) status["retry"] = retry_;
    // A run that is neither there nor over was deleted before anybody could read how it ended.
    if (!run && text_at(status, {"lastRun", "result"}) == "Running") {
      status["lastRun"]["result"] = "Unknown";
    }
    if (status != stored_) decision_.status = status.dump();
  }

  void delete_old_jobs() {
    int kept = 0;
    for (const Run* run : runs_) {
      if (is_active(*run) || run->deleting || run->generation > migration_.generation) continue;
      if (++kept > kKeptJobs) {
        decision_.actions.push_back(DeleteJob{run->job_name, run->job_uid});
      }
    }
  }

  void look_again(milliseconds pause) {
    pause = std::max(pause, milliseconds(1));
    decision_.look_again = decision_.look_again ? std::min(*decision_.look_again, pause) : pause;
  }

  const Observed& observed_;
  const DatabaseMigration& migration_;
  Json stored_ = {};
  StoredRun stored_run_ = {};
  std::vector<const Run*> runs_ = {};  // the latest first
  const Run* active_ = nullptr;        // the latest of those
  Json retry_ = {};
  bool creates_job_ = false;
  Decision decision_ = {};
};

}  // namespace

Decision decide(const Observed& observed) { return Deciding(observed).decide(); }

Decision decide_after(const Observed& observed, const Refusal& refusal) {
  return Deciding(observed).decide_after(refusal);
}

}  // namespace controller
