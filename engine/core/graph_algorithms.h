// SPDX-License-Identifier: Apache-2.0
//
// What RevisionGraph needs to know about directed graphs. Nodes are 0 .. n-1, `adjacency[i]` lists
// where i points to; nothing here knows revisions. All take time linear in the graph unless said
// otherwise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace engine {

// A list of nodes for each node, all in one piece of memory. Built front to back.
class Adjacency {
 public:
  std::size_t size() const { return begins_.size(); }
  std::span<const int> operator[](std::size_t node) const {
    const std::size_t end = node + 1 < begins_.size() ? begins_[node + 1] : targets_.size();
    return std::span(targets_).subspan(begins_[node], end - begins_[node]);
  }

  void reserve(std::size_t nodes, std::size_t targets);
  // add() belongs to it from now on.
  void begin_node() { begins_.push_back(static_cast<std::uint32_t>(targets_.size())); }
  void add(int target) { targets_.push_back(target); }

 private:
  friend Adjacency reversed(const Adjacency&);
  std::vector<std::uint32_t> begins_ = {};
  std::vector<int> targets_ = {};
};

// Each node's place in an order in which it comes after all it points to; empty: there is a cycle.
std::optional<std::vector<int>> topological_ranks(const Adjacency&);

// The sets of two or more nodes that reach each other.
std::vector<std::vector<int>> cycles(const Adjacency&);

// The nodes (not 0) that can be reached from `start`, which is included.
std::vector<char> reachable(std::vector<int> start, const Adjacency&);

// Both lists of each node, the first in front, each target once.
Adjacency united(const Adjacency& first, const Adjacency& second);

// Who points to i, ascending.
Adjacency reversed(const Adjacency&);

// `dependencies` without those that a node reachable along `parents` lists too; each list
// ascending. `all_down` = both, acyclic.
Adjacency without_inherited(const Adjacency& dependencies, const Adjacency& parents,
                            const Adjacency& all_down);

// Members of `selection`, above before below, following one branch down to its fork before the next
// is begun: Alembic's RevisionMap._topological_sort. It begins at those of `heads` that are
// members, in ascending order; members that it cannot reach from there through members are left
// out. `above` = reversed all_down. Linear unless many branches meet in one fork, or the selection
// has gaps (somebody above one member and below another is none).
std::vector<int> branch_by_branch_order(const std::vector<char>& selection,
                                        const std::vector<int>& heads, const Adjacency& below,
                                        const Adjacency& above);

}  // namespace engine
