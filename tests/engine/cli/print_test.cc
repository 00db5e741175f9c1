// SPDX-License-Identifier: Apache-2.0
//
// Expected texts were seen from Alembic 1.19.2 (but for sorted labels).
#include "engine/cli/print.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "engine/core/range.h"

namespace engine {
namespace {

const Paint kPipe(Medium::Pipe);

using Json = nlohmann::json;

Revision revision(const RevisionId& id, std::vector<RevisionId> downs, std::string message,
                  std::vector<std::string> labels = {}, std::vector<std::string> depends = {}) {
  Revision result;
  result.id = id;
  result.down_revisions = std::move(downs);
  result.message = std::move(message);
  result.branch_labels = std::move(labels);
  result.depends_on = std::move(depends);
  result.file = "versions/" + id + ".sql";
  return result;
}

RevisionGraph branched() {
  return RevisionGraph(
      {revision("a", {}, "base"), revision("b", {"a"}, "second"),
       revision("c1", {"b"}, "left one", {"left"}), revision("d1", {"c1"}, "left two"),
       revision("c2", {"b"}, "right one", {"right"}), revision("d2", {"c2"}, "right two")});
}

RevisionGraph merged() {
  return RevisionGraph({revision("a", {}, "base"), revision("b1", {"a"}, "left"),
                        revision("b2", {"a"}, "right"), revision("m", {"b1", "b2"}, "merge"),
                        revision("n", {"m"}, "after merge")});
}

RevisionGraph two_roots() {
  return RevisionGraph({revision("core1", {}, "core start", {"core"}),
                        revision("core2", {"core1"}, "core next"),
                        revision("app1", {}, "app start", {"app"}, {"core2"}),
                        revision("app2", {"app1"}, "app next")});
}

TEST(HistoryTextTest, KeepsTheLineEndsOfAMessage) {
  Revision described = revision("a", {}, "add users and names");
  described.doc = "add users\n  and names\n\nbecause";
  EXPECT_EQ(history_text(RevisionGraph({described}), {"a"}, Verbosity::Line, {}, kPipe),
            "<base> -> a (head), add users\n  and names\n");
}

TEST(BranchesTextTest, IndentsChildrenByTheIdOfTheirParent) {
  const RevisionGraph graph({revision("a", {}, "base"), revision("b1", {"a"}, "left"),
                             revision("b2", {"a"}, "right"), revision("mm", {"b1", "b2"}, "merge"),
                             revision("c", {"mm"}, "one"), revision("d", {"mm"}, "two")});
  EXPECT_EQ(branches_text(graph, Verbosity::Line, kPipe),
            "mm (branchpoint) (mergepoint)\n"
            "   -> c (head)\n"
            "   -> d (head)\n"
            "\n"
            "a (branchpoint)\n"
            "  -> b1\n"
            "  -> b2\n"
            "\n");
}

TEST(HistoryTextTest, PrintsBranchesNewestFirst) {
  EXPECT_EQ(history_text(branched(), history_range(branched(), {}, {}), Verbosity::Line, {}, kPipe),
            "c1 -> d1 (left) (head), left two\n"
            "b -> c1 (left), left one\n"
            "c2 -> d2 (right) (head), right two\n"
            "b -> c2 (right), right one\n"
            "a -> b (branchpoint), second\n"
            "<base> -> a, base\n");
}

TEST(HistoryTextTest, PrintsMergePointsAndCurrentRevisions) {
  const std::string text =
      history_text(merged(), history_range(merged(), {}, {}), Verbosity::Line, {"m"}, kPipe);
  EXPECT_NE(text.find("m -> n (head), after merge\n"), std::string::npos) << text;
  EXPECT_NE(text.find("b1, b2 -> m (current) (mergepoint), merge\n"), std::string::npos) << text;
  EXPECT_NE(text.find("<base> -> a (branchpoint), base\n"), std::string::npos) << text;
}

TEST(HistoryTextTest, PrintsDependenciesAndEffectiveHeads) {
  EXPECT_EQ(
      history_text(two_roots(), history_range(two_roots(), {}, {}), Verbosity::Line, {}, kPipe),
      "app1 -> app2 (app) (head), app next\n"
      "<base> (core2) -> app1 (app), app start\n"
      "core1 -> core2 (core) (effective head), core next\n"
      "<base> -> core1 (core), core start\n");
}

TEST(HistoryTextTest, IsPaintedOnATerminalWithColours) {
  const Paint colors(Medium::ColorTerminal);
  EXPECT_EQ(history_text(merged(), {"m"}, Verbosity::Line, {"m"}, colors),
            "\033[33mb1\033[0m, \033[33mb2\033[0m -> \033[33mm\033[0m"
            "\033[32m (current) (mergepoint)\033[0m, merge\n");
}

TEST(HistoryTextTest, LetsNoMessageMoveTheCursorOfATerminal) {
  const RevisionGraph graph({revision("a", {}, "one\033[2Jtwo")});
  for (const Medium medium : {Medium::Terminal, Medium::ColorTerminal}) {
    const std::string line = history_text(graph, {"a"}, Verbosity::Line, {}, Paint(medium));
    EXPECT_NE(line.find("one\\x1b[2Jtwo"), std::string::npos) << line;
    const std::string entry = history_text(graph, {"a"}, Verbosity::Entry, {}, Paint(medium));
    EXPECT_NE(entry.find("    one\\x1b[2Jtwo\n"), std::string::npos) << entry;
  }
  EXPECT_EQ(history_text(graph, {"a"}, Verbosity::Line, {}, kPipe),
            "<base> -> a (head), one\033[2Jtwo\n");
}

TEST(PrintableTest, NothingMovesTheCursor) {
  EXPECT_EQ(printable("a\r\033\x7F\x01z"), "a\\x0d\\x1b\\x7f\\x01z");
  EXPECT_EQ(printable("\xC2\x9B"
                      "2J \xC3\xA4 \xC2\xA0"),
            "\\u009b2J \xC3\xA4 \xC2\xA0");
  EXPECT_EQ(printable("a\tb\nc"), "a\tb\nc");
}

// As Alembic prints it.
std::string path_of(const std::string& file) { return std::filesystem::weakly_canonical(file); }

TEST(HistoryTextTest, PrintsEntries) {
  const std::string text =
      history_text(merged(), history_range(merged(), {}, {}), Verbosity::Entry, {"n"}, kPipe);
  EXPECT_TRUE(
      text.starts_with("Rev: n (head) (current)\n"
                       "Parent: m\n"
                       "Path: " +
                       path_of("versions/n.sql") +
                       "\n"
                       "\n"
                       "    after merge\n"
                       "\n"
                       "Rev: m (mergepoint)\n"
                       "Merges: b1, b2\n"))
      << text;
  EXPECT_TRUE(
      text.ends_with("Rev: a (branchpoint)\n"
                     "Parent: <base>\n"
                     "Branches into: b1, b2\n"
                     "Path: " +
                     path_of("versions/a.sql") +
                     "\n"
                     "\n"
                     "    base\n"
                     "\n"))
      << text;
  const std::string dependent =
      history_text(two_roots(), history_range(two_roots(), {}, {}), Verbosity::Entry, {}, kPipe);
  EXPECT_NE(
      dependent.find("Rev: app1\nParent: <base>\nAlso depends on: core2\nBranch names: app\n"),
      std::string::npos)
      << dependent;
}

TEST(HeadsTextTest, PrintsOneLineAHead) {
  EXPECT_EQ(heads_text(branched(), HeadsBy::DownRevision, Verbosity::Line, kPipe),
            "d1 (left) (head)\nd2 (right) (head)\n");
  EXPECT_EQ(heads_text(merged(), HeadsBy::DownRevision, Verbosity::Line, kPipe), "n (head)\n");
  EXPECT_EQ(heads_text(two_roots(), HeadsBy::DownRevision, Verbosity::Line, kPipe),
            "core2 (core) (effective head)\napp2 (app) (head)\n");
}

TEST(CurrentTextTest, PrintsRowsAndWhatTheyReachByDependencies) {
  struct Case {
    RevisionGraph graph;
    RevisionSet rows;
    std::string text;
  };
  const Case cases[] = {
      {branched(), {}, ""},
      {branched(), {"b"}, "b (branchpoint)\n"},
      {branched(), {"d1", "d2"}, "d1 (head)\nd2 (head)\n"},
      {merged(), {"b1", "b2"}, "b1\nb2\n"},
      {merged(), {"m"}, "m (mergepoint)\n"},
      {merged(), {"n"}, "n (head)\n"},
      {two_roots(), {"core1"}, "core1\n"},
      {two_roots(), {"app1"}, "app1\ncore2 (effective head)\n"},
      {two_roots(), {"app2"}, "app2 (head)\ncore2 (effective head)\n"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(revisions_text(c.rows));
    EXPECT_EQ(current_text(c.graph, Verbosity::Line, c.rows, kPipe), c.text);
  }
}

TEST(RunningTextTest, IsAlembics) {
  const RevisionGraph graph = merged();
  EXPECT_EQ(running_text({Direction::Up, "a", {}}, graph.at("a")), "Running upgrade  -> a, base");
  EXPECT_EQ(running_text({Direction::Up, "m", {}}, graph.at("m")),
            "Running upgrade b1, b2 -> m, merge");
  EXPECT_EQ(running_text({Direction::Down, "m", {}}, graph.at("m")),
            "Running downgrade m -> b1, b2, merge");
}

TEST(RevisionsTextTest, NamesBase) {
  EXPECT_EQ(revisions_text({}), "base");
  EXPECT_EQ(revisions_text({"b", "a"}), "a, b");
}

TEST(DurationTextTest, ChoosesTheUnit) {
  const std::pair<long, const char*> cases[] = {
      {0, "0 ms"},        {999, "999 ms"},       {1000, "1.0 s"},        {1299, "1.2 s"},
      {59'999, "59.9 s"}, {60'000, "1 min 0 s"}, {200'999, "3 min 20 s"}};
  for (const auto& [milliseconds, text] : cases) EXPECT_EQ(duration_text(milliseconds), text);
}

TEST(JsonTest, HistoryIsNewestFirstAndMarksTheCurrent) {
  const RevisionSet current = {"app1"};
  const Json json =
      Json::parse(history_json(two_roots(), history_range(two_roots(), {}, {}), &current));
  EXPECT_FALSE(Json::parse(history_json(two_roots(), {"app1"}, nullptr))["revisions"][0].contains(
      "current"));
  ASSERT_EQ(json["revisions"].size(), 4U);
  EXPECT_EQ(json["revisions"][1], Json::parse(R"({
      "revision": "app1", "downRevisions": [], "dependsOn": ["core2"], "branchLabels": ["app"],
      "message": "app start", "doc": "app start", "file": "versions/app1.sql", "head": false, "effectiveHead": false,
      "branchPoint": false, "mergePoint": false, "current": true})"));
  EXPECT_EQ(json["revisions"][0]["current"], false);
}

TEST(JsonTest, HeadsTellHeadsFromEffectiveHeads) {
  const Json json = Json::parse(heads_json(two_roots(), HeadsBy::DownRevision));
  ASSERT_EQ(json["heads"].size(), 2U);
  EXPECT_EQ(json["heads"][0]["revision"], "core2");
  EXPECT_EQ(json["heads"][0]["head"], true);
  EXPECT_EQ(json["heads"][0]["effectiveHead"], false);
  EXPECT_EQ(json["heads"][1]["effectiveHead"], true);
}

TEST(JsonTest, CurrentSaysWhetherTheDatabaseIsUpToDate) {
  const Json behind = Json::parse(current_json(two_roots(), {"app1"}, "sqlite:///x"));
  EXPECT_EQ(behind["database"], "sqlite:///x");
  EXPECT_EQ(behind["rows"], Json::parse(R"(["app1"])"));
  EXPECT_EQ(behind["revisions"].size(), 2U);
  EXPECT_EQ(behind["upToDate"], false);
  EXPECT_EQ(Json::parse(current_json(two_roots(), {"app2"}, ""))["upToDate"], true);
  EXPECT_EQ(Json::parse(current_json(two_roots(), {}, ""))["revisions"], Json::array());
}

}  // namespace
}  // namespace engine
