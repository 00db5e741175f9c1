// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/cli/commands.h"

namespace engine {

// `history --applied`: the rows of the history table, newest first. Reads no scripts. Throws Error.
Output show_applied(const Options&, const CommandContext&, RunReport&);

}  // namespace engine
