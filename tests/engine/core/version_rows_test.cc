// SPDX-License-Identifier: Apache-2.0
#include "engine/core/version_rows.h"

#include <gtest/gtest.h>

#include "tests/engine/core/error_of.h"
#include "tests/engine/core/history_text.h"

namespace engine {
namespace {

using Changes = std::vector<RowChange>;

constexpr const char* kHistory = "a; b<a; c<a; m<b,c; x; y<x !b";

TEST(VersionRowsTest, OneStep) {
  struct Case {
    std::string rows, revision;
    Direction direction;
    Changes changes;
    std::string finish;
  };
  const auto up = Direction::Up;
  const auto down = Direction::Down;
  for (const Case& c : std::vector<Case>{
           {"", "a", up, {{"", "a"}}, "a"},
           {"a", "b", up, {{"a", "b"}}, "b"},
           {"b", "c", up, {{"", "c"}}, "b c"},
           {"b c", "m", up, {{"b", ""}, {"c", "m"}}, "m"},
           {"b x", "y", up, {{"x", ""}, {"b", "y"}}, "y"},
           {"a", "a", down, {{"a", ""}}, ""},
           {"b", "b", down, {{"b", "a"}}, "a"},
           {"b c", "c", down, {{"c", ""}}, "b"},
           {"m", "m", down, {{"", "b"}, {"m", "c"}}, "b c"},
           {"m y", "m", down, {{"m", "c"}}, "c y"},  // y holds b
           {"y", "y", down, {{"", "x"}, {"y", "b"}}, "b x"},
       }) {
    SCOPED_TRACE(c.rows + " | " + c.revision);
    const RevisionGraph graph = graph_of(kHistory);
    VersionRows rows(graph, ids_of(c.rows));
    const int position = graph.position(c.revision).value();
    EXPECT_EQ(c.direction == up ? rows.up(position) : rows.down(position), c.changes);
    EXPECT_EQ(text_of(rows.rows()), c.finish);
    EXPECT_EQ(with_changes(ids_of(c.rows), c.changes), rows.rows());
  }
}

// Only the step and the rows decide, not what the revisions are.
TEST(VersionRowsTest, OneStampStep) {
  struct Case {
    std::string rows, from, to;
    Direction direction;
    bool branch_move;
    Changes changes;
  };
  const auto up = Direction::Up;
  const auto down = Direction::Down;
  for (const Case& c : std::vector<Case>{
           {"", "", "b", up, true, {{"", "b"}}},
           {"b", "b", "", down, true, {{"b", ""}}},
           {"a", "a", "b", up, false, {{"a", "b"}}},
           {"c", "c", "b", down, false, {{"c", "b"}}},
           {"c", "a", "b", up, false, {{"", "b"}}},  // a has moved on already
           {"b c", "b c", "m", up, false, {{"b", ""}, {"c", "m"}}},
           {"b c", "b c", "a", down, false, {{"b", ""}, {"c", "a"}}},
           {"m", "m", "b c", down, false, {{"", "b"}, {"m", "c"}}},
       }) {
    SCOPED_TRACE(c.rows + " | " + c.from + " -> " + c.to);
    StampStep step;
    step.from = split_text(c.from, ' ');
    step.to = split_text(c.to, ' ');
    step.direction = c.direction;
    step.branch_move = c.branch_move;
    EXPECT_EQ(row_changes(ids_of(c.rows), step), c.changes);
  }
}

TEST(VersionRowsTest, AChangeThatFindsNoRowNamesIt) {
  const std::string end = " when the stamp's targets are applied one after the other";
  const StampStep gone = {{"a"}, {"b"}, Direction::Down, false, {}};
  EXPECT_EQ(error_of([&] { row_changes({"c"}, gone); }).message(), "Row 'a' is gone already" + end);
  const StampStep there = {{"a"}, {"b"}, Direction::Down, false, {}};
  EXPECT_EQ(error_of([&] {
              row_changes({"a", "b"}, there);
            }).message(),
            "Row 'b' is there already" + end);
  const StampStep again = {{}, {"b"}, Direction::Up, true, {}};
  EXPECT_EQ(error_of([&] { row_changes({"b"}, again); }).message(),
            "Row 'b' is there already" + end);
}

}  // namespace
}  // namespace engine
