// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/completion.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/cli/command_table.h"
#include "engine/core/error.h"

namespace engine {
namespace {

// Bash usually breaks words at ':', '@' and '=' too, and then replaces only what stands behind the
// last of them.
constexpr std::string_view kBash = R"sh(# bash completion for stillhead
_stillhead() {
  local line=${COMP_LINE:0:COMP_POINT} words word found breaks=${COMP_WORDBREAKS//[^:@=]/}
  read -ra words <<<"$line"
  if [[ $line == *' ' ]]; then words+=(''); fi
  word=${words[-1]}
  found=$(stillhead __complete "${words[@]:1}" 2>/dev/null)
  mapfile -t COMPREPLY < <(compgen -W "$found" -- "$word")
  if [[ -n $breaks ]]; then COMPREPLY=("${COMPREPLY[@]#"${word%"${word##*["$breaks"]}"}"}"); fi
}
complete -o default -F _stillhead stillhead
)sh";

constexpr std::string_view kZsh = R"sh(#compdef stillhead
_stillhead() {
  local -a found
  found=("${(@f)$(stillhead __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n $found ]]; then compadd -a found; else _files; fi
}
if [[ $funcstack[1] == _stillhead ]]; then _stillhead "$@"; else compdef _stillhead stillhead; fi
)sh";

constexpr std::string_view kFish = R"sh(# fish completion for stillhead
function __stillhead_complete
  set -l words (commandline -opc) (commandline -ct)
  stillhead __complete $words[2..-1] 2>/dev/null
end
complete -c stillhead -a '(__stillhead_complete)'
)sh";

void add_choices(std::string_view choices, std::vector<std::string>& words) {
  while (!choices.empty()) {
    const std::string_view choice = choices.substr(0, choices.find('|'));
    words.emplace_back(choice);
    choices.remove_prefix(std::min(choices.size(), choice.size() + 1));
  }
}

void add_targets(const RevisionGraph& graph, std::vector<std::string>& words) {
  words.insert(words.end(), {"heads", "head", "base"});
  for (const Revision& revision : graph.revisions()) {
    words.push_back(revision.id);
    for (const std::string& label : revision.branch_labels) words.push_back(label + "@head");
  }
}

bool names_revision(std::string_view value) {
  return value.starts_with("REVISION") || value.starts_with("[REVISION") || value == "TARGET" ||
         value == "FROM:TO";
}

// `typed`: what there is of the word; behind "a1:" the other end of a range is offered.
void add_value(std::string_view value, std::string_view typed, const RevisionGraph& graph,
               std::vector<std::string>& words) {
  if (names_revision(value)) {
    add_targets(graph, words);
    const std::string_view from = typed.substr(0, typed.find(':') + 1);
    for (std::string& word : words) word.insert(0, from);
  }
  if (value == "SHELL") add_choices("bash|zsh|fish", words);
  if (value.find('|') != std::string_view::npos) add_choices(value, words);
  if (value == "[COMMAND]") {
    for (const std::string_view name : command_names()) words.emplace_back(name);
    words.emplace_back("scripts");
  }
}

// The option whose value the next word is; null: none.
const OptionInfo* waits_for_value(const CommandInfo* command, std::string_view word) {
  std::vector<const OptionInfo*> options;
  if (command != nullptr) options = options_of(*command);
  for (const OptionInfo& option : common_options()) options.push_back(&option);
  const auto found = std::ranges::find_if(options, [&](const OptionInfo* option) {
    return !option->value.empty() && (word == fmt::format("--{}", option->name) ||
                                      word == fmt::format("-{}", option->letter));
  });
  return found == options.end() ? nullptr : *found;
}

}  // namespace

std::string completion_script(std::string_view shell) {
  if (shell == "bash") return std::string(kBash);
  if (shell == "zsh") return std::string(kZsh);
  if (shell == "fish") return std::string(kFish);
  throw Error(Reason::InvalidUsage, fmt::format("no completion for the shell \"{}\"", shell),
              "say bash, zsh or fish");
}

std::vector<std::string> complete(const std::vector<std::string>& words,
                                  const RevisionGraph& graph) {
  std::vector<std::string> found;
  const CommandInfo* command = nullptr;
  const OptionInfo* waiting = nullptr;
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    const bool is_value = waiting != nullptr;
    waiting = is_value ? nullptr : waits_for_value(command, words[i]);
    if (!is_value && command == nullptr && !words[i].starts_with('-')) {
      command = find_command(words[i]);
    }
  }
  const std::string_view typed = words.empty() ? std::string_view() : words.back();
  if (waiting != nullptr) {
    add_value(waiting->value, typed, graph, found);
    return found;
  }
  const std::size_t equals = typed.starts_with("--") ? typed.find('=') : std::string_view::npos;
  if (const OptionInfo* option = equals == std::string_view::npos
                                     ? nullptr
                                     : waits_for_value(command, typed.substr(0, equals))) {
    add_value(option->value, typed.substr(equals + 1), graph, found);
    for (std::string& word : found) word.insert(0, typed.substr(0, equals + 1));
    return found;
  }
  if (typed.starts_with('-')) {
    if (command != nullptr) {
      for (const OptionInfo* option : options_of(*command)) {
        found.push_back(fmt::format("--{}", option->name));
      }
    }
    for (const OptionInfo& option : common_options()) {
      found.push_back(fmt::format("--{}", option.name));
    }
    return found;
  }
  if (command == nullptr) {
    for (const std::string_view name : command_names()) found.emplace_back(name);
  } else {
    add_value(command->argument, typed, graph, found);
  }
  return found;
}

}  // namespace engine
