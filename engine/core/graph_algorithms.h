// SPDX-License-Identifier: Apache-2.0
//
// What RevisionGraph needs to know about directed graphs. Nodes are 0 .. n-1, `adjacency[i]` lists
// where i points to; nothing here knows revisions. All take time linear in the graph unless said
// otherwise.
#pragma once

#include <optional>
#include <vector>

namespace engine {

using Adjacency = std::vector<std::vector<int>>;

// Each node's place in an order in which it comes after all it points to; empty: there is a cycle.
std::optional<std::vector<int>> topological_ranks(const Adjacency&);

// The sets of two or more nodes that reach each other.
std::vector<std::vector<int>> cycles(const Adjacency&);

// All that can be reached from the members of `start` (not 0), which are included.
std::vector<char> reachable(const std::vector<char>& start, const Adjacency&);

// Who points to i, ascending.
Adjacency reversed(const Adjacency&);

// `dependencies` without those that a node reachable along `parents` lists too; each list
// ascending. `all_down` = both, acyclic.
Adjacency without_inherited(const Adjacency& dependencies, const Adjacency& parents,
                            const Adjacency& all_down);

// Members of `selection`, above before below, following one branch down to its fork before the next
// is begun: Alembic's RevisionMap._topological_sort. It begins at those of `heads` that are members,
// in ascending order; members that it cannot reach from there through members are left out. `above`
// = reversed all_down. Linear unless many branches meet in one fork, or the selection has gaps
// (somebody above one member and below another is none).
std::vector<int> branch_by_branch_order(const std::vector<char>& selection,
                                        const std::vector<int>& heads, const Adjacency& below,
                                        const Adjacency& above);

}  // namespace engine
