// SPDX-License-Identifier: Apache-2.0
//
// What a shell offers while somebody types. The scripts ask the program itself, with
// `stillhead __complete WORD...`, so that they never have to be made anew.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/core/revision_graph.h"

namespace engine {

inline constexpr std::string_view kCompleteCommand = "__complete";

// For bash, zsh or fish. Throws Error(InvalidUsage) for other shells.
std::string completion_script(std::string_view shell);

// What may stand in the place of the last of `words` (which may be empty): commands, options, their
// choices, targets. Empty: the shell's own file names.
std::vector<std::string> complete(const std::vector<std::string>& words, const RevisionGraph&);

}  // namespace engine
