// SPDX-License-Identifier: Apache-2.0
//
// The commands and their help pages: one table, from which options.cc takes what a command accepts.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace engine {

struct CommandInfo {
  std::string_view name = {};
  std::string_view argument = {};  // "TARGET", "DIR"; empty: takes none
  std::string_view example = {};   // of the argument
  std::string_view options = {};   // its own ones by long name, separated by a space
  std::string_view summary = {};   // one line
  std::string_view details = {};   // the rest of its help page
};

std::span<const CommandInfo> command_table();
const CommandInfo* find_command(std::string_view name);  // null: no such command

std::string overview_page();
std::string command_page(const CommandInfo&);

}  // namespace engine
