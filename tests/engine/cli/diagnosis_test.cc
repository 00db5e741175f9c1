// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/diagnosis.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/support/places.h"

namespace engine {
namespace {

using Json = nlohmann::json;

const Paint kPipe(Medium::Pipe);

Diagnosis python_project() {
  Diagnosis seen;
  seen.configuration = {"alembic.ini", "stillhead.yaml"};
  seen.scripts = "alembic/versions";
  seen.python = 2;
  seen.heads = {"b2"};
  seen.interpreter = "/venv/bin/python (VIRTUAL_ENV)";
  seen.packages = {{"alembic", "1.20.1, /venv/alembic"}, {"drivers", "psycopg2 2.9.13"}};
  seen.driver = "stillhead";
  seen.database.emplace();
  seen.database->url = parse_database_url("postgresql+psycopg2://app:pa%3Ass@db/shop");
  seen.database->named_by_env_py = true;
  seen.database->version_table.schema = "app";
  seen.database->reached = true;
  seen.database->rows = {"a1"};
  seen.database->pending = 1;
  return seen;
}

TEST(DiagnosisTest, SaysWhatRunsWhereAndHowToDoWithoutPython) {
  EXPECT_EQ(diagnosis_text(python_project(), kPipe),
            "configuration  alembic.ini, stillhead.yaml\n"
            "scripts        alembic/versions: 2 revisions, head b2\n"
            "in Python      2 revisions in /venv/bin/python (VIRTUAL_ENV), over Stillhead's "
            "connection\n"
            "alembic        1.20.1, /venv/alembic\n"
            "drivers        psycopg2 2.9.13\n"
            "database       postgresql://app:***@db/shop, app.alembic_version: at a1, 1 pending\n"
            "\n"
            "nothing found that is wrong, unsafe or slow\n"
            "\n"
            "To run without Python where nothing is to be done, in stillhead.yaml:\n"
            "\n"
            "database_url: postgresql://app@db/shop  # its password: PGPASSWORD; or "
            "database_url_file: FILE\n"
            "version_table: alembic_version\n"
            "version_table_schema: app\n");
}

TEST(DiagnosisTest, SaysNothingOfADatabaseThatWasNotReached) {
  Diagnosis seen = python_project();
  seen.database->reached = false;
  EXPECT_NE(diagnosis_text(seen, kPipe).find("postgresql://app:***@db/shop: not reached\n"),
            std::string::npos);
  EXPECT_FALSE(Json::parse(diagnosis_json(seen))["database"].contains("pending"));
}

TEST(DiagnosisTest, NeedsNoYamlWhereTheDatabaseIsNamed) {
  Diagnosis seen = python_project();
  seen.database->named_by_env_py = false;
  EXPECT_EQ(diagnosis_text(seen, kPipe).find("stillhead.yaml:"), std::string::npos);
  EXPECT_FALSE(Json::parse(diagnosis_json(seen)).contains("yaml"));
}

TEST(DiagnosisTest, PutsTheSameFindingsTogetherAndProblemsFirst) {
  Diagnosis seen = python_project();
  seen.database.reset();
  for (int line = 1; line <= 12; ++line) {
    seen.findings.push_back({.check = "commits", .file = "v/a.py", .line = line});
  }
  seen.findings.push_back({.check = "no_upgrade", .file = "v/b.py", .line = 1});
  sort_by_kind(seen.findings);
  const std::string text = diagnosis_text(seen, kPipe);
  EXPECT_NE(text.find("\nproblem: v/b.py:1: there is no upgrade(): the run fails when it comes "
                      "here\n  write one; its body is `pass` where there is nothing to do\n\n"
                      "unsafe: the script commits by itself"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("\n    v/a.py:10\n    and 2 more (--json has all)\n  leave the commit"),
            std::string::npos)
      << text;
  EXPECT_TRUE(is_problem(seen.findings.front()));
  EXPECT_FALSE(is_problem(seen.findings.back()));
}

TEST(DiagnosisTest, TellsEverythingAsJson) {
  Diagnosis seen = python_project();
  seen.findings = {{.check = "no_database", .message = "m", .remedy = "r"}};
  const Json told = Json::parse(diagnosis_json(seen));
  EXPECT_EQ(told["scripts"]["python"], 2);
  EXPECT_EQ(told["python"]["interpreter"], "/venv/bin/python (VIRTUAL_ENV)");
  EXPECT_EQ(told["database"]["url"], "postgresql://app:***@db/shop");
  EXPECT_EQ(told["yaml"][1], "version_table: alembic_version");
  EXPECT_EQ(told["findings"][0], Json({{"check", "no_database"},
                                       {"kind", "problem"},
                                       {"file", ""},
                                       {"line", 0},
                                       {"revision", ""},
                                       {"message", "m"},
                                       {"remedy", "r"}}));
}

TEST(DiagnosisTest, FindsLongIdsAndSeveralHeads) {
  Revision a;
  a.id = "a";
  a.file = "v/a.sql";
  Revision b;
  b.id = std::string(33, 'b');
  b.file = "v/b.sql";
  const std::vector<Finding> found = findings_of(RevisionGraph({a, b}));
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].message.substr(0, 20), "there are 2 heads, a");
  EXPECT_EQ(found[1].check, "id_too_long");
  EXPECT_EQ(found[1].file, "v/b.sql");
}

TEST(DiagnosisTest, EveryCheckIsExplained) {
  std::ifstream file(source_folder() + "/docs/doctor.md");
  std::stringstream page;
  page << file.rdbuf();
  for (const std::string& name : check_names()) {
    EXPECT_NE(page.str().find("### " + name + "\n"), std::string::npos) << name;
  }
}

}  // namespace
}  // namespace engine
