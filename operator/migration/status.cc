// SPDX-License-Identifier: Apache-2.0
#include "operator/migration/status.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "operator/migration/job.h"
#include "operator/migration/json_fields.h"

namespace controller {
namespace {

using engine::Failure;
using engine::Reason;
using engine::RunReport;

constexpr std::size_t kLongestMessage = 2048;
// What crds/databasemigrations.yaml lets through; one text that is longer would have the whole
// status refused. Bytes here, characters there: never more.
constexpr std::size_t kLongestWord = 256;
constexpr std::size_t kLongestFile = 512;
constexpr std::size_t kLongestSqlState = 16;
constexpr std::size_t kLongestDigest = 128;
constexpr std::size_t kMostRevisions = 1024;
constexpr const char* kDeadlineExceeded = "DeadlineExceeded";  // Job's word and ours
constexpr std::array kOwnConditions = {"Ready", "Reconciling", "Stalled"};

// At most `longest` bytes, cut between characters.
std::string bounded(const std::string& text, std::size_t longest) {
  if (text.size() <= longest) return text;
  std::size_t end = longest - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

// One line of valid UTF-8, bounded: what the API server and a table of kubectl can show.
std::string one_line(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  return bounded(text, kLongestMessage);
}

Json list_of(const std::vector<std::string>& revisions) {
  Json list = Json::array();
  for (const std::string& revision : revisions) {
    if (list.size() == kMostRevisions) break;
    list.push_back(bounded(revision, kLongestWord));
  }
  return list;
}

// --- words ---------------------------------------------------------------------------------------

std::string place_of(const Failure& failure) {
  if (failure.file.empty()) return {};
  return failure.line > 0 ? fmt::format(" ({}:{})", failure.file, failure.line)
                          : fmt::format(" ({})", failure.file);
}

std::string words_of(const Failure& failure) {
  std::string words;
  if (!failure.revision.empty()) words = fmt::format("revision {}: ", failure.revision);
  if (failure.statement > 0 && failure.statement_count > 0) {
    words += fmt::format("statement {} of {}{} failed: ", failure.statement,
                         failure.statement_count, place_of(failure));
  } else if (failure.statement > 0) {
    words += fmt::format("statement {}{} failed: ", failure.statement, place_of(failure));
  } else {
    words += fmt::format("failed{}: ", place_of(failure));
  }
  words += failure.message;
  if (!failure.sqlstate.empty()) words += fmt::format(" (SQLSTATE {})", failure.sqlstate);
  return words;
}

std::string words_of(const RunReport& report) {
  // Where the database did not refuse it, the statement is a place only, and the report says why.
  const bool refused =
      report.failure && report.failure->statement > 0 && !report.failure->sqlstate.empty();
  std::string words = refused ? words_of(*report.failure) : report.message;
  if (words.empty()) words = fmt::format("the engine reported {}", engine::name_of(report.reason));
  if (!report.hint.empty()) words += "; " + report.hint;
  return words;
}

std::string words_of_revisions(const std::vector<std::string>& revisions) {
  if (revisions.empty()) return "at base: no revision is applied";
  if (revisions.size() == 1) return "at " + revisions.front();
  return fmt::format("at {} ({} heads)", fmt::join(revisions, ", "), revisions.size());
}

// --- verdicts ------------------------------------------------------------------------------------

// A list that the engine left out so that the report fits: not the same as an empty one, which
// says "base".
bool is_left_out(const std::vector<std::string>& list, const Run& run) {
  return list.empty() && !run.report_is_whole;
}

// What is known of the database behind the run; null: nothing.
const RunReport* facts_of(const Run& run) {
  if (run.report) return &*run.report;
  return run.answer ? &*run.answer : nullptr;
}

Verdict reached(const Run& run) {
  const std::vector<std::string>& to = facts_of(run)->to;
  return {.health = Health::Ready,
          .ready = true,
          .reason = "UpToDate",
          .message = is_left_out(to, run)
                         ? "at the target; the revisions are more than fit into the run's report"
                         : words_of_revisions(to)};
}

// A number that was used already is none for a new attempt; a higher one is.
bool is_of_a_newer_attempt(const RunReport& report) {
  return report.reason == Reason::StaleAttempt && report.stored_attempt > 0 &&
         report.stored_generation == report.generation;
}

Verdict judge_report(const RunReport& report) {
  const engine::ReasonInfo& info = engine::info_of(report.reason);
  if (engine::is_retryable(report.reason) || is_of_a_newer_attempt(report)) {
    return {.health = Health::Reconciling,
            .reason = std::string(info.condition_reason),
            .message = words_of(report)};
  }
  // "Progressing" is nothing that somebody can be told to mend.
  const bool nameless = info.condition_reason == "Progressing";
  return {.health = Health::Stalled,
          .reason = nameless ? "MigrationFailed" : std::string(info.condition_reason),
          .message = words_of(report)};
}

Verdict judge_without_report(const Run& run) {
  const auto reason =
      run.exit_code ? engine::reason_with_exit_code(*run.exit_code) : std::optional<Reason>();
  const bool permanent = reason && *reason != Reason::Succeeded && !engine::is_retryable(*reason);
  const std::string ending =
      run.ending.empty() ? std::string("it ended in another way than it says") : run.ending;
  const std::string found =
      run.answer ? fmt::format("; the database is {}, and {} revision{} pending",
                               words_of_revisions(run.answer->to), run.answer->pending,
                               run.answer->pending == 1 ? " is" : "s are")
                 : std::string();
  return {.health = permanent ? Health::Stalled : Health::Reconciling,
          .reason = permanent ? "MigrationFailed" : "BackingOff",
          .message = fmt::format("Job {} left no result: {}{}", run.job_name, ending, found)};
}

// --- the parts of a status -----------------------------------------------------------------------

class Conditions {
 public:
  Conditions(const Json& stored, long generation, std::string now)
      : stored_(stored), generation_(generation), now_(std::move(now)) {}

  void set(const std::string& type, bool value, const Verdict& verdict) {
    const std::string status = value ? "True" : "False";
    const Json* before = find(type);
    const bool same = before != nullptr && text_at(*before, {"status"}) == status;
    const std::string since = same ? text_at(*before, {"lastTransitionTime"}) : std::string();
    list_.push_back({{"type", type},
                     {"status", status},
                     {"reason", verdict.reason},
                     {"message", one_line(verdict.message)},
                     {"observedGeneration", generation_},
                     {"lastTransitionTime", since.empty() ? now_ : since}});
  }

  // Those that others keep in our list stay as they are.
  void keep_foreign() {
    for (const Json& condition : stored_) {
      const std::string type = text_at(condition, {"type"});
      if (!type.empty() && std::ranges::find(kOwnConditions, type) == kOwnConditions.end()) {
        list_.push_back(condition);
      }
    }
  }

  Json take() { return std::move(list_); }

 private:
  const Json* find(std::string_view type) const {
    const auto condition = std::ranges::find_if(
        stored_, [&](const Json& candidate) { return text_at(candidate, {"type"}) == type; });
    return condition == stored_.end() ? nullptr : &*condition;
  }

  const Json& stored_;
  long generation_;
  std::string now_;
  Json list_ = Json::array();
};

Json build_conditions(const Json& stored, const Verdict& verdict, long generation,
                      const std::string& now) {
  Conditions conditions(list_at(stored, {"conditions"}), generation, now);
  const bool ready =
      verdict.health == Health::Ready || (verdict.health == Health::Waiting && verdict.ready);
  conditions.set("Ready", ready, verdict);
  if (verdict.health == Health::Reconciling) conditions.set("Reconciling", true, verdict);
  if (verdict.health == Health::Stalled) conditions.set("Stalled", true, verdict);
  conditions.keep_foreign();
  return conditions.take();
}

void put(Json& object, const char* name, const std::string& value) {
  if (!value.empty()) object[name] = value;
}

Json build_failure(const Run& run) {
  const Verdict verdict = judge(run);
  const bool told = run.report && run.report->reason != Reason::Succeeded;
  const Failure failure = told && run.report->failure ? *run.report->failure : Failure{};
  // An engine that was stopped at the deadline says Interrupted, which would be tried again.
  const bool engines_word = told && run.failed_reason != kDeadlineExceeded;
  Json json = {
      {"reason", engines_word ? std::string(engine::name_of(run.report->reason)) : verdict.reason}};
  put(json, "revision", bounded(failure.revision, kLongestWord));
  put(json, "file", bounded(failure.file, kLongestFile));
  put(json, "sqlState", bounded(failure.sqlstate, kLongestSqlState));
  if (failure.statement > 0) json["statement"] = failure.statement;
  if (failure.line > 0) json["line"] = failure.line;
  std::string message = failure.message;
  if (message.empty()) message = told ? run.report->message : verdict.message;
  put(json, "message", one_line(message));
  return json;
}

Json build_last_run(const Run& run) {
  Json json = {{"jobName", run.job_name}, {"generation", run.generation}, {"attempt", run.attempt}};
  put(json, "inputs", run.inputs);
  put(json, "startTime", run.start_time);
  put(json, "completionTime", run.completion_time);
  if (run.phase == RunPhase::Active) {
    json["result"] = "Running";
    return json;
  }
  if (is_unanswered(run)) {
    json["result"] = "Unknown";
    return json;
  }
  const bool reached_target = judge(run).health == Health::Ready;
  json["result"] = reached_target ? "Succeeded" : "Failed";
  if (!reached_target) json["failure"] = build_failure(run);
  if (run.answer) json["to"] = list_of(run.answer->to);
  if (!run.report) return json;
  if (!is_left_out(run.report->from, run)) json["from"] = list_of(run.report->from);
  if (!is_left_out(run.report->to, run)) json["to"] = list_of(run.report->to);
  return json;
}

// A run that never got to read the database leaves empty lists: they say nothing about it.
bool knows_the_database(const RunReport& report) {
  return report.reason == Reason::Succeeded || !report.to.empty() ||
         (report.failure && report.failure->statement > 0);
}

void put_facts_of_report(Json& status, const Run& run, const DatabaseMigration& migration) {
  const RunReport& report = *facts_of(run);
  if (knows_the_database(report) && !is_left_out(report.to, run)) {
    status["currentRevisions"] = list_of(report.to);
  }
  if (run.generation != migration.generation && run.inputs != migration.inputs) return;
  if (knows_the_database(report)) {
    const int pending = report.pending - static_cast<int>(report.steps.size());
    if (!run.report) {
      status["pendingCount"] = report.pending;
    } else if (report.reason == Reason::Succeeded) {
      status["pendingCount"] = 0;
    } else if (run.report_is_whole && pending >= 0) {
      status["pendingCount"] = pending;
    } else {
      status.erase("pendingCount");
    }
  }
  if ((report.reason == Reason::Succeeded || !report.target_revisions.empty()) &&
      !is_left_out(report.target_revisions, run)) {
    status["targetRevisions"] = list_of(report.target_revisions);
  }
  if (report.source_revisions > 0) {
    if (!is_left_out(report.source_heads, run)) {
      status["source"]["heads"] = list_of(report.source_heads);
    }
    status["source"]["revisions"] = report.source_revisions;
  }
}

// Of what was found out before, what still holds.
Json known_before(const DatabaseMigration& migration, const Json& stored) {
  const bool still_holds = number_at(stored, {"observedGeneration"}) == migration.generation ||
                           text_at(stored, {"lastRun", "inputs"}) == migration.inputs;
  Json status = Json::object();
  const auto keep = [&](const char* name) {
    if (const Json& value = value_at(stored, {name}); !value.is_null()) status[name] = value;
  };
  keep("lastRun");
  keep("currentRevisions");
  if (!still_holds) return status;
  keep("targetRevisions");
  keep("pendingCount");
  keep("source");
  return status;
}

std::string digest_of(const Source& source) {
  if (const auto* image = std::get_if<ImageSource>(&source)) {
    const auto at = image->reference.find("@sha256:");
    return at == std::string::npos ? std::string() : image->reference.substr(at + 1);
  }
  if (const auto* config_map = std::get_if<ConfigMapSource>(&source)) {
    return config_map->sha256.empty() ? std::string() : "sha256:" + config_map->sha256;
  }
  const auto& scripts = std::get<InlineSource>(source).scripts;
  return scripts.empty() ? std::string() : "sha256:" + scripts_digest(scripts);
}

}  // namespace

bool is_unanswered(const Run& run) {
  return run.phase != RunPhase::Active && run.may_have_worked && facts_of(run) == nullptr;
}

Verdict judge(const Run& run) {
  const bool told = run.report.has_value() && run.report->reason != Reason::Succeeded;
  if (run.phase == RunPhase::Succeeded && run.report && !told) return reached(run);
  if (!run.report && run.answer && run.answer->pending == 0) return reached(run);
  if (run.failed_reason == kDeadlineExceeded) {
    return {.health = Health::Stalled,
            .reason = kDeadlineExceeded,
            .message = fmt::format("Job {} was stopped: it took longer than "
                                   "spec.execution.activeDeadline",
                                   run.job_name)};
  }
  return told ? judge_report(*run.report) : judge_without_report(run);
}

Verdict judge_stored(const Json& last_run) {
  if (text_at(last_run, {"result"}) == "Succeeded") {
    return {.health = Health::Ready,
            .ready = true,
            .reason = "UpToDate",
            .message = value_at(last_run, {"to"}).is_array()
                           ? words_of_revisions(texts_at(last_run, {"to"}))
                           : "at the target"};
  }
  const std::string name = text_at(last_run, {"failure", "reason"});
  RunReport report;
  report.message = text_at(last_run, {"failure", "message"});
  report.failure =
      Failure{.revision = text_at(last_run, {"failure", "revision"}),
              .file = text_at(last_run, {"failure", "file"}),
              .statement = static_cast<int>(number_at(last_run, {"failure", "statement"})),
              .line = static_cast<int>(number_at(last_run, {"failure", "line"})),
              .sqlstate = text_at(last_run, {"failure", "sqlState"}),
              .message = report.message};
  if (const auto reason = engine::reason_named(name); reason && *reason != Reason::Succeeded) {
    report.reason = *reason;
    return judge_report(report);
  }
  const bool permanent = name == kDeadlineExceeded;
  return {.health = permanent ? Health::Stalled : Health::Reconciling,
          .reason = permanent ? name : "BackingOff",
          .message = words_of(report)};
}

Json build_status(const DatabaseMigration& migration, const Verdict& verdict,
                  const std::optional<Run>& run, const std::string& now) {
  const Json parsed = Json::parse(migration.status, nullptr, /*allow_exceptions=*/false);
  const Json stored = parsed.is_object() ? parsed : Json::object();
  Json status = known_before(migration, stored);
  status["observedGeneration"] = migration.generation;
  status["conditions"] = build_conditions(stored, verdict, migration.generation, now);
  const std::string digest = digest_of(migration.spec.source);
  if (!digest.empty()) status["source"]["digest"] = bounded(digest, kLongestDigest);
  const bool ready = verdict.health == Health::Ready || verdict.ready;
  const bool works = run && run->phase == RunPhase::Active;
  const bool was_reached = text_at(stored, {"reachedInputs"}) == migration.inputs;
  if (ready || (was_reached && !works)) status["reachedInputs"] = migration.inputs;
  if (!run) return status;
  status["lastRun"] = build_last_run(*run);
  if (run->phase != RunPhase::Active && facts_of(*run) != nullptr) {
    put_facts_of_report(status, *run, migration);
  }
  return status;
}

Json merge_patch_between(const Json& have, const Json& want) {
  Json patch = Json::object();
  for (const auto& [name, value] : want.items()) {
    const Json& before = value_at(have, {name.c_str()});
    if (before == value) continue;
    patch[name] =
        before.is_object() && value.is_object() ? merge_patch_between(before, value) : value;
  }
  if (!have.is_object()) return patch;
  for (const auto& [name, value] : have.items()) {
    if (!want.contains(name) && !value.is_null()) patch[name] = nullptr;
  }
  return patch;
}

}  // namespace controller
