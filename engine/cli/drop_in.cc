// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/drop_in.h"

namespace engine {

int alembic_exit_code(Reason reason, bool understood) {
  if (reason != Reason::Succeeded && !understood) return exit_code_of(Reason::InvalidUsage);
  switch (reason) {
    case Reason::Succeeded:
    case Reason::DatabaseAhead:
      return 0;
    case Reason::InvalidUsage:
    case Reason::InvalidTarget:
    case Reason::MultipleHeads:
    case Reason::InvalidScripts:
    case Reason::UnknownRevision:
    case Reason::VersionConflict:
    case Reason::IrreversibleRevision:
    case Reason::NotUpToDate:
      return kAlembicRefused;
    default:
      return 1;
  }
}

}  // namespace engine
