// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/arguments.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options/errors.hpp>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/positional_options.hpp>
#include <set>
#include <utility>

#include "engine/config/keys.h"
#include "engine/core/error.h"
#include "engine/core/spelling.h"

namespace engine {
namespace {

namespace po = boost::program_options;

constexpr const char* kPositional = "argument";

[[noreturn]] void refuse(std::string message) {
  throw Error(Reason::InvalidUsage, std::move(message));
}

// The options that a part of the command line knows. Who comes first gets the letter.
class KnownOptions {
 public:
  void add(const OptionInfo& option) {
    if (!names_.insert(option.name).second) return;
    const bool gets_letter = option.letter != '\0' && letters_.insert(option.letter).second;
    options_.push_back({&option, gets_letter});
  }

  po::options_description description() const {
    po::options_description result;
    for (const auto& [option, has_letter] : options_) {
      std::string name(option->name);
      if (has_letter) name += std::string(",") + option->letter;
      if (option->value.empty()) {
        result.add_options()(name.c_str(), "");
      } else {
        result.add_options()(name.c_str(), po::value<std::string>(), "");
      }
    }
    result.add_options()(kPositional, po::value<std::vector<std::string>>(), "");
    return result;
  }

  // The option that begins `word`, and whether its value is the word behind it.
  bool takes_next_word(std::string_view word) const {
    for (const auto& [option, has_letter] : options_) {
      if (option->value.empty()) continue;
      if (word == fmt::format("--{}", option->name)) return true;
      if (has_letter && word == fmt::format("-{}", option->letter)) return true;
    }
    return false;
  }

 private:
  std::vector<std::pair<const OptionInfo*, bool>> options_ = {};
  std::set<std::string_view> names_ = {};
  std::set<char> letters_ = {};
};

void add_own_options(KnownOptions& known) {
  for (const CommandInfo& command : command_table()) {
    for (const OptionInfo* option : options_of(command)) known.add(*option);
  }
}

KnownOptions options_before_command() {
  KnownOptions known;
  for (const OptionInfo& option : common_options()) known.add(option);
  add_own_options(known);
  return known;
}

// Other commands' options are known, too, to be refused by name.
KnownOptions options_behind(const CommandInfo& command) {
  KnownOptions known;
  for (const OptionInfo* option : options_of(command)) known.add(*option);
  for (const OptionInfo& option : common_options()) known.add(option);
  add_own_options(known);
  return known;
}

bool is_relative(std::string_view word) {
  return word.size() > 1 && word[0] == '-' &&
         word.find_first_not_of("0123456789", 1) == std::string_view::npos;
}

// `-1` is a target, not an option.
std::vector<po::option> relative_target(std::vector<std::string>& words) {
  if (!is_relative(words.front())) return {};
  po::option option;
  option.value.push_back(words.front());
  option.original_tokens.push_back(words.front());
  words.erase(words.begin());
  return {option};
}

// Where the command stands; words.size(): nowhere.
std::size_t find_command_word(const std::vector<std::string>& words) {
  const KnownOptions known = options_before_command();
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--") return std::min(i + 1, words.size());
    if (!words[i].starts_with('-') || words[i] == "-") return i;
    if (known.takes_next_word(words[i])) ++i;
  }
  return words.size();
}

// `-r=a:b` means `-ra:b`, as it does for Alembic.
bool has_equals_sign(const po::option& option, std::string_view value) {
  return option.original_tokens.size() == 1 && !option.original_tokens.front().starts_with("--") &&
         value.starts_with('=');
}

void sort_into(Arguments& arguments, const po::parsed_options& parsed) {
  for (const po::option& option : parsed.options) {
    if (option.string_key == kPositional || option.string_key.empty()) {
      arguments.positional.insert(arguments.positional.end(), option.value.begin(),
                                  option.value.end());
      continue;
    }
    const OptionInfo& info = *find_option(option.string_key);
    std::vector<std::string>& values = arguments.options[option.string_key];
    if (info.value.empty()) {
      values = {""};
      continue;
    }
    if (!values.empty() && !info.repeatable) {
      refuse(fmt::format("option --{} is given twice", info.name));
    }
    std::string value = option.value.empty() ? "" : option.value.front();
    if (has_equals_sign(option, value)) value.erase(0, 1);
    if (value.empty()) refuse(fmt::format("option --{} needs a value", info.name));
    if (option.original_tokens.size() > 1 && value.size() > 1 && value[0] == '-' &&
        !is_relative(value)) {
      refuse(
          fmt::format("option --{0} needs a value; one that begins with '-' is written --{0}={1}",
                      info.name, shown_value(value)));
    }
    values.push_back(value);
  }
}

// `command` null: the option stands before the command.
[[noreturn]] void refuse_unknown_option(const std::string& token, const CommandInfo* command) {
  // What stands behind the name may be a secret.
  const std::string name =
      token.starts_with("--") ? token.substr(0, token.find('=')) : token.substr(0, 2);
  std::vector<std::string_view> known = option_names();
  if (command != nullptr) {
    known.clear();
    for (const OptionInfo* option : options_of(*command)) known.push_back(option->name);
    for (const OptionInfo& option : common_options()) known.push_back(option.name);
  }
  std::vector<std::string> names;
  for (const std::string_view option : known) names.push_back(fmt::format("--{}", option));
  const std::string meant = did_you_mean(name, {names.begin(), names.end()});
  refuse(fmt::format("unknown option {}{}", name,
                     meant.empty() ? "; `stillhead help` lists the options" : meant));
}

void parse_part(Arguments& arguments, const KnownOptions& known,
                const std::vector<std::string>& words) {
  try {
    const po::options_description options = known.description();
    po::positional_options_description positional;
    positional.add(kPositional, -1);
    po::command_line_parser parser(words);
    parser.options(options).positional(positional).extra_style_parser(relative_target);
    // Abbreviated options would change their meaning whenever an option is added.
    parser.style(po::command_line_style::unix_style & ~po::command_line_style::allow_guessing);
    sort_into(arguments, parser.run());
  } catch (const po::unknown_option& e) {
    refuse_unknown_option(e.get_option_name(), arguments.command);
  } catch (const po::invalid_command_line_syntax& e) {
    const bool takes_none = e.kind() == po::invalid_syntax::extra_parameter;
    refuse(fmt::format("option {} {}", e.get_option_name(),
                       takes_none ? "takes no value" : "needs a value"));
  } catch (const po::error_with_option_name& e) {
    refuse(fmt::format("option {} cannot be understood", e.get_option_name()));
  } catch (const po::error&) {
    refuse("the arguments cannot be understood; `stillhead help` shows how they are written");
  }
}

void check_options(const CommandInfo& command, const Arguments& arguments) {
  const std::vector<const OptionInfo*> own = options_of(command);
  for (const auto& [name, values] : arguments.options) {
    const auto is_it = [&, wanted = std::string_view(name)](const OptionInfo& option) {
      return option.name == wanted;
    };
    if (std::ranges::any_of(common_options(), is_it)) continue;
    if (std::ranges::any_of(own, [&](const OptionInfo* option) { return is_it(*option); }))
      continue;
    refuse(fmt::format("`stillhead {}` takes no option --{}", command.name, name));
  }
}

bool takes_program(const CommandInfo& command) { return command.argument.starts_with("-- "); }

// Takes what stands behind "--" out of `words`: it is not ours, whatever it looks like.
std::vector<std::string> cut_program(std::vector<std::string>& words) {
  const auto mark = std::ranges::find(words, "--");
  if (mark == words.end()) return {};
  std::vector<std::string> program(mark + 1, words.end());
  words.erase(mark, words.end());
  return program;
}

void check_program(const CommandInfo& command, const Arguments& arguments,
                   const std::vector<std::string>& program) {
  if (arguments.positional.empty() && !program.empty() && !program.front().empty()) return;
  refuse(fmt::format("`stillhead {0}` needs a program behind `--`; for example `stillhead {0} {1}`",
                     command.name, command.example));
}

std::string_view kind_of_argument(std::string_view argument) {
  if (argument == "DIR") return "a folder";
  if (argument == "SHELL") return "a shell";
  return argument.starts_with("REVISION") ? "a revision" : "a target";
}

void check_positional(const CommandInfo& command, Arguments& arguments) {
  std::vector<std::string>& words = arguments.positional;
  const bool optional = command.argument.starts_with('[');
  const bool several = command.argument.find("...") != std::string_view::npos;
  const std::size_t most = command.argument.empty() ? 0 : several ? words.size() : 1;
  if (words.size() > most) {
    refuse(fmt::format("unexpected argument \"{}\" of `stillhead {}`", shown_value(words[most]),
                       command.name));
  }
  if (command.argument.empty() || optional) return;
  if (arguments.has("plan")) {
    if (words.empty()) return;
    refuse(fmt::format("--plan FILE says which target: leave \"{}\" out", shown_value(words[0])));
  }
  if (!words.empty() && std::ranges::none_of(words, &std::string::empty)) return;
  refuse(fmt::format("`stillhead {}` needs {} {}; for example `stillhead {} {}`", command.name,
                     kind_of_argument(command.argument), command.argument, command.name,
                     command.example));
}

}  // namespace

const CommandInfo& command_named(const std::string& name) {
  if (const CommandInfo* command = find_command(name)) return *command;
  const std::string meant = did_you_mean(name, command_names());
  refuse(fmt::format("unknown command \"{}\"{}", shown_value(name),
                     meant.empty() ? "; `stillhead help` lists the commands" : meant));
}

std::optional<std::string> Arguments::value(std::string_view option) const {
  const auto found = options.find(option);
  if (found == options.end() || found->second.empty()) return {};
  return found->second.front();
}

std::vector<std::string> Arguments::values(std::string_view option) const {
  const auto found = options.find(option);
  return found == options.end() ? std::vector<std::string>{} : found->second;
}

Arguments parse_arguments(const std::vector<std::string>& words) {
  Arguments arguments;
  const std::size_t at = find_command_word(words);
  const auto command_word = words.begin() + static_cast<std::ptrdiff_t>(at);
  std::vector<std::string> before(words.begin(), command_word);
  std::erase(before, "--");
  parse_part(arguments, options_before_command(), before);
  const bool only_asks = arguments.has("help") || arguments.has("version");
  if (at == words.size()) {
    if (only_asks) return arguments;
    refuse("no command is given; `stillhead help` lists the commands");
  }
  arguments.command = &command_named(*command_word);
  std::vector<std::string> behind(command_word + 1, words.end());
  std::vector<std::string> program;
  if (takes_program(*arguments.command)) program = cut_program(behind);
  parse_part(arguments, options_behind(*arguments.command), behind);
  if (only_asks || arguments.has("help") || arguments.has("version")) return arguments;
  if (takes_program(*arguments.command)) {
    check_program(*arguments.command, arguments, program);
    arguments.positional = std::move(program);
  } else {
    check_positional(*arguments.command, arguments);
  }
  check_options(*arguments.command, arguments);
  return arguments;
}

}  // namespace engine
