// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/program_options/errors.hpp>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/positional_options.hpp>
#include <charconv>
#include <optional>

#include "engine/cli/help.h"
#include "engine/core/error.h"
#include "engine/core/spelling.h"

namespace engine {
namespace {

namespace po = boost::program_options;

constexpr const char* kPositional = "argument";
// With one of these set, an empty URL means a database (parse_database_url).
constexpr std::array kLibpqVariables = {"PGHOST", "PGHOSTADDR", "PGSERVICE", "PGDATABASE"};
// The longest wait that makes sense to anybody; keeps sums far from overflow.
constexpr std::chrono::milliseconds kLongestDuration = std::chrono::hours{24 * 365};

[[noreturn]] void refuse(std::string message) {
  throw Error(Reason::InvalidUsage, std::move(message));
}

// An argument as it may be shown: what looks like a URL or a libpq string may hold a password.
std::string shown(std::string_view argument) {
  for (const std::string_view mark : {"://", "="}) {
    const std::size_t at = argument.find(mark);
    if (at != std::string_view::npos) {
      return std::string(argument.substr(0, at + mark.size())) + "...";
    }
  }
  return std::string(argument);
}

// --- tokens --------------------------------------------------------------------------------------

po::options_description all_options() {
  po::options_description options;
  const auto value = [] { return po::value<std::string>(); };
  options.add_options()                                                           //
      ("script-location", value(), "")("database-url,d", value(), "")             //
      ("database-url-file", value(), "")("version-table", value(), "")            //
      ("version-table-schema", value(), "")("lock-wait", value(), "")             //
      ("connect-timeout", value(), "")("scripts-sha256", value(), "")             //
      ("report", value(), "")("report-limit", value(), "")("owner", value(), "")  //
      ("attempt", value(), "")("run-id", value(), "")("log-format", value(), "")  //
      ("report-without-data", "")("json", "")("quiet,q", "")("no-color", "")("help,h", "")(
          "version", "")                                                     //
      ("verbose,v", "")("indicate-current,i", "")("downgrade", value(), "")  //
      (kPositional, po::value<std::vector<std::string>>(), "");
  return options;
}

// Options that belong to the commands whose CommandInfo names them.
constexpr std::string_view kCommandOptions[] = {"verbose", "indicate-current", "downgrade"};

std::vector<std::string> option_names() {
  std::vector<std::string> names;
  const po::options_description known = all_options();
  for (const auto& option : known.options()) {
    if (option->long_name() != kPositional) names.push_back("--" + option->long_name());
  }
  return names;
}

// `-1` is a target, not an option.
std::vector<po::option> relative_target(std::vector<std::string>& arguments) {
  const std::string& token = arguments.front();
  if (token.size() < 2 || token[0] != '-' ||
      token.find_first_not_of("0123456789", 1) != std::string::npos) {
    return {};
  }
  po::option option;
  option.value.push_back(token);
  option.original_tokens.push_back(token);
  arguments.erase(arguments.begin());
  return {option};
}

struct Tokens {
  std::map<std::string, std::string> flags = {};  // long name -> value, "" for a switch
  std::vector<std::string> positional = {};
};

Tokens sort_out(const po::parsed_options& parsed) {
  Tokens tokens;
  for (const po::option& option : parsed.options) {
    if (option.string_key == kPositional || option.string_key.empty()) {
      tokens.positional.insert(tokens.positional.end(), option.value.begin(), option.value.end());
      continue;
    }
    const std::string value = option.value.empty() ? std::string() : option.value.front();
    const bool is_new = tokens.flags.emplace(option.string_key, value).second;
    if (!is_new && !option.value.empty()) {
      refuse(fmt::format("option --{} is given twice", option.string_key));
    }
  }
  return tokens;
}

po::parsed_options run_parser(const std::vector<std::string>& arguments) {
  const po::options_description options = all_options();
  po::positional_options_description positional;
  positional.add(kPositional, -1);
  po::command_line_parser parser(arguments);
  parser.options(options).positional(positional).extra_style_parser(relative_target);
  // Abbreviated options would change their meaning whenever an option is added.
  parser.style(po::command_line_style::unix_style & ~po::command_line_style::allow_guessing);
  return parser.run();
}

[[noreturn]] void refuse_unknown_option(const std::string& token) {
  const std::string name = token.substr(0, token.find('='));
  const std::vector<std::string> names = option_names();
  const std::string meant = did_you_mean(name, {names.begin(), names.end()});
  refuse(fmt::format("unknown option {}{}", name,
                     meant.empty() ? "; `stillhead help` lists the options" : meant));
}

Tokens tokenize(const std::vector<std::string>& arguments) {
  try {
    return sort_out(run_parser(arguments));
  } catch (const po::unknown_option& e) {
    refuse_unknown_option(e.get_option_name());
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

// --- values --------------------------------------------------------------------------------------

struct Setting {
  std::string value = {};
  std::string name = {};  // of the flag or of the environment variable
};

class Settings {
 public:
  Settings(const Tokens& tokens, const Environment& environment)
      : tokens_(tokens), environment_(environment) {}

  bool has(const std::string& flag) const { return tokens_.flags.contains(flag); }

  std::optional<Setting> flag(const std::string& name) const {
    const auto found = tokens_.flags.find(name);
    if (found == tokens_.flags.end()) return {};
    if (found->second.empty()) refuse(fmt::format("option --{} needs a value", name));
    return Setting{found->second, "--" + name};
  }

  // A variable that is set but empty counts as not set.
  std::optional<Setting> variable(const std::string& name) const {
    const auto found = environment_.find(name);
    if (found == environment_.end() || found->second.empty()) return {};
    return Setting{found->second, name};
  }

  // The flag, else its variable STILLHEAD_<NAME>.
  std::optional<Setting> find(const std::string& name) const {
    if (auto setting = flag(name)) return setting;
    std::string upper = "STILLHEAD_" + name;
    std::ranges::transform(upper, upper.begin(), [](char c) {
      return c == '-' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    return variable(upper);
  }

 private:
  const Tokens& tokens_;
  const Environment& environment_;
};

std::string hex_digits(const Setting& setting, std::size_t count) {
  std::string value = setting.value;
  std::ranges::transform(value, value.begin(), [](char c) {
    return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  if (value.size() != count || value.find_first_not_of("0123456789abcdef") != std::string::npos) {
    refuse(fmt::format("{} takes {} hexadecimal digits, not \"{}\"", setting.name, count,
                       shown(setting.value)));
  }
  return value;
}

template <typename Number>
Number positive_number(const Setting& setting) {
  Number number = 0;
  const char* end = setting.value.data() + setting.value.size();
  const auto [stopped, error] = std::from_chars(setting.value.data(), end, number);
  if (error != std::errc{} || stopped != end || number < 1) {
    refuse(fmt::format("{} takes a number from 1, not \"{}\"", setting.name, shown(setting.value)));
  }
  return number;
}

template <typename Value>
Value one_of(const Setting& setting, std::string_view first, Value first_value,
             std::string_view second, Value second_value) {
  if (setting.value == first) return first_value;
  if (setting.value == second) return second_value;
  refuse(fmt::format("{} takes `{}` or `{}`, not \"{}\"", setting.name, first, second,
                     shown(setting.value)));
}

ReportOptions read_report_options(const Settings& settings) {
  ReportOptions report;
  report.json = settings.has("json");
  report.without_data = settings.has("report-without-data");
  if (const auto file = settings.find("report")) report.file = file->value;
  if (const auto limit = settings.find("report-limit")) {
    report.limit = positive_number<std::size_t>(*limit);
  }
  return report;
}

void read_database_url(const Settings& settings, Options& options) {
  const auto url = settings.flag("database-url");
  const auto file = settings.flag("database-url-file");
  if (url && file) refuse("--database-url and --database-url-file are both given; use one of them");
  if (url) {
    options.database_url = url->value;
  } else if (file) {
    options.database_url_file = file->value;
  } else if (const auto own = settings.variable("STILLHEAD_DATABASE_URL")) {
    options.database_url = own->value;
  } else if (const auto own_file = settings.variable("STILLHEAD_DATABASE_URL_FILE")) {
    options.database_url_file = own_file->value;
  } else if (const auto common = settings.variable("DATABASE_URL")) {
    options.database_url = common->value;
  } else {
    options.libpq_environment = std::ranges::any_of(
        kLibpqVariables, [&](const char* name) { return settings.variable(name).has_value(); });
  }
}

void read_database_options(const Settings& settings, Options& options) {
  read_database_url(settings, options);
  if (const auto table = settings.find("version-table")) options.version_table.name = table->value;
  if (const auto schema = settings.find("version-table-schema")) {
    options.version_table.schema = schema->value;
  }
  if (const auto wait = settings.find("lock-wait")) {
    options.lock_wait = parse_duration(wait->value, wait->name);
  }
  if (const auto timeout = settings.find("connect-timeout")) {
    options.connect_timeout = parse_duration(timeout->value, timeout->name);
    if (options.connect_timeout.count() == 0) {
      refuse(fmt::format("{} must be longer than 0", timeout->name));
    }
  }
}

Options read_options(const Settings& settings) {
  Options options;
  options.report = read_report_options(settings);
  read_database_options(settings, options);
  if (const auto location = settings.find("script-location")) {
    options.script_location = location->value;
  }
  if (const auto digest = settings.find("scripts-sha256")) {
    options.scripts_sha256 = hex_digits(*digest, 64);
  }
  if (const auto owner = settings.find("owner")) options.owner = owner->value;
  if (const auto attempt = settings.find("attempt")) {
    options.attempt = positive_number<int>(*attempt);
  }
  if (const auto run_id = settings.find("run-id")) options.run_id = hex_digits(*run_id, 16);
  if (const auto format = settings.find("log-format")) {
    options.log_format = one_of(*format, "text", LogFormat::Text, "json", LogFormat::Json);
  }
  options.quiet = settings.has("quiet");
  options.color = !settings.has("no-color") && !settings.variable("NO_COLOR");
  return options;
}

// --- commands ------------------------------------------------------------------------------------

const CommandInfo& command_named(const std::string& name) {
  if (const CommandInfo* command = find_command(name)) return *command;
  std::vector<std::string_view> names;
  for (const CommandInfo& command : command_table()) names.push_back(command.name);
  const std::string meant = did_you_mean(name, names);
  refuse(fmt::format("unknown command \"{}\"{}", shown(name),
                     meant.empty() ? "; `stillhead help` lists the commands" : meant));
}

void check_command_options(const CommandInfo& command, const Settings& settings) {
  for (const std::string_view option : kCommandOptions) {
    if (settings.has(std::string(option)) &&
        command.options.find(option) == std::string_view::npos) {
      refuse(fmt::format("`stillhead {}` takes no option --{}", command.name, option));
    }
  }
}

// The command's one argument, or "" for a command without one.
std::string argument_of(const CommandInfo& command, const std::vector<std::string>& positional) {
  const std::size_t allowed = command.argument.empty() ? 1 : 2;
  if (positional.size() > allowed) {
    refuse(fmt::format("unexpected argument \"{}\" of `stillhead {}`", shown(positional[allowed]),
                       command.name));
  }
  if (positional.size() == 2 && !positional[1].empty()) return positional[1];
  if (!command.argument.empty() && !command.argument.starts_with('[')) {
    refuse(fmt::format("`stillhead {}` needs {} {}; for example `stillhead {} {}`", command.name,
                       command.argument == "DIR" ? "a folder" : "a target", command.argument,
                       command.name, command.example));
  }
  return {};
}

Command make_command(std::string_view name, const std::string& argument, const Settings& settings) {
  const Verbosity verbosity = settings.has("verbose") ? Verbosity::Entry : Verbosity::Line;
  if (name == "upgrade") return Upgrade{argument};
  if (name == "downgrade") return Downgrade{argument};
  if (name == "current") return Current{verbosity};
  if (name == "history") return History{verbosity, settings.has("indicate-current")};
  if (name == "heads") return Heads{verbosity};
  if (name == "digest") return Digest{argument};
  if (name == "bundle") return Bundle{argument};
  if (name == "version") return ShowVersion{};
  if (name == "apply") {
    const Setting policy = settings.flag("downgrade").value_or(Setting{"forbid", "--downgrade"});
    return Apply{argument, one_of(policy, "forbid", DowngradePolicy::Forbid, "allow",
                                  DowngradePolicy::Allow)};
  }
  if (name == "help") {
    return ShowHelp{argument.empty() ? argument : std::string(command_named(argument).name)};
  }
  throw Error(Reason::Bug, fmt::format("the command \"{}\" is listed but not known", name));
}

// `--help` and `--version`, which need nothing else to be right.
std::optional<Command> asks_only(const Tokens& tokens) {
  if (tokens.flags.contains("help")) {
    if (tokens.positional.empty()) return ShowHelp{};
    return ShowHelp{std::string(command_named(tokens.positional.front()).name)};
  }
  if (tokens.flags.contains("version")) return ShowVersion{};
  return {};
}

}  // namespace

Options parse_options(const std::vector<std::string>& arguments, const Environment& environment) {
  const Tokens tokens = tokenize(arguments);
  const Settings settings(tokens, environment);
  if (auto command = asks_only(tokens)) {
    Options options;
    options.command_name = std::holds_alternative<ShowHelp>(*command) ? "help" : "version";
    options.command = std::move(*command);
    options.report.json = settings.has("json");
    return options;
  }
  if (tokens.positional.empty()) refuse("no command is given; `stillhead help` lists the commands");
  const CommandInfo& command = command_named(tokens.positional.front());
  const std::string argument = argument_of(command, tokens.positional);
  check_command_options(command, settings);
  Options options = read_options(settings);
  options.command = make_command(command.name, argument, settings);
  options.command_name = command.name;
  if (command.argument == "TARGET") options.target = argument;
  return options;
}

ReportOptions find_report_options(const std::vector<std::string>& arguments,
                                  const Environment& environment) {
  // The value of `--name VALUE` or `--name=VALUE`, else of the variable; "" when there is neither.
  const auto value_of = [&](std::string_view name, const char* variable) -> std::string {
    for (auto argument = arguments.begin(); argument != arguments.end(); ++argument) {
      if (!argument->starts_with(name)) continue;
      const std::string_view rest = std::string_view(*argument).substr(name.size());
      if (rest.starts_with('=')) return std::string(rest.substr(1));
      if (rest.empty() && argument + 1 != arguments.end()) return *(argument + 1);
    }
    const auto found = environment.find(variable);
    return found == environment.end() ? std::string() : found->second;
  };
  ReportOptions report;
  report.json = std::ranges::find(arguments, "--json") != arguments.end();
  report.without_data = std::ranges::find(arguments, "--report-without-data") != arguments.end();
  report.file = value_of("--report", "STILLHEAD_REPORT");
  const std::string limit = value_of("--report-limit", "STILLHEAD_REPORT_LIMIT");
  std::from_chars(limit.data(), limit.data() + limit.size(), report.limit);
  return report;
}

void wipe_argument(std::span<char*> arguments, std::string_view secret) {
  if (secret.empty()) return;
  for (char* argument : arguments) {
    const std::string_view text(argument);
    for (std::size_t at = text.find(secret); at != std::string_view::npos;
         at = text.find(secret, at + secret.size())) {
      std::fill_n(argument + at, secret.size(), '*');
    }
  }
}

std::chrono::milliseconds parse_duration(std::string_view text, std::string_view name) {
  constexpr std::pair<std::string_view, long> kUnits[] = {
      {"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}};
  const auto fail = [&] {
    refuse(
        fmt::format("{} takes a duration such as 500ms, 30s or 5m, not \"{}\"", name, shown(text)));
  };
  std::chrono::milliseconds sum{0};
  std::string_view rest = text;
  if (rest.empty()) fail();
  while (!rest.empty()) {
    long number = 0;
    const auto [stopped, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (error != std::errc{} || number < 0 || number > kLongestDuration.count()) fail();
    rest.remove_prefix(static_cast<std::size_t>(stopped - rest.data()));
    const std::string_view unit_text = rest.substr(0, rest.find_first_of("0123456789"));
    const auto* unit =
        std::ranges::find(kUnits, unit_text, &std::pair<std::string_view, long>::first);
    if (unit == std::end(kUnits)) fail();
    rest.remove_prefix(unit_text.size());
    sum += std::chrono::milliseconds{number * unit->second};
    if (sum > kLongestDuration) fail();
  }
  return sum;
}

bool is_migration(const Command& command) {
  return std::holds_alternative<Upgrade>(command) || std::holds_alternative<Downgrade>(command) ||
         std::holds_alternative<Apply>(command);
}

}  // namespace engine
