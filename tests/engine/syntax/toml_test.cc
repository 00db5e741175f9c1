// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "engine/core/error.h"
#include "engine/syntax/node.h"
#include "tests/engine/core/error_of.h"

namespace engine {
namespace {

Node parse(std::string_view text) { return parse_toml(text, "a.toml", Reason::InvalidUsage); }

// Strings in quotation marks; `key@line: value`.
std::string shown(const Node& node) {
  std::string text;
  switch (node.kind) {
    case Node::Kind::Null:
      return "null";
    case Node::Kind::Scalar:
      return node.quoted ? fmt::format("\"{}\"", node.scalar) : node.scalar;
    case Node::Kind::List:
      for (const Node& item : node.items) text += (text.empty() ? "" : ", ") + shown(item);
      return "[" + text + "]";
    case Node::Kind::Map:
      for (const auto& [key, value] : node.entries) {
        text += fmt::format("{}{}@{}: {}", text.empty() ? "" : ", ", key, value.line, shown(value));
      }
      return "{" + text + "}";
  }
  return text;
}

TEST(ParseTomlTest, KeepsOrderLinesAndTypes) {
  const struct {
    std::string_view text;
    std::string_view expected;
  } cases[] = {
      {"", "{}"},
      {"# only a comment\n", "{}"},
      {"z = 1\na = \"b\"\n", "{z@1: 1, a@2: \"b\"}"},
      {"a = 'x%(here)s'\nb = \"\"\"\nc\nd\"\"\"\n", "{a@1: \"x%(here)s\", b@2: \"c\nd\"}"},
      {"t = true\nf = false\nn = 0x10\nr = 1.5\n", "{t@1: true, f@2: false, n@3: 16, r@4: 1.5}"},
      {"d = 2024-05-06\nm = 2024-05-06T07:08:09Z\nl = 07:08:09.5\n",
       "{d@1: 2024-05-06, m@2: 2024-05-06T07:08:09Z, l@3: 07:08:09.500000000}"},
      {"o = 2024-05-06T07:08:09-03:30\n", "{o@1: 2024-05-06T07:08:09-03:30}"},
      {"a = [1, \"2\",\n [3]]\n", "{a@1: [1, \"2\", [3]]}"},
      {"[tool.alembic]\nx = 1\n[other]\n", "{tool@1: {alembic@1: {x@2: 1}}, other@3: {}}"},
      {"a.b = 1\n\"c d\".e = 2\n", "{a@1: {b@1: 1}, c d@2: {e@2: 2}}"},
      {"[[h]]\nname = \"b\"\n[[h]]\nname = \"a\"\n", "{h@1: [{name@2: \"b\"}, {name@4: \"a\"}]}"},
      {"i = {b = 1, a = 2}\r\n", "{i@1: {b@1: 1, a@1: 2}}"},
  };
  for (const auto& c : cases) EXPECT_EQ(shown(parse(c.text)), c.expected) << c.text;
}

TEST(ParseTomlTest, KnowsTheLinesOfItems) {
  const Node node = parse("a = [\n 1,\n 2]\n");
  EXPECT_EQ(node.find("a")->items.at(1).line, 3);
}

TEST(ParseTomlTest, NamesTheLineOfWhatIsWrong) {
  const struct {
    std::string text;
    std::string_view beginning;
  } cases[] = {
      {"a = 1\nb = \n", "a.toml:2: "},
      {"a = 1\n\na = 2\n", "a.toml:3: "},
      {"x = \xC3\xA9\n", "a.toml:1: "},
      {"\xEF\xBB\xBB\n", "a.toml:1: "},
      {"[a]\n[a]\n", "a.toml:2: "},
      {"a = 'b\n", "a.toml:1: "},
      {"a = \"\xFF\"\n", "a.toml:1: "},
      {"x = 1\na = " + std::string(40, '[') + std::string(40, ']') + "\n", "a.toml:2: "},
      {"x = 1\n" + std::string(500, '[') + "\n", "a.toml:2: "},
  };
  for (const auto& c : cases) {
    const Error error = error_of([&] { parse(c.text); });
    EXPECT_EQ(error.message().substr(0, c.beginning.size()), c.beginning) << c.text;
    EXPECT_EQ(error.reason(), Reason::InvalidUsage);
    EXPECT_GT(error.message().size(), c.beginning.size() + 10) << error.message();
  }
}

TEST(ParseTomlTest, RefusesWhatNestsTooDeeply) {
  std::string dotted = "a";
  for (int i = 0; i < 200; ++i) dotted += ".a";
  EXPECT_EQ(error_of([&] { parse("\n" + dotted + " = 1\n"); }).message(),
            "a.toml:2: nests too deeply; make it flatter");
  for (int i = 0; i < 1000; ++i) dotted += ".a";
  EXPECT_EQ(error_of([&] { parse("\n" + dotted + " = 1\n"); }).message(),
            "a.toml:2: more than 1000 dots in one line; break it up");
}

}  // namespace
}  // namespace engine
