// SPDX-License-Identifier: Apache-2.0
#include "engine/core/version_rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/core/error.h"

namespace engine {
namespace {

using Edges = RevisionGraph::Edges;
using Mask = RevisionGraph::Mask;

std::size_t at(int position) { return static_cast<std::size_t>(position); }

[[noreturn]] void fail_row(const RevisionId& row, std::string_view problem) {
  throw Error(Reason::InvalidTarget,
              fmt::format("Row '{}' {} when the stamp's targets are applied one after the other",
                          row, problem),
              "stamp the targets one at a time, or use --purge");
}

}  // namespace

VersionRows::VersionRows(const RevisionGraph& graph, const RevisionSet& rows)
    : graph_(graph), is_row_(graph.size(), 0), users_(graph.size(), 0) {
  const RevisionGraph::Positions positions = graph.positions(rows);
  const Mask applied = graph.reach(positions, Edges::Below);
  for (std::size_t i = 0; i < applied.size(); ++i) {
    if (applied[i] != 0) count_users(static_cast<int>(i), +1);
  }
  for (const int row : positions) is_row_[at(row)] = 1;
}

const RevisionId& VersionRows::id(int position) const {
  return graph_.revisions()[at(position)].id;
}

void VersionRows::count_users(int revision, int change) {
  for (const int below : graph_.edges(Edges::Below, revision)) users_[at(below)] += change;
}

std::vector<RowChange> VersionRows::up(int revision) {
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

std::vector<RowChange> VersionRows::down(int revision) {
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

std::vector<RowChange> row_changes(const RevisionSet& rows, const StampStep& step) {
  const auto& [from, to, direction, branch_move, unused] = step;
  const auto is_row = [&](const RevisionId& id) { return rows.contains(id); };
  const bool all_from = std::all_of(from.begin(), from.end(), is_row);
  const bool all_to = std::all_of(to.begin(), to.end(), is_row);
  std::vector<RowChange> changes;
  if (direction == Direction::Down && branch_move) {
    changes = {{from.front(), {}}};
  } else if (direction == Direction::Up && (branch_move || !all_from) && !all_to) {
    changes = {{{}, to.front()}};
  } else if (from.empty()) {
    fail_row(to.front(), "is there already");
  } else if (from.size() > 1) {
    for (std::size_t i = 0; i + 1 < from.size(); ++i) changes.push_back({from[i], {}});
    changes.push_back({from.back(), to.front()});
  } else {
    for (std::size_t i = 0; i + 1 < to.size(); ++i) changes.push_back({{}, to[i]});
    changes.push_back({from.front(), to.back()});
  }
  with_changes(rows, changes);
  return changes;
}

RevisionSet with_changes(RevisionSet rows, const std::vector<RowChange>& changes) {
  for (const RowChange& change : changes) {
    if (!change.from.empty() && rows.erase(change.from) == 0) {
      fail_row(change.from, "is gone already");
    }
    if (!change.to.empty() && !rows.insert(change.to).second) {
      fail_row(change.to, "is there already");
    }
  }
  return rows;
}

}  // namespace engine
