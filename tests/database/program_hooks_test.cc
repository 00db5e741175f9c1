// SPDX-License-Identifier: Apache-2.0
//
// Hooks of the real program, on SQLite files; what needs other sessions on PostgreSQL.
#include <csignal>
#include <filesystem>
#include <sstream>
#include <utility>

#include "tests/database/program_fixture.h"
#include "tests/database/scratch_database.h"
#include "tests/support/places.h"

namespace {

using engine::Reason;
using Json = nlohmann::json;
using Words = std::vector<std::string>;

class HooksProgramTest : public test::ProgramTest {
 protected:
  HooksProgramTest() { url_ = "sqlite:///" + (folder_ / "app.db"); }

  void hooks(const std::string& text) {
    config_ = folder_.write("stillhead.yaml", "hooks:\n" + text);
  }
  Words with_config(Words words) const {
    words.insert(words.begin(), {"-c", config_});
    return words;
  }
  test::ProgramEnd run_with_hooks(Words words) {
    return run_with_report(with_config(std::move(words)));
  }
  // A hook that keeps what it is told in file `told`.
  static std::string keeping(const std::string& name) {
    return "  " + name + ": cat >> \"%(here)s/told\"\n";
  }
  std::vector<Json> told() const {
    std::vector<Json> documents;
    if (!folder_.has("told")) return documents;
    std::istringstream text(folder_.read("told"));
    for (std::string line; std::getline(text, line);) documents.push_back(Json::parse(line));
    return documents;
  }
  Words told_events() const {
    Words events;
    for (const Json& document : told()) {
      events.push_back(
          document.at("event").get<std::string>() +
          (document.contains("revision") ? " " + document.at("revision").get<std::string>() : ""));
    }
    return events;
  }
  void keep_all() {
    hooks(keeping("before_run") + keeping("after_run") + keeping("before_revision") +
          keeping("after_revision"));
  }

  std::string config_ = {};
};

TEST_F(HooksProgramTest, AreToldWhatHappens) {
  table_script("a1", "");
  table_script("b2", "a1");
  keep_all();
  ASSERT_EQ(run_with_hooks({"upgrade", "heads"}).exit_code, 0);
  EXPECT_EQ(told_events(), (Words{"before_run", "before_revision a1", "after_revision a1",
                                  "before_revision b2", "after_revision b2", "after_run"}));
  const std::vector<Json> documents = told();
  for (const Json& document : documents) {
    EXPECT_EQ(document.at("runId"), report_.run_id);
    EXPECT_EQ(document.at("command"), "upgrade");
    EXPECT_EQ(document.at("target"), "heads");
    EXPECT_EQ(document.at("database"), url_);
  }
  EXPECT_EQ(documents[0].at("pending").size(), 2U);
  EXPECT_EQ(documents[0].at("pending")[1], (Json{{"revision", "b2"},
                                                 {"direction", "upgrade"},
                                                 {"message", "make b2"},
                                                 {"file", folder_ / "migrations/b2.sql"}}));
  EXPECT_EQ(documents[3].at("step"), 2);
  EXPECT_EQ(documents[3].at("steps"), 2);
  EXPECT_EQ(documents[3].at("file"), folder_ / "migrations/b2.sql");
  EXPECT_FALSE(documents[3].contains("result"));
  EXPECT_EQ(documents[4].at("result"), "succeeded");
  EXPECT_GE(documents[4].at("durationMs"), 0);
  EXPECT_EQ(documents[5].at("result"), "succeeded");
  EXPECT_EQ(documents[5].at("to"), Json::array({"b2"}));
  EXPECT_EQ(documents[5].at("done"), Json::array({"a1", "b2"}));
  EXPECT_EQ(documents[5].at("pending"), 0);
}

TEST_F(HooksProgramTest, DoNotRunWhereNothingIsDone) {
  three_tables();
  ASSERT_EQ(run({"upgrade", "heads"}).exit_code, 0);
  keep_all();
  EXPECT_EQ(run(with_config({"upgrade", "heads"})).exit_code, 0);
  EXPECT_EQ(run(with_config({"current"})).exit_code, 0);
  EXPECT_EQ(run(with_config({"plan", "heads"})).exit_code, 0);
  EXPECT_EQ(run(with_config({"stamp", "b2"})).exit_code, 0);
  EXPECT_EQ(run(with_config({"upgrade", "heads", "--sql"})).exit_code, 0);
  EXPECT_EQ(told_events(), Words{});
}

TEST_F(HooksProgramTest, ThatSayNoBeforeTheRunStopIt) {
  three_tables();
  hooks("  before_run: echo closed; exit 3\n" + keeping("after_run"));
  const test::ProgramEnd end = run_with_hooks({"upgrade", "heads"});
  EXPECT_EQ(end.exit_code, 6);
  EXPECT_EQ(end.err,
            "INFO  [stillhead.hook] before_run: closed\n"
            "stillhead: hook before_run failed: exit code 3\n"
            "hint: the hook is named in " +
                config_ + ":2; what it printed stands above\n");
  EXPECT_EQ(report_.reason, Reason::HookFailed);
  EXPECT_EQ(told_events(), Words{}) << "nothing was begun";
  EXPECT_EQ(run({"current"}).out, "");
}

TEST_F(HooksProgramTest, ThatSayNoBeforeARevisionKeepTheOnesBefore) {
  three_tables();
  hooks("  before_revision: grep -v '\"c3\"'\n" + keeping("after_revision") + keeping("after_run"));
  const test::ProgramEnd end = run_with_hooks({"upgrade", "heads"});
  EXPECT_EQ(end.exit_code, 6);
  EXPECT_EQ(report_.message, "hook before_revision of c3 failed: exit code 1");
  EXPECT_EQ(report_.to, Words{"b2"});
  EXPECT_EQ(run({"current"}).out, "b2\n");
  EXPECT_EQ(told_events(), (Words{"after_revision a1", "after_revision b2", "after_run"}));
  EXPECT_EQ(told().back().at("result"), "failed");
  EXPECT_EQ(told().back().at("failure").at("reason"), "HookFailed");
  EXPECT_EQ(told().back().at("pending"), 1);
}

TEST_F(HooksProgramTest, InOneTransactionANoTakesEverythingBack) {
  three_tables();
  hooks("  before_revision: grep -v '\"c3\"'\n");
  EXPECT_EQ(run_with_hooks({"upgrade", "heads", "--transaction", "single"}).exit_code, 6);
  EXPECT_EQ(run({"current"}).out, "");
}

TEST_F(HooksProgramTest, LearnOfAFailureWithoutPeoplesData) {
  table_script("a1", "");
  script("b2", "a1", "INSERT INTO nowhere VALUES ('canary');", "");
  keep_all();
  EXPECT_EQ(run_with_hooks({"upgrade", "heads"}).exit_code, 1);
  EXPECT_EQ(told_events(), (Words{"before_run", "before_revision a1", "after_revision a1",
                                  "before_revision b2", "after_revision b2", "after_run"}));
  for (const std::size_t at : {4U, 5U}) {
    const Json document = told()[at];
    EXPECT_EQ(document.at("result"), "failed");
    EXPECT_EQ(document.at("failure").at("reason"), "MigrationFailed");
    EXPECT_EQ(document.at("failure").at("revision"), "b2");
    EXPECT_EQ(document.at("failure").at("statement"), 1);
    EXPECT_EQ(document.at("failure").at("line"), 5);
  }
  EXPECT_EQ(folder_.read("told").find("canary"), std::string::npos);
}

TEST_F(HooksProgramTest, ThatFailAfterwardsWarn) {
  table_script("a1", "");
  hooks("  after_revision: exit 4\n  after_run: kill -9 $$\n");
  const test::ProgramEnd end = run_with_hooks({"upgrade", "heads"});
  EXPECT_EQ(end.exit_code, 0);
  EXPECT_NE(end.err.find("warning: hook after_revision of a1 failed: exit code 4\n"),
            std::string::npos)
      << end.err;
  EXPECT_NE(end.err.find("warning: hook after_run failed: it was ended by signal 9\n"),
            std::string::npos)
      << end.err;
}

TEST_F(HooksProgramTest, ThatCannotBeStartedAreFoundBeforeAnythingRuns) {
  three_tables();
  hooks("  after_run: [/nowhere/hook]\n");
  const test::ProgramEnd end = run_with_hooks({"upgrade", "heads"});
  EXPECT_EQ(end.exit_code, 2);
  EXPECT_EQ(end.err, "stillhead: " + config_ +
                         ":2: hooks.after_run: cannot start /nowhere/hook: No such file or "
                         "directory\n"
                         "hint: nothing was done; correct the command or PATH\n");
  EXPECT_EQ(run({"current"}).out, "");
}

TEST_F(HooksProgramTest, HaveATimeLimit) {
  three_tables();
  hooks("  before_run: sleep 60\n  timeout: 200ms\n");
  const test::ProgramEnd end = run_with_hooks({"upgrade", "heads"});
  EXPECT_EQ(end.exit_code, 6);
  EXPECT_EQ(report_.message, "hook before_run failed: it took longer than 200ms and was ended");
}

TEST_F(HooksProgramTest, AreEndedWhenTheProgramIs) {
  three_tables();
  hooks(
      "  before_revision: trap 'echo cleaned; exit 1' TERM; touch \"%(here)s/begun\"; sleep 60 & "
      "wait\n" +
      keeping("after_run"));
  test::RunningProgram program(engine_program(), with_defaults(with_config({"upgrade", "heads"})));
  test::wait_until("the hook", [&] { return folder_.has("begun"); });
  program.send(SIGTERM);
  const test::ProgramEnd end = program.wait();
  EXPECT_EQ(end.exit_code, 8);
  EXPECT_NE(end.err.find("INFO  [stillhead.hook] before_revision: cleaned\n"), std::string::npos)
      << end.err;
  EXPECT_NE(end.err.find("stillhead: interrupted while the hook before_revision was running\n"),
            std::string::npos)
      << end.err;
  EXPECT_EQ(told_events(), Words{"after_run"}) << "it has its turn in spite of the signal";
  EXPECT_EQ(told().front().at("failure").at("reason"), "Interrupted");
}

TEST_F(HooksProgramTest, ASignalBetweenTheMigrationAndTheProgramOfExecStartsNothing) {
  three_tables();
  hooks("  after_run: kill -TERM $PPID; sleep 60\n");
  const test::ProgramEnd end = run(with_config({"-q", "exec", "--", "echo", "started"}));
  EXPECT_EQ(end.exit_code, 8);
  EXPECT_EQ(end.out, "");
  EXPECT_EQ(end.err,
            "warning: hook after_run failed: it was interrupted\n"
            "stillhead: interrupted before echo was started\n"
            "hint: run the same command again: what the upgrade did stays done\n");
  EXPECT_EQ(run({"current"}).out, "c3 (head)\n");
}

TEST_F(HooksProgramTest, SeeNoPasswordAndNoTransaction) {
  const test::ScratchDatabase database(engine::SqlFlavour::PostgreSql);
  url_ = test::PostgresServer::instance().tcp_url(database.name(), "scram",
                                                  test::PostgresServer::kPassword);
  database.connect()->execute("GRANT ALL ON DATABASE " + database.name() + " TO scram");
  database.connect()->execute("GRANT ALL ON SCHEMA public TO scram");
  table_script("a1", "");
  table_script("b2", "a1");
  // Once it is told of b2, asks what our session does.
  hooks(
      "  before_revision: cat >> \"%(here)s/told\"; touch \"%(here)s/begun\"; while [ ! -e "
      "\"%(here)s/go\" ]; do sleep 0.05; done\n");
  test::RunningProgram program(engine_program(), with_defaults(with_config({"upgrade", "heads"})));
  test::wait_until("the hook", [&] { return folder_.has("begun"); });
  EXPECT_EQ(database.column("SELECT count(*) FROM pg_stat_activity WHERE datname = "
                            "current_database() AND state LIKE 'idle in transaction%'"),
            Words{"0"});
  folder_.write("go", "");
  EXPECT_EQ(program.wait().exit_code, 0);
  EXPECT_EQ(folder_.read("told").find("secret"), std::string::npos) << folder_.read("told");
  EXPECT_NE(folder_.read("told").find("scram:***@"), std::string::npos) << folder_.read("told");
}

}  // namespace
