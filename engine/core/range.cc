// SPDX-License-Identifier: Apache-2.0
#include "engine/core/range.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/core/error.h"
#include "engine/core/target.h"

namespace engine {
namespace {

using Edges = RevisionGraph::Edges;
using Mask = RevisionGraph::Mask;
using Positions = RevisionGraph::Positions;
using TooFar = Lookup::TooFar;

constexpr int kBase = Lookup::kBase;

std::size_t at(int position) { return static_cast<std::size_t>(position); }

// As Alembic prints an end: 'a', base, or ('a', 'b').
std::string text_of(const RangeEnd& end, std::string_view empty) {
  if (end.empty()) return std::string(empty);
  if (end.size() == 1) return end.front();
  return fmt::format("('{}')", fmt::join(end, "', '"));
}

class RangeWalk {
 public:
  RangeWalk(const RevisionGraph& graph, const RangeEnd& upper, const RangeEnd& lower,
            const IterateOptions& options, const Wording& wording)
      : graph_(graph),
        lookup_(graph, wording),
        upper_(upper),
        lower_(lower),
        options_(options),
        layer_(wording.layer) {}

  Positions run() { return options_.select_for_downgrade ? downgraded() : upgraded(); }

 private:
  [[noreturn]] void fail_not_ancestor() const {
    const bool library = layer_ == Wording::Layer::Library;
    throw Error(Reason::InvalidTarget,
                library ? fmt::format("Revision {} is not an ancestor of revision {}",
                                      text_of(lower_, "base"), text_of(upper_, "base"))
                        : fmt::format("Requested range {}:{} does not refer to "
                                      "ancestor/descendant revisions along the same branch",
                                      text_of(lower_, "base"), text_of(upper_, "heads")),
                "the first end must be an ancestor of the second by down_revision");
  }

  // Both by text, several added up.
  std::vector<std::optional<int>> many(const RangeEnd& end) const {
    std::vector<std::optional<int>> result;
    for (const std::string& text : end) {
      for (const std::optional<int> position : lookup_.many(text)) result.push_back(position);
    }
    return result;
  }

  void require_disjoint(const Positions& positions) const {
    require_no_overlap(graph_, lookup_.ids(positions), Reason::InvalidTarget,
                       "an end must not hold a revision and one below it");
  }

  Positions targets() const;
  int relative_target(const RelativeTarget& target) const;
  void keep_branch_of_lower(Positions& targets) const;
  Positions current(const Mask& required);
  int below_upper(std::string_view text) const;
  Positions upgraded();
  Positions downgraded();
  Positions ordered(const Mask& selection, const Positions& heads) const;

  const RevisionGraph& graph_;
  Lookup lookup_;
  const RangeEnd& upper_;
  const RangeEnd& lower_;
  const IterateOptions& options_;
  Wording::Layer layer_;
};

TooFar too_far(const IterateOptions& options) {
  return options.assert_relative_length ? TooFar::IsNowhere : TooFar::StopsThere;
}

// The upper end counted from the lower one, as an upgrade counts from the rows.
int RangeWalk::relative_target(const RelativeTarget& target) const {
  std::optional<int> found;
  if (target.steps > 0) {
    int start = kBase;
    if (!target.symbol.empty()) {
      start = lookup_.one(target.symbol);
    } else if (lower_.size() > 1) {
      throw Error(Reason::InvalidTarget, "Ambiguous upgrade from multiple current revisions",
                  "name one revision as the lower end");
    } else if (!lower_.empty() && target.branch.empty()) {
      start = lookup_.one(lower_.front());
    } else if (!lower_.empty()) {
      const Positions rows = lookup_.in_lineage(lookup_.revisions(lower_.front()), target.branch);
      if (rows.size() > 1) lookup_.fail_too_far(target);
      if (!rows.empty()) start = rows.front();
    }
    found = lookup_.walk(start, target.steps, target.branch, too_far(options_));
  } else if (!target.symbol.empty()) {
    const int start = target.branch.empty() ? lookup_.one(target.symbol)
                                            : lookup_.one(target.branch + "@" + target.symbol);
    found = lookup_.walk(start, target.steps, {}, too_far(options_));
  }
  if (!found || *found == kBase) lookup_.fail_too_far(target);
  return *found;
}

Positions RangeWalk::targets() const {
  if (upper_.size() == 1) {
    if (const auto relative = lookup_.relative(upper_.front())) return {relative_target(*relative)};
  }
  Positions result;
  for (const std::string& text : upper_) {
    for (const int position : lookup_.revisions(text)) {
      if (std::find(result.begin(), result.end(), position) == result.end()) {
        result.push_back(position);
      }
    }
  }
  return result;
}

// `branch@...` as the lower end asks for that branch only.
void RangeWalk::keep_branch_of_lower(Positions& targets) const {
  if (lower_.size() != 1) return;
  const auto sign = lower_.front().find('@');
  if (sign == std::string::npos || sign == 0) return;
  std::string label = lower_.front().substr(0, sign);
  const int branch = lookup_.one(label);
  if (branch != kBase && graph_.revisions()[at(branch)].id == label) {
    const std::vector<std::string> labels = graph_.labels(label);
    if (labels.size() != 1) fail_not_ancestor();
    label = labels.front();
  }
  std::erase_if(targets, [&](int target) {
    const std::vector<std::string> labels = graph_.labels(graph_.revisions()[at(target)].id);
    return std::find(labels.begin(), labels.end(), label) == labels.end();
  });
}

// `-N` as the lower end, where the heads end before: counted from the upper end, as a downgrade
// counts from its row. `text` names the end that is wrong when there is no such row.
int RangeWalk::below_upper(std::string_view text) const {
  if (upper_.empty()) fail_not_ancestor();
  const std::string& row = upper_.front();
  if (row == "head" || row == "heads") {
    lookup_.one(row);
    lookup_.fail_not_found(text, fmt::format("No such branch: '{}'", text),
                           "the history ends before so many steps");
  }
  const int position = lookup_.one(row);
  if (position == kBase) fail_not_ancestor();
  const RevisionId& id = graph_.revisions()[at(position)].id;
  const Target target = resolve_downgrade_target(graph_, text, {id}, id, too_far(options_));
  return target.revisions.empty() ? kBase : *graph_.position(target.revisions.front());
}

Positions RangeWalk::current(const Mask& required) {
  const std::vector<std::optional<int>> found = many(lower_);
  for (const std::optional<int> position : found) {
    if (options_.implicit_base || !position) continue;
    if (*position == kBase || required[at(*position)] == 0) fail_not_ancestor();
  }
  if (!found.empty() && !found.front()) {
    const int position = below_upper(lower_.front());
    return position == kBase ? Positions{} : Positions{position};
  }
  Positions result;
  for (const std::optional<int> position : found) {
    if (position && *position != kBase) result.push_back(*position);
  }
  require_disjoint(result);
  if (result.size() < found.size()) fail_not_ancestor();
  return result;
}

Positions RangeWalk::upgraded() {
  Positions heads = targets();
  keep_branch_of_lower(heads);
  require_disjoint(heads);
  Mask selection = graph_.reach(heads, Edges::Below);
  const Positions rows = current(selection);
  const Mask applied = graph_.reach(rows, Edges::Below);
  for (std::size_t i = 0; i < selection.size(); ++i) {
    selection[i] = selection[i] != 0 && applied[i] == 0;
  }
  if (options_.inclusive) {
    for (const int row : rows) selection[at(row)] = 1;
  }
  if (!rows.empty() && !options_.implicit_base) {
    const Mask above = graph_.reach(rows, Edges::Children);
    for (std::size_t i = 0; i < selection.size(); ++i) selection[i] = selection[i] & above[i];
  }
  return ordered(selection, heads);
}

Positions RangeWalk::downgraded() {
  RevisionSet rows;
  Positions heads;
  for (const std::string& text : upper_) {
    for (const int position : lookup_.revisions(text)) {
      heads.push_back(position);
      rows.insert(graph_.revisions()[at(position)].id);
    }
  }
  const std::string lower = lower_.empty() ? "base" : lower_.front();
  const std::string first_row = heads.empty() ? "" : lookup_.ids(heads).front();
  const Target target = resolve_downgrade_target(graph_, lower, rows, first_row, too_far(options_));
  Positions roots = target.revisions.empty() || !options_.inclusive
                        ? downgrade_roots(graph_, target)
                        : graph_.positions({target.revisions.front()});
  Mask selection = graph_.reach(roots, Edges::Above);
  const Mask applied = graph_.reach(heads, Edges::Below);
  const Mask below_roots = graph_.reach(roots, Edges::Below);
  bool any = false;
  for (std::size_t i = 0; i < selection.size(); ++i) {
    const bool other_branch = options_.implicit_base && below_roots[i] == 0;
    selection[i] = applied[i] != 0 && (selection[i] != 0 || other_branch);
    any = any || selection[i] != 0;
  }
  const bool there = target.revisions.empty() || rows.contains(target.revisions.front());
  if (!any && !there) fail_not_ancestor();
  return ordered(selection, heads);
}

// What cannot be reached from the upper end is joined to it by a dependency only.
Positions RangeWalk::ordered(const Mask& selection, const Positions& heads) const {
  Positions order = graph_.downgrade_order(selection, heads);
  const auto members =
      std::count_if(selection.begin(), selection.end(), [](char member) { return member != 0; });
  if (static_cast<std::ptrdiff_t>(order.size()) != members) fail_not_ancestor();
  return order;
}

}  // namespace

std::vector<RevisionId> iterate(const RevisionGraph& graph, const RangeEnd& upper,
                                const RangeEnd& lower, const IterateOptions& options,
                                const Wording& wording) {
  return Lookup(graph).ids(RangeWalk(graph, upper, lower, options, wording).run());
}

std::vector<RevisionId> history_range(const RevisionGraph& graph, const RangeEnd& base,
                                      const RangeEnd& head) {
  const RangeEnd lower = base.empty() ? RangeEnd{"base"} : base;
  const RangeEnd upper = head.empty() ? RangeEnd{"heads"} : head;
  return iterate(graph, upper, lower, {true, false, false, false},
                 {Wording::Layer::Command, text_of(upper, "heads"), {}});
}

}  // namespace engine
