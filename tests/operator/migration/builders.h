// SPDX-License-Identifier: Apache-2.0
//
// Objects as the API server hands them out, for tests of the operator.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "engine/contract/report.h"
#include "operator/migration/decide.h"
#include "operator/migration/job.h"

namespace controller::testing {

inline constexpr const char* kUid = "0b5e1c3a-7d2f-4a66-9a0e-3f8b2c1d4e5f";
inline const std::string kDigest(64, 'a');

inline Json inline_source(const std::string& text = "-- revision: a1\n-- stillhead:upgrade\n") {
  return {{"inline", {{"scripts", {{"a1_first.sql", text}}}}}};
}

inline Json config_map_source() {
  return {{"configMapRef", {{"name", "orders-scripts"}, {"sha256", kDigest}}}};
}

inline Json image_source() {
  return {{"image",
           {{"reference", "registry.example.com/orders@sha256:" + kDigest},
            {"path", "/app/migrations"}}}};
}

// `spec` is laid over a valid one.
inline Json migration_object(const Json& spec = Json::object()) {
  Json object = {
      {"apiVersion", "stillhead.dev/v1alpha1"},
      {"kind", "DatabaseMigration"},
      {"metadata",
       {{"name", "orders"},
        {"namespace", "shop"},
        {"uid", kUid},
        {"generation", 3},
        {"resourceVersion", "100"}}},
      {"spec",
       {{"database", {{"urlFrom", {{"secretKeyRef", {{"name", "db"}, {"key", "url"}}}}}}},
        {"source", inline_source()},
        {"target", {{"revision", "heads"}}},
        {"policy", {{"downgrade", "Forbid"}}},
        {"execution", {{"advisoryLockTimeout", "5m"}}},
        {"suspend", false}}},
      {"status", {{"observedGeneration", -1}}}};
  for (const auto& [name, value] : spec.items()) {
    object["spec"][name] = value;
    if (value.is_null()) object["spec"].erase(name);
  }
  return object;
}

inline DatabaseMigration migration(const Json& spec = Json::object()) {
  return read_migration(migration_object(spec));
}

inline engine::RunReport succeeded(std::vector<std::string> at = {"b2"}) {
  engine::RunReport report;
  report.command = "apply";
  report.reason = engine::Reason::Succeeded;
  report.from = {"a1"};
  report.to = at;
  report.target_revisions = std::move(at);
  report.source_heads = {"b2"};
  report.source_revisions = 2;
  report.pending = 1;
  report.steps = {{.revision = "b2", .direction = "upgrade"}};
  return report;
}

inline engine::RunReport failed(engine::Reason reason, std::string message) {
  engine::RunReport report;
  report.command = "apply";
  report.reason = reason;
  report.message = std::move(message);
  return report;
}

inline engine::RunReport failed_statement() {
  engine::RunReport report = failed(engine::Reason::MigrationFailed, "revision c3 failed");
  report.from = {"a1"};
  report.to = {"b2"};
  report.target_revisions = {"d4"};
  report.source_heads = {"d4"};
  report.source_revisions = 4;
  report.pending = 3;
  report.steps = {{.revision = "b2", .direction = "upgrade"}};
  report.failure = engine::Failure{.revision = "c3",
                                   .file = "c3_totals.sql",
                                   .statement = 2,
                                   .statement_count = 5,
                                   .line = 7,
                                   .sqlstate = "42P07",
                                   .message = "relation \"totals\" already exists",
                                   .detail = "Key (email)=(ada@example.com) is duplicated.",
                                   .sql = "create table totals (n int)"};
  return report;
}

inline Run run_of(const DatabaseMigration& migration, int attempt, RunPhase phase) {
  Run run;
  run.job_name = job_name(migration, attempt);
  run.job_uid = "uid-of-" + run.job_name;
  run.generation = migration.generation;
  run.inputs = migration.inputs;
  run.attempt = attempt;
  run.phase = phase;
  run.created = "2026-11-20T08:00:00Z";
  run.start_time = "2026-11-20T08:00:00Z";
  run.has_pod = true;
  if (phase != RunPhase::Active) run.completion_time = "2026-11-20T08:00:10Z";
  return run;
}

inline Run succeeded_run(const DatabaseMigration& migration, int attempt = 1) {
  Run run = run_of(migration, attempt, RunPhase::Succeeded);
  run.exit_code = 0;
  run.report = succeeded();
  return run;
}

inline Run failed_run(const DatabaseMigration& migration, const engine::RunReport& report,
                      int attempt = 1) {
  Run run = run_of(migration, attempt, RunPhase::Failed);
  run.exit_code = engine::exit_code_of(report.reason);
  run.failed_reason = "PodFailurePolicy";
  run.report = report;
  return run;
}

inline WallTime at(const std::string& text) { return *parse_rfc3339(text); }

inline Json json_of(const std::string& text) { return Json::parse(text, nullptr, false); }

// Empty: there is none of that type.
inline Json condition(const Json& status, const std::string& type) {
  for (const Json& candidate : status.value("conditions", Json::array())) {
    if (candidate.at("type") == type) return candidate;
  }
  return {};
}

// "Ready=False ImagePullFailed Reconciling", as far as it is there.
inline std::string health_of(const Json& status) {
  const Json ready = condition(status, "Ready");
  if (ready.is_null()) return "unknown";
  std::string text = "Ready=" + ready.at("status").get<std::string>() + " " +
                     ready.at("reason").get<std::string>();
  for (const char* type : {"Reconciling", "Stalled"}) {
    if (!condition(status, type).is_null()) text += std::string(" ") + type;
  }
  return text;
}

}  // namespace controller::testing
