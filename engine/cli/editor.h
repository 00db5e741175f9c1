// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "engine/cli/options.h"
#include "engine/core/revision_graph.h"

namespace engine {

// The scripts that `edit SYMBOL` opens, where SYMBOL stands for `revisions`. Throws
// Error(InvalidTarget) when there is none: "No current revisions", "No revision files indicated by
// symbol 'S'".
std::vector<std::string> files_to_edit(const RevisionGraph&, const std::string& symbol,
                                       const std::vector<RevisionId>& revisions);

// Opens the file in $EDITOR, $VISUAL, sensible-editor, editor, nano, vim or code, the first that is
// there, and waits for its end. Throws Error(InvalidUsage) "Error executing editor (...)".
void open_in_editor(const std::string& file, const Environment&);

}  // namespace engine
