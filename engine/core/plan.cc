// SPDX-License-Identifier: Apache-2.0
#include "engine/core/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "engine/core/error.h"
#include "engine/core/spelling.h"

namespace engine {
namespace {

using Edges = RevisionGraph::Edges;
using Mask = RevisionGraph::Mask;
using Positions = RevisionGraph::Positions;

constexpr std::size_t kNamesInMessage = 20;

std::size_t at(int position) { return static_cast<std::size_t>(position); }

Mask applied_below(const RevisionGraph& graph, const RevisionSet& rows) {
  return graph.reach(graph.positions(rows), Edges::Below);
}

// A row that lies below another row is a leftover; what it means for an upgrade is anybody's guess.
void require_sound_rows(const RevisionGraph& graph, const RevisionSet& current) {
  require_known(graph, current);
  require_no_overlap(graph, {current.begin(), current.end()}, Reason::UnknownRevision,
                     "these are rows of the version table: delete the lower one from it if it is a "
                     "leftover");
}

// In the order in which Alembic notices what is wrong.
void require_sound(const RevisionGraph& graph, const Target& target, const RevisionSet& current) {
  require_no_overlap(
      graph, target.revisions, Reason::InvalidTarget,
      "the first needs the others anyway: name the revisions or branches one by one");
  require_sound_rows(graph, current);
}

bool any(const Mask& mask) {
  return std::any_of(mask.begin(), mask.end(), [](char c) { return c != 0; });
}

RevisionSet set_of(const std::vector<RevisionId>& ids) { return {ids.begin(), ids.end()}; }

Positions positions_of(const RevisionGraph& graph, const Target& target) {
  return graph.positions(set_of(target.revisions));
}

Plan make_plan(const RevisionGraph& graph, const RevisionSet& current, const Target& target,
               Direction direction, const Mask& selection) {
  Plan plan{current, set_of(target.revisions), {}, current, target.warnings};
  if (!any(selection)) return plan;
  const Positions order = direction == Direction::Up
                              ? graph.upgrade_order(selection)
                              : graph.downgrade_order(selection, graph.positions(current));
  VersionRows rows(graph, current);
  plan.steps.reserve(order.size());
  for (const int revision : order) {
    plan.steps.push_back({direction, graph.revisions()[at(revision)].id,
                          direction == Direction::Up ? rows.up(revision) : rows.down(revision)});
  }
  plan.finish = rows.rows();
  return plan;
}

// What `target` needs and the database has not.
Mask missing_for(const RevisionGraph& graph, const Target& target, const Mask& applied) {
  Mask result = graph.reach(positions_of(graph, target), Edges::Below);
  for (std::size_t i = 0; i < result.size(); ++i) result[i] = result[i] != 0 && applied[i] == 0;
  return result;
}

Mask surplus_above(const RevisionGraph& graph, const Positions& roots, const Mask& applied) {
  Mask result = graph.reach(roots, Edges::Above);
  for (std::size_t i = 0; i < result.size(); ++i) result[i] = result[i] != 0 && applied[i] != 0;
  return result;
}

// Applied revisions that the database has beyond an already applied target, along down_revision.
Mask ahead_of(const RevisionGraph& graph, const Target& target, const Mask& applied) {
  Positions start;
  for (const int position : positions_of(graph, target)) {
    const std::span<const int> children = graph.edges(Edges::Children, position);
    start.insert(start.end(), children.begin(), children.end());
  }
  Mask result = graph.reach(start, Edges::Children);
  if (target.revisions.empty()) {
    result = target.branch ? graph.reach(graph.positions({*target.branch}), Edges::Parents)
                           : Mask(graph.size(), 1);
    if (target.branch) {
      const Mask above = graph.reach(graph.positions({*target.branch}), Edges::Children);
      for (std::size_t i = 0; i < result.size(); ++i) result[i] = result[i] | above[i];
    }
  }
  for (std::size_t i = 0; i < result.size(); ++i) result[i] = result[i] != 0 && applied[i] != 0;
  return result;
}

std::string names_of(const RevisionGraph& graph, const Mask& members) {
  const RevisionSet ids = graph.ids(members);
  return quoted_list({ids.begin(), ids.end()}, kNamesInMessage);
}

Plan upgrade_to(const RevisionGraph& graph, const RevisionSet& current, const Target& target) {
  require_sound(graph, target, current);
  const Mask applied = applied_below(graph, current);
  Plan plan = make_plan(graph, current, target, Direction::Up, missing_for(graph, target, applied));
  if (!plan.steps.empty()) return plan;
  const Mask ahead = ahead_of(graph, target, applied);
  if (!any(ahead)) return plan;
  throw Error(
      Reason::DatabaseAhead,
      fmt::format("cannot upgrade to '{}': the database has already left it behind and is "
                  "at {}",
                  target.text, quoted_list({current.begin(), current.end()}, kNamesInMessage)),
      "to go back, say downgrade, or apply with downgrades allowed");
}

}  // namespace

Plan plan_upgrade(const RevisionGraph& graph, const RevisionSet& current, std::string_view text) {
  return upgrade_to(graph, current, resolve_upgrade_target(graph, text, current));
}

Plan plan_upgrade(const RevisionGraph& graph, const RevisionSet& current,
                  const std::vector<std::string>& texts) {
  return upgrade_to(graph, current, resolve_upgrade_targets(graph, texts));
}

Plan plan_downgrade(const RevisionGraph& graph, const RevisionSet& current, std::string_view text,
                    std::string_view first_row) {
  const Target target = resolve_downgrade_target(graph, text, current, first_row);
  const Positions roots = downgrade_roots(graph, target);
  require_known(graph, current);
  const Mask applied = applied_below(graph, current);
  Plan plan =
      make_plan(graph, current, target, Direction::Down, surplus_above(graph, roots, applied));
  const bool there = target.revisions.empty() || current.contains(target.revisions.front());
  if (!plan.steps.empty() || there) return plan;
  throw Error(
      Reason::InvalidTarget,
      fmt::format("Destination {} is not a valid downgrade target from current head(s)", text),
      fmt::format("the database is at {}; name a revision that is applied, or base",
                  current.empty()
                      ? "base"
                      : quoted_list({current.begin(), current.end()}, kNamesInMessage)));
}

Target resolve_apply_target(const RevisionGraph& graph, std::string_view text,
                            const RevisionSet& current) {
  if (Lookup(graph).relative(text)) {
    throw Error(Reason::InvalidUsage,
                fmt::format("target '{}' is relative: applying it twice would move twice", text),
                "name a revision, heads, base or BRANCH@head");
  }
  return resolve_upgrade_target(graph, text, current);
}

Plan plan_apply(const RevisionGraph& graph, const RevisionSet& current, std::string_view text,
                DowngradePolicy policy) {
  return plan_apply(graph, current, resolve_apply_target(graph, text, current), policy);
}

Plan plan_apply(const RevisionGraph& graph, const RevisionSet& current, const Target& target,
                DowngradePolicy policy) {
  require_sound(graph, target, current);
  const Mask applied = applied_below(graph, current);
  const Mask missing = missing_for(graph, target, applied);
  if (any(missing)) return make_plan(graph, current, target, Direction::Up, missing);
  if (!any(ahead_of(graph, target, applied))) {
    return make_plan(graph, current, target, Direction::Up, Mask(graph.size(), 0));
  }
  const Mask surplus = surplus_above(graph, downgrade_roots(graph, target), applied);
  if (any(surplus) && policy == DowngradePolicy::Forbid) {
    throw Error(Reason::DowngradeForbidden,
                fmt::format("target '{}' lies below where the database is: {} would have to be "
                            "downgraded, and downgrades are forbidden",
                            target.text, names_of(graph, surplus)),
                "allow downgrades (--downgrade=allow) if what these revisions added may be lost, "
                "or name a newer target");
  }
  return make_plan(graph, current, target, Direction::Down, surplus);
}

std::string describe(const Plan& plan) {
  std::string text;
  for (const Step& step : plan.steps) {
    std::vector<std::string> rows;
    for (const RowChange& row : step.rows) {
      if (row.from.empty()) {
        rows.push_back("+" + row.to);
      } else if (row.to.empty()) {
        rows.push_back("-" + row.from);
      } else {
        rows.push_back(row.from + ">" + row.to);
      }
    }
    text += fmt::format("{}{}{}[{}]", text.empty() ? "" : " ",
                        step.direction == Direction::Up ? "+" : "-", step.revision,
                        fmt::join(rows, ","));
  }
  return text;
}

}  // namespace engine
