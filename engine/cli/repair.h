// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/cli/commands.h"

namespace engine {

// `options.command` is Repair. Without --yes: shows what differs, writes nothing, and answers
// NotUpToDate when something does. With it: a row `repaired` in the history for each, under the
// lock. Throws Error.
Output repair(const Options&, const CommandContext&, RunReport&);

}  // namespace engine
