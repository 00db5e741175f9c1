// SPDX-License-Identifier: Apache-2.0
//
// Which Python runs a project's scripts.
#pragma once

#include <string>

#include "engine/config/settings.h"

namespace engine {

struct Interpreter {
  std::string path = {};
  std::string origin = {};  // "python: of stillhead.yaml:3", "VIRTUAL_ENV", "alembic in PATH" ...
};

// The first of: the setting `python`; the virtual environment that is active (VIRTUAL_ENV); the
// interpreter in the first line of the program `alembic` in PATH; `.venv` in the working folder;
// `python3` in PATH. Throws Error(InvalidUsage) where there is none.
Interpreter find_interpreter(const Settings&, const Environment&);

}  // namespace engine
