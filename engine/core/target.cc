// SPDX-License-Identifier: Apache-2.0
#include "engine/core/target.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/core/error.h"
#include "engine/core/spelling.h"

namespace engine {
namespace {

using Edges = RevisionGraph::Edges;
using Mask = RevisionGraph::Mask;
using Positions = RevisionGraph::Positions;

constexpr int kBase = Lookup::kBase;
constexpr std::size_t kNamesInHint = 20;
constexpr std::string_view kSeveralRows =
    "downgrade -1 from multiple heads is ambiguous; this usage will be disallowed in a future "
    "release.";

std::size_t at(int position) { return static_cast<std::size_t>(position); }

Positions members(const Mask& mask) {
  Positions result;
  for (std::size_t i = 0; i < mask.size(); ++i) {
    if (mask[i] != 0) result.push_back(static_cast<int>(i));
  }
  return result;
}

// Those of `positions` that lead to no other of them.
Positions tips(const RevisionGraph& graph, const Positions& positions, Edges below) {
  Mask covered(graph.size(), 0);
  for (const int position : positions) {
    for (const int next : graph.edges(below, position)) covered[at(next)] = 1;
  }
  Positions result = positions;
  std::erase_if(result, [&](int position) { return covered[at(position)] != 0; });
  return result;
}

class TargetResolver {
 public:
  TargetResolver(const RevisionGraph& graph, std::string_view text, const RevisionSet& current,
                 std::string_view first_row = {},
                 Lookup::TooFar too_far = Lookup::TooFar::IsNowhere)
      : graph_(graph),
        lookup_(graph, {Wording::Layer::Command, std::string(text), {}}),
        text_(text),
        current_(current),
        first_row_(first_row),
        too_far_(too_far) {}

  Target upgrade();
  Target downgrade();

 private:
  Positions known_rows() const {
    require_known(graph_, current_);
    return graph_.positions(current_);
  }
  const RevisionId& id(int position) const { return graph_.revisions()[at(position)].id; }
  // The symbol of a relative target, on its branch.
  int symbol_of(const RelativeTarget& target) const {
    return target.branch.empty() ? lookup_.one(target.symbol)
                                 : lookup_.one(target.branch + "@" + target.symbol);
  }
  [[noreturn]] void fail_several_rows() const;
  int upgrade_start(const RelativeTarget& target) const;
  int relative_upgrade(const RelativeTarget& target) const;
  int branch_row(const RelativeTarget& target) const;
  int single_row(const RelativeTarget& target);
  int relative_downgrade(const RelativeTarget& target, Target& result);
  Target make(const Positions& positions) const;

  const RevisionGraph& graph_;
  Lookup lookup_;
  std::string_view text_;
  const RevisionSet& current_;
  std::string_view first_row_;
  Lookup::TooFar too_far_;
  std::vector<std::string> warnings_ = {};
};

Target TargetResolver::make(const Positions& positions) const {
  Target target{std::string(text_), {}, {}, warnings_};
  Mask seen(graph_.size(), 0);
  for (const int position : positions) {
    if (position == kBase || seen[at(position)] != 0) continue;
    seen[at(position)] = 1;
    target.revisions.push_back(id(position));
  }
  return target;
}

void TargetResolver::fail_several_rows() const {
  throw Error(Reason::InvalidTarget, "Ambiguous upgrade from multiple current revisions",
              fmt::format("the database is at {}; name the branch, as in BRANCH@+1, or the "
                          "revision itself",
                          quoted_list({current_.begin(), current_.end()}, kNamesInHint)));
}

// Where the branch has no row it may be applied beneath another one's, or not at all.
int TargetResolver::upgrade_start(const RelativeTarget& target) const {
  if (target.branch.empty() && current_.size() > 1) fail_several_rows();
  Positions rows = known_rows();
  if (!target.branch.empty()) {
    rows = lookup_.in_lineage(rows, target.branch);
    if (rows.empty()) {
      const Mask applied = graph_.reach(graph_.positions(current_), Edges::Below);
      rows = tips(graph_, lookup_.in_lineage(members(applied), target.branch), Edges::Below);
    }
  }
  if (rows.size() > 1) fail_several_rows();
  return rows.empty() ? kBase : rows.front();
}

int TargetResolver::relative_upgrade(const RelativeTarget& target) const {
  std::optional<int> found;
  if (target.steps > 0) {
    // As in Alembic the branch does not narrow what the symbol is looked up in.
    const int start = target.symbol.empty() ? upgrade_start(target) : lookup_.one(target.symbol);
    found = lookup_.walk(start, target.steps, target.branch);
  } else if (!target.symbol.empty()) {
    found = lookup_.walk(symbol_of(target), target.steps, {});
  }
  if (!found || *found == kBase) lookup_.fail_too_far(target);
  return *found;
}

Target TargetResolver::upgrade() {
  if (const auto relative = lookup_.relative(text_)) return make({relative_upgrade(*relative)});
  Target target = make(lookup_.revisions(text_));
  const auto sign = text_.find('@');
  if (sign != std::string_view::npos && sign > 0) {
    target.branch = id(lookup_.branch(text_.substr(0, sign)));
  }
  return target;
}

// The one row of the branch, or its tip beneath another branch's row.
int TargetResolver::branch_row(const RelativeTarget& target) const {
  Positions rows = lookup_.in_lineage(known_rows(), target.branch);
  if (rows.empty()) {
    const Mask applied = graph_.reach(graph_.positions(current_), Edges::Below);
    rows = lookup_.in_lineage(tips(graph_, members(applied), Edges::Parents), target.branch);
  }
  if (rows.size() != 1) lookup_.fail_too_far(target);
  return rows.front();
}

int TargetResolver::single_row(const RelativeTarget& target) {
  if (current_.empty()) lookup_.fail_too_far(target);
  const Positions rows = known_rows();
  if (rows.size() == 1) return rows.front();
  const std::optional<int> first = graph_.position(first_row_);
  if (!first || !current_.contains(id(*first))) {
    throw Error(Reason::InvalidTarget,
                fmt::format("Ambiguous downgrade from multiple current revisions: {}",
                            quoted_list({current_.begin(), current_.end()}, kNamesInHint)),
                "name the branch, as in BRANCH@-1, or the revision itself");
  }
  warnings_.emplace_back(kSeveralRows);
  return *first;
}

int TargetResolver::relative_downgrade(const RelativeTarget& target, Target& result) {
  const bool goes_up = target.steps >= 0;
  if (goes_up && target.symbol.empty()) lookup_.fail_too_far(target);
  std::optional<int> found;
  if (goes_up) {
    found = lookup_.walk(lookup_.one(target.symbol), target.steps, target.branch, too_far_);
  } else if (!target.symbol.empty()) {
    found = lookup_.walk(symbol_of(target), target.steps, {}, too_far_);
  } else {
    const int start = target.branch.empty() ? single_row(target) : branch_row(target);
    if (target.branch.empty()) result.branch = id(start);
    found = lookup_.walk(start, target.steps, {}, too_far_);
    if (!found) lookup_.fail_too_far(target);
  }
  if (!found) {
    throw Error(Reason::InvalidTarget, "Walked too far",
                fmt::format("target '{}': the history ends before so many steps", text_));
  }
  return *found;
}

Target TargetResolver::downgrade() {
  Target result;
  std::string_view branch;
  int position = kBase;
  if (const auto relative = lookup_.relative(text_)) {
    position = relative_downgrade(*relative, result);
    if (!relative->branch.empty()) branch = text_.substr(0, relative->branch.size());
  } else {
    // As in Alembic the branch does not narrow what the revision is looked up in, only what is
    // dropped.
    const auto sign = text_.rfind('@');
    position = lookup_.one(sign == std::string_view::npos ? text_ : text_.substr(sign + 1));
    if (sign != std::string_view::npos) branch = text_.substr(0, sign);
  }
  const std::optional<RevisionId> of_row = result.branch;
  result = make({position});
  result.branch = of_row;
  if (!branch.empty()) result.branch = id(lookup_.branch(branch));
  return result;
}

}  // namespace

void require_known(const RevisionGraph& graph, const RevisionSet& current) {
  std::vector<std::string> unknown;
  for (const RevisionId& id : current) {
    if (!graph.contains(id)) unknown.push_back(id);
  }
  if (unknown.empty()) return;
  throw Error(
      Reason::UnknownRevision,
      fmt::format("Can't locate revision identified by '{}'", unknown.front()),
      fmt::format("the version table holds {}, which none of the {} scripts has: either "
                  "newer scripts were applied before and an older image or checkout runs "
                  "now: run the newer one; or the version table belongs to another "
                  "project: check the database URL and the name of the version table; "
                  "`stillhead stamp --purge REVISION` forgets the row, once you know that the "
                  "schema is that of REVISION",
                  quoted_list(unknown, kNamesInHint), graph.size()));
}

void require_no_overlap(const RevisionGraph& graph, const std::vector<RevisionId>& revisions,
                        Reason reason, const std::string& hint) {
  const RevisionSet all(revisions.begin(), revisions.end());
  if (all.size() < 2 || graph.maximal(all).size() == all.size()) return;
  for (const RevisionId& upper : revisions) {
    const Mask below = graph.reach(graph.positions({upper}), Edges::Below);
    std::vector<std::string> others;
    for (const RevisionId& lower : revisions) {
      if (lower != upper && below[at(*graph.position(lower))] != 0 &&
          std::find(others.begin(), others.end(), lower) == others.end()) {
        others.push_back(lower);
      }
    }
    if (others.empty()) continue;
    throw Error(reason,
                fmt::format("Requested revision {} overlaps with other requested revisions {}",
                            upper, fmt::join(others, ", ")),
                hint);
  }
}

Target resolve_upgrade_target(const RevisionGraph& graph, std::string_view text,
                              const RevisionSet& current) {
  return TargetResolver(graph, text, current).upgrade();
}

Target resolve_upgrade_targets(const RevisionGraph& graph, const std::vector<std::string>& texts) {
  Target target{fmt::format("{}", fmt::join(texts, " ")), {}, {}, {}};
  for (RevisionId& id : resolve_many(graph, texts)) {
    if (std::find(target.revisions.begin(), target.revisions.end(), id) == target.revisions.end()) {
      target.revisions.push_back(std::move(id));
    }
  }
  return target;
}

Target resolve_downgrade_target(const RevisionGraph& graph, std::string_view text,
                                const RevisionSet& current, std::string_view first_row,
                                Lookup::TooFar too_far) {
  return TargetResolver(graph, text, current, first_row, too_far).downgrade();
}

Positions downgrade_roots(const RevisionGraph& graph, const Target& target) {
  Positions roots = graph.base_positions();
  if (!target.revisions.empty()) {
    const auto children = graph.edges(Edges::Children, *graph.position(target.revisions.front()));
    roots.assign(children.begin(), children.end());
  }
  if (!target.branch || roots.size() < 2) return roots;
  const Mask branch = graph.reach(graph.positions({*target.branch}), Edges::Parents);
  std::erase_if(roots, [&](int root) { return branch[at(root)] == 0; });
  if (!roots.empty()) return roots;
  throw Error(Reason::InvalidTarget, "Not a valid downgrade target from current heads",
              fmt::format("target '{}': no revision above it leads to branch '{}'", target.text,
                          *target.branch));
}

std::optional<RevisionId> resolve(const RevisionGraph& graph, std::string_view text,
                                  const Wording& wording) {
  const int position = Lookup(graph, wording).one(text);
  if (position == kBase) return std::nullopt;
  return graph.revisions()[at(position)].id;
}

std::vector<RevisionId> resolve_many(const RevisionGraph& graph,
                                     const std::vector<std::string>& texts,
                                     const Wording& wording) {
  const Lookup lookup(graph, wording);
  std::vector<RevisionId> result;
  for (const std::string& text : texts) {
    for (std::string& id : lookup.ids(lookup.revisions(text))) result.push_back(std::move(id));
  }
  return result;
}

std::vector<RevisionId> in_lineage(const RevisionGraph& graph,
                                   const std::vector<RevisionId>& candidates, std::string_view text,
                                   const Wording& wording) {
  const Lookup lookup(graph, wording);
  Positions positions;
  for (const RevisionId& id : candidates) positions.push_back(lookup.one(id));
  return lookup.ids(lookup.in_lineage(positions, text));
}

RevisionSet bases_for(const RevisionGraph& graph, std::string_view text, const Wording& wording) {
  const Lookup lookup(graph, wording);
  const std::vector<std::string> ids = lookup.ids(lookup.in_lineage(graph.base_positions(), text));
  return {ids.begin(), ids.end()};
}

}  // namespace engine
