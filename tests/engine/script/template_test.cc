// SPDX-License-Identifier: Apache-2.0
#include "engine/script/template.h"

#include <gtest/gtest.h>

#include "tests/engine/core/error_of.h"

namespace engine {
namespace {

using Value = TemplateValue;

TemplateValues values() {
  return {{"message", Value::of("add x")},
          {"up_revision", Value::of("a1")},
          {"down_revision", Value::tuple({"b1", "b2"})},
          {"branch_labels", Value::tuple({"left"})},
          {"depends_on", Value::none()},
          {"create_date", Value::of("2026")},
          {"imports", Value{}},
          {"upgrades", Value{}}};
}

struct Case {
  std::string text = {};
  std::string expected = {};
};

// The right-hand sides are what Mako made of the left-hand ones with the same values.
TEST(TemplateTest, RendersAsMakoDoes) {
  const Case cases[] = {
      {"${message}", "add x"},
      {"r=${repr(up_revision)} ${repr(down_revision)} ${repr(branch_labels)} ${repr(depends_on)}",
       "r='a1' ('b1', 'b2') ('left',) None"},
      {"${down_revision | comma,n}|${depends_on | "
       "comma}|${up_revision|comma,n}|${down_revision}|${depends_on}|${branch_labels}",
       "b1, b2|None|a1|('b1', 'b2')|None|('left',)"},
      {"${imports if imports else \"\"}|${upgrades if upgrades else \"pass\"}", "|pass"},
      {"${imports if not message else 'no }'}", "no }"},
      {"${'a' if depends_on else 'b' if message else imports}", "b"},
      {"a\n## gone\n  ## gone too\nb\n", "a\nb\n"},
      {"a\\\nb", "ab"},
      {"%% x\n  %%% y\n50%\n# %d\n", "% x\n  %% y\n50%\n# %d\n"},
      {"% if branch_labels:\nL=${repr(branch_labels)}\n% endif\nend\n", "L=('left',)\nend\n"},
      {"% if depends_on:\nD\n%elif not message:\nN\n  % else :\nE\n% endif\n", "E\n"},
      {"% if depends_on:\n% if message:\nD\n% endif\n${imports}\n% else:\n% if message:\nM\n% "
       "endif\n% endif\n",
       "M\n"},
      {"a<%doc>gone\n</%doc>b", "ab"},
      {"$x ${'$'} $$ {y} }", "$x $ $$ {y} }"},
      {"# -*- coding: utf-8 -*-\nx\n", "x\n"},
      {"# vim: coding\nx\n", "# vim: coding\nx\n"},
      {"${message | trim}|${ message }", "add x|add x"},
      {"x\r\n% if message:\r\ny\r\n% endif\r\nz", "x\r\ny\r\nz"},
      {"tail ## no comment\n", "tail ## no comment\n"},
      {"% if message:\nx\n% endif", "x\n"},
  };
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(render_template(text, "t.mako", ScriptFormat::Python, values()), expected) << text;
  }
}

TEST(TemplateTest, RendersListsOfTheOtherFormatsWithoutPython) {
  const Case cases[] = {
      {"${down_revision}|${depends_on}|${branch_labels | comma}", "b1, b2||left"},
      {"${repr(down_revision)} ${repr(depends_on)} ${repr(message)}",
       "[\"b1\", \"b2\"] null \"add x\""},
  };
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(render_template(text, "t.sql", ScriptFormat::Sql, values()), expected);
    EXPECT_EQ(render_template(text, "t.yaml", ScriptFormat::Yaml, values()), expected);
  }
}

TEST(TemplateTest, RefusesWhatNeedsPythonWithFileAndLine) {
  const std::string grammar =
      "understood are ${NAME}, ${repr(NAME)}, ${NAME | comma,n}, ${NAME if NAME else \"TEXT\"}, "
      "lines `% if NAME:`, `% elif NAME:`, `% else:`, `% endif`, and comments `##`";
  const Case cases[] = {
      {"a\n${message.upper()}", "2: only Python could tell what 'message.upper()' is"},
      {"${len(message)}", "1: only Python could tell what 'len(message)' is"},
      {"${repr(message}", "1: only Python could tell what 'repr(message' is"},
      {"${}", "1: only Python could tell what '' is"},
      {"${'a}", "1: `${` without `}`"},
      {"${'a\\n'}", "1: only Python could tell what ''a\\n'' is"},
      {"${message if message}", "1: only Python could tell what 'message if message' is"},
      {"${message | h}", "1: only Python could tell what the filter 'h' does"},
      {"x\n\n${message", "3: `${` without `}`"},
      {"## c\n% for x in message:\n% endfor\n",
       "2: only Python could obey the line '% for x in message:'"},
      {"% if message == 'x':\n% endif\n", "1: only Python could tell what 'message == 'x'' is"},
      {"a\n<%! import re %>", "2: only Python could obey '<%! import re %>'"},
      {"</%def>", "1: only Python could obey '</%def>'"},
      {"<%doc>x", "1: `<%doc>` without `</%doc>`"},
      {"x\n% if message:\ny", "2: `% if` without `% endif`"},
      {"% endif\n", "1: `% endif` without `% if`"},
      {"% else:\n", "1: `% else:` without `% if`"},
      {"% if message:\n% else:\n% elif message:\n% endif\n", "3: `% elif message:` without `% if`"},
  };
  for (const auto& [text, expected] : cases) {
    const Error error = error_of(
        [&, given = text] { render_template(given, "a/t.mako", ScriptFormat::Python, values()); });
    EXPECT_EQ(error.reason(), Reason::InvalidScripts);
    EXPECT_EQ(error.message(), "a/t.mako:" + expected);
    EXPECT_EQ(error.hint(), grammar) << text;
  }
}

TEST(TemplateTest, SaysWhichNamesThereAre) {
  const Error error =
      error_of([] { render_template("${mesage}", "t", ScriptFormat::Python, values()); });
  EXPECT_EQ(error.message(),
            "t:1: only Python could tell what 'mesage' is; did you mean 'message'?");
  EXPECT_EQ(
      error.hint(),
      "the names are branch_labels, create_date, depends_on, down_revision, imports, message, "
      "up_revision, upgrades");
}

TEST(TemplateTest, SaysHowANameWithoutValueIsPrinted) {
  const Error error =
      error_of([] { render_template("\n${imports}", "t", ScriptFormat::Python, values()); });
  EXPECT_EQ(error.message(), "t:2: 'imports' has no value here");
  EXPECT_EQ(error.hint(), "write ${imports if imports else \"\"}");
}

TEST(TemplateTest, QuotesAsPythonDoes) {
  const Case cases[] = {
      {"a", "'a'"},         {"it's", "\"it's\""}, {"\"", "'\"'"},
      {"'\"", "'\\'\"'"},   {"a\\b", "'a\\\\b'"}, {"a\n\r\t\x01\x7F", "'a\\n\\r\\t\\x01\\x7f'"},
      {"größe", "'größe'"},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(python_repr(text), expected);
}

}  // namespace
}  // namespace engine
