// SPDX-License-Identifier: Apache-2.0
//
// The words of a command line, sorted: which command, which options, which arguments. What they
// mean is options.h's business.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/cli/command_table.h"

namespace engine {

struct Arguments {
  const CommandInfo* command = nullptr;  // null: none is given
  // Long name -> values as given, in order; a switch has one empty value.
  std::map<std::string, std::vector<std::string>, std::less<>> options = {};
  std::vector<std::string> positional = {};  // without the command; another program's words

  bool has(std::string_view option) const { return options.contains(option); }
  // The one value of an option; empty: not given.
  std::optional<std::string> value(std::string_view option) const;
  std::vector<std::string> values(std::string_view option) const;
};

// `words` without the program's name. Options may stand before and behind the command; behind it a
// letter means the command's own option first. `-1` is an argument. Throws Error(InvalidUsage) for
// unknown commands and options, missing or superfluous values and arguments, options given twice.
// `--help` and `--version` excuse missing arguments.
Arguments parse_arguments(const std::vector<std::string>& words);

// Throws Error(InvalidUsage) with the nearest names.
const CommandInfo& command_named(const std::string& name);

}  // namespace engine
