// SPDX-License-Identifier: Apache-2.0
//
// Pages for people, made from the tables of command_table.h.
#pragma once

#include <string>

#include "engine/cli/command_table.h"

namespace engine {

std::string overview_page();
std::string command_page(const CommandInfo&);
// All of it in roff, for man(1).
std::string manual_page();

}  // namespace engine
