// SPDX-License-Identifier: Apache-2.0
//
// Every command and every option, as data: the parser, the help pages, the manual, the completion
// and "did you mean" are made from these two tables. Manual: docs/cli.md.
#pragma once

#include <span>
#include <string_view>
#include <vector>

namespace engine {

struct OptionInfo {
  std::string_view name = {};      // long, without dashes
  char letter = '\0';              // '\0': none
  std::string_view value = {};     // "URL", "DIR" ...; empty: a switch
  std::string_view help = {};      // one line
  std::string_view variable = {};  // environment; empty: none
  bool repeatable = false;
};

struct CommandInfo {
  std::string_view name = {};
  // "TARGET", "[COMMAND]" optional, "REVISION..." one or more, "-- CMD..." another program's words
  std::string_view argument = {};
  std::string_view example = {};  // of the argument
  std::string_view options = {};  // its own ones by long name, separated by a space
  std::string_view summary = {};  // one line
  std::string_view details = {};  // the rest of its help page
};

std::span<const CommandInfo> command_table();
// `_` and `-` are the same. Null: no such command.
const CommandInfo* find_command(std::string_view name);
std::vector<std::string_view> command_names();

std::span<const OptionInfo> common_options();  // every command takes them
// Its own ones, in the order of CommandInfo::options.
std::vector<const OptionInfo*> options_of(const CommandInfo&);
const OptionInfo* find_option(std::string_view name);  // null: no such option
// Every long name, once.
std::vector<std::string_view> option_names();

}  // namespace engine
