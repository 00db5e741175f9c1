// SPDX-License-Identifier: Apache-2.0
//
// Commands that make or open files: revision, merge, init, edit, list-templates.
#pragma once

#include "engine/cli/commands.h"

namespace engine {

// `options.command` is MakeRevision. The script is written whole or not at all; then the hooks run.
// Throws Error.
Output make_revision(const Options&, const CommandContext&, RunReport&);

// `options.command` is Init. Nothing is made when something is in the way. Throws Error.
Output init(const Options&, const CommandContext&, RunReport&);

// Waits for the editor. Throws Error.
void edit(const RevisionGraph&, const std::string& symbol, const std::vector<RevisionId>& revisions,
          const CommandContext&);

Output list_templates(const Options&, RunReport&);

}  // namespace engine
