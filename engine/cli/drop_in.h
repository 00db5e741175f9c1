// SPDX-License-Identifier: Apache-2.0
//
// Called by the name `alembic`, the program ends as Alembic does.
#pragma once

#include "engine/contract/report.h"

namespace engine {

inline constexpr int kAlembicRefused = 255;  // and "FAILED: ..." on standard output

// `understood`: the command line was; else it is argparse's 2. What Alembic meets as an exception
// that nobody catches is 1. A database that is ahead of the target is none of Alembic's business.
int alembic_exit_code(Reason, bool understood);

}  // namespace engine
