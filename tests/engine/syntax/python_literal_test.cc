// SPDX-License-Identifier: Apache-2.0
#include "engine/syntax/python_literal.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>

namespace engine {
namespace {

using namespace std::string_literals;

constexpr std::array<std::string_view, 2> kNames = {"revision", "down"};

std::string described(const std::optional<PythonValue>& value) {
  if (!value) return "-";
  switch (value->kind) {
    case PythonValue::Kind::None:
      return fmt::format("None@{}", value->line);
    case PythonValue::Kind::String:
      return fmt::format("'{}'@{}", value->text, value->line);
    case PythonValue::Kind::List:
      return fmt::format("[{}]@{}", fmt::join(value->items, "|"), value->line);
    case PythonValue::Kind::NotLiteral:
      break;
  }
  return fmt::format("not: {}@{}", value->text, value->line);
}

// The value of `revision`, or the first fault.
std::string revision_of(std::string_view text) {
  const PythonModule module = read_python_module(text, "a.py", kNames);
  return module.faults.empty() ? described(module.values[0]) : module.faults.front();
}

struct Case {
  std::string text, value;
};

void expect_revisions(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    EXPECT_EQ(revision_of(c.text), c.value);
  }
}

TEST(PythonLiteralTest, ReadsStringsOfAllForms) {
  expect_revisions({
      {"revision = 'a'", "'a'@1"},
      {"revision = \"a\"  # comment\n", "'a'@1"},
      {"revision='''a\nb'''\n", "'a\nb'@1"},
      {"revision = \"\"\"a\"b\"\"c\"\"\"\n", "'a\"b\"\"c'@1"},
      {"revision = ''\n", "''@1"},
      {"revision = u'a' U\"b\" r'\\n' R'''\\'''' ' '\n", "'ab\\n\\' '@1"},
      {"revision = 'a' \"b\" \\\n  'c'\n", "'abc'@1"},
      {"revision = ('a'  # one\n  'b'\n)\n", "'ab'@1"},
      {"revision = 'a' + \"b\"\n", "'ab'@1"},
      {"revision = 'a\\\nb'\n", "'ab'@1"},
      {"revision = r'a\\\nb'\n", "'a\\\nb'@1"},
      {"revision = '\\\\ \\' \\\" \\t \\x41 \\u00e4 \\U0001F600 \\101 \\7 \\q'\n",
       "'\\ ' \" \t A \xC3\xA4 \xF0\x9F\x98\x80 A \a \\q'@1"},
      {"revision = '\\400'\n", "'\xC4\x80'@1"},
  });
}

TEST(PythonLiteralTest, ReadsNoneAndLists) {
  expect_revisions({
      {"revision = None\n", "None@1"},
      {"revision = (None)\n", "None@1"},
      {"revision = ()\n", "[]@1"},
      {"revision = []\n", "[]@1"},
      {"revision = ('a')\n", "'a'@1"},
      {"revision = ('a',)\n", "[a]@1"},
      {"revision = 'a',\n", "[a]@1"},
      {"revision = 'a', 'b'\n", "[a|b]@1"},
      {"revision = (\n  'a',  # first\n\n  'b'\n  'c',\n)\n", "[a|bc]@1"},
      {"revision = [('a'), \"b\"]\n", "[a|b]@1"},
      {"revision = {'b', 'a'}\n", "[b|a]@1"},
      {"revision = (('a', 'b'))\n", "[a|b]@1"},
  });
}

TEST(PythonLiteralTest, FindsAssignmentsAtModuleLevel) {
  expect_revisions({
      {"", "-"},
      {"import x\n\nrevision: str = 'a'\n", "'a'@3"},
      {"revision: Union[str, None] = 'a'\n", "'a'@1"},
      {"revision: 'str' = 'a'\n", "'a'@1"},
      {"revision: str\n", "-"},
      {"revision: str\nrevision = 'a'\n", "'a'@2"},
      {"revision = 'a'\nrevision = 'b'\n", "'b'@2"},
      {"revision = f()\nrevision = 'b'\n", "'b'@2"},
      {"other = revision = 'a'\n", "'a'@1"},
      {"x = 1; revision = 'a'; y = 2\n", "'a'@1"},
      {"x = (1,\nrevision)\n", "-"},
      {"x = '''\nrevision = 'a'\n'''\n", "-"},
      {"f(revision='a')\n", "-"},
      {"f = lambda revision='a': 1\n", "-"},
      {"x.revision = 'a'\n", "-"},
      {"x = revision == 'a'\n", "-"},
      {"x = revision, y\n", "-"},
      {"assert revision <= x\n", "-"},
      {"if revision: x = 1\n", "-"},
      {"my_revision = 'a'\nrevision_ = 'b'\n", "-"},
      {"def f():\n  revision = 'a'\n\nclass C:\n\trevision = 'b'\n", "-"},
      {"def f(): revision = 'a'\n", "-"},
      {"@d\ndef f():\n  '''\nrevision = 'x'\n'''\nrevision = 'a'\n", "'a'@6"},
      {"async def f():\n  revision = 'x'\nrevision = 'a'\n", "'a'@3"},
      {"if x:\n  def f():\n    revision = 'a'\n", "-"},
      {"match = 1\nrevision = 'a'\n", "'a'@2"},
      {"\frevision = 'a'\n", "'a'@1"},
      {"x = f\"{d[\"k\"]} {{ {y!r:>{w}} # {'}'}\"\nrevision = 'a'\n", "'a'@2"},
      {"x = f'''{\n 'revision' # }\n}'''\nrevision = 'a'\n", "'a'@4"},
      {"x = rb'\\'' rf'\\{x}'\nrevision = 'a'\n", "'a'@2"},
  });
}

TEST(PythonLiteralTest, KnowsAllLineEnds) {
  for (const std::string end : {"\n", "\r\n", "\r"}) {
    const std::string text = "\xEF\xBB\xBF'''d" + end + "e'''" + end + "x = (" + end + ")" + end +
                             "revision = \\" + end + "'a'  # b" + end + "down = None" + end;
    const PythonModule module = read_python_module(text, "a.py", kNames);
    EXPECT_EQ(module.doc, "d\ne");
    EXPECT_EQ(described(module.values[0]), "'a'@6");
    EXPECT_EQ(described(module.values[1]), "None@7");
  }
}

TEST(PythonLiteralTest, SaysWhatIsNoLiteral) {
  expect_revisions({
      {"revision = make_id()\n", "not: `make_id()`@1"},
      {"\nrevision = (\n  A\n)\n", "not: `( ...`@2"},
      {"revision = 'a' if x else 'b'\n", "not: `'a' if x else 'b'`@1"},
      {"revision = 'a'.lower()\n", "not: `'a'.lower()`@1"},
      {"revision = 12\n", "not: a number, not text@1"},
      {"revision = 1.5e3\n", "not: a number, not text@1"},
      {"revision = True\n", "not: a truth value@1"},
      {"revision = b'a'\n", "not: bytes, not text@1"},
      {"revision = f'a'\n", "not: an f-string@1"},
      {"revision = 'a' f'b'\n", "not: `'a' f'b'`@1"},
      {"revision = {}\n", "not: a dictionary@1"},
      {"revision = ('a', ('b',))\n", "not: a list within a list@1"},
      {"revision = ('a', None)\n", "not: a list that holds None@1"},
      {"revision = 'a'\nrevision += 'b'\n", "not: changed by `+=`@2"},
      {"from x import (a, revision)\n", "not: imported from another module@1"},
      {"from x import a as revision\n", "not: imported from another module@1"},
      {"from revision import a\n", "-"},
      {"import a.revision\n", "-"},
      {"from .revision import *\n", "-"},
      {"import revision.x, y\n", "not: imported from another module@1"},
      {"if x:\n  revision = 'a'\n", "not: assigned in a block (`if`)@2"},
      {"if x: revision = 'a'\n", "not: assigned in a block (`if`)@1"},
      {"try:\n  revision: str = 'a'\nexcept E:\n  pass\n", "not: assigned in a block (`try`)@2"},
      {"x, revision = 1, 'a'\n", "not: assigned along with others@1"},
      {"revision, _, x = 1, 'a', 2\n", "not: assigned along with others@1"},
      {"if x:\n  revision += 'a'\n", "not: changed by `+=`@2"},
      {"try:\n  from x import revision\nexcept E:\n  pass\n",
       "not: imported from another module@2"},
      {"revision = '" + std::string(90, 'x') + "' + y\n",
       "not: `'" + std::string(59, 'x') + " ...`@1"},
      {"revision = " + std::string(60, '(') + "'a'" + std::string(60, ')') + "\n",
       "not: `" + std::string(60, '(') + " ...`@1"},
  });
}

TEST(PythonLiteralTest, SaysWhatIsNotPython) {
  expect_revisions({
      {"x = 1\nrevision = 'a\n",
       "a.py:2: the string that begins here is not closed; add the "
       "closing quotes"},
      {"'''\nrevision = 'a'\n",
       "a.py:1: the string that begins here is not closed; add the closing quotes"},
      {"x = f'{a\nrevision = 1\n",
       "a.py:1: the string that begins here is not closed; add the closing quotes"},
      {"revision = ('a',\n\n",
       "a.py:1: a bracket of the statement that begins here is not closed; "
       "add the closing bracket"},
      {"revision: T[a = 'b'\n",
       "a.py:1: a bracket of the statement that begins here is not closed; add the closing "
       "bracket"},
      {"from x import ]] (a,\nrevision = 1\n",
       "a.py:1: a bracket of the statement that begins here is not closed; add the closing "
       "bracket"},
      {"from x import (a,\nrevision = 1\n",
       "a.py:1: a bracket of the statement that begins here is not closed; add the closing "
       "bracket"},
      {"revision = '\\N{DASH}'\n",
       "a.py:1: characters by name (`\\N{...}`) are not read; write the character itself, or its "
       "number (`\\u2014`)"},
      {"revision = '\\x4'\n",
       "a.py:1: an escape (`\\x`, `\\u`, `\\U`) has too few hexadecimal digits; add them, or write "
       "two backslashes for one"},
      {"revision = '\\ud800'\n",
       "a.py:1: an escape names no character of Unicode; write the character itself"},
      {"x = 1\nrevision = '\xFF'\n",
       "a.py:2: the line is not valid UTF-8; save the script as UTF-8 text"},
      {"revision = 'a\0'\n"s, "a.py:1: the line holds a NUL byte; save the script as UTF-8 text"},
      {"revision = " + std::string(90, '\x82') + "\n",
       "a.py:1: the line is not valid UTF-8; save the script as UTF-8 text"},
      {"# -*- coding: latin-1 -*-\nrevision = '\xE4'\n",
       "a.py:1: the encoding 'latin-1' is not read; save the script as UTF-8 text and remove this "
       "comment"},
      {"#!/x\n# vim: set fileencoding=Latin_1 :\nrevision = '\xE4'\n",
       "a.py:2: the encoding 'latin-1' is not read; save the script as UTF-8 text and remove this "
       "comment"},
      {"# coding: latin-1\nrevision = 'a'\n", "'a'@2"},
      {"# coding: utf-8\nrevision = '\xC3\xA4'\n", "'\xC3\xA4'@2"},
      {"x = f'" + std::string(3000, '{') + "\nrevision = 1\n",
       "a.py:1: the string that begins here is not closed; add the closing quotes"},
  });
}

TEST(PythonLiteralTest, ReadsTheDocstring) {
  const std::vector<Case> cases = {
      {"'''doc'''\n", "doc"},
      {"# c\n\n\"d\" 'e'\nx = 1\n", "de"},
      {"('d')\n", "d"},
      {"r'\\n'; x = 1\n", "\\n"},
      {"u'd'", "d"},
      {"import x\n'd'\n", "-"},
      {"f'd'\n", "-"},
      {"b'd'\n", "-"},
      {"'d',\n", "-"},
      {"'d' + 'e'\n", "-"},
      {"'d'.strip()\n", "-"},
      {"('d',)\n", "-"},
      {"", "-"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    const PythonModule module = read_python_module(c.text, "a.py", kNames);
    EXPECT_TRUE(module.faults.empty());
    EXPECT_EQ(module.doc.value_or("-"), c.value);
  }
}

TEST(PythonLiteralTest, DoesNotReadWhatIsBehindTheLastMention) {
  EXPECT_EQ(revision_of("revision = 'a'\ndef f():\n  x = 'open\n"), "'a'@1");
  EXPECT_EQ(revision_of("revision = 'a'\nx = '\xFF'\n"), "'a'@1");
}

}  // namespace
}  // namespace engine
