// SPDX-License-Identifier: Apache-2.0
//
// The history of a schema: a directed acyclic graph of revisions with several parents, branches and
// dependencies. If you hold one, it is acyclic and complete. Rules: Alembic's
// (alembic/script/revision.py), stated in docs/revisions.md.
//
// Words: a *parent* stands in down_revision; "below" and "above" follow parents and depends_on.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/core/graph_algorithms.h"
#include "engine/core/revision.h"

namespace engine {

class RevisionGraph {
 public:
  RevisionGraph() = default;
  // `revisions` in load order, which settles order between independent revisions. Throws
  // Error(InvalidScripts) whose message lists every fault, one a line, with its file: duplicate
  // ids, ids with a character that targets are written with (@ - + :), missing parents and
  // dependencies, labels used twice or equal to an id, loops and cycles.
  explicit RevisionGraph(std::vector<Revision> revisions);

  std::size_t size() const { return revisions_.size(); }
  const std::vector<Revision>& revisions() const { return revisions_; }  // in load order
  bool contains(std::string_view id) const;
  const Revision& at(std::string_view id) const;  // throws Error(Bug) when unknown
  // The revision that carries `label` in its header; empty: no such label.
  std::optional<RevisionId> labelled(std::string_view label) const;
  // Ids and labels share one space of names. Those of four or more bytes that begin with `prefix`,
  // ids first, each part in alphabetical order.
  struct Key {
    std::string_view name = {};  // as long as the graph lives
    int position = 0;
  };
  std::vector<Key> keys_starting_with(std::string_view prefix) const;

  // Without a child by down_revision / without a child or dependent.
  RevisionSet heads() const;
  RevisionSet effective_heads() const;
  RevisionSet bases() const;
  bool is_head(std::string_view id) const;
  bool is_effective_head(std::string_view id) const;

  std::vector<RevisionId> children(std::string_view id) const;  // by down_revision, in load order
  // down_revision plus the dependencies that no ancestor by down_revision has already.
  std::vector<RevisionId> normalized_down(std::string_view id) const;
  // Sorted; own labels and those inherited along the line.
  std::vector<std::string> labels(std::string_view id) const;

  // Both inclusive, following dependencies too.
  RevisionSet with_ancestors(const RevisionSet& ids) const;
  RevisionSet with_descendants(const RevisionSet& ids) const;
  // Those of `ids` that are not below another of them: what the version table holds.
  RevisionSet maximal(const RevisionSet& ids) const;
  // True when one is the other's ancestor along down_revision, or they are equal.
  bool share_lineage(std::string_view a, std::string_view b) const;

  // `selection` in the order in which it is to be upgraded: parents and dependencies first, along a
  // branch as long as possible (Alembic's order); the reverse is the order of a downgrade. What
  // lies between two members must be a member.
  std::vector<RevisionId> upgrade_order(const RevisionSet& selection) const;

  // The same history by position in revisions(), for algorithms that look at all of it.
  using Positions = std::vector<int>;
  using Mask = std::vector<char>;  // size() entries, not 0: a member
  enum class Edges {
    Parents,   // down_revision
    Children,  // the reverse
    Below,     // normalized_down
    Above,     // children and dependents
  };
  std::optional<int> position(std::string_view id) const;  // empty: unknown
  std::span<const int> edges(Edges kind, int position) const {
    return adjacency(kind)[static_cast<std::size_t>(position)];
  }
  std::optional<int> label_position(std::string_view label) const;
  // heads(), effective_heads(), bases() in load order.
  const Positions& head_positions() const { return heads_; }
  const Positions& effective_head_positions() const { return effective_heads_; }
  const Positions& base_positions() const { return bases_; }
  Positions positions(const RevisionSet& ids) const;  // throws Error(Bug) when one is unknown
  RevisionSet ids(const Mask& members) const;
  // All that can be reached from `start` along `kind`, `start` included.
  Mask reach(const Positions& start, Edges kind) const;
  Positions upgrade_order(const Mask& selection) const;
  // Newest first, from those of `heads` that are members: the order of a downgrade or of a listing.
  // Of a selection with gaps only what can be reached from `heads` through members is in it.
  Positions downgrade_order(const Mask& selection, const Positions& heads) const;

 private:
  struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const {
      return std::hash<std::string_view>{}(name);
    }
  };
  using Names = std::unordered_map<std::string, int, NameHash, std::equal_to<>>;
  void index_names(std::vector<std::string>& faults);
  Adjacency resolve_parents(std::vector<std::string>& faults) const;
  Adjacency resolve_dependencies(std::vector<std::string>& faults) const;
  const Adjacency& adjacency(Edges kind) const { return edges_[static_cast<std::size_t>(kind)]; }
  std::size_t slot_of(std::string_view id) const;
  void sort_ids();
  void check_ids(std::vector<std::string>& faults) const;
  void build_edges(Adjacency parents, const Adjacency& dependencies);
  std::vector<RevisionId> names(Edges kind, std::string_view id) const;
  RevisionSet ids_of(const Positions& members) const;
  int require(std::string_view id) const;

  std::vector<Revision> revisions_ = {};
  // Hash table with open addressing; no names in it, so that a copy of the graph stands alone.
  static constexpr int kFree = -1;
  std::vector<int> slots_ = {};
  Names labels_ = {};
  std::array<Adjacency, 4> edges_ = {};
  Positions by_id_ = {};  // sorted by id
  Positions heads_ = {};
  Positions effective_heads_ = {};
  Positions bases_ = {};
};

}  // namespace engine
