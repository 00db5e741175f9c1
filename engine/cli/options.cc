// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "engine/cli/arguments.h"
#include "engine/cli/command_table.h"
#include "engine/cli/completion.h"
#include "engine/cli/help.h"
#include "engine/config/files.h"
#include "engine/core/error.h"
#include "engine/host/child_process.h"

namespace engine {
namespace {

constexpr std::size_t kMostRetries = 1'000'000;

// With one of these set, an empty URL means a database (parse_database_url).
constexpr std::array kLibpqVariables = {"PGHOST", "PGHOSTADDR", "PGSERVICE", "PGDATABASE"};
// These do their work without scripts or a database: a fault in a file is no reason to refuse them.
constexpr std::array<std::string_view, 6> kWithoutFiles = {"help",   "version", "man",
                                                           "digest", "bundle",  "completion"};

[[noreturn]] void refuse(std::string message) {
  throw Error(Reason::InvalidUsage, std::move(message));
}

// --- settings ------------------------------------------------------------------------------------

bool is_variable_set(const Environment& environment, const std::string& name) {
  const auto found = environment.find(name);
  return found != environment.end() && !found->second.empty();
}

// Such as the buffer of an editor.
bool is_dumb_terminal(const Environment& environment) {
  const auto found = environment.find("TERM");
  return found != environment.end() && found->second == "dumb";
}

std::map<std::string, std::string> flags_of(const Arguments& arguments) {
  std::map<std::string, std::string> flags;
  for (const auto& [name, values] : arguments.options) flags.emplace(name, values.front());
  return flags;
}

ConfigSources sources_of(const Arguments& arguments, const Environment& environment) {
  const std::string_view name = arguments.command->name;
  ConfigSources sources;
  if (std::ranges::find(kWithoutFiles, name) == kWithoutFiles.end()) {
    sources = read_config_files(
        {arguments.values("config"), arguments.value("name").value_or("alembic"), name == "init"},
        environment);
  }
  sources.environment = environment;
  sources.flags = flags_of(arguments);
  return sources;
}

template <typename Integer>
Integer number_of(const Settings& settings, Key key) {
  const std::size_t number = settings.number(key);
  constexpr Integer kLargest = std::numeric_limits<Integer>::max();
  if (number > static_cast<std::size_t>(kLargest)) {
    refuse(fmt::format("{} takes a number from 1 to {}, not \"{}\"", settings.origin(key), kLargest,
                       number));
  }
  return static_cast<Integer>(number);
}

LogFormat log_format_of(std::string_view name) {
  return name == "json" ? LogFormat::Json : LogFormat::Text;
}

ReportOptions report_options(const Settings& settings, const Arguments& arguments) {
  ReportOptions report;
  report.json = arguments.has("json");
  report.without_data = arguments.has("report-without-data");
  report.file = settings.text(Key::Report);
  report.limit = settings.number(Key::ReportLimit);
  report.log_format = log_format_of(settings.text(Key::LogFormat));
  return report;
}

int read_descriptor(const std::string& text, std::string_view name) {
  int descriptor = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, descriptor);
  if (error != std::errc{} || stopped != end || descriptor < 0) {
    refuse(fmt::format("{} takes the number of an open file descriptor, not \"{}\"", name,
                       shown_value(text)));
  }
  return descriptor;
}

std::optional<int> events_of(const Arguments& arguments) {
  const auto given = arguments.value("events");
  if (!given) return {};
  return read_descriptor(*given, "--events");
}

Options read_options(Settings settings, const Arguments& arguments,
                     const Environment& environment) {
  Options options;
  options.report = report_options(settings, arguments);
  options.database_url_argument = arguments.value("database-url").value_or("");
  options.libpq_environment =
      !settings.is_set(Key::DatabaseUrl) && !settings.is_set(Key::DatabaseUrlFile) &&
      std::ranges::any_of(kLibpqVariables,
                          [&](const char* name) { return is_variable_set(environment, name); });
  options.version_table = {settings.text(Key::VersionTableSchema), settings.text(Key::VersionTable),
                           settings.flag(Key::VersionTablePk)};
  if (settings.is_set(Key::TransactionalDdl)) {
    options.transactional_ddl = settings.flag(Key::TransactionalDdl);
  }
  options.transactions = settings.text(Key::Transaction) == "single" ? TransactionMode::Single
                                                                     : TransactionMode::PerRevision;
  options.lock_wait = settings.duration(Key::LockWait);
  options.timeouts.lock_timeout = settings.duration(Key::LockTimeout);
  options.timeouts.lock_retries =
      static_cast<int>(std::min<std::size_t>(settings.number(Key::LockRetries), kMostRetries));
  options.timeouts.statement_timeout = settings.duration(Key::StatementTimeout);
  options.run_timeout = settings.duration(Key::RunTimeout);
  options.connect_timeout = settings.duration(Key::ConnectTimeout);
  options.scripts_sha256 = settings.text(Key::ScriptsSha256);
  options.events = events_of(arguments);
  if (is_variable_set(environment, kHostSocketVariable)) {
    options.host_socket = read_descriptor(environment.at(kHostSocketVariable), kHostSocketVariable);
  }
  options.owner = settings.text(Key::Owner);
  options.generation = number_of<long>(settings, Key::Generation);
  options.attempt = number_of<int>(settings, Key::Attempt);
  options.history_readers = settings.list(Key::HistoryReaders);
  options.run_id = settings.text(Key::RunId);
  options.plan_file = arguments.value("plan").value_or("");
  options.no_destructive = arguments.has("no-destructive");
  options.quiet = arguments.has("quiet");
  options.color = !arguments.has("no-color") && !is_variable_set(environment, "NO_COLOR") &&
                  !is_dumb_terminal(environment);
  options.settings = std::move(settings);
  return options;
}

// --- commands ------------------------------------------------------------------------------------

Verbosity verbosity_of(const Arguments& arguments) {
  return arguments.has("verbose") ? Verbosity::Entry : Verbosity::Line;
}

std::string text_of(const Arguments& arguments, std::string_view option,
                    const std::string& otherwise = {}) {
  return arguments.value(option).value_or(otherwise);
}

template <typename Value>
Value one_of(const Arguments& arguments, std::string_view option,
             std::initializer_list<std::pair<std::string_view, Value>> choices) {
  const auto given = arguments.value(option);
  if (!given) return choices.begin()->second;
  std::string names;
  for (const auto& [name, value] : choices) {
    if (*given == name) return value;
    names += fmt::format("{}`{}`", names.empty() ? "" : " or ", name);
  }
  refuse(fmt::format("--{} takes {}, not \"{}\"", option, names, shown_value(*given)));
}

DowngradePolicy downgrade_policy(const Arguments& arguments) {
  return one_of<DowngradePolicy>(
      arguments, "downgrade",
      {{"forbid", DowngradePolicy::Forbid}, {"allow", DowngradePolicy::Allow}});
}

DrawingFormat drawing_format(const Arguments& arguments) {
  return one_of<DrawingFormat>(arguments, "format",
                               {{"text", DrawingFormat::Text},
                                {"dot", DrawingFormat::Dot},
                                {"mermaid", DrawingFormat::Mermaid},
                                {"json", DrawingFormat::Json}});
}

MakeRevision new_revision(const Arguments& arguments) {
  MakeRevision command;
  command.message = text_of(arguments, "message");
  command.splice = arguments.has("splice");
  command.branch_label = text_of(arguments, "branch-label");
  command.rev_id = text_of(arguments, "rev-id");
  command.version_path = text_of(arguments, "version-path");
  command.autogenerate = arguments.has("autogenerate");
  command.sql = arguments.has("sql");
  return command;
}

// What the report calls the target.
std::vector<std::string> targets_of(const Command& command) {
  if (const auto* upgrade = std::get_if<Upgrade>(&command)) return {upgrade->target};
  if (const auto* downgrade = std::get_if<Downgrade>(&command)) return {downgrade->target};
  if (const auto* apply = std::get_if<Apply>(&command)) return {apply->target};
  if (const auto* plan = std::get_if<ShowPlan>(&command)) return {plan->target};
  if (const auto* stamp = std::get_if<Stamp>(&command)) return stamp->targets;
  if (const auto* exec = std::get_if<Exec>(&command)) return {exec->target};
  if (const auto* wait = std::get_if<Wait>(&command)) return wait->revisions;
  return {};
}

void set_alembic_arguments(Options& options, const Arguments& arguments) {
  if (options.command_name == "init") return;  // --config means another file there
  for (const auto& [name, letter] : {std::pair{"config", "-c"}, {"name", "-n"}, {"x", "-x"}}) {
    for (const std::string& value : arguments.values(name)) {
      options.alembic_arguments.insert(options.alembic_arguments.end(), {letter, value});
    }
  }
  for (const std::string& value : arguments.values("tag")) {
    options.alembic_command_arguments = {"--tag", value};
  }
}

// It may hold a password, and a target is repeated in messages and reports.
void refuse_urls(const std::vector<std::string>& targets) {
  for (const std::string& target : targets) {
    if (target.find("://") == std::string::npos) continue;
    throw Error(Reason::InvalidUsage,
                fmt::format("the target is a URL ({}), not a revision", shown_value(target)),
                "the database is named by --database-url-file, DATABASE_URL or a file of settings");
  }
}

using Maker = Command (*)(const Arguments&);

std::string argument_of(const Arguments& arguments) {
  return arguments.positional.empty() ? std::string() : arguments.positional.front();
}

Command make_upgrade(const Arguments& arguments) {
  return Upgrade{argument_of(arguments), arguments.has("sql")};
}
Command make_downgrade(const Arguments& arguments) {
  return Downgrade{argument_of(arguments), arguments.has("sql")};
}
Command make_apply(const Arguments& arguments) {
  return Apply{argument_of(arguments), downgrade_policy(arguments)};
}
Command make_plan(const Arguments& arguments) {
  return ShowPlan{argument_of(arguments), downgrade_policy(arguments), text_of(arguments, "out")};
}
Command make_stamp(const Arguments& arguments) {
  return Stamp{arguments.positional, arguments.has("purge"), arguments.has("sql")};
}
Command make_current(const Arguments& arguments) {
  return Current{verbosity_of(arguments), arguments.has("check-heads")};
}
Command make_history(const Arguments& arguments) {
  if (arguments.has("applied") &&
      (arguments.has("rev-range") || arguments.has("indicate-current"))) {
    refuse(
        "history --applied lists what was run; --rev-range and --indicate-current are for the "
        "list of scripts");
  }
  return History{verbosity_of(arguments), text_of(arguments, "rev-range"),
                 arguments.has("indicate-current"), arguments.has("applied")};
}
Command make_repair(const Arguments& arguments) {
  return Repair{arguments.positional, arguments.has("yes")};
}
Command make_heads(const Arguments& arguments) {
  return Heads{verbosity_of(arguments), arguments.has("resolve-dependencies")
                                            ? HeadsBy::Dependencies
                                            : HeadsBy::DownRevision};
}
Command make_graph(const Arguments& arguments) {
  return Graph{drawing_format(arguments), arguments.has("indicate-current")};
}
Command make_revision(const Arguments& arguments) {
  MakeRevision command = new_revision(arguments);
  command.parents = {text_of(arguments, "head", "head")};
  command.depends_on = arguments.values("depends-on");
  return command;
}
Command make_merge(const Arguments& arguments) {
  MakeRevision command = new_revision(arguments);
  command.parents = arguments.positional;
  return command;
}
Command make_init(const Arguments& arguments) {
  return Init{argument_of(arguments), text_of(arguments, "template"), text_of(arguments, "config"),
              arguments.has("package")};
}
Command make_exec(const Arguments& arguments) {
  return Exec{text_of(arguments, "target", "heads"), arguments.positional};
}
std::chrono::milliseconds duration_of(const Arguments& arguments, std::string_view option,
                                      const std::string& otherwise, bool may_be_zero) {
  const std::string text = text_of(arguments, option, otherwise);
  const auto duration = read_duration(text == "0" ? "0s" : text);
  if (!duration) {
    refuse(fmt::format("--{} takes a duration such as 500ms, 30s or 5m, not \"{}\"", option,
                       shown_value(text)));
  }
  if (duration->count() == 0 && !may_be_zero) {
    refuse(fmt::format("--{} must be longer than 0", option));
  }
  return *duration;
}

Command make_wait(const Arguments& arguments) {
  Wait command;
  command.revisions = arguments.values("revision");
  command.timeout_text = text_of(arguments, "timeout", command.timeout_text);
  command.timeout = duration_of(arguments, "timeout", command.timeout_text, true);
  command.interval = duration_of(arguments, "interval", "1s", false);
  return command;
}
Command make_help(const Arguments& arguments) {
  const std::string name = argument_of(arguments);
  if (name.empty() || is_help_topic(name)) return ShowHelp{name};
  return ShowHelp{std::string(command_named(name).name)};
}

constexpr std::pair<std::string_view, Maker> kMakers[] = {
    {"upgrade", make_upgrade},
    {"downgrade", make_downgrade},
    {"apply", make_apply},
    {"plan", make_plan},
    {"stamp", make_stamp},
    {"repair", make_repair},
    {"current", make_current},
    {"history", make_history},
    {"heads", make_heads},
    {"branches", [](const Arguments& s) -> Command { return Branches{verbosity_of(s)}; }},
    {"show", [](const Arguments& a) -> Command { return Show{argument_of(a)}; }},
    {"graph", make_graph},
    {"revision", make_revision},
    {"merge", make_merge},
    {"edit", [](const Arguments& a) -> Command { return Edit{argument_of(a)}; }},
    {"init", make_init},
    {"check", [](const Arguments&) -> Command { return Check{}; }},
    {"list-templates", [](const Arguments&) -> Command { return ListTemplates{}; }},
    {"ensure-version", [](const Arguments& s) -> Command { return EnsureVersion{s.has("sql")}; }},
    {"config", [](const Arguments&) -> Command { return ShowConfig{}; }},
    {"doctor", [](const Arguments&) -> Command { return Examine{}; }},
    {"completion", [](const Arguments& a) -> Command { return Completion{argument_of(a)}; }},
    {"digest", [](const Arguments& a) -> Command { return Digest{argument_of(a)}; }},
    {"bundle", [](const Arguments& a) -> Command { return Bundle{argument_of(a)}; }},
    {"exec", make_exec},
    {"wait", make_wait},
    {"man", [](const Arguments&) -> Command { return ShowManual{}; }},
    {"version", [](const Arguments&) -> Command { return ShowVersion{}; }},
    {"help", make_help},
};

Command make_command(const Arguments& arguments) {
  const auto* maker = std::ranges::find(kMakers, arguments.command->name,
                                        &std::pair<std::string_view, Maker>::first);
  if (maker == std::end(kMakers)) throw Error(Reason::Bug, "a command is listed but not known");
  return maker->second(arguments);
}

// `--help` and `--version`, which need nothing else to be right.
std::optional<Command> asks_only(const Arguments& arguments) {
  if (arguments.has("help")) {
    return ShowHelp{arguments.command == nullptr ? std::string()
                                                 : std::string(arguments.command->name)};
  }
  if (arguments.has("version")) return ShowVersion{};
  return {};
}

}  // namespace

Options parse_options(const std::vector<std::string>& words, const Environment& environment) {
  if (!words.empty() && words.front() == kCompleteCommand) {
    Arguments arguments;
    arguments.command = find_command("heads");
    Options options =
        read_options(Settings(sources_of(arguments, environment)), arguments, environment);
    options.command = Complete{{words.begin() + 1, words.end()}};
    options.command_name = "completion";
    return options;
  }
  const Arguments arguments = parse_arguments(words);
  if (auto command = asks_only(arguments)) {
    Options options;
    options.command_name = std::holds_alternative<ShowHelp>(*command) ? "help" : "version";
    options.command = std::move(*command);
    options.report.json = arguments.has("json");
    return options;
  }
  if (arguments.has("sql") && (arguments.has("plan") || arguments.has("no-destructive"))) {
    refuse("--sql executes nothing: it takes neither --plan nor --no-destructive");
  }
  const Command command = make_command(arguments);
  refuse_urls(targets_of(command));
  Options options =
      read_options(Settings(sources_of(arguments, environment)), arguments, environment);
  options.command = command;
  options.command_name = arguments.command->name;
  options.target = fmt::format("{}", fmt::join(targets_of(options.command), " "));
  set_alembic_arguments(options, arguments);
  return options;
}

ReportOptions find_report_options(const std::vector<std::string>& words,
                                  const Environment& environment) {
  // What `exec` starts has options of its own.
  const auto end = std::ranges::find(words, "--");
  const bool is_exec = std::find(words.begin(), end, "exec") != end;
  const std::vector<std::string> arguments(words.begin(), is_exec ? end : words.end());
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
  report.log_format = log_format_of(value_of("--log-format", "STILLHEAD_LOG_FORMAT"));
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

bool is_migration(const Command& command) {
  if (const auto* repair = std::get_if<Repair>(&command)) return repair->yes;
  return std::holds_alternative<Upgrade>(command) || std::holds_alternative<Downgrade>(command) ||
         std::holds_alternative<Apply>(command) || std::holds_alternative<Stamp>(command) ||
         std::holds_alternative<EnsureVersion>(command) || std::holds_alternative<Exec>(command);
}

}  // namespace engine
