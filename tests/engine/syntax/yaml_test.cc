// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "engine/syntax/node.h"
#include "tests/engine/core/error_of.h"

namespace engine {
namespace {

using namespace std::string_literals;

// A document as one line: "{a: 'quoted'@1, b: [plain@2]@2}@1".
std::string described(const Node& node) {
  std::string text;
  if (node.kind == Node::Kind::Null) text = "null";
  if (node.kind == Node::Kind::Scalar) text = node.quoted ? "'" + node.scalar + "'" : node.scalar;
  if (node.kind == Node::Kind::List) {
    for (const Node& item : node.items) text += (text.empty() ? "" : ", ") + described(item);
    text = "[" + text + "]";
  }
  if (node.kind == Node::Kind::Map) {
    for (const auto& [key, value] : node.entries) {
      text += (text.empty() ? "" : ", ") + key + ": " + described(value);
    }
    text = "{" + text + "}";
  }
  return fmt::format("{}@{}", text, node.line);
}

std::string described(std::string_view yaml) {
  return described(parse_yaml(yaml, "a.yaml", Reason::InvalidUsage));
}

TEST(YamlTest, ReadsDocuments) {
  struct Case {
    std::string text, node;
  };
  const std::vector<Case> cases = {
      {"", "null@0"},
      {"# only a comment\n", "null@0"},
      {"a: b\n", "{a: b@1}@1"},
      {"\xEF\xBB\xBF"
       "a: \xC3\xA4\n",
       "{a: \xC3\xA4@1}@1"},
      {"a: b\r\nc: |\r\n  d\r\n  e\r\n", "{a: b@1, c: 'd\ne\n'@3}@1"},
      {"a: 017\nb: yes\nc: 'no'\nd: \"x\\ty\"\n", "{a: 017@1, b: yes@2, c: 'no'@3, d: 'x\ty'@4}@1"},
      {"a:\nb: ~\nc: null\nd: 'null'\ne: ''\n",
       "{a: null@2, b: null@2, c: null@3, d: 'null'@4, e: ''@5}@1"},
      {"- a\n- [b, 'it''s']\n- {c: d}\n", "[a@1, [b@2, 'it's'@2]@2, {c: d@3}@3]@1"},
      {"a: >-\n  x\n  y\nb: 1 # c\n", "{a: 'x y'@2, b: 1@4}@1"},
      {"---\na: b\n...\n", "{a: b@2}@2"},
      {"{\"a\": [1, null], \"b\": {}}", "{a: [1@1, null@1]@1, b: {}@1}@1"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    EXPECT_EQ(described(c.text), c.node);
  }
}

TEST(YamlTest, FindsEntriesByKey) {
  const Node root = parse_yaml("a: 1\nb: 2\n", "a.yaml", Reason::InvalidUsage);
  ASSERT_NE(root.find("b"), nullptr);
  EXPECT_EQ(root.find("b")->scalar, "2");
  EXPECT_EQ(root.find("c"), nullptr);
}

TEST(YamlTest, RefusesWithLineAndRemedy) {
  struct Refusal {
    std::string text, message;
  };
  const std::vector<Refusal> cases = {
      {"a: 1\nb: 2\na: 3\n", "a.yaml:3: 'a' is given twice; remove one of the two"},
      {"a: &x 1\n", "a.yaml:1: anchors (`&name`) are not read; write the value where it is used"},
      {"b: 1\na: &x [*x]\n",
       "a.yaml:2: anchors (`&name`) are not read; write the value where it is used"},
      {"a: !!str b\n", "a.yaml:1: tags (`!name`) are not read; remove the tag"},
      {"a: ! b\n", "a.yaml:1: tags (`!name`) are not read; remove the tag"},
      {"a: 1\n<<: {b: 2}\n",
       "a.yaml:2: merge keys (`<<`) are not read; write the entries themselves"},
      {"? [a]\n: b\n",
       "a.yaml:1: a key is no plain text; write a name before the colon, and close every bracket"},
      {"a: 1\n: b\n", "a.yaml:2: a key is missing; write a name before the colon"},
      {"a: 1\n---\nb: 2\n",
       "a.yaml:2: a second document begins here; write one document without `---` or `...` behind "
       "it"},
      {"a: '", "a.yaml:1: the quote that begins here is not closed; add the closing quote"},
      {"b: 1\na: \"\n",
       "a.yaml:2: the quote that begins here is not closed; add the closing quote"},
      {"a: b: c\n",
       "a.yaml:1: this is not well-formed YAML: illegal map value; correct the line, or the one "
       "before it"},
      {"a: 1\nb: x\x04\n",
       "a.yaml:2: the line holds the control character 0x04; remove it, or write it as an escape "
       "within double quotes"},
      {"a: 1\n\xFF\n", "a.yaml:2: the line is not valid UTF-8; save the file as UTF-8 text"},
      {"a: \0\n"s, "a.yaml:1: the line holds a NUL byte; save the file as UTF-8 text"},
      {std::string(70, '[') + std::string(70, ']'),
       "a.yaml:1: values are nested more than 64 deep; write them flatter"},
      {std::string((8u << 20) + 1, 'a'), "a.yaml:1: the text is larger than 8 MiB; split it"},
  };
  for (const Refusal& c : cases) {
    SCOPED_TRACE(c.text.substr(0, 100));
    const Error error = error_of([&] { parse_yaml(c.text, "a.yaml", Reason::InvalidScripts); });
    EXPECT_EQ(error.reason(), Reason::InvalidScripts);
    EXPECT_EQ(error.message(), c.message);
  }
}

TEST(YamlTest, RefusesAliases) {
  const Error error = error_of([] { parse_yaml("a: *x\n", "a.yaml", Reason::InvalidUsage); });
  EXPECT_EQ(error.reason(), Reason::InvalidUsage);
  EXPECT_EQ(error.message().substr(0, 8), "a.yaml:1");
}

TEST(YamlTest, RefusesMoreValuesThanMakeSense) {
  std::string text = "[";
  for (int i = 0; i < 500'001; ++i) text += "a,";
  text += "]";
  const Error error = error_of([&] { parse_yaml(text, "a.yaml", Reason::InvalidUsage); });
  EXPECT_EQ(error.message(), "a.yaml:1: the document holds more than 500000 values; split it");
}

}  // namespace
}  // namespace engine
