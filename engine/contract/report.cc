// SPDX-License-Identifier: Apache-2.0
#include "engine/contract/report.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <nlohmann/json.hpp>
#include <type_traits>

namespace engine {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array kReasons = {
    ReasonInfo{Reason::Succeeded, "Succeeded", 0, "UpToDate"},
    ReasonInfo{Reason::MigrationFailed, "MigrationFailed", 1, "MigrationFailed"},
    ReasonInfo{Reason::VersionConflict, "VersionConflict", 1, "MigrationFailed"},
    ReasonInfo{Reason::InvalidUsage, "InvalidUsage", 2, "InvalidSpec"},
    ReasonInfo{Reason::InvalidTarget, "InvalidTarget", 2, "UnknownRevision"},
    ReasonInfo{Reason::MultipleHeads, "MultipleHeads", 2, "MultipleHeads"},
    ReasonInfo{Reason::InvalidScripts, "InvalidScripts", 3, "InvalidSource"},
    ReasonInfo{Reason::UnknownRevision, "UnknownRevision", 4, "UnknownRevision"},
    ReasonInfo{Reason::ConditionFailed, "ConditionFailed", 4, "MigrationFailed"},
    ReasonInfo{Reason::ChecksumMismatch, "ChecksumMismatch", 4, "ChecksumMismatch"},
    ReasonInfo{Reason::DatabaseAhead, "DatabaseAhead", 4, "DatabaseAhead"},
    ReasonInfo{Reason::StaleAttempt, "StaleAttempt", 4, "StaleAttempt"},
    ReasonInfo{Reason::LockUnavailable, "LockUnavailable", 5, "WaitingForLock"},
    ReasonInfo{Reason::LockTimeout, "LockTimeout", 5, "WaitingForLock"},
    ReasonInfo{Reason::DatabaseUnreachable, "DatabaseUnreachable", 5, "WaitingForDatabase"},
    ReasonInfo{Reason::AuthenticationFailed, "AuthenticationFailed", 5, "AuthenticationFailed"},
    ReasonInfo{Reason::DowngradeForbidden, "DowngradeForbidden", 6, "DowngradeForbidden"},
    ReasonInfo{Reason::IrreversibleRevision, "IrreversibleRevision", 6, "DowngradeForbidden"},
    ReasonInfo{Reason::DestructiveForbidden, "DestructiveForbidden", 6, "DestructiveChangeBlocked"},
    ReasonInfo{Reason::PlanOutdated, "PlanOutdated", 6, "ApprovalRequired"},
    ReasonInfo{Reason::HookFailed, "HookFailed", 6, "MigrationFailed"},
    ReasonInfo{Reason::NotUpToDate, "NotUpToDate", 7, "Progressing"},
    ReasonInfo{Reason::RunTimeout, "RunTimeout", 5, "Progressing"},
    ReasonInfo{Reason::Interrupted, "Interrupted", 8, "Progressing"},
    ReasonInfo{Reason::Bug, "Bug", 70, "MigrationFailed"},
};

// The table is indexed by the enum.
static_assert([] {
  for (std::size_t i = 0; i < kReasons.size(); ++i) {
    if (static_cast<std::size_t>(kReasons[i].reason) != i) return false;
  }
  return kReasons.back().reason == Reason::Bug;
}());

// Whatever the limit is, these many bytes of JSON text stay of what a reader must have.
constexpr std::size_t kRevisionBytes = 128;
constexpr std::size_t kSqlStateBytes = 16;
// A text shorter than this tells little: lists are dropped before texts are cut further.
constexpr std::size_t kReadableBytes = 200;

// --- writing -------------------------------------------------------------------------------------

Json document(const StatementReport& statement) {
  return {{"statement", statement.statement},
          {"line", statement.line},
          {"rows", statement.rows},
          {"durationMs", statement.duration_ms}};
}

Json document(const StepReport& step) {
  Json ran = Json::array();
  for (const StatementReport& statement : step.statements) ran.push_back(document(statement));
  return {{"revision", step.revision},      {"direction", step.direction},
          {"message", step.message},        {"statements", step.statement_count},
          {"durationMs", step.duration_ms}, {"retries", step.retries},
          {"blockers", step.blockers},      {"ran", std::move(ran)}};
}

Json document(const Failure& failure) {
  return {{"revision", failure.revision},
          {"file", failure.file},
          {"statement", failure.statement},
          {"statementCount", failure.statement_count},
          {"line", failure.line},
          {"sqlState", failure.sqlstate},
          {"message", failure.message},
          {"detail", failure.detail},
          {"hint", failure.hint},
          {"constraint", failure.constraint},
          {"sql", failure.sql}};
}

enum class Completeness { Whole, Truncated };

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string print(const RunReport& report, Completeness completeness) {
  Json steps = Json::array();
  for (const StepReport& step : report.steps) steps.push_back(document(step));
  Json json = {{"contractVersion", report.contract_version},
               {"engineVersion", report.engine_version},
               {"command", report.command},
               {"target", report.target},
               {"runId", report.run_id},
               {"owner", report.owner},
               {"generation", report.generation},
               {"attempt", report.attempt},
               {"reason", name_of(report.reason)},
               {"exitCode", exit_code_of(report.reason)},
               {"message", report.message},
               {"hint", report.hint},
               {"from", report.from},
               {"to", report.to},
               {"targetRevisions", report.target_revisions},
               {"sourceHeads", report.source_heads},
               {"sourceRevisions", report.source_revisions},
               {"pending", report.pending},
               {"steps", std::move(steps)}};
  if (report.failure) json["failure"] = document(*report.failure);
  if (report.stored_attempt > 0) {
    json["storedGeneration"] = report.stored_generation;
    json["storedAttempt"] = report.stored_attempt;
  }
  json["startedAt"] = report.started_at;
  json["finishedAt"] = report.finished_at;
  if (completeness == Completeness::Truncated) json["truncated"] = true;
  return dump(json);
}

// --- fitting into a limit ------------------------------------------------------------------------

// Of valid UTF-8, as Json prints it.
std::size_t json_bytes(char c) {
  if (std::string_view("\"\\\b\t\n\f\r").find(c) != std::string_view::npos) return 2;
  return static_cast<unsigned char>(c) < 0x20 ? 6 : 1;
}

// The longest beginning of `text` that takes at most `max` bytes as JSON, marked "..." when cut.
std::string cut(const std::string& text, std::size_t max) {
  constexpr std::string_view kMark = "...";
  std::size_t bytes = 0;
  std::size_t kept = 0;  // what fits together with the mark
  for (std::size_t i = 0; i < text.size(); ++i) {
    bytes += json_bytes(text[i]);
    if (bytes + kMark.size() <= max) kept = i + 1;
    if (bytes <= max) continue;
    if (max < kMark.size()) return {};
    // Not in the middle of a character.
    while (kept > 0 && (static_cast<unsigned char>(text[kept]) & 0xC0) == 0x80) --kept;
    return text.substr(0, kept).append(kMark);
  }
  return text;
}

std::vector<std::string*> texts_of(RunReport& report) {
  std::vector<std::string*> texts = {
      &report.engine_version, &report.command,    &report.target,
      &report.run_id,         &report.owner,      &report.message,
      &report.hint,           &report.started_at, &report.finished_at};
  if (report.failure) {
    Failure& failure = *report.failure;
    texts.insert(texts.end(),
                 {&failure.file, &failure.message, &failure.hint, &failure.constraint});
  }
  return texts;
}

// As a reader would see it: bytes that are no text are replaced.
void make_valid(std::string& text) { text = Json::parse(dump(Json(text))).get<std::string>(); }

RunReport with_short_texts(RunReport report, std::size_t max) {
  for (std::string* text : texts_of(report)) *text = cut(*text, max);
  if (report.failure) {
    Failure& failure = *report.failure;
    failure.revision = cut(failure.revision, std::max(kRevisionBytes, max));
    failure.sqlstate = cut(failure.sqlstate, std::max(kSqlStateBytes, max));
  }
  return report;
}

bool fits(const RunReport& report, std::size_t limit) {
  return print(report, Completeness::Truncated).size() <= limit;
}

// Drops the oldest steps until the rest fits or none is left.
void drop_steps(RunReport& report, std::size_t limit) {
  std::size_t size = print(report, Completeness::Truncated).size();
  auto keep = report.steps.begin();
  for (; keep != report.steps.end() && size > limit; ++keep) {
    size -= std::min(size, dump(document(*keep)).size() + 1);
  }
  report.steps.erase(report.steps.begin(), keep);
  if (report.steps.size() == 1 && !fits(report, limit)) report.steps.clear();
}

// Cuts the long texts, each to the same length, as little as will do; none below `least`.
std::optional<RunReport> shorten_texts(const RunReport& report, std::size_t limit,
                                       std::size_t least) {
  if (!fits(with_short_texts(report, least), limit)) return {};
  std::size_t low = least;
  std::size_t high = std::max(limit, least);
  while (low < high) {
    const std::size_t middle = (low + high + 1) / 2;
    if (fits(with_short_texts(report, middle), limit)) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return with_short_texts(report, low);
}

RunReport shortened(RunReport report, std::size_t limit) {
  if (report.failure) {
    report.failure->sql.clear();
    if (fits(report, limit)) return report;
    report.failure->detail.clear();
    if (fits(report, limit)) return report;
  }
  for (StepReport& step : report.steps) step.statements.clear();
  if (fits(report, limit)) return report;
  drop_steps(report, limit);
  if (fits(report, limit)) return report;
  for (std::string* text : texts_of(report)) make_valid(*text);
  if (report.failure) {
    make_valid(report.failure->revision);
    make_valid(report.failure->sqlstate);
  }
  if (auto result = shorten_texts(report, limit, kReadableBytes)) return *result;
  // A list is whole or it is not there: half of it would be a lie about the database.
  for (std::vector<std::string>* list :
       {&report.source_heads, &report.target_revisions, &report.from, &report.to}) {
    list->clear();
    if (auto result = shorten_texts(report, limit, kReadableBytes)) return *result;
  }
  return shorten_texts(report, limit, 0).value_or(with_short_texts(report, 0));
}

// --- reading -------------------------------------------------------------------------------------

// A field of another type than ours counts as missing.
void read(const Json& json, const char* name, std::string& value) {
  const auto field = json.find(name);
  if (field != json.end() && field->is_string()) value = field->get<std::string>();
}

template <typename Integer>
requires std::is_integral_v<Integer>
void read(const Json& json, const char* name, Integer& value) {
  const auto field = json.find(name);
  if (field == json.end() || !field->is_number_integer()) return;
  if (field->is_number_unsigned() &&
      field->get<std::uint64_t>() > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) {
    return;
  }
  const auto number = field->get<std::int64_t>();
  if (number >= std::numeric_limits<Integer>::min() &&
      number <= std::numeric_limits<Integer>::max()) {
    value = static_cast<Integer>(number);
  }
}

void read(const Json& json, const char* name, std::vector<std::string>& value) {
  const auto field = json.find(name);
  if (field == json.end() || !field->is_array()) return;
  for (const Json& item : *field) {
    if (item.is_string()) value.push_back(item.get<std::string>());
  }
}

template <typename Value>
void read_objects(const Json& json, const char* name, std::vector<Value>& values,
                  Value (*read_one)(const Json&)) {
  const auto field = json.find(name);
  if (field == json.end() || !field->is_array()) return;
  for (const Json& item : *field) {
    if (item.is_object()) values.push_back(read_one(item));
  }
}

StatementReport read_statement(const Json& json) {
  StatementReport statement;
  read(json, "statement", statement.statement);
  read(json, "line", statement.line);
  read(json, "rows", statement.rows);
  read(json, "durationMs", statement.duration_ms);
  return statement;
}

StepReport read_step(const Json& json) {
  StepReport step;
  read(json, "revision", step.revision);
  read(json, "direction", step.direction);
  read(json, "message", step.message);
  read(json, "statements", step.statement_count);
  read(json, "durationMs", step.duration_ms);
  read(json, "retries", step.retries);
  read(json, "blockers", step.blockers);
  read_objects(json, "ran", step.statements, read_statement);
  return step;
}

Failure read_failure(const Json& json) {
  Failure failure;
  read(json, "revision", failure.revision);
  read(json, "file", failure.file);
  read(json, "statement", failure.statement);
  read(json, "statementCount", failure.statement_count);
  read(json, "line", failure.line);
  read(json, "sqlState", failure.sqlstate);
  read(json, "message", failure.message);
  read(json, "detail", failure.detail);
  read(json, "hint", failure.hint);
  read(json, "constraint", failure.constraint);
  read(json, "sql", failure.sql);
  return failure;
}

void read_reason(const Json& json, RunReport& report) {
  std::string name;
  read(json, "reason", name);
  if (const auto reason = reason_named(name)) {
    report.reason = *reason;
    return;
  }
  report.reason = Reason::Bug;
  report.message = "unknown reason \"" + name + "\"" +
                   (report.message.empty() ? std::string() : ": " + report.message);
}

}  // namespace

std::span<const ReasonInfo> reason_table() { return kReasons; }

const ReasonInfo& info_of(Reason reason) {
  const auto index = static_cast<std::size_t>(reason);
  return index < kReasons.size() ? kReasons[index] : kReasons.back();
}

std::string_view name_of(Reason reason) { return info_of(reason).name; }

int exit_code_of(Reason reason) { return info_of(reason).exit_code; }

std::optional<Reason> reason_named(std::string_view name) {
  const auto row = std::ranges::find(kReasons, name, &ReasonInfo::name);
  if (row == kReasons.end()) return {};
  return row->reason;
}

std::optional<Reason> reason_with_exit_code(int exit_code) {
  const auto row = std::ranges::find(kReasons, exit_code, &ReasonInfo::exit_code);
  if (row == kReasons.end()) return {};
  return row->reason;
}

bool is_retryable(Reason reason) {
  const int exit_code = exit_code_of(reason);
  return exit_code == exit_code_of(Reason::LockUnavailable) ||
         exit_code == exit_code_of(Reason::Interrupted);
}

std::string to_json(const RunReport& report, std::size_t limit) {
  std::string text = print(report, Completeness::Whole);
  const std::size_t allowed = std::max(limit, kSmallestReportLimit);
  if (limit == 0 || text.size() <= allowed) return text;
  return print(shortened(report, allowed), Completeness::Truncated);
}

std::optional<RunReport> report_from_json(std::string_view text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return {};
  RunReport report;
  report.contract_version = 0;
  read(json, "contractVersion", report.contract_version);
  if (report.contract_version != kContractVersion) return {};
  read(json, "engineVersion", report.engine_version);
  read(json, "command", report.command);
  read(json, "target", report.target);
  read(json, "runId", report.run_id);
  read(json, "owner", report.owner);
  read(json, "generation", report.generation);
  read(json, "attempt", report.attempt);
  read(json, "message", report.message);
  read(json, "hint", report.hint);
  read(json, "from", report.from);
  read(json, "to", report.to);
  read(json, "targetRevisions", report.target_revisions);
  read(json, "sourceHeads", report.source_heads);
  read(json, "sourceRevisions", report.source_revisions);
  read(json, "pending", report.pending);
  read_objects(json, "steps", report.steps, read_step);
  if (const auto failure = json.find("failure"); failure != json.end() && failure->is_object()) {
    report.failure = read_failure(*failure);
  }
  read(json, "storedGeneration", report.stored_generation);
  read(json, "storedAttempt", report.stored_attempt);
  read(json, "startedAt", report.started_at);
  read(json, "finishedAt", report.finished_at);
  read_reason(json, report);
  return report;
}

}  // namespace engine
