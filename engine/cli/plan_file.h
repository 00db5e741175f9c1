// SPDX-License-Identifier: Apache-2.0
//
// A plan as data: what `plan --json` prints and `plan --out` writes, and what `--plan FILE` holds
// against what would be done now. Fields: docs/plan.md.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "engine/cli/options.h"
#include "engine/cli/paint.h"
#include "engine/core/plan.h"
#include "engine/db/connection.h"
#include "engine/run/migrator.h"
#include "engine/sql/review.h"

namespace engine {

// Grows by one when a reader of the previous version could misunderstand a plan.
inline constexpr int kPlanVersion = 1;

// One for each statement of each step.
using PlanReview = std::vector<std::vector<StatementReview>>;

// `catalog` of the database; not read: only what the statements alone tell.
PlanReview review_plan(const std::vector<PreparedStep>&, TransactionMode, Catalog, SqlFlavour);
// All statements of the steps, for read_catalog.
CatalogQuestion question_of(const std::vector<PreparedStep>&);

// Throws Error(DestructiveForbidden) naming the first statement that loses data.
void refuse_destructive(const std::vector<PreparedStep>&, const PlanReview&);

struct PlanInputs {
  const Plan& plan;
  const RevisionGraph& graph;
  const std::vector<PreparedStep>& steps;
  const PlanReview& review;
  const Catalog& catalog;  // of before the first statement: names are shown as it finds them
  std::string target = {};
  DowngradePolicy downgrade = DowngradePolicy::Forbid;
  TransactionMode transactions = TransactionMode::PerRevision;
  VersionTableName version_table = {};
  std::string database = {};  // without password
  std::string flavour = {};   // "PostgreSQL", "SQLite"
  std::string engine_version = {};
};
nlohmann::ordered_json plan_document(const PlanInputs&);

// For people: each step, the change of the version table, and (PostgreSQL: for each statement) what
// is locked and what can go wrong.
std::string plan_text(const PlanInputs&, const Paint&);

// Throws Error(InvalidUsage) naming `origin` and the field: no plan, another version, a field that
// is missing or of another type, contents that do not fit the fingerprint.
nlohmann::ordered_json parse_plan(std::string_view text, std::string_view origin);
// Also when it cannot be read, or is longer than 64 MiB.
nlohmann::ordered_json read_plan_file(const std::filesystem::path&);

// What the plan that was made and the one that would be made now do not share, in words; empty:
// they do the same. Both from plan_document or parse_plan.
std::vector<std::string> plan_differences(const nlohmann::ordered_json& made,
                                          const nlohmann::ordered_json& now);

}  // namespace engine
