// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "engine/script/status.h"

namespace engine {

using Say = std::function<void(const std::string&)>;  // prints and flushes

// Says "WHAT ..." when it begins, and "  done\n" or "  FAILED\n" when `action` has ended, as
// Alembic does. What `action` throws goes on.
void say_status(const Say&, const std::string& what, const std::function<void()>& action);

// The same for whoever makes files.
Status status_lines(Say);

}  // namespace engine
