// SPDX-License-Identifier: Apache-2.0
//
// `doctor`: looks at a project, its Python and its database, and changes nothing (docs/doctor.md).
#pragma once

#include "engine/cli/commands.h"

namespace engine {

// Output::reason is InvalidScripts where a run would fail. Throws Error where the scripts cannot be
// read.
Output doctor(const Options&, const CommandContext&, RunReport&);

}  // namespace engine
