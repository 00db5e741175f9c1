// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/help.h"

#include <fmt/format.h>

#include "engine/cli/command_table.h"

namespace engine {
namespace {

constexpr std::size_t kHelpColumn = 28;

constexpr std::string_view kTargets =
    "TARGET is `heads`, `head`, `base`, a revision or its beginning, a branch label,\n"
    "`LABEL@head`, or a number of steps such as `+1` or `-2`, also from a revision or on a\n"
    "branch: `4f1c+1`, `LABEL@-1`.\n";

constexpr std::string_view kScriptsTopic = "scripts";

constexpr std::string_view kScripts =
    "A script is one revision. As a .sql file it is:\n"
    "\n"
    "  -- revision: 4f1c2a9b0d3e\n"
    "  -- down_revision: 1b2a3c4d5e6f\n"
    "  -- message: users get an e-mail address\n"
    "\n"
    "  -- stillhead:upgrade\n"
    "  ALTER TABLE users ADD COLUMN email text;\n"
    "  -- stillhead:autocommit\n"
    "  CREATE INDEX CONCURRENTLY users_email ON users (email);\n"
    "  -- stillhead:end\n"
    "\n"
    "  -- stillhead:downgrade\n"
    "  ALTER TABLE users DROP COLUMN email;\n"
    "\n"
    "Header, the comment lines at the top:\n"
    "  revision        the id; the only line that must be there\n"
    "  down_revision   its parents, separated by commas; none: a first revision\n"
    "  depends_on      ids or branch labels that must be applied before\n"
    "  branch_labels   names for the branch that begins here\n"
    "  message         what it is about\n"
    "  transactional   false: each statement commits by itself\n"
    "Markers, comment lines of their own:\n"
    "  stillhead:upgrade, stillhead:downgrade\n"
    "                  begin a section; without a downgrade section the revision cannot\n"
    "                  be taken back, with an empty one nothing is to be done\n"
    "  stillhead:autocommit ... stillhead:end\n"
    "                  statements that cannot run in a transaction\n"
    "  stillhead:batch key=id size=10000\n"
    "                  the UPDATE or DELETE behind it runs a part of the table at a time\n"
    "  stillhead:pre \"SELECT ...\", stillhead:post \"SELECT ...\"\n"
    "                  must be answered with true before and behind the statements\n"
    "\n"
    "A .yaml file has the keys of the header, and `upgrade:` and `downgrade:` with a list\n"
    "of `execute:` entries. Python scripts of Alembic are listed, planned and stamped, but\n"
    "not run by this version.\n";

constexpr std::string_view kExitCodes =
    "0 done, 1 migration failed, 2 usage, 3 scripts invalid, 4 database does not\n"
    "fit, 5 temporary, 6 forbidden, 7 not up to date, 8 stopped by a signal, 70 bug.\n";

// "-d, --database-url URL"
std::string spelling_of(const OptionInfo& option) {
  const std::string letter = option.letter == '\0' ? "" : fmt::format("-{}, ", option.letter);
  return fmt::format("{}--{}{}{}", letter, option.name, option.value.empty() ? "" : " ",
                     option.value);
}

std::string help_of(const OptionInfo& option) {
  return std::string(option.help) +
         (option.variable.empty() ? "" : fmt::format(" [{}]", option.variable));
}

// Two columns; a long left side has a line of its own.
std::string row(const std::string& left, std::string_view right) {
  const std::string line = "  " + left;
  if (line.size() + 2 > kHelpColumn) {
    return fmt::format("{}\n{:{}}{}\n", line, "", kHelpColumn, right);
  }
  return fmt::format("{:<{}}{}\n", line, kHelpColumn, right);
}

std::string usage_of(const CommandInfo& command) {
  return fmt::format("stillhead [OPTIONS] {}{}{}{}", command.name,
                     command.options.empty() ? "" : " [OPTIONS]",
                     command.argument.empty() ? "" : " ", command.argument);
}

std::string roff(std::string_view text) {
  std::string result;
  bool line_begins = true;
  for (const char c : text) {
    if (line_begins && (c == '.' || c == '\'')) result += "\\&";
    result += c == '\\' ? "\\e" : c == '-' ? "\\-" : std::string(1, c);
    line_begins = c == '\n';
  }
  return result;
}

std::string roff_option(const OptionInfo& option) {
  return fmt::format(".TP\n.B {}\n{}\n", roff(spelling_of(option)), roff(help_of(option)));
}

std::string roff_command(const CommandInfo& command) {
  std::string text = fmt::format(".SS {}\n{}.\n", roff(usage_of(command)), roff(command.summary));
  if (!command.details.empty()) text += ".PP\n" + roff(command.details);
  for (const OptionInfo* option : options_of(command)) text += roff_option(*option);
  return text;
}

std::string overview_page() {
  std::string page =
      "stillhead runs database schema migrations.\n\n"
      "Usage: stillhead [OPTIONS] COMMAND [ARGUMENT]\n\nCommands:\n";
  for (const CommandInfo& command : command_table()) {
    page += row(fmt::format("{} {}", command.name, command.argument), command.summary);
  }
  page += "\nOptions, before or after the command (environment variable in brackets):\n";
  for (const OptionInfo& option : common_options())
    page += row(spelling_of(option), help_of(option));
  return page + "\nExit codes: " + std::string(kExitCodes);
}

std::string command_page(const CommandInfo& command) {
  std::string page = fmt::format("stillhead {}: {}\n\nUsage: {}\n", command.name, command.summary,
                                 usage_of(command));
  if (command.argument == "TARGET") page += fmt::format("\n{}", kTargets);
  if (!command.details.empty()) page += fmt::format("\n{}", command.details);
  if (!command.options.empty()) page += "\nOptions:\n";
  for (const OptionInfo* option : options_of(command)) {
    page += row(spelling_of(*option), help_of(*option));
  }
  if (!command.example.empty()) {
    page += fmt::format("\nExample: stillhead {} {}\n", command.name, command.example);
  }
  return page + "\nOptions that every command takes: `stillhead help`.\n";
}

}  // namespace

bool is_help_topic(std::string_view topic) { return topic == kScriptsTopic; }

std::string help_page(std::string_view topic) {
  if (topic.empty()) return overview_page();
  if (topic == kScriptsTopic) return std::string(kScripts);
  return command_page(*find_command(topic));
}

std::string manual_page() {
  std::string page = ".TH STILLHEAD 1 \"\" \"stillhead " STILLHEAD_VERSION
                     "\"\n.SH NAME\nstillhead \\- database schema migrations\n.SH SYNOPSIS\n"
                     ".B stillhead\n[OPTIONS] COMMAND [ARGUMENT]\n.SH TARGETS\n";
  page += roff(kTargets) + ".SH SCRIPTS\n.nf\n" + roff(kScripts) + ".fi\n.SH COMMANDS\n";
  for (const CommandInfo& command : command_table()) page += roff_command(command);
  page += ".SH OPTIONS\nBefore or behind the command; environment variables in brackets.\n";
  for (const OptionInfo& option : common_options()) page += roff_option(option);
  return page + ".SH EXIT STATUS\n" + roff(kExitCodes);
}

}  // namespace engine
