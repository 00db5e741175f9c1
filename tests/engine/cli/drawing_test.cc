// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/drawing.h"

#include <gtest/gtest.h>

#include "tests/engine/core/history_text.h"

namespace engine {
namespace {

std::string drawn(const std::string& history, const RevisionSet& current = {}) {
  return draw(graph_of(history), DrawingFormat::Text, &current, Paint(Medium::Pipe));
}

TEST(DrawingTest, DrawsALineWithoutColumns) {
  EXPECT_EQ(drawn("a; b<a", {"a"}), "* b (head)\n* a (current)\n");
  EXPECT_EQ(drawn(""), "");
}

TEST(DrawingTest, DrawsBranchesAndMergesAsColumns) {
  EXPECT_EQ(drawn("a; b1<a; b2<a; m<b1,b2"),
            "* m (head) (mergepoint)\n"
            "|-.\n"
            "* | b1\n"
            "| * b2\n"
            "|-'\n"
            "* a (branchpoint)\n");
}

TEST(DrawingTest, KeepsTwoRootsApart) {
  EXPECT_EQ(drawn("a #left; b<a; x #right; y<x !b"),
            "* y (right) (head) (depends on b)\n"
            "* x (right)\n"
            "* b (left) (effective head)\n"
            "* a (left)\n");
}

TEST(DrawingTest, PaintsTheText) {
  EXPECT_EQ(draw(graph_of("a #left"), DrawingFormat::Text, nullptr, Paint(Medium::ColorTerminal)),
            "* \033[33ma\033[0m (\033[36mleft\033[0m)\033[32m (head)\033[0m\n");
}

RevisionGraph with_quotes() {
  std::vector<Revision> revisions = revisions_of("a; b<a; x !b");
  revisions[1].message = R"(say <"a\b\"#>)";
  return RevisionGraph(std::move(revisions));
}

TEST(DrawingTest, EscapesWhatGraphvizWouldRead) {
  const RevisionSet current = {"b"};
  EXPECT_EQ(draw(with_quotes(), DrawingFormat::Dot, &current, Paint(Medium::ColorTerminal)),
            "digraph revisions {\n"
            "  rankdir=BT;\n"
            "  node [shape=box];\n"
            "  \"a\" [label=\"a\\n\"];\n"
            "  \"b\" [label=\"b\\nsay <\\\"a\\\\b\\\\\\\"#>\", penwidth=3];\n"
            "  \"x\" [label=\"x\\n\"];\n"
            "  \"b\" -> \"a\";\n"
            "  \"x\" -> \"b\" [style=dotted];\n"
            "}\n");
}

TEST(DrawingTest, EscapesWhatMermaidWouldRead) {
  const std::string text =
      draw(with_quotes(), DrawingFormat::Mermaid, nullptr, Paint(Medium::ColorTerminal));
  EXPECT_NE(text.find("say #lt;#quot;a\\b\\#quot;#35;#gt;"), std::string::npos) << text;
}

}  // namespace
}  // namespace engine
