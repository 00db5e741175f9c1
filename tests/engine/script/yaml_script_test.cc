// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "engine/script/header.h"
#include "engine/script/sha256.h"
#include "tests/engine/core/error_of.h"
#include "tests/engine/core/history_text.h"

namespace engine {
namespace {

constexpr std::string_view kScript =
    "# ours\n"
    "revision: 4f1c\n"
    "down_revision: [a1, 'b2']\n"
    "depends_on: core\n"
    "branch_labels:\n- my-app\n"
    "message: |\n  add users\n  and names\n\n  because\n"
    "transactional: false\n"
    "upgrade:\n"
    "  - execute: CREATE TABLE users ()\n"
    "  - execute: |\n"
    "      CREATE TABLE a ();\n"
    "      CREATE TABLE b ();\n"
    "downgrade:\n"
    "  - execute: \"DROP TABLE users\"\n";

std::string described(const std::vector<Operation>& operations) {
  std::string text;
  for (const Operation& operation : operations) {
    const auto& execute = std::get<ExecuteSql>(operation);
    text += fmt::format("[{}@{}{}]", execute.sql, execute.line, execute.autocommit ? "!" : "");
  }
  return text;
}

TEST(YamlScriptTest, ReadsAllKeys) {
  const HeaderReading reading = read_yaml_header(kScript, "v/a.yaml");
  EXPECT_TRUE(reading.faults.empty());
  const Revision& revision = reading.revision;
  EXPECT_EQ(revision.id, "4f1c");
  EXPECT_EQ(text_of(revision.down_revisions), "a1 b2");
  EXPECT_EQ(text_of(revision.depends_on), "core");
  EXPECT_EQ(text_of(revision.branch_labels), "my-app");
  EXPECT_EQ(revision.message, "add users and names");
  EXPECT_EQ(revision.doc, "add users\nand names\n\nbecause");
  EXPECT_FALSE(revision.transactional);
  EXPECT_EQ(revision.format, ScriptFormat::Yaml);
  EXPECT_EQ(revision.file, "v/a.yaml");
}

TEST(YamlScriptTest, ReadsTheBody) {
  const ScriptBody body = parse_yaml_body(kScript, "a.yaml");
  EXPECT_EQ(described(body.upgrade),
            "[CREATE TABLE users ()@14!][CREATE TABLE a ();\nCREATE TABLE b ();\n@16!]");
  ASSERT_TRUE(body.downgrade);
  EXPECT_EQ(described(*body.downgrade), "[DROP TABLE users@19!]");
  EXPECT_EQ(body.checksum, sha256_hex(kScript));
}

TEST(YamlScriptTest, DowngradeMayBeMissingOrEmpty) {
  const auto body_of = [](const std::string& rest) {
    return parse_yaml_body("revision: a\nupgrade: []\n" + rest, "a.yaml");
  };
  EXPECT_FALSE(body_of("").downgrade);
  for (const std::string rest : {"downgrade: []\n", "downgrade:\n", "downgrade: auto\n"}) {
    SCOPED_TRACE(rest);
    ASSERT_TRUE(body_of(rest).downgrade);
    EXPECT_TRUE(body_of(rest).downgrade->empty());
  }
}

// A header is read without the body, but wherever its keys stand.
TEST(YamlScriptTest, FindsTheHeaderInAnyOrder) {
  const std::vector<std::string> cases = {
      "revision: a\nupgrade:\n- execute: '''\n",       "upgrade:\n- execute: x\nrevision: a\n",
      "downgrade: []\nupgrade: []\n\"revision\": a\n", "{revision: a, upgrade: []}\n",
      "message: \"x\n\nupgrade: y\"\nrevision: a\n",   "revision : a\nupgrade :\n- execute: [\n",
  };
  for (const std::string& text : cases) {
    SCOPED_TRACE(text);
    const HeaderReading reading = read_yaml_header(text, "a.yaml");
    EXPECT_TRUE(reading.faults.empty());
    EXPECT_EQ(reading.revision.id, "a");
  }
}

TEST(YamlScriptTest, ABaseHasNoParent) {
  for (const std::string line : {"", "down_revision:\n", "down_revision: null\n",
                                 "down_revision: None\n", "down_revision: []\n"}) {
    const HeaderReading reading = read_yaml_header("revision: a\n" + line, "a.yaml");
    EXPECT_TRUE(reading.faults.empty()) << line;
    EXPECT_TRUE(reading.revision.down_revisions.empty()) << line;
  }
}

struct Refusal {
  std::string text, message;
};

TEST(YamlScriptTest, RefusesHeadersWithFileLineAndRemedy) {
  const std::vector<Refusal> cases = {
      {"",
       "a.yaml:1: the document is no map of keys; begin with a line such as `revision: "
       "4f1c2a9b0d3e`"},
      {"\n- a\n",
       "a.yaml:2: the document is no map of keys; begin with a line such as `revision: "
       "4f1c2a9b0d3e`"},
      {"message: x\n",
       "a.yaml:1: no revision in the header; add a line such as `revision: "
       "4f1c2a9b0d3e`"},
      {"revision: a\ndown_revison: b\n",
       "a.yaml:2: unknown key 'down_revison'; did you mean 'down_revision'?; the keys are "
       "revision, "
       "down_revision, depends_on, branch_labels, message, transactional, upgrade, downgrade"},
      {"revision:\n",
       "a.yaml:2: the revision id is empty; write an id such as `revision: 4f1c2a9b0d3e`"},
      {"revision: [a]\n",
       "a.yaml:1: revision is no text; write one id such as `revision: 4f1c2a9b0d3e`"},
      {"revision: a\ndown_revision: b, c\n",
       "a.yaml:2: Character(s) ',', white space not allowed in down_revision 'b, c'; write plain "
       "names; several as a list: [a1, b2]"},
      {"revision: a\ndepends_on: ['']\n",
       "a.yaml:2: depends_on has an empty entry; write plain names; several as a list: [a1, b2]"},
      {"revision: a\ndown_revision: [b, [c]]\n",
       "a.yaml:2: down_revision holds something that is no text; write one name, or a list: "
       "`down_revision: [a1, b2]`"},
      {"revision: a\nmessage: {x: y}\n",
       "a.yaml:2: message is no text; write one text; quote it when it holds `: ` or `#`"},
      {"revision: a\ntransactional: no\n",
       "a.yaml:2: 'no' is no value for transactional; write true or false"},
      {"revision: a\nrevision: b\n", "a.yaml:2: 'revision' is given twice; remove one of the two"},
  };
  for (const Refusal& c : cases) {
    SCOPED_TRACE(c.text);
    const HeaderReading reading = read_yaml_header(c.text, "a.yaml");
    ASSERT_EQ(reading.faults.size(), 1u);
    EXPECT_EQ(reading.faults.front(), c.message);
  }
}

TEST(YamlScriptTest, RefusesBodiesWithFileLineAndRemedy) {
  const std::vector<Refusal> cases = {
      {"",
       "a.yaml:1: the script has no `upgrade:`; add it; `upgrade: []` when nothing is to be "
       "done"},
      {"upgrade: x\n",
       "a.yaml:2: upgrade is no list of operations; write `upgrade:`, and below it lines such as "
       "`- "
       "execute: \"SQL\"`"},
      {"upgrade:\n- DROP TABLE a\n",
       "a.yaml:3: an operation is no map with one key; write the change as `- execute: \"SQL\"`"},
      {"upgrade:\n- create_table: {name: users}\n",
       "a.yaml:3: operation 'create_table' is not known to this version of stillhead; write the "
       "change as `- execute: \"SQL\"`"},
      {"upgrade:\n- exectue: x\n",
       "a.yaml:3: operation 'exectue' is not known to this version of stillhead; did you mean "
       "'execute'?; write the change as `- execute: \"SQL\"`"},
      {"upgrade:\n- execute:\n    sql: x\n",
       "a.yaml:4: execute has no text; write the SQL behind it, in quotes or behind `|`"},
      {"upgrade:\n- execute: x\ndowngrade: auto\n",
       "a.yaml:4: `downgrade: auto`: what `execute` does cannot be reversed by itself; write the "
       "list of what takes the revision back, or leave `downgrade` out"},
  };
  for (const Refusal& c : cases) {
    SCOPED_TRACE(c.text);
    const Error error = error_of([&] { parse_yaml_body("revision: a\n" + c.text, "a.yaml"); });
    EXPECT_EQ(error.reason(), Reason::InvalidScripts);
    EXPECT_EQ(error.message(), c.message);
    EXPECT_TRUE(error.hint().starts_with("a script begins like this:\nrevision: 4f1c2a9b0d3e\n"));
  }
}

}  // namespace
}  // namespace engine
