// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/stored_scripts.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "engine/cli/migrate.h"
#include "engine/core/target.h"
#include "engine/script/script_dir.h"

namespace engine {
namespace {

using Scripts = std::map<RevisionId, StoredScript>;

bool may_go_down(const Command& command) {
  if (const auto* apply = std::get_if<Apply>(&command)) {
    return apply->downgrade == DowngradePolicy::Allow;
  }
  if (const auto* shown = std::get_if<ShowPlan>(&command)) {
    return shown->downgrade == DowngradePolicy::Allow;
  }
  return std::holds_alternative<Downgrade>(command);
}

RevisionSet unknown_among(const RevisionGraph& scripts, const std::vector<RevisionId>& ids) {
  RevisionSet unknown;
  for (const RevisionId& id : ids) {
    if (!scripts.contains(id)) unknown.insert(id);
  }
  return unknown;
}

// The missing revisions that lead from `rows` down to the scripts.
class MissingRevisions {
 public:
  MissingRevisions(const RevisionGraph& scripts, const Scripts& stored)
      : scripts_(scripts), stored_(stored) {}

  // False: one of them is not stored.
  bool add(const RevisionId& id) {
    if (scripts_.contains(id) || found_.contains(id)) return true;
    const auto script = stored_.find(id);
    if (script == stored_.end()) return false;
    Revision revision = parse_header(script->second.source, script->second.file);
    if (revision.id != id) return false;
    found_.insert(*script);
    revisions_.push_back(revision);
    // A dependency may be a label, which stands with the revision that carries it.
    return std::ranges::all_of(revision.down_revisions,
                               [&](const RevisionId& down) { return add(down); }) &&
           std::ranges::all_of(revision.depends_on, [&](const std::string& name) {
             return !stored_.contains(name) || add(name);
           });
  }
  std::vector<Revision> take_revisions() { return std::move(revisions_); }
  Scripts take_scripts() { return std::move(found_); }

 private:
  const RevisionGraph& scripts_;
  const Scripts& stored_;
  std::vector<Revision> revisions_ = {};
  Scripts found_ = {};
};

// `head` means that of the scripts, also where the history knows a higher one.
Plan plan_from(const Command& command, const RevisionGraph& scripts, const RevisionGraph& all,
               const std::vector<RevisionId>& rows) {
  const auto apply = [&](const std::string& target) {
    const RevisionSet current(rows.begin(), rows.end());
    return plan_apply(all, current, resolve_apply_target(scripts, target, {}),
                      DowngradePolicy::Allow);
  };
  if (const auto* applied = std::get_if<Apply>(&command)) return apply(applied->target);
  if (const auto* shown = std::get_if<ShowPlan>(&command)) return apply(shown->target);
  Downgrade downgrade = std::get<Downgrade>(command);
  const std::string& target = downgrade.target;
  const std::string symbol = target.substr(target.rfind('@') + 1);
  if (symbol == "head" || symbol == "heads") {
    const std::vector<RevisionId> heads = resolve_many(scripts, {target});
    if (heads.size() == 1) downgrade.target = heads.front();
  }
  return plan_for(downgrade, all, rows);
}

std::string warning_about(const Scripts& stored) {
  std::vector<std::string> names;
  for (const auto& [id, script] : stored) names.push_back(fmt::format("{} ({})", id, script.file));
  return fmt::format("no script here has {}; what the history has kept of {} is used",
                     fmt::join(names, ", "), names.size() == 1 ? "it" : "them");
}

// Empty: the history does not help.
std::optional<RunPlan> plan_with_stored(const Command& command, const RevisionGraph& scripts,
                                        const std::vector<RevisionId>& rows, Connection& connection,
                                        const VersionTableName& versions) {
  const auto history = read_history(connection, versions);
  if (!history) return std::nullopt;
  const RevisionSet applied = history->applied();
  const Scripts stored = read_stored_scripts(
      connection, versions, unknown_among(scripts, {applied.begin(), applied.end()}));
  MissingRevisions missing(scripts, stored);
  if (!std::ranges::all_of(rows, [&](const RevisionId& row) { return missing.add(row); })) {
    return std::nullopt;
  }
  std::vector<Revision> revisions = scripts.revisions();
  std::ranges::move(missing.take_revisions(), std::back_inserter(revisions));
  RunPlan result;
  result.graph.emplace(std::move(revisions));
  result.stored = missing.take_scripts();
  result.plan = plan_from(command, scripts, *result.graph, rows);
  const bool down =
      !result.plan.steps.empty() && result.plan.steps.front().direction == Direction::Down;
  if (!down) return std::nullopt;
  result.plan.warnings.push_back(warning_about(result.stored));
  return result;
}

}  // namespace

RevisionSet RunPlan::stored_revisions() const {
  RevisionSet revisions;
  for (const auto& [revision, script] : stored) revisions.insert(revision);
  return revisions;
}

RunPlan plan_run(const Command& command, const RevisionGraph& scripts,
                 const std::vector<RevisionId>& rows, Workplace& workplace) {
  if (may_go_down(command) && !unknown_among(scripts, rows).empty()) {
    if (auto plan = plan_with_stored(command, scripts, rows, workplace.connection(),
                                     workplace.versions().name())) {
      return std::move(*plan);
    }
  }
  return {plan_for(command, scripts, rows), {}, {}};
}

}  // namespace engine
