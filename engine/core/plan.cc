// SPDX-License-Identifier: Apache-2.0
#include "engine/core/plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/core/error.h"
#include "engine/core/spelling.h"

namespace engine {
namespace {

using Edges = RevisionGraph::Edges;
using Mask = RevisionGraph::Mask;
using Positions = RevisionGraph::Positions;

constexpr std::size_t kNamesInMessage = 20;

std::size_t at(int position) { return static_cast<std::size_t>(position); }

// A row that lies below another row is a leftover; what it means for an upgrade is anybody's guess.
void require_no_overlap(const RevisionGraph& graph, const RevisionSet& current) {
  if (current.size() < 2) return;
  const RevisionSet maximal = graph.maximal(current);
  for (const RevisionId& row : current) {
    if (maximal.contains(row)) continue;
    std::vector<std::string> above;
    for (const RevisionId& other : maximal) {
      if (graph.with_ancestors({other}).contains(row)) above.push_back(other);
    }
    throw Error(Reason::UnknownRevision,
                fmt::format("Requested revision {} overlaps with other requested revisions {}: the "
                            "version table holds both, although {} is below",
                            fmt::join(above, ", "), row, row),
                fmt::format("delete the row '{}' from the version table if it is a leftover", row));
  }
}

// The rows of the version table while steps are played through. Rows are the maximal applied
// revisions: a revision is one as long as nothing applied stands directly on it.
class VersionRows {
 public:
  VersionRows(const RevisionGraph& graph, const Mask& applied, const RevisionSet& current)
      : graph_(graph), is_row_(graph.size(), 0), users_(graph.size(), 0) {
    for (std::size_t i = 0; i < applied.size(); ++i) {
      if (applied[i] != 0) count_users(static_cast<int>(i), +1);
    }
    for (const int row : graph.positions(current)) is_row_[at(row)] = 1;
  }

  std::vector<RowChange> up(int revision) {
    std::vector<int> replaced;
    for (const int below : graph_.edges(Edges::Below, revision)) {
      if (is_row_[at(below)] != 0) replaced.push_back(below);
      is_row_[at(below)] = 0;
    }
    count_users(revision, +1);
    is_row_[at(revision)] = 1;
    if (replaced.empty()) return {{{}, id(revision)}};
    std::vector<RowChange> changes;
    for (std::size_t i = 0; i + 1 < replaced.size(); ++i) changes.push_back({id(replaced[i]), {}});
    changes.push_back({id(replaced.back()), id(revision)});
    return changes;
  }

  std::vector<RowChange> down(int revision) {
    count_users(revision, -1);
    is_row_[at(revision)] = 0;
    std::vector<int> uncovered;
    for (const int below : graph_.edges(Edges::Below, revision)) {
      if (users_[at(below)] > 0 || is_row_[at(below)] != 0) continue;
      uncovered.push_back(below);
      is_row_[at(below)] = 1;
    }
    if (uncovered.empty()) return {{id(revision), {}}};
    std::vector<RowChange> changes;
    for (std::size_t i = 0; i + 1 < uncovered.size(); ++i) {
      changes.push_back({{}, id(uncovered[i])});
    }
    changes.push_back({id(revision), id(uncovered.back())});
    return changes;
  }

  RevisionSet rows() const { return graph_.ids(is_row_); }

 private:
  const RevisionId& id(int position) const { return graph_.revisions()[at(position)].id; }
  void count_users(int revision, int change) {
    for (const int below : graph_.edges(Edges::Below, revision)) users_[at(below)] += change;
  }

  const RevisionGraph& graph_;
  Mask is_row_;
  std::vector<int> users_;  // applied revisions directly above
};

Mask applied_below(const RevisionGraph& graph, const RevisionSet& rows) {
  return graph.reach(graph.positions(rows), Edges::Below);
}

bool any(const Mask& mask) {
  return std::any_of(mask.begin(), mask.end(), [](char c) { return c != 0; });
}

Plan make_plan(const RevisionGraph& graph, const RevisionSet& current, const Target& target,
               const Mask& applied, Direction direction, const Mask& selection) {
  Plan plan{current, target.revisions, {}, current};
  if (!any(selection)) return plan;
  Positions order = graph.upgrade_order(selection);
  if (direction == Direction::Down) std::reverse(order.begin(), order.end());
  VersionRows rows(graph, applied, current);
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
  Mask result = graph.reach(graph.positions(target.revisions), Edges::Below);
  for (std::size_t i = 0; i < result.size(); ++i) result[i] = result[i] != 0 && applied[i] == 0;
  return result;
}

Positions bases(const RevisionGraph& graph) {
  Positions result;
  for (int i = 0; i < static_cast<int>(graph.size()); ++i) {
    if (graph.edges(Edges::Parents, i).empty()) result.push_back(i);
  }
  return result;
}

// The lowest revisions that a downgrade to `target` takes away, applied or not.
Positions roots_above(const RevisionGraph& graph, const Target& target) {
  Positions roots = target.revisions.empty()
                        ? bases(graph)
                        : graph.edges(Edges::Children, *graph.position(*target.revisions.begin()));
  if (!target.branch || roots.size() < 2) return roots;
  const Mask branch = graph.reach(graph.positions({*target.branch}), Edges::Parents);
  std::erase_if(roots, [&](int root) { return branch[at(root)] == 0; });
  if (roots.empty()) {
    throw Error(Reason::InvalidTarget,
                fmt::format("target '{}': Not a valid downgrade target from current heads: no "
                            "revision above it leads to branch '{}'",
                            target.text, *target.branch));
  }
  return roots;
}

Mask surplus_above(const RevisionGraph& graph, const Target& target, const Mask& applied) {
  Mask result = graph.reach(roots_above(graph, target), Edges::Above);
  for (std::size_t i = 0; i < result.size(); ++i) result[i] = result[i] != 0 && applied[i] != 0;
  return result;
}

// Applied revisions that the database has beyond an already applied target, along down_revision.
Mask ahead_of(const RevisionGraph& graph, const Target& target, const Mask& applied) {
  Positions start;
  for (const int position : graph.positions(target.revisions)) {
    const Positions& children = graph.edges(Edges::Children, position);
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

void require_disjoint_targets(const RevisionGraph& graph, const Target& target) {
  if (target.revisions.size() < 2) return;
  const RevisionSet maximal = graph.maximal(target.revisions);
  for (const RevisionId& id : target.revisions) {
    if (maximal.contains(id)) continue;
    throw Error(Reason::InvalidTarget,
                fmt::format("target '{}': Requested revision {} overlaps with other requested "
                            "revisions: another of the targets already needs it",
                            target.text, id),
                "name the revisions or branches one by one");
  }
}

std::string names_of(const RevisionGraph& graph, const Mask& members) {
  const RevisionSet ids = graph.ids(members);
  return quoted_list({ids.begin(), ids.end()}, kNamesInMessage);
}

bool is_relative(const RevisionGraph& graph, std::string_view text) {
  const std::string_view symbol = text.substr(text.find('@') + 1);  // npos + 1 == 0
  if (graph.contains(symbol) || graph.labelled(symbol)) return false;
  const auto sign = symbol.find_last_of("+-");
  return sign != std::string_view::npos && sign + 1 < symbol.size() &&
         symbol.find_first_not_of("0123456789", sign + 1) == std::string_view::npos;
}

}  // namespace

Plan plan_upgrade(const RevisionGraph& graph, const RevisionSet& current, std::string_view text) {
  require_known(graph, current);
  const Target target = resolve_upgrade_target(graph, text, current);
  require_disjoint_targets(graph, target);
  require_no_overlap(graph, current);
  const Mask applied = applied_below(graph, current);
  Plan plan = make_plan(graph, current, target, applied, Direction::Up,
                        missing_for(graph, target, applied));
  if (!plan.steps.empty()) return plan;
  const Mask ahead = ahead_of(graph, target, applied);
  if (!any(ahead)) return plan;
  throw Error(Reason::DatabaseAhead,
              fmt::format("cannot upgrade to '{}': the database has already left it behind and is "
                          "at {}",
                          text, quoted_list({current.begin(), current.end()}, kNamesInMessage)),
              "to go back, say downgrade, or apply with downgrades allowed");
}

Plan plan_downgrade(const RevisionGraph& graph, const RevisionSet& current, std::string_view text,
                    std::string_view first_row) {
  require_known(graph, current);
  const Target target = resolve_downgrade_target(graph, text, current, first_row);
  const Mask applied = applied_below(graph, current);
  Plan plan = make_plan(graph, current, target, applied, Direction::Down,
                        surplus_above(graph, target, applied));
  const bool there = target.revisions.empty() || current.contains(*target.revisions.begin());
  if (!plan.steps.empty() || there) return plan;
  throw Error(
      Reason::InvalidTarget,
      fmt::format("Destination {} is not a valid downgrade target from current head(s): "
                  "the database is at {}",
                  text,
                  current.empty() ? "base"
                                  : quoted_list({current.begin(), current.end()}, kNamesInMessage)),
      "name a revision that is applied, or base");
}

Plan plan_apply(const RevisionGraph& graph, const RevisionSet& current, std::string_view text,
                DowngradePolicy policy) {
  if (is_relative(graph, text)) {
    throw Error(Reason::InvalidUsage,
                fmt::format("target '{}' is relative: applying it twice would move twice", text),
                "name a revision, heads, base or BRANCH@head");
  }
  require_known(graph, current);
  const Target target = resolve_upgrade_target(graph, text, current);
  require_disjoint_targets(graph, target);
  require_no_overlap(graph, current);
  const Mask applied = applied_below(graph, current);
  const Mask missing = missing_for(graph, target, applied);
  if (any(missing)) return make_plan(graph, current, target, applied, Direction::Up, missing);
  if (!any(ahead_of(graph, target, applied))) {
    return make_plan(graph, current, target, applied, Direction::Up, Mask(graph.size(), 0));
  }
  const Mask surplus = surplus_above(graph, target, applied);
  if (any(surplus) && policy == DowngradePolicy::Forbid) {
    throw Error(Reason::DowngradeForbidden,
                fmt::format("target '{}' lies below where the database is: {} would have to be "
                            "downgraded, and downgrades are forbidden",
                            text, names_of(graph, surplus)),
                "allow downgrades (--downgrade=allow) if what these revisions added may be lost, "
                "or name a newer target");
  }
  return make_plan(graph, current, target, applied, Direction::Down, surplus);
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
