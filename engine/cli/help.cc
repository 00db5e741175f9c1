// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/help.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace engine {
namespace {

constexpr std::string_view kTargets =
    "TARGET is `heads`, `head`, `base`, a revision or its beginning, a branch label,\n"
    "`LABEL@head`, or a number of steps such as `+1` or `-2`.\n";

constexpr std::string_view kVerboseOption =
    "  -v, --verbose             several lines a revision: parents, labels, file\n";

constexpr std::array kCommands = {
    CommandInfo{
        "upgrade", "TARGET", "heads", "", "bring the database up to a revision",
        "Runs what is missing, one transaction a revision, and stops at the first failure,\n"
        "which is rolled back. Nothing to do is success. A target that the database has\n"
        "already left behind is an error (exit code 4).\n"},
    CommandInfo{"downgrade", "TARGET", "-1", "", "take the database back to a revision",
                "Runs the downgrade sections of what is above the target. A script without such a\n"
                "section cannot be taken back (exit code 6).\n"},
    CommandInfo{"apply", "TARGET", "heads", "downgrade",
                "bring the database to a revision, whichever direction that is",
                "Options:\n"
                "  --downgrade forbid|allow  whether going down is permitted; default: forbid\n"
                "                            (exit code 6 when it would be needed)\n"},
    CommandInfo{"current", "", "", "verbose", "show the revisions that the database is at",
                "Options:\n"},
    CommandInfo{"history", "", "", "verbose indicate-current", "list the scripts, newest first",
                "Options:\n"
                "  -i, --indicate-current    mark the revisions that the database is at\n"},
    CommandInfo{"heads", "", "", "verbose", "list the newest revision of each branch",
                "Options:\n"},
    CommandInfo{"digest", "DIR", "migrations", "", "print the SHA-256 of a folder of scripts",
                "The value for --scripts-sha256. The same as\n"
                "`cd DIR && LC_ALL=C sha256sum -- * | sha256sum`.\n"},
    CommandInfo{
        "bundle", "DIR", "/engine", "", "copy this program with all it needs to a folder",
        "For a program that was installed as a self-contained bundle: bin/stillhead and\n"
        "lib/ with its libraries and loader. The copy runs where nothing else is installed.\n"},
    CommandInfo{"version", "", "", "", "print the version", ""},
    CommandInfo{"help", "[COMMAND]", "upgrade", "", "print this page, or the page of a command",
                ""},
};

constexpr std::string_view kGlobalOptions =
    "Options, before or after the command (environment variable in brackets):\n"
    "  --script-location DIR     folder of the scripts; default: migrations\n"
    "                            [STILLHEAD_SCRIPT_LOCATION]\n"
    "  -d, --database-url URL    postgresql://USER@HOST/NAME, sqlite:///FILE\n"
    "                            [STILLHEAD_DATABASE_URL, DATABASE_URL]\n"
    "  --database-url-file FILE  file that holds the URL [STILLHEAD_DATABASE_URL_FILE]\n"
    "  --version-table NAME      default: alembic_version [STILLHEAD_VERSION_TABLE]\n"
    "  --version-table-schema NAME\n"
    "                            default: the search path [STILLHEAD_VERSION_TABLE_SCHEMA]\n"
    "  --lock-wait DURATION      how long to wait for another run; default: 5m\n"
    "                            [STILLHEAD_LOCK_WAIT]\n"
    "  --connect-timeout DURATION\n"
    "                            default: 10s [STILLHEAD_CONNECT_TIMEOUT]\n"
    "  --scripts-sha256 HEX      refuse scripts with another digest (see `stillhead digest`)\n"
    "                            [STILLHEAD_SCRIPTS_SHA256]\n"
    "  --json                    print one JSON document instead of text\n"
    "  --report FILE             write a report of the run, also of a failed one\n"
    "                            [STILLHEAD_REPORT]\n"
    "  --report-limit BYTES      keep the report below this size; at least 1024\n"
    "                            [STILLHEAD_REPORT_LIMIT]\n"
    "  --report-without-data     leave out what can hold people's data: DETAIL and SQL text\n"
    "  --owner TEXT              who asked for the run; goes into the history [STILLHEAD_OWNER]\n"
    "  --attempt N               which attempt of the owner this is [STILLHEAD_ATTEMPT]\n"
    "  --run-id HEX              16 digits; default: random [STILLHEAD_RUN_ID]\n"
    "  -q, --quiet               print errors only\n"
    "  --no-color                no colour on a terminal [NO_COLOR]\n"
    "  --log-format text|json    of the lines on standard error [STILLHEAD_LOG_FORMAT]\n"
    "  -h, --help                this page, or with a command the command's\n"
    "  --version                 print the version\n";

bool has_option(const CommandInfo& command, std::string_view option) {
  return command.options.find(option) != std::string_view::npos;
}

}  // namespace

std::span<const CommandInfo> command_table() { return kCommands; }

const CommandInfo* find_command(std::string_view name) {
  const auto command = std::ranges::find(kCommands, name, &CommandInfo::name);
  return command == kCommands.end() ? nullptr : &*command;
}

std::string overview_page() {
  std::string page =
      "stillhead runs database schema migrations.\n\n"
      "Usage: stillhead [OPTIONS] COMMAND [ARGUMENT]\n\nCommands:\n";
  for (const CommandInfo& command : kCommands) {
    page += fmt::format("  {:<18} {}\n", fmt::format("{} {}", command.name, command.argument),
                        command.summary);
  }
  return page + "\n" + std::string(kGlobalOptions) +
         "\nExit codes: 0 done, 1 migration failed, 2 usage, 3 scripts invalid, 4 database does "
         "not\n"
         "fit, 5 temporary, 6 forbidden, 7 not up to date, 8 stopped by a signal, 70 bug.\n";
}

std::string command_page(const CommandInfo& command) {
  std::string page =
      fmt::format("stillhead {}: {}\n\nUsage: stillhead [OPTIONS] {}{}{}{}\n", command.name,
                  command.summary, command.name, command.options.empty() ? "" : " [OPTIONS]",
                  command.argument.empty() ? "" : " ", command.argument);
  if (command.argument == "TARGET") page += fmt::format("\n{}", kTargets);
  if (!command.details.empty()) page += fmt::format("\n{}", command.details);
  if (has_option(command, "verbose")) page += kVerboseOption;
  if (!command.example.empty()) {
    page += fmt::format("\nExample: stillhead {} {}\n", command.name, command.example);
  }
  return page + "\nOptions that every command takes: `stillhead help`.\n";
}

}  // namespace engine
