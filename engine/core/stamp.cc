// SPDX-License-Identifier: Apache-2.0
#include "engine/core/stamp.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "engine/core/error.h"
#include "engine/core/lookup.h"
#include "engine/core/target.h"

namespace engine {
namespace {

using Edges = RevisionGraph::Edges;
using Mask = RevisionGraph::Mask;
using Positions = RevisionGraph::Positions;

std::size_t at(int position) { return static_cast<std::size_t>(position); }

class Stamper {
 public:
  Stamper(const RevisionGraph& graph, const Positions& rows,
          const std::vector<std::string>& targets)
      : graph_(graph),
        lookup_(graph, {Wording::Layer::Command,
                        {},
                        "Multiple heads are present; please specify a single target revision"}),
        rows_(rows),
        targets_(targets.empty() ? std::vector<std::string>{"base"} : targets) {}

  std::vector<StampStep> steps() {
    const Positions moved = rows_of_targets();
    std::vector<StampStep> result;
    for (const std::optional<int> destination : find_destinations()) {
      if (!destination) {
        for (const std::string& row : lookup_.ids(moved)) {
          result.push_back({{row}, {}, Direction::Down, true, {}});
        }
      } else if (const auto step = step_to(*destination, moved)) {
        result.push_back(*step);
      }
    }
    return result;
  }

 private:
  // The rows that share lineage with a target, dependencies counted; each once.
  Positions rows_of_targets() const {
    Positions result;
    for (const std::string& target : targets_) {
      for (const int row : lookup_.in_lineage(rows_, target, true)) {
        if (std::find(result.begin(), result.end(), row) == result.end()) result.push_back(row);
      }
    }
    return result;
  }

  // Empty: base. `-N` means base, too, where it walks farther than that, but not where it ends
  // there.
  std::vector<std::optional<int>> find_destinations() const {
    std::vector<std::optional<int>> result;
    for (const std::string& target : targets_) {
      const std::vector<std::optional<int>> found = lookup_.many(target);
      for (const std::optional<int> position : found) {
        // Several heads walked down to one revision cannot become two rows.
        const bool twice = position && std::count(found.begin(), found.end(), position) > 1;
        if (twice || position == Lookup::kBase) fail_walk(target);
        result.push_back(position);
      }
    }
    if (result.empty()) result.emplace_back();
    return result;
  }

  [[noreturn]] void fail_walk(std::string_view target) const {
    lookup_.fail_too_far(
        {{}, {}, 0, "-", std::string(target.substr(target.find_last_not_of("0123456789") + 1))});
  }

  bool any_of(const Positions& rows, const Mask& members) const {
    return std::any_of(rows.begin(), rows.end(), [&](int row) { return members[at(row)] != 0; });
  }

  // Empty: it is a row already.
  std::optional<StampStep> step_to(int destination, const Positions& moved) const {
    if (std::find(moved.begin(), moved.end(), destination) != moved.end()) return std::nullopt;
    const RevisionId& to = graph_.revisions()[at(destination)].id;
    const bool from_above = any_of(moved, graph_.reach({destination}, Edges::Above));
    const bool from_below = any_of(moved, graph_.reach({destination}, Edges::Below));
    if (from_above && from_below) {
      throw Error(Reason::InvalidTarget,
                  fmt::format("Cannot stamp '{}': there is a row above it and a row below it", to),
                  "delete the row that is a leftover, or use --purge");
    }
    if (from_above) return StampStep{lookup_.ids(moved), {to}, Direction::Down, false, {}};
    if (from_below) return StampStep{lookup_.ids(moved), {to}, Direction::Up, false, {}};
    return StampStep{{}, {to}, Direction::Up, true, {}};
  }

  const RevisionGraph& graph_;
  Lookup lookup_;
  const Positions& rows_;
  std::vector<std::string> targets_;
};

}  // namespace

StampPlan plan_stamp(const RevisionGraph& graph, const std::vector<RevisionId>& rows,
                     const std::vector<std::string>& targets, bool purge) {
  StampPlan plan{{rows.begin(), rows.end()}, purge, {}, {}};
  Positions positions;
  if (!purge) {
    require_known(graph, plan.start);
    for (const RevisionId& row : rows) positions.push_back(*graph.position(row));
    plan.finish = plan.start;
  }
  plan.steps = Stamper(graph, positions, targets).steps();
  for (StampStep& step : plan.steps) {
    step.rows = row_changes(plan.finish, step);
    plan.finish = with_changes(std::move(plan.finish), step.rows);
  }
  return plan;
}

}  // namespace engine
