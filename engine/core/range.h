// SPDX-License-Identifier: Apache-2.0
//
// Revisions between two ends, newest first: what `history` prints.
#pragma once

#include <string>
#include <vector>

#include "engine/core/lookup.h"
#include "engine/core/revision_graph.h"

namespace engine {

// One end: empty = base; else what people write for revisions (target.h), most often one.
using RangeEnd = std::vector<std::string>;

struct IterateOptions {
  bool inclusive = false;  // the lower end, too
  // Upgrade: all that `upper` needs and `lower` has not. Else what is above `lower` by
  // down_revision.
  bool implicit_base = false;
  bool select_for_downgrade = false;   // `upper` are rows, `lower` the target of a downgrade
  bool assert_relative_length = true;  // false: a relative end may stop at the end of the history
};

// Alembic's RevisionMap.iterate_revisions. Throws Error(InvalidTarget): no such revision, ends that
// are not above each other, several revisions of one end that are; Error(MultipleHeads).
std::vector<RevisionId> iterate(const RevisionGraph&, const RangeEnd& upper, const RangeEnd& lower,
                                const IterateOptions& options,
                                const Wording& wording = {Wording::Layer::Library, {}, {}});

// Alembic's ScriptDirectory.walk_revisions: both ends inclusive, empty = base and heads. An end may
// be several ids, the rows of a version table. Throws what iterate throws, in the commands' words.
std::vector<RevisionId> history_range(const RevisionGraph&, const RangeEnd& base,
                                      const RangeEnd& head);

}  // namespace engine
