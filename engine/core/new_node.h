// SPDX-License-Identifier: Apache-2.0
//
// What a new revision stands on: what `revision` and `merge` decide before they write anything.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/core/revision_graph.h"

namespace engine {

struct NewNodeRequest {
  RevisionId id = {};                         // --rev-id, or random_revision_id()
  std::vector<std::string> heads = {"head"};  // targets: --head, or what `merge` is given
  bool splice = false;                        // a head may have children already
  std::vector<std::string> branch_labels = {};
  std::vector<std::string> depends_on = {};  // targets and labels
};

struct NewNode {
  RevisionId id = {};
  std::vector<RevisionId> down_revisions = {};  // empty: a new base
  std::vector<std::string> depends_on = {};     // labels as given, all else as whole ids
  std::vector<std::string> branch_labels = {};
};

// The graph stays valid with the result. Throws Error, with Alembic's words where it has any:
// InvalidUsage (characters of the id or of a label, an id or label that is there already, a head
// that is none, a head twice), InvalidTarget, MultipleHeads.
NewNode plan_new_node(const RevisionGraph&, const NewNodeRequest&);

// Twelve hexadecimal digits, of the lower 48 bits.
RevisionId random_revision_id(std::uint64_t random);

}  // namespace engine
