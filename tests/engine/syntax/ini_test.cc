// SPDX-License-Identifier: Apache-2.0
#include "engine/syntax/ini.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "engine/core/error.h"
#include "tests/engine/core/error_of.h"

namespace engine {
namespace {

IniDocument parse(std::string_view text) { return parse_ini(text, "a.ini", Reason::InvalidUsage); }

// "[section] name=value name=value", line ends as '/'.
std::string shown(const IniDocument& document) {
  std::string text;
  const auto add = [&](const IniSection& section) {
    text += fmt::format("{}[{}]", text.empty() ? "" : " ", section.name);
    for (const IniOption& option : section.options) {
      std::string value = option.value;
      std::ranges::replace(value, '\n', '/');
      text += fmt::format(" {}=<{}>", option.name, value);
    }
  };
  if (!document.defaults.name.empty()) add(document.defaults);
  for (const IniSection& section : document.sections) add(section);
  return text;
}

// `text` follows [s].
Interpolated value_of(std::string_view text, std::string_view option,
                      const IniVariables& variables = {}) {
  const IniDocument document = parse(text);
  const IniOption* found = document.find("s", option);
  if (found == nullptr) return {"(not there)", "(not there)"};
  return interpolate(document, "s", *found, variables);
}

TEST(ParseIniTest, ReadsWhatPythonsConfigparserReads) {
  const struct {
    std::string_view text;
    std::string_view expected;
  } cases[] = {
      {"", ""},
      {"# nothing\n; at all\n", ""},
      {"[s]\na=1\nb : 2\nc\t=\t3 \n", "[s] a=<1> b=<2> c=<3>"},
      {"[s]\nURL = a=b:c\nx: y=z\n", "[s] url=<a=b:c> x=<y=z>"},
      {"[s]\nkey with space = v\n", "[s] key with space=<v>"},
      {"[s]\na = 1 # stays\nb = 2 ; stays\n", "[s] a=<1 # stays> b=<2 ; stays>"},
      {"[s]\na = 1\n  2\n\t3\n", "[s] a=<1/2/3>"},
      {"[s]\na =\n  1\n  # gone\n  2\n", "[s] a=</1/2>"},
      {"[s]\na = 1\n\n  2\n\n\nb=3\n", "[s] a=<1//2> b=<3>"},
      {"[s]\n  a = 1\n  b = 2\n   c\n", "[s] a=<1> b=<2/c>"},
      {"[s]\na = 1\n  b = 2\n  [t]\n", "[s] a=<1/b = 2/[t]>"},
      {"[s]\n    a = 1\n[t]\n  b = 2\n", "[s] a=<1> [t] b=<2>"},
      {"[s]\na =\nb=\n", "[s] a=<> b=<>"},
      {"[a]b] rest\nx=1\n", "[a]b] x=<1>"},
      {"[ s ]\n", "[ s ]"},
      {"[DEFAULT]\na=1\n[s]\nb=2\n[DEFAULT]\nc=3\n", "[DEFAULT] a=<1> c=<3> [s] b=<2>"},
      {"[S]\n[s]\n", "[S] [s]"},
      {"[s]\r\na = 1\r\n  2\r\n", "[s] a=<1/2>"},
      {"[s]\ra = 1\r  2", "[s] a=<1/2>"},
      {"\xEF\xBB\xBF[s]\na=1\n", "[s] a=<1>"},
      {"[s]\n\xC2\xA0\na\xE2\x80\x83=\xE3\x80\x80\xC3\xA4\xC2\xA0\n", "[s] a=<\xC3\xA4>"},
      {"[s]\na = %% %(x)s %\n", "[s] a=<%% %(x)s %>"},
  };
  for (const auto& c : cases) EXPECT_EQ(shown(parse(c.text)), c.expected) << c.text;
}

TEST(ParseIniTest, RemembersLines) {
  const IniDocument document = parse("\n[s]\n# x\na = 1\n  2\n\nb = 3\n");
  EXPECT_EQ(document.find_section("s")->line, 2);
  EXPECT_EQ(document.find("s", "a")->line, 4);
  EXPECT_EQ(document.find("s", "b")->line, 7);
}

TEST(ParseIniTest, NamesTheLineAndWhatToDo) {
  const struct {
    std::string_view text;
    std::string_view message;
  } cases[] = {
      {"a=1\nb=2\n[s]\n",
       "a.ini:1: \"a\" stands before the first [section]; write a section such as [alembic] above "
       "it"},
      {"[s]\nalone\n",
       "a.ini:2: neither a [section] nor `key = value`; write it so, or indent it to go on with "
       "the value above"},
      {"[s]\n[]\n",
       "a.ini:2: neither a [section] nor `key = value`; write it so, or indent it to go on with "
       "the value above"},
      {"[s]\n = 1\n", "a.ini:2: the key before the equals sign is missing; name it"},
      {"[s]\na=1\nA=2\n", "a.ini:3: 'a' stands twice in [s], first in line 2; remove one of them"},
      {"[DEFAULT]\na=1\n[DEFAULT]\na=2\n",
       "a.ini:4: 'a' stands twice in [DEFAULT], first in line 2; remove one of them"},
      {"[s]\n[t]\n[s]\n", "a.ini:3: the section [s] stands twice, first in line 1; join the two"},
      {"[s]\na=\xFF\n",
       "a.ini:2: the line is not valid UTF-8, or holds a NUL byte; save the file as UTF-8 text"},
      {"[s]\na=\xED\xA0\x80\n",
       "a.ini:2: the line is not valid UTF-8, or holds a NUL byte; save the file as UTF-8 text"},
      {"[s]\na=1\n[s]\nb=1\nb=2\n",
       "a.ini:3: the section [s] stands twice, first in line 1; join the two\n"
       "a.ini:5: 'b' stands twice in [s], first in line 4; remove one of them"},
  };
  for (const auto& c : cases) {
    const Error error = error_of([&] { parse(c.text); });
    EXPECT_EQ(error.message(), c.message) << c.text;
    EXPECT_EQ(error.reason(), Reason::InvalidUsage);
  }
}

TEST(IniDocumentTest, LooksIntoTheDefaultsOfAKnownSectionOnly) {
  const IniDocument document = parse("[DEFAULT]\na=1\nb=2\n[s]\nb=3\n");
  EXPECT_EQ(document.find("s", "a")->value, "1");
  EXPECT_EQ(document.find("s", "b")->value, "3");
  EXPECT_EQ(document.find("t", "a"), nullptr);
  EXPECT_EQ(document.find_section("DEFAULT"), nullptr);
  const auto options = document.options_of("s");
  ASSERT_EQ(options.size(), 2U);
  EXPECT_EQ(options[0]->value, "3");
  EXPECT_EQ(options[1]->name, "a");
  EXPECT_TRUE(document.options_of("t").empty());
}

TEST(InterpolateTest, PutsValuesIntoValues) {
  const struct {
    std::string_view text;
    std::string_view expected;
  } cases[] = {
      {"[s]\nx = plain\n", "plain"},
      {"[s]\nx = 100%%\n", "100%"},
      {"[s]\nx = %%(rev)s_%%(slug)s\n", "%(rev)s_%(slug)s"},
      {"[s]\nx = %(Host)s:%(port)s\nhost = h\nPORT = 1\n", "h:1"},
      {"[DEFAULT]\nbase = d\n[s]\nx = %(a)s\na = <%(b)s>\nb = %(base)s%%\n", "<d%>"},
      {"[DEFAULT]\na = d\n[s]\nx = %(a)s\na = own\n", "own"},
      {"[s]\nx = %(a)s%(a)s\na = 1\n  2\n", "1\n21\n2"},
      {"[s]\nx = %(HERE)s and %(a b)s\na b = 1\nhere = own\n", "own and 1"},
  };
  for (const auto& c : cases) {
    const Interpolated result = value_of(c.text, "x");
    EXPECT_EQ(result.text, c.expected) << c.text;
    EXPECT_EQ(result.fault, "") << c.text;
  }
}

TEST(InterpolateTest, AsksForNamesThatTheFileDoesNotDefineAndTakesTheAnswerAsItIs) {
  const IniVariables variables = [](std::string_view name) -> std::optional<std::string> {
    if (name == "USER") return "50%(off)s";
    if (name == "a") return "not asked";
    return std::nullopt;
  };
  EXPECT_EQ(value_of("[s]\nx = %(USER)s-%(a)s\na = 1\n", "x", variables).text, "50%(off)s-1");
  EXPECT_NE(value_of("[s]\nx = %(user)s\n", "x", variables).fault, "");
  EXPECT_EQ(interpolate_text("%(USER)s%%", "f:1: 'x'", variables).text, "50%(off)s%");
  EXPECT_EQ(interpolate_text("%d", "f:1: 'x'", variables).fault.substr(0, 8), "f:1: 'x'");
}

TEST(InterpolateTest, SaysWhatIsWrongWithoutTheValue) {
  const struct {
    std::string_view text;
    std::string_view fault;
  } cases[] = {
      {"[s]\nx = secret%40\n",
       "a.ini:2: 'x' has a '%' at byte 7 that begins neither %(name)s nor %%; write %% for a plain "
       "percent sign"},
      {"[s]\nx = 5%\n",
       "a.ini:2: 'x' has a '%' at byte 2 that begins neither %(name)s nor %%; write %% for a plain "
       "percent sign"},
      {"[s]\nx = %()s\n",
       "a.ini:2: 'x' has a '%' at byte 1 that begins neither %(name)s nor %%; write %% for a plain "
       "percent sign"},
      {"[s]\nx = %(a)s\na = 12%(b)d\n",
       "a.ini:2: 'x' has a '%' at byte 3 of 'a' that begins neither %(name)s nor %%; write %% for "
       "a plain percent sign"},
      {"[s]\n\nx = secret %(HOME)s\n",
       "a.ini:3: 'x' refers to %(HOME)s, which neither the file nor the environment defines; "
       "define it, or write %% for a plain percent sign"},
      {"[s]\nx = %(x)s\n", "a.ini:2: 'x' refers to itself (x -> x); break the circle"},
      {"[s]\nx = %(a)s\na = %(b)s\nb = %(a)s\n",
       "a.ini:2: 'x' refers to itself (a -> b -> a); break the circle"},
  };
  for (const auto& c : cases) {
    const Interpolated result = value_of(c.text, "x");
    EXPECT_EQ(result.fault, c.fault) << c.text;
    EXPECT_EQ(result.text, "") << c.text;
  }
}

// x0 -> x1 -> ... -> x<depth>
std::string chain(int depth) {
  std::string text = "[s]\n";
  for (int i = 0; i < depth; ++i) text += fmt::format("x{} = %(x{})s\n", i, i + 1);
  return text + fmt::format("x{} = end\n", depth);
}

TEST(InterpolateTest, GoesTenDeepAndBoundsWhatComesOut) {
  EXPECT_EQ(value_of(chain(10), "x0").text, "end");
  EXPECT_EQ(value_of(chain(11), "x0").fault,
            "a.ini:2: 'x0' refers more than 10 values deep; write some of them out");
  std::string text = "[s]\n";
  for (int i = 0; i < 8; ++i) {
    text += fmt::format("x{} =", i);
    for (int j = 0; j < 20; ++j) text += fmt::format("%(x{})s", i + 1);
    text += '\n';
  }
  EXPECT_EQ(value_of(text + "x8 =\n", "x0").fault,
            "a.ini:2: 'x0' refers to too many values; simplify it");
  EXPECT_EQ(value_of(text + "x8 =" + std::string(1000, 'a') + "\n", "x0").fault,
            "a.ini:2: 'x0' grows beyond 1 MiB; shorten what it refers to");
}

}  // namespace
}  // namespace engine
