// SPDX-License-Identifier: Apache-2.0
//
// `stillhead exec`, the echo of statements, events and the progress line of the real program.
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>
#include <memory>
#include <sstream>

#include "tests/database/program_fixture.h"
#include "tests/database/scratch_database.h"
#include "tests/support/places.h"

namespace {

using Json = nlohmann::json;
using Words = std::vector<std::string>;

// Blocked and ignored signals, but for those that belong to the C library.
const std::string kSignals =
    "grep -E '^Sig(Blk|Ign)' /proc/self/status | sed -E 's/[0-9a-f]{9}([0-9a-f]{7})$/\\1/'";

class ExecTest : public test::ProgramTest {
 protected:
  ExecTest() { url_ = "sqlite:///" + (folder_ / "app.db"); }

  // `stillhead exec OPTIONS -- sh -c TEXT`
  static Words exec_shell(const std::string& text, Words options = {}) {
    Words words = {"exec"};
    words.insert(words.end(), options.begin(), options.end());
    words.insert(words.end(), {"--", "sh", "-c", text});
    return words;
  }
  std::unique_ptr<test::RunningProgram> start(Words arguments) const {
    return std::make_unique<test::RunningProgram>(
        engine_program(), with_defaults(std::move(arguments)), environment_);
  }
};

TEST_F(ExecTest, MigratesAndBecomesTheProgram) {
  three_tables();
  const auto program = start(exec_shell("echo $$; exit 7"));
  const test::ProgramEnd end = program->wait();
  EXPECT_EQ(end.exit_code, 7);
  EXPECT_EQ(end.out, std::to_string(program->pid()) + "\n") << "the same process";
  EXPECT_TRUE(result_of(end).starts_with("upgraded to c3: 3 revisions in ")) << end.err;
  EXPECT_EQ(run(exec_shell("echo again")).out, "again\n") << "nothing is left to be done";
  EXPECT_EQ(run({"current"}).out, "c3 (head)\n");
}

TEST_F(ExecTest, MigratesToTheTarget) {
  three_tables();
  const test::ProgramEnd end = run(exec_shell("echo started", {"--target", "b2"}));
  EXPECT_EQ(end.out, "started\n");
  EXPECT_EQ(run({"current"}).out, "b2\n");
}

TEST_F(ExecTest, HandsArgumentsEnvironmentAndSecretsOnUnchanged) {
  three_tables();
  environment_ = {{"DATABASE_URL", "sqlite:///other.db?x=secret"}, {"EMPTY", ""}};
  const test::ProgramEnd end =
      run({"exec", "--", "sh", "-c", "echo \"$0|$1|$2|$DATABASE_URL|${EMPTY-unset}\"", "--json", "",
           url_});
  EXPECT_EQ(end.out, "--json||" + url_ + "|sqlite:///other.db?x=secret|\n");
}

TEST_F(ExecTest, LeavesNothingOpenAndNoSignalChanged) {
  const test::ScratchDatabase database(engine::SqlFlavour::PostgreSql);
  url_ = database.url().conninfo;
  three_tables();
  const std::string look = "ls /proc/self/fd | tr '\\n' ' '; " + kSignals;
  const test::ProgramEnd direct = test::run_program("/bin/sh", {"-c", look});
  EXPECT_EQ(run(exec_shell(look)).out, direct.out);
  EXPECT_EQ(run(exec_shell(look)).out, direct.out) << "also where nothing was to be done";
  test::wait_until("the end of all sessions", [&] {
    return database
        .column(
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> "
            "pg_backend_pid()")
        .empty();
  });
}

TEST_F(ExecTest, KeepsIgnoredAndBlockedSignalsAsTheyWereGiven) {
  three_tables();
  const std::string look = kSignals;
  const std::string trap = "trap '' PIPE HUP INT; ";
  const test::ProgramEnd direct =
      test::run_program("/bin/sh", {"-c", trap + "sh -c \"" + look + "\""});
  const test::ProgramEnd end = test::run_program(
      "/bin/sh", {"-c", trap + "exec " + engine_program() + " -q -d " + url_ +
                            " --script-location " + scripts() + " exec -- sh -c \"" + look + "\""});
  EXPECT_EQ(end.out, direct.out) << end.err;
}

TEST_F(ExecTest, AFailedMigrationStartsNothing) {
  table_script("a1", "");
  script("b2", "a1", "SELECT * FROM nowhere;", "");
  Words words = exec_shell("echo started");
  words.insert(words.begin() + 1, {"--report", folder_ / "report.json"});
  const test::ProgramEnd end = run(words);
  EXPECT_EQ(end.exit_code, 1);
  EXPECT_EQ(end.out, "");
  const Json report = Json::parse(folder_.read("report.json"));
  EXPECT_EQ(report.at("command"), "exec");
  EXPECT_EQ(report.at("target"), "heads");
  EXPECT_EQ(report.at("reason"), "MigrationFailed");
}

TEST_F(ExecTest, AReportAndJsonAreWrittenBeforeTheProgramBegins) {
  three_tables();
  const test::ProgramEnd end =
      run(exec_shell("cat \"$REPORT\"", {"--json", "--report", folder_ / "report.json"}));
  EXPECT_EQ(Json::parse(end.out.substr(0, end.out.find('\n'))).at("reason"), "Succeeded");
  environment_["REPORT"] = folder_ / "report.json";
  EXPECT_EQ(
      Json::parse(run(exec_shell("cat \"$REPORT\"", {"--report", folder_ / "report.json"})).out)
          .at("message"),
      "already at c3");
}

TEST_F(ExecTest, AutoMigrateSwitchesTheMigrationOff) {
  three_tables();
  environment_ = {{"AUTO_MIGRATE", "false"}};
  const test::ProgramEnd end =
      test::run_program(engine_program(), exec_shell("echo started"), environment_);
  EXPECT_EQ(end.out, "started\n") << "without a database and without scripts";
  EXPECT_EQ(end.err, "INFO  [stillhead] not migrating: AUTO_MIGRATE says so\n");
  EXPECT_EQ(run({"upgrade", "heads"}).exit_code, 0) << "no other command obeys it";
  EXPECT_EQ(run({"current"}).out, "c3 (head)\n");
}

TEST_F(ExecTest, AutoMigrateMustBeUnderstood) {
  three_tables();
  environment_ = {{"AUTO_MIGRATE", "maybe"}};
  const test::ProgramEnd end = run(exec_shell("echo started"));
  EXPECT_EQ(end.exit_code, 2);
  EXPECT_EQ(end.out, "");
  EXPECT_EQ(end.err,
            "stillhead: AUTO_MIGRATE takes true, false, 1, 0, yes, no, on or off, not \"maybe\"\n");
  EXPECT_EQ(run({"heads"}).exit_code, 0);
}

TEST_F(ExecTest, AProgramThatCannotBeStartedIsFoundBeforeTheMigration) {
  three_tables();
  const std::string plain = folder_.write("plain", "text");
  const std::pair<Words, std::pair<int, std::string>> cases[] = {
      {{"exec", "--", "nosuch-program"},
       {127, "stillhead: cannot start nosuch-program: it is not in any folder of PATH\n"}},
      {{"exec", "--", plain}, {126, "stillhead: cannot start " + plain + ": Permission denied\n"}},
      {{"exec", "--", "/tmp"}, {126, "stillhead: cannot start /tmp: Is a directory\n"}}};
  for (const auto& [words, expected] : cases) {
    Words with_report = words;
    with_report.insert(with_report.begin() + 1, {"--report", folder_ / "report.json"});
    const test::ProgramEnd end = run(with_report);
    EXPECT_EQ(end.exit_code, expected.first);
    EXPECT_EQ(end.err, expected.second);
    EXPECT_EQ(Json::parse(folder_.read("report.json")).at("reason"), "InvalidUsage");
    EXPECT_FALSE(folder_.has("app.db")) << "nothing is half done";
  }
}

TEST_F(ExecTest, AProgramThatFailsToStartAfterTheMigrationIsNamed) {
  three_tables();
  const std::string broken = folder_.write("broken", "#!/nowhere/interpreter\n");
  std::filesystem::permissions(broken, std::filesystem::perms::owner_all);
  const test::ProgramEnd end = run({"-q", "exec", "--", broken});
  EXPECT_EQ(end.exit_code, 127);
  EXPECT_EQ(end.err, "stillhead: cannot start " + broken +
                         ": No such file or directory\nhint: what the upgrade did stays done\n");
  EXPECT_EQ(run({"current"}).out, "c3 (head)\n");
}

class PostgresExecTest : public ExecTest {
 protected:
  PostgresExecTest() { url_ = test::PostgresServer::instance().url(database_.name()); }
  void wait_for_sleep() const {
    test::wait_until("pg_sleep", [&] {
      return !database_
                  .column(
                      "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND "
                      "state = 'active' AND query LIKE '%pg_sleep(%' AND pid <> pg_backend_pid()")
                  .empty();
    });
  }
  test::ScratchDatabase database_{engine::SqlFlavour::PostgreSql};
};

TEST_F(PostgresExecTest, ASignalDuringTheMigrationEndsIt) {
  for (const int signal : {SIGTERM, SIGINT}) {
    script("a1", "", "SELECT pg_sleep(60);", "");
    const auto program = start(exec_shell("echo started"));
    wait_for_sleep();
    program->send(signal);
    const test::ProgramEnd end = program->wait();
    EXPECT_EQ(end.exit_code, 8);
    EXPECT_EQ(end.out, "");
    EXPECT_LT(end.duration, std::chrono::seconds(10));
  }
}

TEST_F(PostgresExecTest, ASignalAfterwardsIsTheProgramsOwn) {
  three_tables();
  const auto program =
      start(exec_shell("trap 'echo got it; exit 9' TERM; echo ready; sleep 60 & wait"));
  test::wait_until("the program", [&] { return program->out() == "ready\n"; });
  program->send(SIGTERM);
  const test::ProgramEnd end = program->wait();
  EXPECT_EQ(end.exit_code, 9);
  EXPECT_EQ(end.out, "ready\ngot it\n");
}

TEST_F(PostgresExecTest, AKilledOneStartsNothingAndTheNextGoesOn) {
  table_script("a1", "");
  script("b2", "a1",
         "SELECT pg_sleep(CASE WHEN EXISTS (SELECT 1 FROM pg_tables WHERE tablename = "
         "'go') THEN 0 ELSE 60 END);",
         "");
  const auto program = start(exec_shell("echo started"));
  wait_for_sleep();
  program->send(SIGKILL);
  EXPECT_EQ(program->wait().out, "");
  database_.connect()->execute("CREATE TABLE go (i integer)");
  const test::ProgramEnd end = run(exec_shell("echo started"));
  EXPECT_EQ(end.out, "started\n") << end.err;
  EXPECT_EQ(run({"current"}).out, "b2 (head)\n");
}

TEST_F(PostgresExecTest, FiveAtOnceMigrateOnceAndAllStart) {
  table_script("a1", "");
  script("b2", "a1",
         "CREATE TABLE once (i integer);\nSELECT pg_sleep(0.5);\nINSERT INTO once VALUES (1);", "");
  std::vector<std::unique_ptr<test::RunningProgram>> programs;
  for (int i = 0; i < 5; ++i) programs.push_back(start(exec_shell("echo started")));
  int migrated = 0;
  for (const auto& program : programs) {
    const test::ProgramEnd end = program->wait();
    EXPECT_EQ(end.exit_code, 0) << end.err;
    EXPECT_EQ(end.out, "started\n");
    if (result_of(end).starts_with("upgraded to b2")) ++migrated;
  }
  EXPECT_EQ(migrated, 1);
  EXPECT_EQ(database_.column("SELECT i FROM once"), Words{"1"});
}

TEST_F(PostgresExecTest, WaitsForTheLockNoLongerThanItIsTold) {
  script("a1", "", "SELECT pg_sleep(60);", "");
  const auto first = start({"upgrade", "heads"});
  wait_for_sleep();
  const test::ProgramEnd end = run(exec_shell("echo started", {"--lock-wait", "100ms"}));
  EXPECT_EQ(end.exit_code, 5);
  EXPECT_EQ(end.out, "");
  first->send(SIGTERM);
  first->wait();
}

// --- SQL_ECHO ------------------------------------------------------------------------------------

TEST_F(PostgresExecTest, SqlEchoTellsEachStatementWithItsRevisionAndNoSecret) {
  url_ = test::PostgresServer::instance().tcp_url(database_.name(), "scram",
                                                  test::PostgresServer::kPassword);
  database_.connect()->execute("GRANT ALL ON DATABASE " + database_.name() + " TO scram");
  database_.connect()->execute("GRANT ALL ON SCHEMA public TO scram");
  table_script("a1", "");
  table_script("b2", "a1");
  environment_ = {{"SQL_ECHO", "1"}};
  const std::string text = run({"upgrade", "heads"}).err;
  EXPECT_NE(text.find("INFO  [stillhead.sql] a1: BEGIN\n"), std::string::npos) << text;
  EXPECT_NE(text.find("INFO  [stillhead.sql] a1: CREATE TABLE t_a1 (id integer)\n"),
            std::string::npos);
  EXPECT_NE(text.find("INFO  [stillhead.sql] b2: CREATE TABLE t_b2 (id integer)\n"),
            std::string::npos);
  EXPECT_NE(text.find("INFO  [stillhead.sql] b2: COMMIT\n"), std::string::npos);
  EXPECT_EQ(text.find("secret"), std::string::npos);

  environment_.clear();
  const std::string json = run({"downgrade", "a1", "--sql-echo", "--log-format", "json"}).err;
  bool found = false;
  std::istringstream lines(json);
  for (std::string line; std::getline(lines, line);) {
    const Json event = Json::parse(line);
    if (event.at("stillhead") != "sql" || event.at("msg") != "DROP TABLE t_b2") continue;
    found = true;
    EXPECT_EQ(event.at("revision"), "b2");
    EXPECT_EQ(event.at("level"), "info");
  }
  EXPECT_TRUE(found) << json;
  EXPECT_EQ(run({"-q", "upgrade", "heads", "--sql-echo"}).err, "");
}

// --- events --------------------------------------------------------------------------------------

TEST_F(ExecTest, EventsGoToAnOpenDescriptorWhichTheProgramDoesNotGet) {
  three_tables();
  const test::ProgramEnd end = test::run_program(
      "/bin/sh", {"-c", "exec 7>" + (folder_ / "events") + "; exec " + engine_program() +
                            " -q -d " + url_ + " --script-location " + scripts() +
                            " exec --events 7 -- sh -c 'ls /proc/self/fd | grep -c 7'"});
  EXPECT_EQ(end.out, "0\n") << end.err;
  Words events;
  std::istringstream lines(folder_.read("events"));
  for (std::string line; std::getline(lines, line);) events.push_back(Json::parse(line)["event"]);
  EXPECT_EQ(events, (Words{"run_started", "step_started", "step_finished", "step_started",
                           "step_finished", "step_started", "step_finished", "run_finished"}));
}

TEST_F(ExecTest, EventsNeedAnOpenDescriptorBeforeAnythingRuns) {
  three_tables();
  const test::ProgramEnd end = run({"upgrade", "heads", "--events", "77"});
  EXPECT_EQ(end.exit_code, 2);
  EXPECT_EQ(end.err,
            "stillhead: --events 77: this file descriptor is not open for writing\n"
            "hint: open it where the program is started, such as `--events 3 3>events.jsonl`\n");
  EXPECT_FALSE(folder_.has("app.db"));
}

TEST_F(ExecTest, AReaderOfEventsThatGoesAwayStopsNothing) {
  three_tables();
  const test::ProgramEnd end = test::run_program(
      "/bin/bash", {"-c", engine_program() + " -q -d " + url_ + " --script-location " + scripts() +
                              " upgrade heads --events 7 7> >(exec true); echo $?"});
  EXPECT_EQ(end.out, "0\n");
  EXPECT_EQ(run({"current"}).out, "c3 (head)\n");
}

TEST_F(PostgresExecTest, AFullPipeStopsNothing) {
  // 400 statements of 4 KiB each: more than pipe and buffer hold together.
  std::string statements;
  for (int i = 0; i < 400; ++i) statements += "SELECT '" + std::string(4000, 'x') + "';\n";
  script("a1", "", statements, "");
  ASSERT_EQ(::mkfifo((folder_ / "fifo").c_str(), 0600), 0);
  const int reader = ::open((folder_ / "fifo").c_str(), O_RDWR | O_CLOEXEC);
  const test::ProgramEnd end = test::run_program(
      "/bin/sh",
      {"-c", "exec " + engine_program() + " -q -d '" + url_ + "' --script-location " + scripts() +
                 " upgrade heads --sql-echo --events 7 7>" + (folder_ / "fifo")});
  ::close(reader);
  EXPECT_EQ(end.exit_code, 0) << end.err;
  EXPECT_NE(end.err.find("events were dropped: the reader was too slow\n"), std::string::npos)
      << end.err;
}

// --- a terminal ----------------------------------------------------------------------------------

// What the program writes to a terminal of 60 columns.
class TerminalTest : public PostgresExecTest {
 protected:
  std::string on_terminal(Words arguments) {
    const int master = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    ::grantpt(master);
    ::unlockpt(master);
    const std::string name = ::ptsname(master);
    arguments = with_defaults(std::move(arguments));
    std::string command = "stty columns 60 </dev/stderr; exec " + engine_program();
    for (const std::string& word : arguments) command += " '" + word + "'";
    const auto program = std::make_unique<test::RunningProgram>(
        "/bin/sh", Words{"-c", "exec 2<>" + name + "; " + command}, environment_);
    const int slave = ::open(name.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC);
    std::string text;
    ::fcntl(master, F_SETFL, O_NONBLOCK);
    std::array<char, 4096> buffer{};
    const auto read_more = [&] {
      for (ssize_t got = 1; got > 0;) {
        got = ::read(master, buffer.data(), buffer.size());
        if (got > 0) text.append(buffer.data(), static_cast<std::size_t>(got));
      }
    };
    exit_code_ = program->wait().exit_code;
    read_more();
    ::close(slave);
    ::close(master);
    return text;
  }

  int exit_code_ = -1;
};

TEST_F(TerminalTest, ALineShowsHowFarItIsAndGoesAway) {
  table_script("a1", "");
  script("b2", "a1", "SELECT pg_sleep(1.5);", "");
  environment_ = {{"TERM", "xterm"}, {"NO_COLOR", "1"}};
  const std::string text = on_terminal({"upgrade", "heads"});
  EXPECT_EQ(exit_code_, 0) << text;
  EXPECT_NE(text.find("\r\033[K[2/2] b2, make b2: 0 s"), std::string::npos) << text;
  EXPECT_NE(text.find("\r\033[K[2/2] b2, make b2: 1 s"), std::string::npos) << text;
  EXPECT_NE(text.find("\r\033[KINFO  [stillhead] upgraded to b2"), std::string::npos) << text;
  const std::size_t last_drawn = text.rfind("[2/2]");
  EXPECT_NE(text.find("\r\033[K", last_drawn), std::string::npos) << "cleared";
}

TEST_F(TerminalTest, NoLineWhereItWouldDisturb) {
  script("a1", "", "SELECT pg_sleep(0.8);", "");
  const std::pair<Words, std::map<std::string, std::string>> cases[] = {
      {{"-q", "upgrade", "heads"}, {{"TERM", "xterm"}}},
      {{"upgrade", "heads", "--json"}, {{"TERM", "xterm"}}},
      {{"upgrade", "heads", "--log-format", "json"}, {{"TERM", "xterm"}}},
      {{"upgrade", "heads"}, {{"TERM", "dumb"}}}};
  for (const auto& [words, environment] : cases) {
    environment_ = environment;
    const std::string text = on_terminal(words);
    EXPECT_EQ(exit_code_, 0) << text;
    EXPECT_EQ(text.find("[1/1]"), std::string::npos) << text;
    environment_.clear();
    ASSERT_EQ(run({"downgrade", "base"}).exit_code, 0);
  }
}

}  // namespace
