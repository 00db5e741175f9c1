// SPDX-License-Identifier: Apache-2.0
//
// When a name may stand without quotes. SQLAlchemy's rule, so that what we print is what Alembic
// prints: lower-case letters, digits, `_` and `$`, no digit or `$` first, and no reserved word.
#pragma once

#include <string_view>

#include "engine/sql/split.h"

namespace engine {

bool needs_quotes(std::string_view name, SqlFlavour);

}  // namespace engine
