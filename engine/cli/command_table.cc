// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/command_table.h"

#include <algorithm>
#include <array>

#include "engine/core/error.h"

namespace engine {
namespace {

constexpr std::array kCommands = {
    CommandInfo{
        "upgrade", "TARGET", "heads", "sql tag transaction plan no-destructive",
        "bring the database up to a revision",
        "Runs what is missing, one transaction a revision, and stops at the first failure,\n"
        "which is rolled back. Nothing to do is success. A target that the database has\n"
        "already left behind is an error (exit code 4). With --sql the target may be a\n"
        "range FROM:TO. With --plan FILE there is no target: what the file says is run, or\n"
        "nothing.\n"},
    CommandInfo{"downgrade", "TARGET", "-1", "sql tag transaction no-destructive",
                "take the database back to a revision",
                "Runs the downgrade sections of what is above the target. A script without such a\n"
                "section cannot be taken back (exit code 6). With --sql the target is a range\n"
                "FROM:TO.\n"},
    CommandInfo{"apply", "TARGET", "heads", "downgrade transaction plan no-destructive",
                "bring the database to a revision, whichever direction that is",
                "Steps such as `+1` are refused: the same command twice would mean two things.\n"
                "Downwards only with --downgrade allow, else that is an error (exit code 6).\n"},
    CommandInfo{
        "exec", "-- CMD...", "-- gunicorn app", "target transaction",
        "bring the database up and then become another program",
        "Runs `upgrade` to heads or --target, and then becomes CMD: the same process, with the\n"
        "signals and the environment that it was given. CMD is not started when the upgrade\n"
        "fails. AUTO_MIGRATE=false leaves the upgrade out. A CMD that is not found is exit\n"
        "code 127, one that is no program 126; neither upgrades anything.\n"},
    CommandInfo{
        "wait", "", "", "revision timeout interval",
        "wait until the database has revisions, and change nothing",
        "For what must not start before: done when each REVISION is applied and was not\n"
        "reverted since, whatever came behind it. Needs SELECT only, takes no lock, and waits\n"
        "for a database that cannot be reached yet, too. When the time is over: exit code 7.\n"},
    CommandInfo{
        "plan", "TARGET", "heads", "downgrade transaction out no-destructive",
        "show what upgrade, downgrade or apply would do",
        "Prints each step with the change of the version table, on PostgreSQL also what each\n"
        "statement locks and what can go wrong, and changes nothing. Goes\n"
        "up as upgrade does; where the target lies below the database, down, if\n"
        "--downgrade is allow.\n"},
    CommandInfo{"stamp", "REVISION...", "heads", "sql tag purge",
                "write the version table without running any script",
                "Says that the database is at these revisions. Nothing else is changed.\n"},
    CommandInfo{
        "repair", "[REVISION...]", "", "yes",
        "show applied scripts that were changed, and take them as they are",
        "Compares the scripts of applied revisions with what the history says was run. When\n"
        "something differs it says what, changes nothing and exits with 7. With --yes the\n"
        "history takes the scripts as they are now; nothing is run.\n"},
    CommandInfo{"current", "", "", "verbose check-heads",
                "show the revisions that the database is at", ""},
    CommandInfo{"history", "", "", "rev-range verbose indicate-current applied",
                "list the scripts, newest first",
                "A range is FROM:TO, both included; either side may be left out, and `current`\n"
                "stands for where the database is. With --applied: what was run on the database,\n"
                "when and by whom.\n"},
    CommandInfo{"heads", "", "", "verbose resolve-dependencies",
                "list the newest revision of each branch", ""},
    CommandInfo{"branches", "", "", "verbose", "list the revisions from which branches begin", ""},
    CommandInfo{"show", "REVISION", "head", "", "show a revision in full",
                "`current` stands for where the database is.\n"},
    CommandInfo{"graph", "", "", "format indicate-current", "draw the revisions as a tree", ""},
    CommandInfo{"revision", "", "",
                "message head splice branch-label depends-on rev-id version-path autogenerate sql",
                "make a new, empty script",
                "In the format of its parent: a .sql file with a header and two sections, which\n"
                "`stillhead help scripts` explains.\n"},
    CommandInfo{"merge", "REVISION...", "heads", "message branch-label rev-id splice",
                "make a script that joins revisions", ""},
    CommandInfo{"edit", "REVISION", "head", "", "open a script in an editor",
                "The editor is $VISUAL or $EDITOR. `current` stands for where the database is.\n"},
    CommandInfo{"init", "DIR", "migrations", "template package", "begin a project", ""},
    CommandInfo{"check", "", "", "", "tell whether autogenerate would find something", ""},
    CommandInfo{"list-templates", "", "", "", "list the templates of init", ""},
    CommandInfo{"ensure-version", "", "", "sql transaction",
                "make the version table where it is missing", ""},
    CommandInfo{"config", "", "", "", "show every setting and where it comes from", ""},
    CommandInfo{"doctor", "", "", "",
                "look at the project, its Python and its database, and say what is unsafe or slow",
                "Says what will run where, and what is wrong (exit code 3), unsafe or slow, with\n"
                "file and line. Runs env.py, no script, and changes nothing.\n"},
    CommandInfo{"completion", "SHELL", "bash", "", "print a script that completes commands",
                "SHELL is bash, zsh or fish. For example, in ~/.bashrc:\n"
                "  source <(stillhead completion bash)\n"},
    CommandInfo{"digest", "DIR", "migrations", "", "print the SHA-256 of a folder of scripts",
                "The value for --scripts-sha256. The same as\n"
                "`cd DIR && LC_ALL=C sha256sum -- * | sha256sum`.\n"},
    CommandInfo{
        "bundle", "DIR", "/engine", "", "copy this program with all it needs to a folder",
        "For a program that was installed as a self-contained bundle: bin/stillhead and\n"
        "lib/ with its libraries and loader. The copy runs where nothing else is installed.\n"},
    CommandInfo{"man", "", "", "", "print the manual page",
                "To read it: stillhead man | man -l -\n"},
    CommandInfo{"version", "", "", "", "print the version", ""},
    CommandInfo{"help", "[COMMAND]", "upgrade", "", "print this page, or the page of a command",
                "`stillhead help scripts` is about what scripts are made of.\n"},
};

constexpr std::array kCommonOptions = {
    OptionInfo{"config", 'c', "FILE",
               "alembic.ini, pyproject.toml or stillhead.yaml; default: those of the folder",
               "ALEMBIC_CONFIG", true},
    OptionInfo{"name", 'n', "SECTION", "of alembic.ini; default: alembic"},
    OptionInfo{"x", 'x', "KEY=VALUE", "for env.py: context.get_x_argument()", "", true},
    OptionInfo{"version-locations", '\0', "DIR:DIR",
               "folders of the scripts, where there are several", "STILLHEAD_VERSION_LOCATIONS"},
    OptionInfo{"script-location", '\0', "DIR", "folder of the scripts; default: migrations",
               "STILLHEAD_SCRIPT_LOCATION"},
    OptionInfo{"database-url", 'd', "URL", "postgresql://USER@HOST/NAME, sqlite:///FILE",
               "STILLHEAD_DATABASE_URL, DATABASE_URL"},
    OptionInfo{"database-url-file", '\0', "FILE", "file that holds the URL",
               "STILLHEAD_DATABASE_URL_FILE"},
    OptionInfo{"version-table", '\0', "NAME", "default: alembic_version",
               "STILLHEAD_VERSION_TABLE"},
    OptionInfo{"version-table-schema", '\0', "NAME", "default: the search path",
               "STILLHEAD_VERSION_TABLE_SCHEMA"},
    OptionInfo{"lock-wait", '\0', "DURATION", "how long to wait for another run; default: 5m",
               "STILLHEAD_LOCK_WAIT"},
    OptionInfo{"lock-timeout", '\0', "DURATION",
               "longest wait of a statement for a lock; default: 3s", "STILLHEAD_LOCK_TIMEOUT"},
    OptionInfo{"lock-retries", '\0', "N", "how often it is tried again; default: 10",
               "STILLHEAD_LOCK_RETRIES"},
    OptionInfo{"statement-timeout", '\0', "DURATION",
               "longest time of a statement; default: the server's", "STILLHEAD_STATEMENT_TIMEOUT"},
    OptionInfo{"run-timeout", '\0', "DURATION", "longest time of a run; default: none",
               "STILLHEAD_RUN_TIMEOUT"},
    OptionInfo{"connect-timeout", '\0', "DURATION", "default: 10s", "STILLHEAD_CONNECT_TIMEOUT"},
    OptionInfo{"scripts-sha256", '\0', "HEX",
               "refuse scripts with another digest (see `stillhead digest`)",
               "STILLHEAD_SCRIPTS_SHA256"},
    OptionInfo{"history-readers", '\0', "ROLE:ROLE", "roles that may read the history",
               "STILLHEAD_HISTORY_READERS"},
    OptionInfo{"json", '\0', "", "print one JSON document instead of text"},
    OptionInfo{"report", '\0', "FILE", "write a report of the run, also of a failed one",
               "STILLHEAD_REPORT"},
    OptionInfo{"report-limit", '\0', "BYTES", "keep the report below this size; at least 1024",
               "STILLHEAD_REPORT_LIMIT"},
    OptionInfo{"report-without-data", '\0', "",
               "leave out what can hold people's data: DETAIL and SQL text"},
    OptionInfo{"owner", '\0', "TEXT", "who asked for the run; goes into the history",
               "STILLHEAD_OWNER"},
    OptionInfo{"generation", '\0', "N", "of what the owner asks for; never goes down",
               "STILLHEAD_GENERATION"},
    OptionInfo{"attempt", '\0', "N", "which attempt of the owner this is", "STILLHEAD_ATTEMPT"},
    OptionInfo{"run-id", '\0', "HEX", "16 digits; default: random", "STILLHEAD_RUN_ID"},
    OptionInfo{"quiet", 'q', "", "print errors only"},
    OptionInfo{"raiseerr", '\0', "", "accepted for Alembic's sake; changes nothing"},
    OptionInfo{"no-color", '\0', "", "no colour on a terminal", "NO_COLOR"},
    OptionInfo{"log-format", '\0', "text|json", "of the lines on standard error",
               "STILLHEAD_LOG_FORMAT"},
    OptionInfo{"sql-echo", '\0', "", "log each statement that is sent",
               "SQL_ECHO, STILLHEAD_SQL_ECHO"},
    OptionInfo{"events", '\0', "FD", "write events as JSON lines to an open file descriptor"},
    OptionInfo{"help", 'h', "", "this page, or with a command the command's"},
    OptionInfo{"version", '\0', "", "print the version"},
};

constexpr std::array kOwnOptions = {
    OptionInfo{"applied", '\0', "", "list what was run on the database instead of the scripts"},
    OptionInfo{"autogenerate", '\0', "", "compare the models of env.py with the database"},
    OptionInfo{"branch-label", '\0', "LABEL", "of a branch that begins here"},
    OptionInfo{"check-heads", 'c', "", "fail unless the database is at every head (exit code 7)"},
    OptionInfo{"depends-on", '\0', "REVISION", "which must be applied before", "", true},
    OptionInfo{"downgrade", '\0', "forbid|allow",
               "whether going down is permitted; default: forbid (exit code 6)"},
    OptionInfo{"format", '\0', "text|dot|mermaid|json", "of the drawing; default: text"},
    OptionInfo{"head", '\0', "REVISION", "on which the script stands; default: head"},
    OptionInfo{"indicate-current", 'i', "", "mark the revisions that the database is at"},
    OptionInfo{"interval", '\0', "DURATION", "between two looks; default: 1s"},
    OptionInfo{"message", 'm', "TEXT", "of the script; also makes its file name"},
    OptionInfo{"no-destructive", '\0', "", "refuse steps that lose data (exit code 6)"},
    OptionInfo{"out", '\0', "FILE", "also write the plan to this file, for --plan"},
    OptionInfo{"package", '\0', "", "make the folders a Python package (__init__.py)"},
    OptionInfo{"plan", '\0', "FILE",
               "run what `stillhead plan --out FILE` wrote, or nothing (exit code 6)"},
    OptionInfo{"purge", '\0', "", "empty the version table first, whatever it holds"},
    OptionInfo{"resolve-dependencies", '\0', "", "leave out what another revision depends on"},
    OptionInfo{"rev-id", '\0', "ID", "default: 12 random hexadecimal digits"},
    OptionInfo{"revision", '\0', "REVISION", "to wait for; default: the heads of the scripts", "",
               true},
    OptionInfo{"rev-range", 'r', "FROM:TO", "only these revisions"},
    OptionInfo{"splice", '\0', "", "permit a parent that is no head"},
    OptionInfo{"sql", '\0', "", "print the statements instead of executing them"},
    OptionInfo{"tag", '\0', "TEXT", "for env.py: context.get_tag_argument()"},
    OptionInfo{"target", '\0', "TARGET", "of the upgrade; default: heads"},
    OptionInfo{"template", 't', "NAME", "see `stillhead list-templates`; default: sql"},
    OptionInfo{"timeout", '\0', "DURATION", "how long to wait; default: 5m; 0: one look"},
    OptionInfo{"transaction", '\0', "per_revision|single", "default: per_revision",
               "STILLHEAD_TRANSACTION"},
    OptionInfo{"verbose", 'v', "", "several lines a revision: parents, labels, file"},
    OptionInfo{"version-path", '\0', "DIR", "folder of the script, where there are several"},
    OptionInfo{"yes", '\0', "", "write into the history; without it, only look"},
};

bool same_name(std::string_view a, std::string_view b) {
  const auto dashed = [](char c) { return c == '_' ? '-' : c; };
  return std::ranges::equal(a, b, {}, dashed, dashed);
}

}  // namespace

std::span<const CommandInfo> command_table() { return kCommands; }

const CommandInfo* find_command(std::string_view name) {
  const auto command = std::ranges::find_if(
      kCommands, [&](const CommandInfo& info) { return same_name(info.name, name); });
  return command == kCommands.end() ? nullptr : &*command;
}

std::vector<std::string_view> command_names() {
  std::vector<std::string_view> names;
  for (const CommandInfo& command : kCommands) names.push_back(command.name);
  return names;
}

std::span<const OptionInfo> common_options() { return kCommonOptions; }

std::vector<const OptionInfo*> options_of(const CommandInfo& command) {
  std::vector<const OptionInfo*> result;
  std::string_view rest = command.options;
  while (!rest.empty()) {
    const std::string_view name = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    const auto option = std::ranges::find(kOwnOptions, name, &OptionInfo::name);
    if (option == kOwnOptions.end()) throw Error(Reason::Bug, "an option is listed but not known");
    result.push_back(&*option);
  }
  return result;
}

const OptionInfo* find_option(std::string_view name) {
  const auto find_in = [&](const auto& options) -> const OptionInfo* {
    const auto option = std::ranges::find(options, name, &OptionInfo::name);
    return option == options.end() ? nullptr : &*option;
  };
  const OptionInfo* common = find_in(kCommonOptions);
  return common != nullptr ? common : find_in(kOwnOptions);
}

std::vector<std::string_view> option_names() {
  std::vector<std::string_view> names;
  for (const OptionInfo& option : kCommonOptions) names.push_back(option.name);
  for (const OptionInfo& option : kOwnOptions) names.push_back(option.name);
  return names;
}

}  // namespace engine
