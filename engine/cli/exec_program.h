// SPDX-License-Identifier: Apache-2.0
//
// Becoming another program, as `stillhead exec` does.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/config/settings.h"

namespace engine {

// Why a program cannot be started, with the exit code of a shell that is asked to.
struct CannotExec {
  int exit_code = 0;  // 127: it is not there; 126: it is no program, or may not be run
  std::string message = {};
  std::string hint = {};
};

// What can be said before it is tried. `program`: a path, or a name that is looked for in PATH.
std::optional<CannotExec> check_program(const std::string& program, const Environment&);

// Replaces this process; `words` begin with the program. Returns only when that fails.
CannotExec exec_program(const std::vector<std::string>& words, const Environment&);

}  // namespace engine
