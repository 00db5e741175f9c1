// SPDX-License-Identifier: Apache-2.0
#include "engine/core/revision_graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <functional>
#include <set>

#include "engine/core/error.h"
#include "engine/core/graph_algorithms.h"
#include "engine/core/spelling.h"

namespace engine {
namespace {

using Faults = std::vector<std::string>;

// Looking for near names among 20,000 for each of 20,000 faults helps nobody.
constexpr std::size_t kFaultsWithSuggestion = 20;

std::string place(const Revision& revision) {
  return revision.file.empty() ? fmt::format("revision '{}'", revision.id) : revision.file;
}

std::string suggestion(const Faults& faults, std::string_view name,
                       const std::vector<Revision>& revisions) {
  if (faults.size() >= kFaultsWithSuggestion) return {};
  std::vector<std::string_view> names;
  names.reserve(revisions.size());
  for (const Revision& revision : revisions) {
    if (revision.id != name) names.emplace_back(revision.id);
  }
  return did_you_mean(name, names);
}

bool holds(std::span<const int> positions, int position) {
  return std::find(positions.begin(), positions.end(), position) != positions.end();
}

struct CycleKind {
  std::string_view name = {};   // Alembic's word
  std::string_view field = {};  // whose change mends it
};

std::vector<std::string> sorted_ids(const std::vector<int>& members,
                                    const std::vector<Revision>& revisions) {
  std::vector<std::string> ids;
  for (const int member : members) ids.push_back(revisions[static_cast<std::size_t>(member)].id);
  std::sort(ids.begin(), ids.end());
  return ids;
}

// The revisions that Alembic names for a cycle: not below a head or not above a base; empty: it
// does not see the cycle.
std::vector<int> cut_off(const Adjacency& down) {
  const Adjacency up = reversed(down);
  std::vector<int> heads;
  std::vector<int> bases;
  for (std::size_t i = 0; i < down.size(); ++i) {
    if (up[i].empty()) heads.push_back(static_cast<int>(i));
    if (down[i].empty()) bases.push_back(static_cast<int>(i));
  }
  const std::vector<char> below_heads = reachable(heads, down);
  const std::vector<char> above_bases = reachable(bases, up);
  std::vector<int> result;
  for (std::size_t i = 0; i < down.size(); ++i) {
    if (below_heads[i] == 0 || above_bases[i] == 0) result.push_back(static_cast<int>(i));
  }
  return result;
}

void report_cycle(const std::vector<int>& cycle, const std::vector<int>& named,
                  const CycleKind& kind, const std::vector<Revision>& revisions, Faults& faults) {
  const std::vector<std::string> ids = sorted_ids(cycle, revisions);
  const auto first = std::find_if(cycle.begin(), cycle.end(), [&](int member) {
    return revisions[static_cast<std::size_t>(member)].id == ids.front();
  });
  faults.push_back(fmt::format(
      "{}: {} is detected in revisions ({}); {} need each other: change {} of one of them so that "
      "it comes first",
      place(revisions[static_cast<std::size_t>(*first)]), kind.name,
      fmt::join(sorted_ids(named, revisions), ", "), fmt::join(ids, ", "), kind.field));
}

// Cycles by down_revision first; those that need depends_on only where the first kind is not at
// work.
void find_cycles(const std::vector<Revision>& revisions, const Adjacency& parents,
                 const Adjacency& all_down, Faults& faults) {
  if (topological_ranks(all_down)) return;
  const auto alembics_or = [](const std::vector<int>& named, const std::vector<int>& cycle) {
    return named.empty() ? cycle : named;
  };
  std::vector<char> reported(revisions.size(), 0);
  const std::vector<int> by_parents = cut_off(parents);
  for (const auto& cycle : cycles(parents)) {
    for (const int member : cycle) reported[static_cast<std::size_t>(member)] = 1;
    report_cycle(cycle, alembics_or(by_parents, cycle), {"Cycle", "down_revision"}, revisions,
                 faults);
  }
  const std::vector<int> by_all = by_parents.empty() ? cut_off(all_down) : std::vector<int>{};
  for (const auto& cycle : cycles(all_down)) {
    const bool known = std::any_of(cycle.begin(), cycle.end(), [&](int member) {
      return reported[static_cast<std::size_t>(member)] != 0;
    });
    if (known) continue;
    report_cycle(cycle, alembics_or(by_all, cycle), {"Dependency cycle", "depends_on"}, revisions,
                 faults);
  }
}

}  // namespace

RevisionGraph::RevisionGraph(std::vector<Revision> revisions) : revisions_(std::move(revisions)) {
  Faults faults;
  check_ids(faults);
  index_names(faults);
  Adjacency parents = resolve_parents(faults);
  const Adjacency dependencies = resolve_dependencies(faults);
  find_cycles(revisions_, parents, united(parents, dependencies), faults);
  if (!faults.empty()) {
    throw Error(Reason::InvalidScripts, fmt::format("{}", fmt::join(faults, "\n")));
  }
  build_edges(std::move(parents), dependencies);
}

// Characters that targets are written with.
void RevisionGraph::check_ids(Faults& faults) const {
  for (const Revision& revision : revisions_) {
    if (revision.id.find_first_of("@-+:") == std::string::npos) continue;
    std::vector<std::string> illegal;
    for (const std::string character : {"+", "-", ":", "@"}) {
      if (revision.id.find(character) != std::string::npos) illegal.push_back(character);
    }
    faults.push_back(
        fmt::format("{}: Character(s) '{}' not allowed in revision identifier '{}'; give the "
                    "revision another id",
                    place(revision), fmt::join(illegal, ", "), revision.id));
  }
}

// Ids and labels share one space of names, as in Alembic.
void RevisionGraph::index_names(Faults& faults) {
  slots_.assign(std::bit_ceil(2 * revisions_.size() + 1), kFree);
  for (std::size_t i = 0; i < revisions_.size(); ++i) {
    int& slot = slots_[slot_of(revisions_[i].id)];
    if (slot == kFree) {
      slot = static_cast<int>(i);
      continue;
    }
    faults.push_back(fmt::format(
        "{}: Revision {} is present more than once, first in {}; give one of them "
        "another id",
        place(revisions_[i]), revisions_[i].id, place(revisions_[static_cast<std::size_t>(slot)])));
  }
  for (std::size_t i = 0; i < revisions_.size(); ++i) {
    for (const std::string& label : revisions_[i].branch_labels) {
      const std::optional<int> id = position(label);
      const auto [known, fresh] = labels_.try_emplace(label, static_cast<int>(i));
      if (fresh && !id) continue;
      const int owner = id ? *id : known->second;
      faults.push_back(
          fmt::format("{}: Branch name '{}' in revision {} already used by revision {}; choose "
                      "another branch label",
                      place(revisions_[i]), label, revisions_[i].id,
                      revisions_[static_cast<std::size_t>(owner)].id));
    }
  }
}

Adjacency RevisionGraph::resolve_parents(Faults& faults) const {
  Adjacency result;
  result.reserve(revisions_.size(), revisions_.size());
  for (std::size_t i = 0; i < revisions_.size(); ++i) {
    const Revision& revision = revisions_[i];
    result.begin_node();
    for (const RevisionId& name : revision.down_revisions) {
      const std::optional<int> parent = position(name);
      if (name == revision.id) {
        faults.push_back(
            fmt::format("{}: Self-loop is detected in revisions ({}); down_revision must name "
                        "the revision before this one",
                        place(revision), name));
      } else if (!parent && labels_.contains(name)) {
        const int owner = labels_.find(name)->second;
        faults.push_back(fmt::format(
            "{}: down_revision '{}' is a branch label; write the id of a revision, such as '{}'",
            place(revision), name, revisions_[static_cast<std::size_t>(owner)].id));
      } else if (!parent) {
        faults.push_back(fmt::format(
            "{}: down_revision '{}' is the id of no script; add the missing script or correct "
            "the line{}",
            place(revision), name, suggestion(faults, name, revisions_)));
      } else if (holds(result[i], *parent)) {
        faults.push_back(fmt::format("{}: down_revision lists '{}' twice; remove one of the two",
                                     place(revision), name));
      } else {
        result.add(*parent);
      }
    }
  }
  return result;
}

Adjacency RevisionGraph::resolve_dependencies(Faults& faults) const {
  Adjacency result;
  result.reserve(revisions_.size(), revisions_.size());
  for (std::size_t i = 0; i < revisions_.size(); ++i) {
    const Revision& revision = revisions_[i];
    result.begin_node();
    for (const std::string& name : revision.depends_on) {
      std::optional<int> found = position(name);
      if (!found) found = label_position(name);
      if (!found) {
        faults.push_back(fmt::format(
            "{}: depends_on '{}' is neither the id nor a branch label of any script; add the "
            "missing script or correct the line{}",
            place(revision), name, suggestion(faults, name, revisions_)));
      } else if (*found == static_cast<int>(i)) {
        faults.push_back(
            fmt::format("{}: Dependency self-loop is detected in revisions ({}); remove '{}' "
                        "from depends_on",
                        place(revision), revision.id, name));
      } else if (!holds(result[i], *found)) {
        result.add(*found);
      }
    }
  }
  return result;
}

void RevisionGraph::build_edges(Adjacency parents, const Adjacency& dependencies) {
  const Adjacency all_down = united(parents, dependencies);
  Adjacency below = united(parents, without_inherited(dependencies, parents, all_down));
  Adjacency children = reversed(parents);
  Adjacency above = reversed(all_down);
  edges_ = {std::move(parents), std::move(children), std::move(below), std::move(above)};
  const int count = static_cast<int>(size());
  for (int i = 0; i < count; ++i) {
    if (edges(Edges::Children, i).empty()) heads_.push_back(i);
    if (edges(Edges::Above, i).empty()) effective_heads_.push_back(i);
    if (edges(Edges::Parents, i).empty()) bases_.push_back(i);
  }
  sort_ids();
}

// By the first bytes as a number, and where these are equal by the whole.
void RevisionGraph::sort_ids() {
  struct Entry {
    std::uint64_t begin = 0;
    int position = 0;
  };
  std::vector<Entry> entries(size());
  for (std::size_t i = 0; i < size(); ++i) {
    entries[i].position = static_cast<int>(i);
    for (std::size_t byte = 0; byte < sizeof(std::uint64_t); ++byte) {
      const std::string& id = revisions_[i].id;
      entries[i].begin =
          entries[i].begin << 8 | (byte < id.size() ? static_cast<unsigned char>(id[byte]) : 0u);
    }
  }
  std::sort(entries.begin(), entries.end(), [this](const Entry& a, const Entry& b) {
    if (a.begin != b.begin) return a.begin < b.begin;
    return revisions_[static_cast<std::size_t>(a.position)].id <
           revisions_[static_cast<std::size_t>(b.position)].id;
  });
  by_id_.resize(size());
  for (std::size_t i = 0; i < size(); ++i) by_id_[i] = entries[i].position;
}

// Where `id` is in the table, or would go.
std::size_t RevisionGraph::slot_of(std::string_view id) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = std::hash<std::string_view>{}(id)&mask;
  while (slots_[slot] != kFree && revisions_[static_cast<std::size_t>(slots_[slot])].id != id) {
    slot = (slot + 1) & mask;
  }
  return slot;
}

std::optional<int> RevisionGraph::position(std::string_view id) const {
  if (slots_.empty()) return std::nullopt;
  const int found = slots_[slot_of(id)];
  if (found == kFree) return std::nullopt;
  return found;
}

int RevisionGraph::require(std::string_view id) const {
  if (const auto found = position(id)) return *found;
  throw Error(Reason::Bug, fmt::format("the revision graph was asked for unknown '{}'", id));
}

bool RevisionGraph::contains(std::string_view id) const { return position(id).has_value(); }

const Revision& RevisionGraph::at(std::string_view id) const {
  return revisions_[static_cast<std::size_t>(require(id))];
}

std::optional<RevisionId> RevisionGraph::labelled(std::string_view label) const {
  const auto found = labels_.find(label);
  if (found == labels_.end()) return std::nullopt;
  return revisions_[static_cast<std::size_t>(found->second)].id;
}

std::optional<int> RevisionGraph::label_position(std::string_view label) const {
  const auto found = labels_.find(label);
  if (found == labels_.end()) return std::nullopt;
  return found->second;
}

std::vector<RevisionGraph::Key> RevisionGraph::keys_starting_with(std::string_view prefix) const {
  constexpr std::size_t kShortest = 4;
  std::vector<Key> keys;
  const auto id = [this](int position) -> std::string_view {
    return revisions_[static_cast<std::size_t>(position)].id;
  };
  const auto first = std::lower_bound(by_id_.begin(), by_id_.end(), prefix,
                                      [&](int a, std::string_view b) { return id(a) < b; });
  for (auto i = first; i != by_id_.end() && id(*i).starts_with(prefix); ++i) {
    if (id(*i).size() >= kShortest) keys.push_back({id(*i), *i});
  }
  const auto ids_found = static_cast<std::ptrdiff_t>(keys.size());
  for (const auto& [label, position] : labels_) {
    if (label.size() >= kShortest && label.starts_with(prefix)) keys.push_back({label, position});
  }
  std::sort(keys.begin() + ids_found, keys.end(),
            [](const Key& a, const Key& b) { return a.name < b.name; });
  return keys;
}

RevisionSet RevisionGraph::heads() const { return ids_of(heads_); }
RevisionSet RevisionGraph::effective_heads() const { return ids_of(effective_heads_); }
RevisionSet RevisionGraph::bases() const { return ids_of(bases_); }

RevisionSet RevisionGraph::ids_of(const Positions& members) const {
  RevisionSet result;
  for (const int member : members) result.insert(revisions_[static_cast<std::size_t>(member)].id);
  return result;
}

bool RevisionGraph::is_head(std::string_view id) const {
  return edges(Edges::Children, require(id)).empty();
}

bool RevisionGraph::is_effective_head(std::string_view id) const {
  return edges(Edges::Above, require(id)).empty();
}

std::vector<RevisionId> RevisionGraph::children(std::string_view id) const {
  return names(Edges::Children, id);
}

std::vector<RevisionId> RevisionGraph::normalized_down(std::string_view id) const {
  return names(Edges::Below, id);
}

std::vector<RevisionId> RevisionGraph::names(Edges kind, std::string_view id) const {
  std::vector<RevisionId> result;
  for (const int member : edges(kind, require(id))) {
    result.push_back(revisions_[static_cast<std::size_t>(member)].id);
  }
  return result;
}

std::vector<std::string> RevisionGraph::labels(std::string_view id) const {
  const int start = require(id);
  if (labels_.empty()) return {};
  std::set<std::string> result;
  const auto add = [&](std::size_t i) {
    result.insert(revisions_[i].branch_labels.begin(), revisions_[i].branch_labels.end());
  };
  const Mask below = reach({start}, Edges::Parents);
  for (std::size_t i = 0; i < below.size(); ++i) {
    if (below[i] != 0) add(i);
  }
  // A label also names what lies below its revision, as long as the line from the tip down has
  // neither a branch point nor a merge point.
  std::vector<int> line;
  for (int next = start;;) {
    const std::span<const int> above = edges(Edges::Above, next);
    if (above.size() > 1 || edges(Edges::Parents, next).size() > 1)
      return {result.begin(), result.end()};
    line.push_back(next);
    const std::span<const int> children = edges(Edges::Children, next);
    if (children.empty()) break;
    next = children.front();
  }
  for (const int member : line) add(static_cast<std::size_t>(member));
  return {result.begin(), result.end()};
}

RevisionGraph::Positions RevisionGraph::positions(const RevisionSet& ids) const {
  Positions result;
  result.reserve(ids.size());
  for (const RevisionId& id : ids) result.push_back(require(id));
  return result;
}

RevisionSet RevisionGraph::ids(const Mask& members) const {
  RevisionSet result;
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (members[i] != 0) result.insert(revisions_[i].id);
  }
  return result;
}

RevisionGraph::Mask RevisionGraph::reach(const Positions& start, Edges kind) const {
  return reachable(start, adjacency(kind));
}

RevisionSet RevisionGraph::with_ancestors(const RevisionSet& revision_ids) const {
  return ids(reach(positions(revision_ids), Edges::Below));
}

RevisionSet RevisionGraph::with_descendants(const RevisionSet& revision_ids) const {
  return ids(reach(positions(revision_ids), Edges::Above));
}

RevisionSet RevisionGraph::maximal(const RevisionSet& revision_ids) const {
  const Positions members = positions(revision_ids);
  Positions strictly_below;
  for (const int member : members) {
    const std::span<const int> below = edges(Edges::Below, member);
    strictly_below.insert(strictly_below.end(), below.begin(), below.end());
  }
  const Mask covered = reach(strictly_below, Edges::Below);
  RevisionSet result;
  for (const int member : members) {
    const auto i = static_cast<std::size_t>(member);
    if (covered[i] == 0) result.insert(revisions_[i].id);
  }
  return result;
}

bool RevisionGraph::share_lineage(std::string_view a, std::string_view b) const {
  const int from = require(a);
  const auto to = static_cast<std::size_t>(require(b));
  return reach({from}, Edges::Parents)[to] != 0 || reach({from}, Edges::Children)[to] != 0;
}

std::vector<RevisionId> RevisionGraph::upgrade_order(const RevisionSet& selection) const {
  Mask members(size(), 0);
  for (const int member : positions(selection)) members[static_cast<std::size_t>(member)] = 1;
  std::vector<RevisionId> result;
  for (const int member : upgrade_order(members)) {
    result.push_back(revisions_[static_cast<std::size_t>(member)].id);
  }
  return result;
}

RevisionGraph::Positions RevisionGraph::upgrade_order(const Mask& selection) const {
  Positions heads;
  for (int i = 0; i < static_cast<int>(size()); ++i) {
    if (selection[static_cast<std::size_t>(i)] == 0) continue;
    const std::span<const int> users = edges(Edges::Above, i);
    if (std::none_of(users.begin(), users.end(),
                     [&](int user) { return selection[static_cast<std::size_t>(user)] != 0; })) {
      heads.push_back(i);
    }
  }
  Positions order = downgrade_order(selection, heads);
  std::reverse(order.begin(), order.end());
  return order;
}

RevisionGraph::Positions RevisionGraph::downgrade_order(const Mask& selection,
                                                        const Positions& heads) const {
  return branch_by_branch_order(selection, heads, adjacency(Edges::Below), adjacency(Edges::Above));
}

}  // namespace engine
