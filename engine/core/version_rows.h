// SPDX-License-Identifier: Apache-2.0
//
// How steps change the rows of the version table. Rules: Alembic's HeadMaintainer
// (alembic/runtime/migration.py), stated in docs/revisions.md.
#pragma once

#include <vector>

#include "engine/core/revision_graph.h"

namespace engine {

enum class Direction { Up, Down };

// One change of the version table. Insert: `from` empty. Delete: `to` empty. Else an update.
struct RowChange {
  RevisionId from = {};
  RevisionId to = {};
  friend bool operator==(const RowChange&, const RowChange&) = default;
};

// A move of rows without any script: `from` empty = a new row, `to` empty = a row less.
struct StampStep {
  std::vector<RevisionId> from = {};
  std::vector<RevisionId> to = {};
  Direction direction = Direction::Up;
  bool branch_move = false;          // a row appears or vanishes, none moves along
  std::vector<RowChange> rows = {};  // in the order in which they are to be executed
  friend bool operator==(const StampStep&, const StampStep&) = default;
};

// The rows of the version table while revisions are played through. Rows are the maximal applied
// revisions: a revision is one as long as nothing applied stands directly on it. A step takes time
// in what stands directly below it. Keeps a reference to the graph.
class VersionRows {
 public:
  // `rows` and all below them are applied.
  VersionRows(const RevisionGraph&, const RevisionSet& rows);

  std::vector<RowChange> up(int revision);    // not applied, all below it is
  std::vector<RowChange> down(int revision);  // applied, nothing above it is
  RevisionSet rows() const { return graph_.ids(is_row_); }

 private:
  const RevisionId& id(int position) const;
  void count_users(int revision, int change);

  const RevisionGraph& graph_;
  RevisionGraph::Mask is_row_;
  std::vector<int> users_;  // applied revisions directly above
};

// What one step of `stamp` does to `rows`; step.rows is not looked at. Throws
// Error(InvalidTarget) naming the row when a change finds none, or one that is there already.
std::vector<RowChange> row_changes(const RevisionSet& rows, const StampStep& step);

// `rows` after `changes`. Throws what row_changes throws.
RevisionSet with_changes(RevisionSet rows, const std::vector<RowChange>& changes);

}  // namespace engine
