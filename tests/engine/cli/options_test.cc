// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/options.h"

#include <gtest/gtest.h>

#include "engine/cli/command_table.h"
#include "engine/cli/help.h"
#include "engine/core/error.h"
#include "tests/engine/core/error_of.h"
#include "tests/support/temporary_folder.h"

namespace engine {
namespace {

using std::chrono::milliseconds;
using Words = std::vector<std::string>;

std::string usage_error(const Words& words, const Environment& environment = {}) {
  try {
    parse_options(words, environment);
  } catch (const Error& e) {
    EXPECT_EQ(e.reason(), Reason::InvalidUsage);
    EXPECT_EQ(e.message().find('\n'), std::string::npos) << "one line: " << e.message();
    return e.message();
  }
  return "no error";
}

struct WrongUsage {
  Words words = {};
  std::string message = {};
};

TEST(OptionsTest, EveryMistakeIsNamedInOneLine) {
  const WrongUsage cases[] = {
      {{}, "no command is given; `stillhead help` lists the commands"},
      {{"--json"}, "no command is given; `stillhead help` lists the commands"},
      {{"upgrad", "heads"}, "unknown command \"upgrad\"; did you mean 'upgrade'?"},
      {{"migrate"}, "unknown command \"migrate\"; `stillhead help` lists the commands"},
      {{"help", "head"}, "unknown command \"head\"; did you mean 'heads'?"},
      {{"--help", "histroy"}, "unknown command \"histroy\"; did you mean 'history'?"},
      {{"upgrade"},
       "`stillhead upgrade` needs a target TARGET; for example `stillhead upgrade heads`"},
      {{"upgrade", ""},
       "`stillhead upgrade` needs a target TARGET; for example `stillhead upgrade heads`"},
      {{"downgrade"},
       "`stillhead downgrade` needs a target TARGET; for example `stillhead downgrade -1`"},
      {{"apply"}, "`stillhead apply` needs a target TARGET; for example `stillhead apply heads`"},
      {{"digest"},
       "`stillhead digest` needs a folder DIR; for example `stillhead digest migrations`"},
      {{"bundle"}, "`stillhead bundle` needs a folder DIR; for example `stillhead bundle /engine`"},
      {{"upgrade", "heads", "now"}, "unexpected argument \"now\" of `stillhead upgrade`"},
      {{"upgrade", "heads", "host=h password=canary"},
       "unexpected argument \"host=...\" of `stillhead upgrade`"},
      {{"current", "a"}, "unexpected argument \"a\" of `stillhead current`"},
      {{"current", "postgresql://u:secret@h/d"},
       "unexpected argument \"postgresql://...\" of `stillhead current`"},
      {{"postgresql://u:secret@h/d"},
       "unknown command \"postgresql://...\"; `stillhead help` lists the commands"},
      {{"upgrade", "heads", "--databse-url", "x"},
       "unknown option --databse-url; did you mean '--database-url' or '--database-url-file'?"},
      {{"upgrade", "heads", "--databse-url=postgresql://u:secret@h/d"},
       "unknown option --databse-url; did you mean '--database-url' or '--database-url-file'?"},
      {{"upgrade", "heads", "--sqlite"},
       "unknown option --sqlite; did you mean '--sql' or '--sql-echo'?"},
      {{"upgrade", "heads", "-z"}, "unknown option -z; `stillhead help` lists the options"},
      {{"history", "-z=postgresql://u:secret@h/d"},
       "unknown option -z; `stillhead help` lists the options"},
      {{"-D=postgresql://u:secret@h/d", "history"},
       "unknown option -D; `stillhead help` lists the options"},
      {{"history", "-Dpostgresql://u:secret@h/d"},
       "unknown option -D; `stillhead help` lists the options"},
      {{"upgrade", "heads", "-x"}, "option --x needs a value"},
      {{"stamp"},
       "`stillhead stamp` needs a revision REVISION...; for example `stillhead stamp heads`"},
      {{"completion"},
       "`stillhead completion` needs a shell SHELL; for example `stillhead completion bash`"},
      {{"exec"},
       "`stillhead exec` needs a program behind `--`; for example `stillhead exec -- gunicorn "
       "app`"},
      {{"exec", "--"},
       "`stillhead exec` needs a program behind `--`; for example `stillhead exec -- gunicorn "
       "app`"},
      {{"exec", "app"},
       "`stillhead exec` needs a program behind `--`; for example `stillhead exec -- gunicorn "
       "app`"},
      {{"exec", "--", ""},
       "`stillhead exec` needs a program behind `--`; for example `stillhead exec -- gunicorn "
       "app`"},
      {{"exec", "-l", "--", "app"}, "unknown option -l; `stillhead help` lists the options"},
      {{"wait", "--timeout", "5"},
       "--timeout takes a duration such as 500ms, 30s or 5m, not \"5\""},
      {{"wait", "--interval", "0s"}, "--interval must be longer than 0"},
      {{"wait", "x"}, "unexpected argument \"x\" of `stillhead wait`"},
      {{"heads", "--events", "-1"},
       "--events takes the number of an open file descriptor, not \"-1\""},
      {{"heads", "--events", "3x"},
       "--events takes the number of an open file descriptor, not \"3x\""},
      {{"graph", "--format", "png"},
       "--format takes `text` or `dot` or `mermaid` or `json`, not \"png\""},
      {{"current", "-c", "-c", "x"}, "unexpected argument \"x\" of `stillhead current`"},
      {{"upgrade", "heads", "--script"},
       "unknown option --script; did you mean '--script-location' or '--scripts-sha256'?"},
      {{"upgrade", "heads", "--owner"}, "option --owner needs a value"},
      {{"upgrade", "heads", "--owner="}, "option --owner needs a value"},
      {{"upgrade", "heads", "--database-url", ""}, "option --database-url needs a value"},
      {{"upgrade", "heads", "--json=yes"}, "option --json takes no value"},
      {{"upgrade", "heads", "--attempt", "1", "--attempt", "2"}, "option --attempt is given twice"},
      {{"upgrade", "heads", "-d", "a", "--database-url", "b"},
       "option --database-url is given twice"},
      {{"upgrade", "heads", "--attempt", "0"}, "--attempt takes a number from 1, not \"0\""},
      {{"upgrade", "heads", "--attempt", "-1"}, "--attempt takes a number from 1, not \"-1\""},
      {{"upgrade", "heads", "--attempt", "2x"}, "--attempt takes a number from 1, not \"2x\""},
      {{"upgrade", "heads", "--generation", "9223372036854775808"},
       "--generation takes a number from 1 to 9223372036854775807, not \"9223372036854775808\""},
      {{"upgrade", "heads", "--attempt", "99999999999"},
       "--attempt takes a number from 1 to 2147483647, not \"99999999999\""},
      {{"upgrade", "heads", "--report-limit", "4KiB"},
       "--report-limit takes a number from 1, not \"4KiB\""},
      {{"upgrade", "heads", "--run-id", "12"}, "--run-id takes 16 hexadecimal digits, not \"12\""},
      {{"upgrade", "heads", "--scripts-sha256", "xyz"},
       "--scripts-sha256 takes 64 hexadecimal digits, not \"xyz\""},
      {{"upgrade", "heads", "--lock-wait", "5"},
       "--lock-wait takes a duration such as 500ms, 30s or 5m, not \"5\""},
      {{"upgrade", "heads", "--connect-timeout", "0s"}, "--connect-timeout must be longer than 0"},
      {{"upgrade", "heads", "--log-format", "xml"},
       "--log-format takes `text` or `json`, not \"xml\""},
      {{"apply", "heads", "--downgrade", "maybe"},
       "--downgrade takes `forbid` or `allow`, not \"maybe\""},
      {{"upgrade", "heads", "--downgrade", "allow"},
       "`stillhead upgrade` takes no option --downgrade"},
      {{"upgrade", "heads", "-v"}, "`stillhead upgrade` takes no option --verbose"},
      {{"heads", "-i"}, "`stillhead heads` takes no option --indicate-current"},
      {{"history", "-r", "-2:"},
       "option --rev-range needs a value; one that begins with '-' is written --rev-range=-2:"},
      {{"current", "-d", "a", "--database-url-file", "b"},
       "--database-url and --database-url-file are both given; use one of them"},
  };
  for (const WrongUsage& c : cases) {
    std::string line;
    for (const std::string& word : c.words) line += word + ' ';
    SCOPED_TRACE(line);
    EXPECT_EQ(usage_error(c.words), c.message);
  }
}

TEST(OptionsTest, AWrongVariableIsNamedAsAVariable) {
  EXPECT_EQ(usage_error({"heads"}, {{"STILLHEAD_LOCK_WAIT", "soon"}}),
            "STILLHEAD_LOCK_WAIT takes a duration such as 500ms, 30s or 5m, not \"soon\"");
}

TEST(OptionsTest, TheSocketOfAHostComesFromAVariable) {
  EXPECT_EQ(parse_options({"heads"}, {{"STILLHEAD_HOST_FD", "7"}}).host_socket, 7);
  EXPECT_EQ(parse_options({"heads"}, {{"STILLHEAD_HOST_FD", ""}}).host_socket, -1);
  EXPECT_EQ(usage_error({"heads"}, {{"STILLHEAD_HOST_FD", "x"}}),
            "STILLHEAD_HOST_FD takes the number of an open file descriptor, not \"x\"");
}

TEST(OptionsTest, DefaultsAreTheManuals) {
  const Options options = parse_options({"upgrade", "heads"}, {});
  EXPECT_EQ(std::get<Upgrade>(options.command).target, "heads");
  EXPECT_EQ(options.command_name, "upgrade");
  EXPECT_EQ(options.target, "heads");
  EXPECT_EQ(options.settings.script_location(), "migrations");
  EXPECT_FALSE(options.settings.is_set(Key::DatabaseUrl));
  EXPECT_FALSE(options.libpq_environment);
  EXPECT_EQ(options.version_table.name, "alembic_version");
  EXPECT_EQ(options.version_table.schema, "");
  EXPECT_EQ(options.lock_wait, milliseconds(300'000));
  EXPECT_EQ(options.connect_timeout, milliseconds(10'000));
  EXPECT_EQ(options.report.limit, 0U);
  EXPECT_FALSE(options.report.json);
  EXPECT_FALSE(options.quiet);
  EXPECT_TRUE(options.color);
  EXPECT_EQ(options.report.log_format, LogFormat::Text);
}

TEST(OptionsTest, RepairTakesNoneOrSeveralRevisions) {
  EXPECT_TRUE(std::get<Repair>(parse_options({"repair"}, {}).command).revisions.empty());
  const auto repair = std::get<Repair>(parse_options({"repair", "a", "b", "--yes"}, {}).command);
  EXPECT_EQ(repair.revisions, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(repair.yes);
  EXPECT_FALSE(is_migration(Repair{}));
  EXPECT_TRUE(is_migration(repair));
}

TEST(OptionsTest, EveryOptionIsUnderstoodBeforeAndAfterTheCommand) {
  const Words flags = {"--script-location",
                       "s",
                       "--database-url=sqlite://",
                       "--version-table",
                       "v",
                       "--version-table-schema",
                       "w",
                       "--lock-wait",
                       "500ms",
                       "--connect-timeout",
                       "2s",
                       "--scripts-sha256",
                       std::string(64, 'A'),
                       "--json",
                       "--report",
                       "r",
                       "--report-limit",
                       "4096",
                       "--owner",
                       "o",
                       "--generation",
                       "5",
                       "--attempt",
                       "7",
                       "--history-readers",
                       "gate:dash board",
                       "--run-id",
                       "00112233445566FF",
                       "-q",
                       "--no-color",
                       "--log-format",
                       "json",
                       "--downgrade",
                       "allow"};
  for (const bool before : {true, false}) {
    Words words = before ? flags : Words{"apply", "a@head"};
    const Words rest = before ? Words{"apply", "a@head"} : flags;
    words.insert(words.end(), rest.begin(), rest.end());
    const Options options = parse_options(words, {});
    EXPECT_EQ(std::get<Apply>(options.command).target, "a@head");
    EXPECT_EQ(std::get<Apply>(options.command).downgrade, DowngradePolicy::Allow);
    EXPECT_EQ(options.settings.script_location(), "s");
    EXPECT_EQ(options.settings.text(Key::DatabaseUrl), "sqlite://");
    EXPECT_EQ(options.version_table.name, "v");
    EXPECT_EQ(options.version_table.schema, "w");
    EXPECT_EQ(options.lock_wait, milliseconds(500));
    EXPECT_EQ(options.connect_timeout, milliseconds(2000));
    EXPECT_EQ(options.scripts_sha256, std::string(64, 'a'));
    EXPECT_TRUE(options.report.json);
    EXPECT_EQ(options.report.file, "r");
    EXPECT_EQ(options.report.limit, 4096U);
    EXPECT_EQ(options.owner, "o");
    EXPECT_EQ(options.generation, 5);
    EXPECT_EQ(options.history_readers, (std::vector<std::string>{"gate", "dash board"}));
    EXPECT_EQ(options.attempt, 7);
    EXPECT_EQ(options.run_id, "00112233445566ff");
    EXPECT_TRUE(options.quiet);
    EXPECT_FALSE(options.color);
    EXPECT_EQ(options.report.log_format, LogFormat::Json);
  }
}

TEST(OptionsTest, RelativeTargetsAreNoOptions) {
  EXPECT_EQ(std::get<Downgrade>(parse_options({"downgrade", "-1"}, {}).command).target, "-1");
  EXPECT_EQ(std::get<Downgrade>(parse_options({"-q", "downgrade", "-12"}, {}).command).target,
            "-12");
  EXPECT_EQ(std::get<Upgrade>(parse_options({"upgrade", "+2"}, {}).command).target, "+2");
  EXPECT_EQ(std::get<Downgrade>(parse_options({"downgrade", "--", "-1"}, {}).command).target, "-1");
}

TEST(OptionsTest, BehindACommandALetterIsTheCommandsOwn) {
  EXPECT_TRUE(std::get<Current>(parse_options({"current", "-c"}, {}).command).check_heads);
  const test::TemporaryFolder folder;
  const std::string file = folder.write("a.ini", "[alembic]\nscript_location = s\n");
  for (const Words& words : {Words{"-c", file, "current"}, Words{"current", "--config", file}}) {
    const Options options = parse_options(words, {});
    EXPECT_FALSE(std::get<Current>(options.command).check_heads);
    EXPECT_EQ(options.settings.script_location(), "s");
  }
}

TEST(OptionsTest, CommandsMayBeSpelledWithUnderscores) {
  EXPECT_EQ(parse_options({"ensure_version"}, {}).command_name, "ensure-version");
  EXPECT_EQ(parse_options({"list_templates"}, {}).command_name, "list-templates");
}

TEST(OptionsTest, CommandsOfAlembicTakeItsFlags) {
  const auto made = std::get<MakeRevision>(
      parse_options(
          {"revision", "-m", "add x", "--head", "a@head", "--splice", "--branch-label", "b",
           "--depends-on", "c", "--depends-on", "d", "--rev-id", "e1", "--version-path", "v"},
          {})
          .command);
  EXPECT_EQ(made.message, "add x");
  EXPECT_EQ(made.parents, Words{"a@head"});
  EXPECT_TRUE(made.splice);
  EXPECT_EQ(made.branch_label, "b");
  EXPECT_EQ(made.depends_on, (Words{"c", "d"}));
  EXPECT_EQ(made.rev_id, "e1");
  EXPECT_EQ(made.version_path, "v");
  EXPECT_EQ(std::get<MakeRevision>(parse_options({"revision"}, {}).command).parents, Words{"head"});
  EXPECT_EQ(std::get<MakeRevision>(parse_options({"merge", "a", "b"}, {}).command).parents,
            (Words{"a", "b"}));
  const auto stamped =
      std::get<Stamp>(parse_options({"stamp", "-1", "b", "--purge", "--sql"}, {}).command);
  EXPECT_EQ(stamped.targets, (Words{"-1", "b"}));
  EXPECT_TRUE(stamped.purge);
  EXPECT_TRUE(stamped.sql);
  const auto history = std::get<History>(parse_options({"history", "-r-2:", "-i"}, {}).command);
  EXPECT_EQ(history.range, "-2:");
  EXPECT_TRUE(history.indicate_current);
  EXPECT_EQ(std::get<Heads>(parse_options({"heads", "--resolve-dependencies"}, {}).command).by,
            HeadsBy::Dependencies);
  EXPECT_EQ(parse_options({"upgrade", "heads", "--transaction", "single"}, {}).transactions,
            TransactionMode::Single);
}

TEST(OptionsTest, ShortOptionsMayStandTogether) {
  const Options options = parse_options({"history", "-vi"}, {});
  EXPECT_EQ(std::get<History>(options.command).verbosity, Verbosity::Entry);
  EXPECT_TRUE(std::get<History>(options.command).indicate_current);
  EXPECT_EQ(parse_options({"current", "-dsqlite://"}, {}).settings.text(Key::DatabaseUrl),
            "sqlite://");
}

TEST(OptionsTest, HelpAndVersionNeedNothingElseToBeRight) {
  EXPECT_EQ(std::get<ShowHelp>(parse_options({"--help"}, {}).command).topic, "");
  EXPECT_EQ(std::get<ShowHelp>(parse_options({"help"}, {}).command).topic, "");
  EXPECT_EQ(std::get<ShowHelp>(parse_options({"upgrade", "--help"}, {}).command).topic, "upgrade");
  EXPECT_EQ(std::get<ShowHelp>(parse_options({"help", "apply"}, {}).command).topic, "apply");
  EXPECT_EQ(std::get<ShowHelp>(parse_options({"help", "scripts"}, {}).command).topic, "scripts");
  EXPECT_NE(help_page("scripts").find("-- stillhead:autocommit"), std::string::npos);
  EXPECT_TRUE(std::holds_alternative<ShowVersion>(parse_options({"--version"}, {}).command));
  EXPECT_TRUE(std::holds_alternative<ShowVersion>(parse_options({"version"}, {}).command));
}

TEST(OptionsTest, FlagsWinOverTheEnvironment) {
  const Environment environment = {{"STILLHEAD_SCRIPT_LOCATION", "from_variable"},
                                   {"STILLHEAD_LOCK_WAIT", "1s"},
                                   {"NO_COLOR", "1"}};
  const Options without = parse_options({"heads"}, environment);
  EXPECT_EQ(without.settings.script_location(), "from_variable");
  EXPECT_EQ(without.lock_wait, milliseconds(1000));
  EXPECT_FALSE(without.color);
  const Options with = parse_options({"heads", "--script-location", "flag"}, environment);
  EXPECT_EQ(with.settings.script_location(), "flag");
}

TEST(OptionsTest, TheDatabaseUrlHasAnOrderOfPlaces) {
  Environment environment = {{"DATABASE_URL", "common"}, {"PGHOST", "h"}};
  EXPECT_EQ(parse_options({"current"}, environment).settings.text(Key::DatabaseUrl), "common");
  environment["STILLHEAD_DATABASE_URL_FILE"] = "own_file";
  EXPECT_EQ(parse_options({"current"}, environment).settings.text(Key::DatabaseUrl), "");
  EXPECT_EQ(parse_options({"current"}, environment).settings.text(Key::DatabaseUrlFile),
            "own_file");
  environment["STILLHEAD_DATABASE_URL"] = "own";
  EXPECT_EQ(parse_options({"current"}, environment).settings.text(Key::DatabaseUrl), "own");
  EXPECT_EQ(parse_options({"current"}, environment).settings.text(Key::DatabaseUrlFile), "");
  EXPECT_FALSE(parse_options({"current"}, environment).libpq_environment);
  const Options file = parse_options({"current", "--database-url-file", "f"}, environment);
  EXPECT_EQ(file.settings.text(Key::DatabaseUrl), "");
  EXPECT_EQ(file.settings.text(Key::DatabaseUrlFile), "f");
  const Options flag = parse_options({"current", "-d", "flag"}, environment);
  EXPECT_EQ(flag.settings.text(Key::DatabaseUrl), "flag");
  EXPECT_EQ(flag.settings.text(Key::DatabaseUrlFile), "");
}

TEST(OptionsTest, AnEmptyVariableIsNotSet) {
  const Options options =
      parse_options({"current"}, {{"STILLHEAD_DATABASE_URL", ""}, {"PGSERVICE", "app"}});
  EXPECT_EQ(options.settings.text(Key::DatabaseUrl), "");
  EXPECT_TRUE(options.libpq_environment);
}

TEST(OptionsTest, EveryCommandOfTheTableCanBeParsed) {
  for (const CommandInfo& command : command_table()) {
    SCOPED_TRACE(command.name);
    Words words = {std::string(command.name)};
    if (command.argument.starts_with("-- ")) words.emplace_back("--");
    if (!command.argument.empty()) words.emplace_back(command.example);
    EXPECT_EQ(parse_options(words, {}).command_name, command.name);
  }
}

TEST(OptionsTest, WhatExecStartsIsNotLookedInto) {
  const Words program = {"app", "--json", "--report=x", "-w", "", "--", "-1", "heads"};
  Words words = {"exec", "--target", "c3", "--"};
  words.insert(words.end(), program.begin(), program.end());
  const Options options = parse_options(words, {});
  EXPECT_EQ(std::get<Exec>(options.command).words, program);
  EXPECT_EQ(std::get<Exec>(options.command).target, "c3");
  EXPECT_EQ(options.target, "c3");
  EXPECT_FALSE(options.report.json);
  EXPECT_EQ(find_report_options(words, {}).file, "");
  EXPECT_FALSE(find_report_options(words, {}).json);
  EXPECT_EQ(std::get<Exec>(parse_options({"exec", "--", "a"}, {}).command).target, "heads");
}

TEST(OptionsTest, WaitHasItsDefaults) {
  const auto none = std::get<Wait>(parse_options({"wait"}, {}).command);
  EXPECT_TRUE(none.revisions.empty());
  EXPECT_EQ(none.timeout, milliseconds(300'000));
  EXPECT_EQ(none.interval, milliseconds(1'000));
  const auto all = std::get<Wait>(parse_options({"wait", "--revision", "a", "--revision", "b",
                                                 "--timeout", "0", "--interval", "50ms"},
                                                {})
                                      .command);
  EXPECT_EQ(all.revisions, (Words{"a", "b"}));
  EXPECT_EQ(all.timeout, milliseconds(0));
  EXPECT_EQ(all.interval, milliseconds(50));
}

TEST(OptionsTest, AVariableOfOthersIsAFaultOnlyWhereItIsNeeded) {
  const Options options = parse_options({"heads"}, {{"AUTO_MIGRATE", "maybe"}, {"SQL_ECHO", "On"}});
  EXPECT_TRUE(options.settings.flag(Key::SqlEcho));
  EXPECT_EQ(error_of([&] { options.settings.flag(Key::AutoMigrate); }).message(),
            "AUTO_MIGRATE takes true, false, 1, 0, yes, no, on or off, not \"maybe\"");
  EXPECT_EQ(usage_error({"heads"}, {{"STILLHEAD_SQL_ECHO", "maybe"}}),
            "STILLHEAD_SQL_ECHO takes true, false, 1, 0, yes, no, on or off, not \"maybe\"");
  EXPECT_TRUE(parse_options({"heads", "--sql-echo"}, {}).settings.flag(Key::SqlEcho));
  EXPECT_FALSE(parse_options({"heads"}, {{"SQL_ECHO", "1"}, {"STILLHEAD_SQL_ECHO", "no"}})
                   .settings.flag(Key::SqlEcho));
  EXPECT_FALSE(parse_options({"heads"}, {{"AUTO_MIGRATE", "0"}}).settings.flag(Key::AutoMigrate));
  EXPECT_TRUE(parse_options({"heads"}, {}).settings.flag(Key::AutoMigrate));
}

TEST(OptionsTest, AShortOptionMayHaveAnEqualsSign) {
  for (const Words& words : {Words{"history", "-r=a:b"}, Words{"history", "-vr=a:b"},
                             Words{"history", "-r", "a:b"}, Words{"history", "-ra:b"}}) {
    EXPECT_EQ(std::get<History>(parse_options(words, {}).command).range, "a:b");
  }
  EXPECT_EQ(std::get<MakeRevision>(parse_options({"revision", "-m", "=x"}, {}).command).message,
            "=x");
}

TEST(OptionsTest, WhatIsForEnvPyIsKeptAsAlembicTakesIt) {
  const Options options =
      parse_options({"upgrade", "heads", "-x", "tenant=a", "-x", "b", "--tag", "t"}, {});
  EXPECT_EQ(options.alembic_arguments, (Words{"-x", "tenant=a", "-x", "b"}));
  EXPECT_EQ(options.alembic_command_arguments, (Words{"--tag", "t"}));
}

TEST(OptionsTest, AUrlIsNoTargetAndIsNotRepeated) {
  for (const Words& words : {Words{"upgrade", "postgresql://ann:secret@host/db"},
                             Words{"stamp", "a1", "postgresql://ann:secret@host/db"}}) {
    const Error error = error_of([&] { parse_options(words, {}); });
    EXPECT_EQ(error.reason(), Reason::InvalidUsage);
    EXPECT_EQ(error.message(), "the target is a URL (postgresql://...), not a revision");
    EXPECT_EQ(error.hint(),
              "the database is named by --database-url-file, DATABASE_URL or a file of settings");
  }
}

TEST(ReportOptionsTest, AreFoundWhereTheRestIsWrong) {
  const ReportOptions split =
      find_report_options({"--nonsense", "--report", "r", "--json", "--report-limit", "2000"}, {});
  EXPECT_EQ(split.file, "r");
  EXPECT_TRUE(split.json);
  EXPECT_EQ(split.limit, 2000U);
  EXPECT_EQ(find_report_options({"--report=r"}, {}).file, "r");
  EXPECT_EQ(find_report_options({"--report-limit", "9"}, {}).file, "");
  EXPECT_EQ(find_report_options({}, {{"STILLHEAD_REPORT", "r"}}).file, "r");
  EXPECT_EQ(find_report_options({"--report"}, {}).file, "");
  EXPECT_EQ(find_report_options({"--report-limit", "many"}, {}).limit, 0U);
  EXPECT_EQ(find_report_options({}, {}).log_format, LogFormat::Text);
  EXPECT_EQ(find_report_options({"x", "--log-format", "json"}, {}).log_format, LogFormat::Json);
  EXPECT_EQ(find_report_options({}, {{"STILLHEAD_LOG_FORMAT", "json"}}).log_format,
            LogFormat::Json);
}

TEST(WipeArgumentTest, OverwritesTheSecretWhereverItStands) {
  std::string program = "stillhead";
  std::string joined = "--database-url=postgresql://u:secret@h/d";
  std::string apart = "postgresql://u:secret@h/d";
  std::string other = "heads";
  char* arguments[] = {program.data(), joined.data(), apart.data(), other.data()};
  wipe_argument(arguments, "postgresql://u:secret@h/d");
  EXPECT_EQ(joined, "--database-url=" + std::string(25, '*'));
  EXPECT_EQ(apart, std::string(25, '*'));
  EXPECT_EQ(other, "heads");
  wipe_argument(arguments, "");
  EXPECT_EQ(other, "heads");
}

TEST(HelpTest, TheOverviewNamesEveryCommandAndOption) {
  const std::string page = help_page("");
  for (const CommandInfo& command : command_table()) {
    EXPECT_NE(page.find("  " + std::string(command.name) + " "), std::string::npos) << command.name;
  }
  for (const char* option : {"--script-location",
                             "--database-url",
                             "--database-url-file",
                             "--version-table",
                             "--version-table-schema",
                             "--lock-wait",
                             "--connect-timeout",
                             "--scripts-sha256",
                             "--json",
                             "--report",
                             "--report-limit",
                             "--report-without-data",
                             "--owner",
                             "--attempt",
                             "--run-id",
                             "--quiet",
                             "--no-color",
                             "--log-format",
                             "--help",
                             "--version"}) {
    EXPECT_NE(page.find(option), std::string::npos) << option;
  }
}

TEST(HelpTest, ACommandsPageShowsItsUsage) {
  const std::string page = help_page("apply");
  EXPECT_NE(page.find("Usage: stillhead [OPTIONS] apply [OPTIONS] TARGET\n"), std::string::npos)
      << page;
  EXPECT_NE(page.find("--downgrade forbid|allow"), std::string::npos);
  EXPECT_NE(page.find("Example: stillhead apply heads\n"), std::string::npos);
  EXPECT_NE(help_page("history").find("--verbose"), std::string::npos);
}

}  // namespace
}  // namespace engine
