// SPDX-License-Identifier: Apache-2.0
//
// Plans made and run by the real program: what they say, and when they are refused.
#include <sys/stat.h>

#include "tests/database/program_fixture.h"
#include "tests/database/scratch_database.h"

namespace test {
namespace {

using engine::Reason;
using Json = nlohmann::json;

class PlanProgramTest : public ProgramTest {
 protected:
  PlanProgramTest() { url_ = PostgresServer::instance().url(database_.name()); }

  std::string plan_file() const { return folder_ / "plan.json"; }
  ProgramEnd make_plan() { return run({"plan", "heads", "--out", plan_file()}); }
  // The message of the refusal, without its beginning.
  std::string refused(Words more = {}) {
    Words words = {"upgrade", "--plan", plan_file()};
    words.insert(words.end(), more.begin(), more.end());
    const ProgramEnd end = run_with_report(words);
    EXPECT_EQ(report_.reason, Reason::PlanOutdated) << end.err;
    const std::string mark = "is not what would be done now: ";
    const std::size_t at = report_.message.find(mark);
    return at == std::string::npos ? report_.message : report_.message.substr(at + mark.size());
  }

  ScratchDatabase database_{engine::SqlFlavour::PostgreSql};
};

TEST_F(PlanProgramTest, SaysOfEachStatementWhatItLocksAndWhatCanGoWrong) {
  database_.connect()->execute("create table users(id int, name varchar(10))");
  script("a1", "", "alter table users alter column name type text;\ndrop table users;",
         "create table users(id int);");
  script("b2", "a1", "create table fresh(id int);\ncreate index on fresh(id);\ndo $$ begin end $$;",
         "drop table fresh;");
  EXPECT_EQ(run({"plan", "heads"}).out,
            "upgrade  -> a1, make a1\n  insert 'a1'\n"
            "  statement 1, line 5: locks users ACCESS EXCLUSIVE\n"
            "  statement 2, line 6: locks users ACCESS EXCLUSIVE; data-loss: table-dropped\n"
            "upgrade a1 -> b2, make b2\n  update 'a1' to 'b2'\n"
            "  statement 1, line 5: locks nothing\n"
            "  statement 2, line 6: locks nothing\n"
            "  statement 3, line 7: locks not known: the code that it runs can do anything\n");
  const Json plan = Json::parse(run({"plan", "heads", "--json"}).out);
  EXPECT_EQ(plan["contractVersion"], 1);
  EXPECT_EQ(plan["steps"][0]["statements"][1]["locks"][0]["mode"], "AX");
  EXPECT_EQ(plan["steps"][0]["statements"][1]["hazards"][0]["name"], "table-dropped");
  EXPECT_EQ(plan["steps"][0]["irreversible"], false);
  EXPECT_EQ(plan["groups"].size(), 2U);
  EXPECT_EQ(plan["database"]["kind"], "PostgreSQL");
  EXPECT_EQ(plan["fingerprint"].get<std::string>().size(), 64U);
}

TEST_F(PlanProgramTest, IsRunAsItIs) {
  three_tables();
  ASSERT_EQ(make_plan().exit_code, 0);
  struct stat status {};
  ASSERT_EQ(stat(plan_file().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  ASSERT_EQ(run_with_report({"upgrade", "--plan", plan_file()}).exit_code, 0);
  EXPECT_EQ(report_.steps.size(), 3U);
  EXPECT_EQ(report_.target, "heads");
  // A second time nothing is to be done.
  EXPECT_EQ(result_of(run({"apply", "--plan", plan_file()})), "already at c3\n");
}

TEST_F(PlanProgramTest, IsRefusedWhenTheDatabaseHasMovedOn) {
  three_tables();
  ASSERT_EQ(make_plan().exit_code, 0);
  ASSERT_EQ(run({"upgrade", "a1"}).exit_code, 0);
  EXPECT_EQ(refused(),
            "the database was at base and is at a1; the steps were +a1, +b2, +c3 and are "
            "+b2, +c3");
  EXPECT_EQ(report_.to, std::vector<std::string>{"a1"});
}

TEST_F(PlanProgramTest, IsRefusedWhenAScriptWasChanged) {
  three_tables();
  ASSERT_EQ(make_plan().exit_code, 0);
  script("b2", "a1", "create table other(id int);", "drop table other;");
  EXPECT_EQ(refused().substr(0, 14), "statement 1 of");
  script("d4", "c3", "select 1;", "");
  EXPECT_EQ(refused(), "the steps were +a1, +b2, +c3 and are +a1, +b2, +c3, +d4");
}

TEST_F(PlanProgramTest, IsRefusedWhenStatementsWouldLockOtherTables) {
  const auto connection = database_.connect();
  connection->execute("create table users(id int, name varchar(10))");
  script("a1", "", "alter table users alter column name type varchar(20);", "");
  ASSERT_EQ(make_plan().exit_code, 0);
  connection->execute("alter table users alter column name type text");
  EXPECT_EQ(
      refused(),
      "the locks of statement 1 of a1 were users:AX and are users:S, users:AX, rewrites users; "
      "the hazards of statement 1 of a1 were none and are type-change-rewrites");
}

TEST_F(PlanProgramTest, IsRefusedInAnotherTransactionMode) {
  three_tables();
  ASSERT_EQ(make_plan().exit_code, 0);
  EXPECT_EQ(refused({"--transaction", "single"}), "--transaction was per_revision and is single");
}

TEST_F(PlanProgramTest, GoesDownOnlyWhereBothPermitIt) {
  three_tables();
  ASSERT_EQ(run({"upgrade", "heads"}).exit_code, 0);
  ASSERT_EQ(run({"plan", "a1", "--downgrade", "allow", "--out", plan_file()}).exit_code, 0);
  run_with_report({"apply", "--plan", plan_file()});
  EXPECT_EQ(report_.reason, Reason::DowngradeForbidden);
  run_with_report({"upgrade", "--plan", plan_file()});
  EXPECT_EQ(report_.reason, Reason::DowngradeForbidden);
  run_with_report({"apply", "--plan", plan_file(), "--downgrade", "allow"});
  EXPECT_EQ(report_.reason, Reason::Succeeded);
  EXPECT_EQ(report_.to, std::vector<std::string>{"a1"});
}

TEST_F(PlanProgramTest, WhatThePlanItselfMakesIsNoLoss) {
  three_tables();
  script("d4", "c3", "drop table t_a1;", "");
  run_with_report({"upgrade", "heads", "--no-destructive"});
  EXPECT_EQ(report_.reason, Reason::Succeeded) << report_.message;
}

TEST_F(PlanProgramTest, NoDestructiveNamesTheStatementAndDoesNothing) {
  three_tables();
  ASSERT_EQ(run({"upgrade", "heads"}).exit_code, 0);
  script("d4", "c3", "select 1;\nalter table t_a1 drop column id;", "create table never(id int);");
  for (const char* command : {"upgrade", "apply", "plan"}) {
    const ProgramEnd end = run_with_report({command, "heads", "--no-destructive"});
    EXPECT_EQ(end.exit_code, 6);
    EXPECT_EQ(report_.reason, Reason::DestructiveForbidden);
    EXPECT_NE(report_.message.find("upgrade of d4 would lose data at statement 2, "),
              std::string::npos)
        << report_.message;
    EXPECT_NE(report_.message.find("d4.sql:6: the column's values are gone, and code that names it "
                                   "fails (column-dropped)"),
              std::string::npos)
        << report_.message;
  }
  run_with_report({"downgrade", "-1", "--no-destructive"});
  EXPECT_EQ(report_.reason, Reason::DestructiveForbidden);
  EXPECT_EQ(database_.column("select version_num from alembic_version"),
            std::vector<std::string>{"c3"});
}

TEST_F(PlanProgramTest, FilesThatAreNoPlansAreRefused) {
  three_tables();
  ASSERT_EQ(make_plan().exit_code, 0);
  const std::string good = folder_.read("plan.json");
  const auto with = [&](const std::string& text) {
    folder_.write("plan.json", text);
    run_with_report({"upgrade", "--plan", plan_file()});
    EXPECT_EQ(report_.reason, Reason::InvalidUsage);
    const std::string mark = "is no plan that can be used: ";
    const std::size_t at = report_.message.find(mark);
    return at == std::string::npos ? report_.message : report_.message.substr(at + mark.size());
  };
  const auto replaced = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
  };
  EXPECT_EQ(with(""), "it is not JSON");
  EXPECT_EQ(with("[]"), "it is not a JSON object");
  EXPECT_EQ(with("{}"), "field contractVersion is missing");
  EXPECT_EQ(with(replaced("\"contractVersion\":1", "\"contractVersion\":2")),
            "field contractVersion is 2, and this program knows 1");
  EXPECT_EQ(with(replaced("\"targetName\":\"heads\"", "\"targetName\":1")),
            "field targetName is not a text");
  EXPECT_EQ(with(replaced("\"text\":", "\"tex\":")),
            "field steps[0].statements[0].text is missing");
  EXPECT_EQ(with(replaced("CREATE TABLE t_b2", "CREATE TABLE t_b7")),
            "field fingerprint does not fit the rest: the file was changed or cut");
  run_with_report({"upgrade", "--plan", folder_ / "nowhere.json"});
  EXPECT_NE(report_.message.find("No such file"), std::string::npos) << report_.message;
}

TEST_F(PlanProgramTest, APlanSaysItsTarget) {
  three_tables();
  EXPECT_EQ(run({"upgrade", "heads", "--plan", plan_file()}).exit_code, 2);
  EXPECT_EQ(run({"upgrade", "heads", "--sql", "--no-destructive"}).exit_code, 2);
  EXPECT_EQ(run({"plan", "heads", "--out", folder_ / "no/such/folder"}).exit_code, 2);
}

}  // namespace
}  // namespace test
