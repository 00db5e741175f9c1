// SPDX-License-Identifier: Apache-2.0
//
// What the header of a script says. The body is read only when the revision is to run.
#pragma once

#include <set>
#include <string>
#include <vector>

namespace engine {

using RevisionId = std::string;
using RevisionSet = std::set<RevisionId>;

enum class ScriptFormat { Sql, Yaml, Python };

struct Revision {
  RevisionId id = {};
  std::vector<RevisionId> down_revisions = {};  // parents as written; empty: a base
  std::vector<std::string> depends_on = {};     // ids or branch labels, as written
  std::vector<std::string> branch_labels = {};  // as written; the graph propagates them
  std::string message = {};                     // one line: the first paragraph of `doc`
  std::string doc = {};                         // all that the script says about itself
  std::string file = {};                        // path as given to read_scripts
  bool transactional = true;                    // false: `-- transactional: false`
  ScriptFormat format = ScriptFormat::Sql;
};

}  // namespace engine
