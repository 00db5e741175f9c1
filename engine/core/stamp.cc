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
    const Positions destinations = find_destinations();
    std::vector<StampStep> result;
    if (destinations.empty()) {
      for (const std::string& row : lookup_.ids(moved)) {
        result.push_back({{row}, {}, Direction::Down, true, {}});
      }
    }
    for (const int destination : destinations) {
      if (const auto step = step_to(destination, moved)) result.push_back(*step);
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

  Positions find_destinations() const {
    Positions result;
    for (const std::string& target : targets_) {
      const Positions found = lookup_.revisions(target);
      // Several heads walked down to one revision, which cannot become two rows.
      const bool is_walk = found.size() > 1 && target.find('-') != std::string::npos;
      for (const int position : found) {
        if (is_walk && std::count(found.begin(), found.end(), position) > 1) {
          const std::string digits = target.substr(target.rfind('-') + 1);
          lookup_.fail_too_far({{}, {}, 0, "-", digits});
        }
        result.push_back(position);
      }
    }
    return result;
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
