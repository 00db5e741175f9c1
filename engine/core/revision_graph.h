// SPDX-License-Identifier: Apache-2.0
//
// The history of a schema: a directed acyclic graph of revisions with several parents, branches and
// dependencies. If you hold one, it is acyclic and complete. Rules: Alembic's
// (alembic/script/revision.py), stated in docs/revisions.md.
//
// Words: a *parent* stands in down_revision; "below" and "above" follow parents and depends_on.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/core/revision.h"

namespace engine {

class RevisionGraph {
 public:
  RevisionGraph() = default;
  // `revisions` in load order, which settles order between independent revisions. Throws
  // Error(InvalidScripts) whose message lists every fault, one a line, with its file: duplicate
  // ids, missing parents and dependencies, labels used twice or equal to an id, loops and cycles.
  explicit RevisionGraph(std::vector<Revision> revisions);

  std::size_t size() const { return revisions_.size(); }
  const std::vector<Revision>& revisions() const { return revisions_; }  // in load order
  bool contains(std::string_view id) const;
  const Revision& at(std::string_view id) const;  // throws Error(Bug) when unknown
  // The revision that carries `label` in its header; empty: no such label.
  std::optional<RevisionId> labelled(std::string_view label) const;

  // Without a child by down_revision / without a child or dependent.
  RevisionSet heads() const;
  RevisionSet effective_heads() const;
  RevisionSet bases() const;
  bool is_head(std::string_view id) const;
  bool is_effective_head(std::string_view id) const;

  const std::vector<RevisionId>& children(std::string_view id) const;  // by down_revision
  // down_revision plus the dependencies that no ancestor by down_revision has already.
  const std::vector<RevisionId>& normalized_down(std::string_view id) const;
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
  // branch as long as possible (Alembic's order); the reverse is the order of a downgrade.
  std::vector<RevisionId> upgrade_order(const RevisionSet& selection) const;

 private:
  // Indices into revisions_; built once, never changed.
  struct Node {
    std::vector<int> parents, dependencies, normalized, children, dependents, labels;
  };
  std::vector<Revision> revisions_;
  std::vector<Node> nodes_;
};

}  // namespace engine
