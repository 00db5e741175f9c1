// SPDX-License-Identifier: Apache-2.0
//
// The program as people use it, on SQLite files: commands, wrong usage, faulty scripts, reports.
#include <sys/stat.h>

#include <filesystem>
#include <sstream>

#include "tests/database/program_fixture.h"
#include "tests/support/places.h"

namespace {

namespace fs = std::filesystem;
using engine::Reason;
using Json = nlohmann::json;

constexpr const char* kExample =
    "-- revision: 4f1c2a9b0d3e\n-- down_revision: None\n-- message: create users\n\n"
    "-- stillhead:upgrade\nCREATE TABLE users (id integer PRIMARY KEY);\n\n"
    "-- stillhead:downgrade\nDROP TABLE users;\n";

class SqliteProgramTest : public test::ProgramTest {
 protected:
  SqliteProgramTest() { url_ = "sqlite:///" + (folder_ / "app.db"); }

  bool database_exists() const { return folder_.has("app.db"); }
};

// --- commands ------------------------------------------------------------------------------------

TEST_F(SqliteProgramTest, UpgradesShowsAndDowngrades) {
  three_tables();
  const test::ProgramEnd up = run({"upgrade", "heads"});
  EXPECT_EQ(up.exit_code, 0);
  EXPECT_TRUE(result_of(up).starts_with("upgraded to c3: 3 revisions in ")) << up.out;
  EXPECT_EQ(up.out, "");
  EXPECT_TRUE(
      up.err.starts_with("INFO  [stillhead] Running upgrade  -> a1, make a1\n"
                         "INFO  [stillhead] Running upgrade a1 -> b2, make b2\n"
                         "INFO  [stillhead] Running upgrade b2 -> c3, make c3\n"))
      << up.err;
  EXPECT_EQ(run({"current"}).out, "c3 (head)\n");

  const test::ProgramEnd down = run({"downgrade", "-1"});
  EXPECT_EQ(down.exit_code, 0);
  EXPECT_TRUE(result_of(down).starts_with("downgraded to b2: 1 revision in ")) << down.out;
  EXPECT_TRUE(down.err.starts_with("INFO  [stillhead] Running downgrade c3 -> b2, make c3\n"))
      << down.err;
  EXPECT_EQ(run({"history", "-i"}).out,
            "b2 -> c3 (head), make c3\n"
            "a1 -> b2 (current), make b2\n"
            "<base> -> a1, make a1\n");
  EXPECT_EQ(run({"heads"}).out, "c3 (head)\n");
}

TEST_F(SqliteProgramTest, NothingToDoWritesNothing) {
  three_tables();
  ASSERT_EQ(run({"upgrade", "heads"}).exit_code, 0);
  const std::string before = folder_.read("app.db");
  const auto time_before = fs::last_write_time(folder_ / "app.db");
  const test::ProgramEnd end = run_with_report({"upgrade", "heads"});
  EXPECT_EQ(end.exit_code, 0);
  EXPECT_EQ(result_of(end), "already at c3\n");
  EXPECT_EQ(folder_.read("app.db"), before);
  EXPECT_EQ(fs::last_write_time(folder_ / "app.db"), time_before);
  EXPECT_EQ(report_.message, "already at c3");
  EXPECT_EQ(report_.pending, 0);
  EXPECT_EQ(report_.from, std::vector<std::string>{"c3"});
  EXPECT_EQ(report_.to, std::vector<std::string>{"c3"});
}

TEST_F(SqliteProgramTest, AppliesInEitherDirectionAsFarAsItMay) {
  three_tables();
  ASSERT_EQ(run({"apply", "heads"}).exit_code, 0);
  const test::ProgramEnd refused = run_with_report({"apply", "a1"});
  EXPECT_EQ(refused.exit_code, 6);
  EXPECT_EQ(refused.err,
            "stillhead: target 'a1' lies below where the database is: 'b2', 'c3' would have to be "
            "downgraded, and downgrades are forbidden\n"
            "hint: allow downgrades (--downgrade=allow) if what these revisions added may be lost, "
            "or name a newer target\n");
  EXPECT_EQ(report_.reason, Reason::DowngradeForbidden);
  EXPECT_EQ(run({"current"}).out, "c3 (head)\n");
  const test::ProgramEnd allowed = run({"apply", "a1", "--downgrade=allow"});
  EXPECT_TRUE(result_of(allowed).starts_with("downgraded to a1: 2 revisions in ")) << allowed.out;
}

TEST_F(SqliteProgramTest, UpgradeToWhatIsLeftBehindIsAnError) {
  three_tables();
  ASSERT_EQ(run({"upgrade", "heads"}).exit_code, 0);
  const test::ProgramEnd end = run({"upgrade", "a1"});
  EXPECT_EQ(end.exit_code, 4);
  EXPECT_EQ(end.err,
            "stillhead: cannot upgrade to 'a1': the database has already left it behind and is at "
            "'c3'\n"
            "hint: to go back, say downgrade, or apply with downgrades allowed\n");
}

TEST_F(SqliteProgramTest, ReadingCommandsMakeNoDatabase) {
  three_tables();
  for (const char* command : {"current", "history", "heads"}) run({command});
  EXPECT_EQ(run({"downgrade", "base"}).exit_code, 5);
  EXPECT_FALSE(database_exists());
  EXPECT_EQ(run({"current"}).err, "stillhead: cannot open " + url_ +
                                      ": no such database file\n"
                                      "hint: a first upgrade creates it\n");
}

TEST_F(SqliteProgramTest, QuietPrintsErrorsOnly) {
  three_tables();
  const test::ProgramEnd up = run({"-q", "upgrade", "heads"});
  EXPECT_EQ(up.exit_code, 0);
  EXPECT_EQ(up.out + up.err, "");
  const test::ProgramEnd sql = run({"-q", "upgrade", "heads", "--sql"});
  EXPECT_TRUE(sql.out.starts_with("CREATE TABLE alembic_version")) << sql.out;
  EXPECT_EQ(sql.err, "");
  EXPECT_NE(run({"-q", "completion", "zsh"}).out, "");
  EXPECT_TRUE(run({"-q", "upgrade", "a1"}).err.starts_with("stillhead: cannot upgrade to 'a1'"));
}

TEST_F(SqliteProgramTest, OutputThatCannotBeWrittenFailsWhatOnlyTells) {
  three_tables();
  const auto into_full = [&](const std::string& command) {
    return test::run_program("/bin/sh",
                             {"-c", fmt::format("{} -d {} --script-location {} {} >/dev/full",
                                                engine_program(), url_, scripts(), command)});
  };
  const std::string message =
      "stillhead: cannot write to standard output: No space left on device\n";
  const test::ProgramEnd heads = into_full("heads");
  EXPECT_EQ(heads.exit_code, 2);
  EXPECT_EQ(heads.err, message);
  for (const char* command : {"upgrade heads --sql", "upgrade heads --sql --json", "man"}) {
    EXPECT_EQ(into_full(command).exit_code, 2) << command;
    EXPECT_TRUE(into_full(command).err.ends_with(message)) << command;
  }
  const test::ProgramEnd upgrade = into_full("upgrade heads --json");  // what it did stays done
  EXPECT_EQ(upgrade.exit_code, 0);
  EXPECT_TRUE(upgrade.err.ends_with(message)) << upgrade.err;
}

TEST_F(SqliteProgramTest, JsonOfARunIsItsReport) {
  three_tables();
  const auto report =
      engine::report_from_json(run({"upgrade", "heads", "--json", "--owner", "me", "--attempt", "2",
                                    "--run-id", "0123456789abcdef"})
                                   .out);
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->reason, Reason::Succeeded);
  EXPECT_EQ(report->engine_version, STILLHEAD_VERSION);
  EXPECT_EQ(report->command, "upgrade");
  EXPECT_EQ(report->target, "heads");
  EXPECT_EQ(report->run_id, "0123456789abcdef");
  EXPECT_EQ(report->owner, "me");
  EXPECT_EQ(report->attempt, 2);
  EXPECT_EQ(report->from, std::vector<std::string>{});
  EXPECT_EQ(report->to, std::vector<std::string>{"c3"});
  EXPECT_EQ(report->target_revisions, std::vector<std::string>{"c3"});
  EXPECT_EQ(report->source_heads, std::vector<std::string>{"c3"});
  EXPECT_EQ(report->source_revisions, 3);
  EXPECT_EQ(report->pending, 3);
  ASSERT_EQ(report->steps.size(), 3U);
  EXPECT_EQ(report->steps[2].revision, "c3");
  EXPECT_EQ(report->steps[2].direction, "upgrade");
  EXPECT_EQ(report->steps[2].statement_count, 1);
  EXPECT_LT(report->started_at, report->finished_at);
}

TEST_F(SqliteProgramTest, JsonOfCommandsThatShow) {
  three_tables();
  ASSERT_EQ(run({"upgrade", "b2"}).exit_code, 0);
  const Json current = Json::parse(run({"current", "--json"}).out);
  EXPECT_EQ(current["rows"], Json::parse(R"(["b2"])"));
  EXPECT_EQ(current["upToDate"], false);
  EXPECT_EQ(current["database"], url_);
  const Json history = Json::parse(run({"history", "-i", "--json"}).out);
  EXPECT_EQ(history["revisions"][1]["revision"], "b2");
  EXPECT_EQ(history["revisions"][1]["current"], true);
  EXPECT_EQ(Json::parse(run({"heads", "--json"}).out)["heads"][0]["revision"], "c3");
  const Json version = Json::parse(run({"version", "--json"}).out);
  EXPECT_EQ(version["version"], STILLHEAD_VERSION);
  EXPECT_EQ(version["contractVersion"], engine::kContractVersion);
}

TEST_F(SqliteProgramTest, ReportOfCurrentTellsTheRows) {
  three_tables();
  ASSERT_EQ(run({"upgrade", "b2"}).exit_code, 0);
  EXPECT_EQ(run_with_report({"current"}).exit_code, 0);
  EXPECT_EQ(report_.command, "current");
  EXPECT_EQ(report_.to, std::vector<std::string>{"b2"});
  EXPECT_EQ(report_.source_heads, std::vector<std::string>{"c3"});
  EXPECT_EQ(report_.message, "at b2");
}

TEST_F(SqliteProgramTest, LogLinesCanBeJson) {
  three_tables();
  std::istringstream lines(run({"upgrade", "heads", "--log-format", "json"}).err);
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    const Json json = Json::parse(line);
    EXPECT_EQ(json["stillhead"], "progress");
    if (count == 6) {
      EXPECT_EQ(json["msg"], "finished");
      EXPECT_TRUE(json["message"].get<std::string>().starts_with("upgraded to c3: ")) << line;
      continue;
    }
    EXPECT_EQ(json["steps"], 3);
    EXPECT_EQ(json["step"], count / 2 + 1);
  }
  EXPECT_EQ(count, 7);
}

TEST_F(SqliteProgramTest, TheUrlComesFromVariablesAndFiles) {
  three_tables();
  const std::string url = std::exchange(url_, "");
  environment_ = {{"DATABASE_URL", url}};
  EXPECT_EQ(run({"upgrade", "heads"}).exit_code, 0);
  environment_ = {{"STILLHEAD_DATABASE_URL_FILE", folder_.write("url", url + "\n")},
                  {"DATABASE_URL", "sqlite:////nowhere/at/all.db"}};
  EXPECT_EQ(run({"current"}).out, "c3 (head)\n");
}

TEST_F(SqliteProgramTest, VersionTableHasANameOfChoice) {
  three_tables();
  ASSERT_EQ(run({"upgrade", "heads", "--version-table", "my_version"}).exit_code, 0);
  EXPECT_EQ(run({"current", "--version-table", "my_version"}).out, "c3 (head)\n");
  EXPECT_EQ(run({"current"}).out, "");
}

TEST_F(SqliteProgramTest, HelpAndVersionArePrinted) {
  EXPECT_EQ(run({"--version"}).out, "stillhead " STILLHEAD_VERSION "\n");
  EXPECT_EQ(run({"version"}).out, "stillhead " STILLHEAD_VERSION "\n");
  const test::ProgramEnd help = run({"--help"});
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_TRUE(help.out.starts_with("stillhead runs database schema migrations.\n")) << help.out;
  EXPECT_EQ(run({"help"}).out, help.out);
  EXPECT_TRUE(run({"upgrade", "--help"}).out.starts_with("stillhead upgrade: "));
}

// --- bundle --------------------------------------------------------------------------------------

TEST_F(SqliteProgramTest, ABundleCopiesItself) {
  fs::create_directories(folder_ / "engine/bin");
  fs::copy(engine_program(), folder_ / "engine/bin/stillhead");
  folder_.write("engine/lib/ld.so", "stands for the loader");
  const std::string copy = folder_ / "copy";
  const test::ProgramEnd first =
      test::run_program(folder_ / "engine/bin/stillhead", {"bundle", copy});
  EXPECT_EQ(first.exit_code, 0) << first.err;
  EXPECT_TRUE(first.out.starts_with("copied 2 files (")) << first.out;
  EXPECT_TRUE(first.out.ends_with(" MB) to " + copy + "\n")) << first.out;
  EXPECT_EQ(folder_.read("copy/lib/ld.so"), "stands for the loader");
  EXPECT_EQ(test::run_program(copy + "/bin/stillhead", {"--version"}).exit_code, 0);
  // The copy is a bundle, and its program can be replaced while it runs.
  EXPECT_EQ(test::run_program(copy + "/bin/stillhead", {"bundle", folder_ / "again"}).exit_code, 0);
  EXPECT_EQ(test::run_program(folder_ / "engine/bin/stillhead", {"bundle", copy}).exit_code, 0);
}

TEST_F(SqliteProgramTest, AProgramThatIsNoBundleSaysSo) {
  const test::ProgramEnd end = run({"bundle", folder_ / "copy"});
  EXPECT_EQ(end.exit_code, 2);
  EXPECT_TRUE(end.err.starts_with("stillhead: this program is not installed as a bundle: "))
      << end.err;
  EXPECT_FALSE(folder_.has("copy"));
}

// --- wrong usage ---------------------------------------------------------------------------------

TEST_F(SqliteProgramTest, WrongUsageIsOneLineAndNothingElse) {
  three_tables();
  const std::pair<std::vector<std::string>, std::string> cases[] = {
      {{"upgrad", "heads"}, "unknown command \"upgrad\"; did you mean 'upgrade'?"},
      {{"upgrade"},
       "`stillhead upgrade` needs a target TARGET; for example `stillhead upgrade heads`"},
      {{"upgrade", "heads", "--lock-wait", "soon"},
       "--lock-wait takes a duration such as 500ms, 30s or 5m, not \"soon\""},
      {{"upgrade", "heads", "--frobnicate"},
       "unknown option --frobnicate; `stillhead help` lists the options"}};
  for (const auto& [words, message] : cases) {
    const test::ProgramEnd end = run_with_report(words);
    EXPECT_EQ(end.exit_code, 2);
    EXPECT_EQ(end.err, "stillhead: " + message + "\n");
    EXPECT_EQ(end.out, "");
    EXPECT_EQ(report_.reason, Reason::InvalidUsage);
    EXPECT_EQ(report_.message, message);
  }
  EXPECT_FALSE(database_exists());
}

TEST_F(SqliteProgramTest, AFailureIsAReportInJson) {
  const test::ProgramEnd end = run({"upgrade", "--json"});
  EXPECT_EQ(end.exit_code, 2);
  const auto report = engine::report_from_json(end.out);
  ASSERT_TRUE(report.has_value()) << end.out;
  EXPECT_EQ(report->reason, Reason::InvalidUsage);
}

TEST_F(SqliteProgramTest, WithoutADatabaseEveryWayToNameOneIsTold) {
  three_tables();
  url_.clear();
  const test::ProgramEnd end = run_with_report({"upgrade", "heads"});
  EXPECT_EQ(end.exit_code, 2);
  EXPECT_EQ(
      end.err,
      "stillhead: `stillhead upgrade` needs a database URL, and none is given\n"
      "hint: give --database-url URL or --database-url-file FILE, set the environment variable "
      "STILLHEAD_DATABASE_URL or DATABASE_URL, or write sqlalchemy.url into alembic.ini or "
      "database_url into stillhead.yaml\n");
}

TEST_F(SqliteProgramTest, AReportThatCannotBeWrittenStopsTheRunBeforeItBegins) {
  three_tables();
  const test::ProgramEnd end = run({"upgrade", "heads", "--report", "/nowhere/report.json"});
  EXPECT_EQ(end.exit_code, 2);
  EXPECT_EQ(
      end.err,
      "stillhead: cannot write the report to /nowhere/report.json: No such file or directory\n"
      "hint: the folder must exist, be writable and have free space\n");
  EXPECT_FALSE(database_exists());
}

// What is done is done: the message is all that tells of it.
TEST_F(SqliteProgramTest, AReportThatIsLostInTheEndDoesNotUndoTheRun) {
  three_tables();
  const test::ProgramEnd end = run({"upgrade", "heads", "--report", "/dev/full"});
  EXPECT_EQ(end.exit_code, 0);
  EXPECT_NE(end.err.find("upgraded to c3: 3 revisions in "), std::string::npos) << end.err;
  EXPECT_TRUE(
      end.err.ends_with("stillhead: cannot write the report to /dev/full: No space left on device\n"
                        "hint: the folder must exist, be writable and have free space\n"))
      << end.err;
  EXPECT_EQ(run({"current"}).out, "c3 (head)\n");
}

TEST_F(SqliteProgramTest, AnUnknownTargetIsNamed) {
  three_tables();
  const test::ProgramEnd end = run_with_report({"upgrade", "nope"});
  EXPECT_EQ(end.exit_code, 2);
  EXPECT_TRUE(end.err.starts_with("stillhead: Can't locate revision identified by 'nope'\nhint: "))
      << end.err;
  EXPECT_EQ(report_.reason, Reason::InvalidTarget);
  EXPECT_FALSE(database_exists());
}

// --- commands of Alembic -------------------------------------------------------------------------

TEST_F(SqliteProgramTest, StampMovesRowsOnly) {
  three_tables();
  const test::ProgramEnd first = run_with_report({"stamp", "b2"});
  EXPECT_EQ(first.exit_code, 0);
  EXPECT_EQ(first.out, "");
  EXPECT_EQ(first.err,
            "INFO  [stillhead] Running stamp_revision  -> b2\nINFO  [stillhead] stamped b2\n");
  EXPECT_EQ(report_.to, std::vector<std::string>{"b2"});
  EXPECT_EQ(run({"current"}).out, "b2\n");
  EXPECT_EQ(result_of(run({"stamp", "b2"})), "already at b2\n");
  EXPECT_EQ(run({"stamp", "heads", "--purge"}).exit_code, 0);
  EXPECT_EQ(run({"current"}).out, "c3 (head)\n");
  EXPECT_EQ(run({"current", "--check-heads"}).exit_code, 0);
  EXPECT_EQ(run({"stamp", "a1:b2"}).err,
            "stillhead: Range revision not allowed\n"
            "hint: only --sql takes a range; here the database says where it is\n");
}

TEST_F(SqliteProgramTest, ADatabaseThatIsNotAtEveryHeadFailsTheCheck) {
  three_tables();
  ASSERT_EQ(run({"upgrade", "b2"}).exit_code, 0);
  const test::ProgramEnd end = run_with_report({"current", "-c"});
  EXPECT_EQ(end.exit_code, 7);
  EXPECT_EQ(end.err,
            "stillhead: Database is not on all head revisions\n"
            "hint: it is at b2; `stillhead upgrade heads` brings it up\n");
}

TEST_F(SqliteProgramTest, PlanTellsWhatWouldBeDoneAndDoesNothing) {
  three_tables();
  EXPECT_EQ(run({"plan", "b2"}).out,
            "upgrade  -> a1, make a1\n  insert 'a1'\n"
            "upgrade a1 -> b2, make b2\n  update 'a1' to 'b2'\n");
  EXPECT_FALSE(database_exists());
  ASSERT_EQ(run({"upgrade", "heads"}).exit_code, 0);
  EXPECT_EQ(run({"plan", "a1"}).exit_code, 6);
  EXPECT_EQ(run({"plan", "b2", "--downgrade", "allow"}).out,
            "downgrade c3 -> b2, make c3\n  update 'c3' to 'b2'\n"
            "  statement 1, line 7: data-loss: table-dropped\n");
  EXPECT_EQ(run({"plan", "heads"}).out, "already at c3\n");
  const Json plan = Json::parse(run({"plan", "b2", "--downgrade", "allow", "--json"}).out);
  EXPECT_EQ(plan["steps"][0]["rows"][0]["to"], "b2");
}

TEST_F(SqliteProgramTest, SqlIsPrintedAndNothingIsOpened) {
  table_script("a1", "");
  table_script("b2", "a1");
  url_ = "postgresql://nobody@nowhere.invalid/x";
  EXPECT_EQ(run({"upgrade", "a1:heads", "--sql"}).out,
            "BEGIN;\n\n-- Running upgrade a1 -> b2\n\nCREATE TABLE t_b2 (id integer);\n\n"
            "UPDATE alembic_version SET version_num='b2' WHERE alembic_version.version_num = "
            "'a1';\n\nCOMMIT;\n\n");
  EXPECT_EQ(run({"downgrade", "b2", "--sql"}).err,
            "stillhead: downgrade with --sql requires <fromrev>:<torev>\n");
  EXPECT_EQ(run({"ensure_version", "--sql", "--transaction", "single"}).out,
            "BEGIN;\n\nCREATE TABLE alembic_version (\n    version_num VARCHAR(32) NOT NULL, \n"
            "    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)\n);\n\nCOMMIT;\n\n");
}

TEST_F(SqliteProgramTest, ASingleTransactionIsAllOrNothing) {
  table_script("a1", "");
  script("b2", "a1", "SELECT nope;", "");
  const test::ProgramEnd end = run_with_report({"upgrade", "heads", "--transaction", "single"});
  EXPECT_EQ(end.exit_code, 1);
  EXPECT_NE(end.err.find("the revisions before it in this run are rolled back with it"),
            std::string::npos)
      << end.err;
  EXPECT_EQ(report_.to, std::vector<std::string>{});
  EXPECT_EQ(run({"current"}).out, "");
}

TEST_F(SqliteProgramTest, RevisionsAreMadeJoinedAndShown) {
  three_tables();
  const test::ProgramEnd made = run({"revision", "-m", "add x", "--rev-id", "d4"});
  EXPECT_EQ(made.exit_code, 0) << made.err;
  EXPECT_EQ(made.out, "Generating " + scripts() + "/d4_add_x.sql ...  done\n");
  EXPECT_EQ(run({"revision", "-m", "y", "--rev-id", "e5", "--head", "c3", "--splice"}).exit_code,
            0);
  EXPECT_EQ(run({"heads"}).out, "d4 (head)\ne5 (head)\n");
  EXPECT_EQ(run({"branches"}).out, "c3 (branchpoint)\n   -> d4 (head)\n   -> e5 (head)\n\n");
  EXPECT_EQ(run({"merge", "heads", "-m", "both", "--rev-id", "f6"}).exit_code, 0);
  EXPECT_EQ(run({"show", "f6"}).out.substr(0, 40), "Rev: f6 (head) (mergepoint)\nMerges: d4, ");
  EXPECT_TRUE(run({"graph"}).out.starts_with(
      "* f6 (head) (mergepoint), both\n|-.\n* | d4, add x\n| * e5, y\n|-'\n"));
  EXPECT_EQ(run({"history", "-r", "c3:d4"}).out,
            "c3 -> d4, add x\nb2 -> c3 (branchpoint), make c3\n");
  EXPECT_EQ(run({"revision", "-m", "z", "--rev-id", "d4"}).exit_code, 2);
}

TEST_F(SqliteProgramTest, SettingsAreShownWithTheirOriginAndWithoutPasswords) {
  url_ = "postgresql://u:canary@h/d";
  const test::ProgramEnd end = run({"config"});
  EXPECT_EQ(end.exit_code, 0) << end.err;
  EXPECT_NE(end.out.find("database_url = postgresql://u:***@h/d  (--database-url)\n"),
            std::string::npos)
      << end.out;
  EXPECT_NE(end.out.find("lock_wait = 5m  (default)\n"), std::string::npos) << end.out;
  EXPECT_EQ(end.out.find("canary"), std::string::npos);
}

TEST_F(SqliteProgramTest, ATerminalGetsColoursUnlessTheyAreUnwanted) {
  three_tables();
  const std::string command = engine_program() + " --script-location " + scripts() + " heads";
  const auto seen = [&](const std::map<std::string, std::string>& variables) {
    return test::run_program("/usr/bin/script", {"-qec", command, "/dev/null"}, variables).out;
  };
  EXPECT_EQ(seen({{"TERM", "xterm"}}), "\033[33mc3\033[0m\033[32m (head)\033[0m\r\n");
  EXPECT_EQ(seen({{"TERM", "xterm"}, {"NO_COLOR", "1"}}), "c3 (head)\r\n");
  EXPECT_EQ(seen({{"TERM", "dumb"}}), "c3 (head)\r\n");
}

TEST_F(SqliteProgramTest, CompletionAsksTheProgram) {
  three_tables();
  environment_ = {{"STILLHEAD_SCRIPT_LOCATION", scripts()}};
  const test::ProgramEnd end =
      test::run_program(engine_program(), {"__complete", "upgrade", ""}, environment_);
  EXPECT_EQ(end.out, "heads\nhead\nbase\na1\nb2\nc3\n");
  EXPECT_EQ(run({"completion", "csh"}).exit_code, 2);
}

TEST_F(SqliteProgramTest, BashCompletesWithTheScript) {
  three_tables();
  environment_ = {{"STILLHEAD_SCRIPT_LOCATION", scripts()}, {"STILLHEAD", engine_program()}};
  const auto replies = [&](const std::string& line, const std::string& setup = "") {
    const test::ProgramEnd end = test::run_program(
        "/bin/bash",
        {"-c",
         "stillhead() { \"$STILLHEAD\" \"$@\"; }; source <(stillhead completion bash); "
         "eval \"$2\"; COMP_LINE=$1 COMP_POINT=${#1}; _stillhead; echo \"${COMPREPLY[*]}\"",
         "bash", line, setup},
        environment_);
    EXPECT_EQ(end.err, "");
    return end.out;
  };
  EXPECT_EQ(replies("stillhead down"), "downgrade\n");
  EXPECT_EQ(replies("stillhead upgrade b"), "base b2\n");
  EXPECT_EQ(replies("stillhead upgrade "), "heads head base a1 b2 c3\n");
  EXPECT_EQ(replies("stillhead upgrade --sql a1:c"), "c3\n") << "what stands before ':' stays";
  EXPECT_EQ(replies("stillhead upgrade --sql a1:c", "COMP_WORDBREAKS=' '"), "a1:c3\n");
}

TEST_F(SqliteProgramTest, TheManualIsAManualPage) {
  EXPECT_EQ(run({"man"}).out.substr(0, 17), ".TH STILLHEAD 1 \"");
}

// --- faulty scripts ------------------------------------------------------------------------------

class FaultyScriptsTest : public SqliteProgramTest {
 protected:
  // Exit code 3, this text, and nothing has happened.
  void expect_refused(const std::string& message, const std::string& hint) {
    const test::ProgramEnd end = run_with_report({"upgrade", "heads"});
    EXPECT_EQ(end.exit_code, 3);
    EXPECT_EQ(end.out, "");
    EXPECT_EQ(end.err, "stillhead: " + message + "\n" + (hint.empty() ? "" : "hint: " + hint));
    EXPECT_EQ(report_.reason, Reason::InvalidScripts);
    EXPECT_EQ(report_.message, message);
    EXPECT_FALSE(database_exists());
  }
  std::string file(const std::string& name) const { return scripts() + "/" + name; }
};

TEST_F(FaultyScriptsTest, MissingFolder) {
  expect_refused("Path doesn't exist: " + scripts() +
                     ".  Please use the 'init' command to create a new scripts folder.",
                 "script_location comes from --script-location\n");
}

TEST_F(FaultyScriptsTest, EmptyFolder) {
  fs::create_directory(scripts());
  expect_refused(scripts() + ": the folder holds no script (*.sql, *.yaml or *.py)",
                 std::string("name the folder that holds the scripts; to begin, put a file like "
                             "this into it:\n") +
                     kExample);
}

TEST_F(FaultyScriptsTest, ScriptWithoutHeader) {
  three_tables();
  folder_.write("migrations/zz.sql", "CREATE TABLE x (id integer);\n");
  expect_refused(file("zz.sql") +
                     ":1: no revision in the header: the comment lines at the top of the script "
                     "must name it; add a line such as `-- revision: 4f1c2a9b0d3e`",
                 std::string("a script begins like this:\n") + kExample);
}

TEST_F(FaultyScriptsTest, TwoScriptsWithOneId) {
  three_tables();
  folder_.write("migrations/zz.sql", "-- revision: a1\n");
  expect_refused(file("zz.sql") + ": Revision a1 is present more than once, first in " +
                     file("a1.sql") + "; give one of them another id",
                 "");
}

TEST_F(FaultyScriptsTest, MissingParent) {
  three_tables();
  folder_.write("migrations/zz.sql", "-- revision: d4\n-- down_revision: nix\n");
  expect_refused(file("zz.sql") +
                     ": down_revision 'nix' is the id of no script; add the missing script or "
                     "correct the line",
                 "");
}

TEST_F(FaultyScriptsTest, Cycle) {
  three_tables();
  folder_.write("migrations/y.sql", "-- revision: e5\n-- down_revision: d4\n");
  folder_.write("migrations/z.sql", "-- revision: d4\n-- down_revision: e5\n");
  const test::ProgramEnd end = run_with_report({"upgrade", "heads"});
  EXPECT_EQ(end.exit_code, 3);
  EXPECT_NE(
      end.err.find(": Cycle is detected in revisions (d4, e5); d4, e5 need each other: change "
                   "down_revision of one of them so that it comes first\n"),
      std::string::npos)
      << end.err;
  EXPECT_NE(end.err.find(scripts()), std::string::npos) << "names a file: " << end.err;
  EXPECT_FALSE(database_exists());
}

TEST_F(FaultyScriptsTest, EveryFaultIsListedAtOnce) {
  folder_.write("migrations/a.sql", "-- revision: a b\n");
  folder_.write("migrations/b.sql", "SELECT 1;\n");
  const test::ProgramEnd end = run_with_report({"upgrade", "heads"});
  EXPECT_EQ(end.exit_code, 3);
  EXPECT_NE(end.err.find(file("a.sql") + ":1: "), std::string::npos) << end.err;
  EXPECT_NE(end.err.find(file("b.sql") + ":1: "), std::string::npos) << end.err;
}

TEST_F(FaultyScriptsTest, AFaultInTheLastScriptStopsTheFirst) {
  three_tables();
  script("d4", "c3", "SELECT 'unterminated;", "");
  const test::ProgramEnd end = run_with_report({"upgrade", "heads"});
  EXPECT_EQ(end.exit_code, 3);
  EXPECT_TRUE(end.err.starts_with("stillhead: " + file("d4.sql") + ":5: ")) << end.err;
  EXPECT_FALSE(database_exists());
}

TEST_F(FaultyScriptsTest, OtherScriptsThanExpectedAreNotRun) {
  three_tables();
  const std::string found = run({"digest", scripts()}).out.substr(0, 64);
  const std::string expected(64, 'a');
  const test::ProgramEnd end = run({"upgrade", "heads", "--scripts-sha256", expected});
  EXPECT_EQ(end.exit_code, 3);
  EXPECT_EQ(end.err, "stillhead: the scripts in " + scripts() +
                         " are not the expected ones: their digest is " + found + ", expected is " +
                         expected +
                         "\nhint: `stillhead digest DIR` prints the digest of a folder\n");
  EXPECT_FALSE(database_exists());
  EXPECT_EQ(run({"upgrade", "heads", "--scripts-sha256", found}).exit_code, 0);
}

TEST_F(FaultyScriptsTest, WhatOnlyEnvPyKnowsIsNotPassedOver) {
  three_tables();
  folder_.write("migrations/env.py",
                "# version_table is a word\nx = 1  # here too: version_table\nname = "
                "'alembic_version_table'\ncontext.configure(\n    version_table='mine')\n");
  const test::ProgramEnd end = run({"current"});
  EXPECT_EQ(end.exit_code, 2);
  EXPECT_EQ(end.err, "stillhead: " + scripts() +
                         "/env.py:5 names version_table, and env.py is not run here\n"
                         "hint: say the same in stillhead.yaml (version_table: ...) or with "
                         "STILLHEAD_VERSION_TABLE, also when it is the default\n");
  EXPECT_EQ(run({"current", "--version-table-schema", "main"}).exit_code, 2) << "another setting";
  EXPECT_EQ(run({"upgrade", "heads", "--version-table", "mine"}).exit_code, 0);
  EXPECT_EQ(run({"history"}).exit_code, 0) << "no database, no version table";
  folder_.write("migrations/env.py", "context.configure(version_table_pk=False)\n");
  EXPECT_EQ(run({"current", "--version-table", "mine"}).exit_code, 2);
  environment_ = {{"STILLHEAD_VERSION_TABLE_PK", "false"}};
  EXPECT_EQ(run({"current", "--version-table", "mine"}).exit_code, 0);
}

TEST_F(FaultyScriptsTest, AnIrreversibleRevisionIsNotTakenBack) {
  table_script("a1", "");
  folder_.write("migrations/b2.sql",
                "-- revision: b2\n-- down_revision: a1\n-- stillhead:upgrade\nCREATE TABLE x (i "
                "integer);\n");
  table_script("c3", "b2");
  ASSERT_EQ(run({"upgrade", "heads"}).exit_code, 0);
  const test::ProgramEnd end = run_with_report({"downgrade", "base"});
  EXPECT_EQ(end.exit_code, 6);
  EXPECT_EQ(end.err,
            "stillhead: cannot downgrade revision b2: " + file("b2.sql") +
                " has no downgrade section\n"
                "hint: write `-- stillhead:downgrade` and what takes the revision back; an "
                "empty section means that nothing is to be done\n");
  EXPECT_EQ(report_.reason, Reason::IrreversibleRevision);
  EXPECT_EQ(run({"current"}).out, "c3 (head)\n") << "c3 could have been taken back, but was not";
}

// --- failures in the database --------------------------------------------------------------------

TEST_F(SqliteProgramTest, ASyntaxErrorInStatementThreeRollsItsRevisionBack) {
  table_script("a1", "");
  script(
      "b2", "a1",
      "CREATE TABLE s1 (i integer);\nCREATE TABLE s2 (i integer);\nCREATE TABEL s3 (i integer);\n"
      "CREATE TABLE s4 (i integer);\nCREATE TABLE s5 (i integer);",
      "");
  const test::ProgramEnd end = run_with_report({"upgrade", "heads"});
  EXPECT_EQ(end.exit_code, 1);
  EXPECT_EQ(end.out, "");
  EXPECT_TRUE(end.err.ends_with(
      "stillhead: upgrade to b2 failed at statement 3 of 5: near \"TABEL\": syntax error (SQLite "
      "error 1), b2.sql:7\n"))
      << end.err;
  EXPECT_EQ(report_.reason, Reason::MigrationFailed);
  EXPECT_EQ(report_.to, std::vector<std::string>{"a1"});
  EXPECT_EQ(report_.pending, 2);
  ASSERT_TRUE(report_.failure.has_value());
  EXPECT_EQ(report_.failure->revision, "b2");
  EXPECT_EQ(report_.failure->file, "b2.sql");
  EXPECT_EQ(report_.failure->statement, 3);
  EXPECT_EQ(report_.failure->statement_count, 5);
  EXPECT_EQ(report_.failure->line, 7);
  EXPECT_EQ(report_.failure->sqlstate, "1");
  EXPECT_EQ(run({"current"}).out, "a1\n");
  // Nothing of it is left: the mended script creates all five tables.
  script("b2", "a1", "CREATE TABLE s1 (i integer);\nCREATE TABLE s2 (i integer);", "");
  EXPECT_EQ(run({"upgrade", "heads"}).exit_code, 0);
}

TEST_F(SqliteProgramTest, ARevisionThatNoScriptHasIsNamed) {
  three_tables();
  ASSERT_EQ(run({"upgrade", "heads"}).exit_code, 0);
  fs::remove(scripts() + "/c3.sql");
  for (const char* command : {"upgrade", "current"}) {
    const test::ProgramEnd end = run_with_report(
        command == std::string("upgrade") ? Words{command, "heads"} : Words{command});
    EXPECT_EQ(end.exit_code, 4);
    EXPECT_EQ(
        end.err,
        "stillhead: Can't locate revision identified by 'c3'\n"
        "hint: the version table holds 'c3', which none of the 2 scripts has: either newer "
        "scripts were applied before and an older image or checkout runs now: run the newer "
        "one; or the version table belongs to another project: check the database URL and the "
        "name of the version table; `stillhead stamp --purge REVISION` forgets the row, once you "
        "know that the schema is that of REVISION\n");
    EXPECT_EQ(report_.reason, Reason::UnknownRevision);
    EXPECT_EQ(report_.from, std::vector<std::string>{"c3"});
  }
}

TEST_F(SqliteProgramTest, TheReportKeepsItsLimit) {
  table_script("a1", "");
  script("b2", "a1", "CREATE TABEL " + std::string(5000, 'x') + " (i integer);", "");
  for (const char* limit : {"1024", "1500", "4096"}) {
    run_with_report({"upgrade", "heads", "--report-limit", limit});
    EXPECT_LE(folder_.read("report.json").size(), std::stoul(limit));
    ASSERT_TRUE(report_.failure.has_value());
    EXPECT_EQ(report_.failure->revision, "b2");
    EXPECT_EQ(report_.failure->statement, 1);
  }
}

TEST_F(SqliteProgramTest, TheReportCanLeaveOutWhatHoldsData) {
  script("a1", "", "INSERT INTO nowhere VALUES ('canary');", "");
  run_with_report({"upgrade", "heads"});
  ASSERT_TRUE(report_.failure.has_value());
  EXPECT_EQ(report_.failure->sql, "INSERT INTO nowhere VALUES ('canary')");
  run_with_report({"upgrade", "heads", "--report-without-data"});
  EXPECT_EQ(folder_.read("report.json").find("canary"), std::string::npos);
  ASSERT_TRUE(report_.failure.has_value());
  EXPECT_EQ(report_.failure->message, "no such table: nowhere");
}

}  // namespace
