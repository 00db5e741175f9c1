// SPDX-License-Identifier: Apache-2.0
#include "engine/run/transaction_group.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace engine {
namespace {

// "tat": a statement in a transaction, one alone, one in a transaction.
PreparedStep step(std::string_view kinds) {
  PreparedStep prepared;
  for (const char kind : kinds) prepared.statements.push_back({"x", 1, kind == 't'});
  return prepared;
}

// "0:0-2! 1:0-1" is a transaction; "(1:1-2)" a statement alone; "!": completes its step.
std::string text(const std::vector<TransactionGroup>& groups) {
  std::string result;
  for (const TransactionGroup& group : groups) {
    if (!result.empty()) result += " | ";
    std::string pieces;
    for (const Piece& piece : group.pieces) {
      pieces += fmt::format("{}{}:{}-{}{}", pieces.empty() ? "" : " ", piece.step, piece.first,
                            piece.end, piece.completes ? "!" : "");
    }
    result += group.alone ? "(" + pieces + ")" : pieces;
  }
  return result;
}

TEST(TransactionGroupTest, Groups) {
  constexpr auto kEach = TransactionMode::PerRevision;
  constexpr auto kSingle = TransactionMode::Single;
  struct Case {
    std::vector<std::string> steps = {};
    TransactionMode mode = {};
    std::vector<std::size_t> done = {};
    const char* expected = "";
  };
  for (const Case& c : {
           Case{{}, kEach, {}, ""},
           Case{{"tt", ""}, kEach, {}, "0:0-2! | 1:0-0!"},
           Case{{"tt", "t"}, kSingle, {}, "0:0-2! 1:0-1!"},
           Case{{"tat"}, kEach, {}, "0:0-1 | (0:1-2) | 0:2-3!"},
           Case{{"aa"}, kEach, {}, "(0:0-1) | (0:1-2) | 0:2-2!"},
           Case{{"t", "ta", "t"}, kSingle, {}, "0:0-1! 1:0-1 | (1:1-2) | 1:2-2! 2:0-1!"},
           Case{{"tata"}, kEach, {2}, "0:2-3 | (0:3-4) | 0:4-4!"},
           Case{{"t", "at"}, kSingle, {0, 1}, "0:0-1! | 1:1-2!"},
       }) {
    std::vector<PreparedStep> steps;
    for (const std::string& kinds : c.steps) steps.push_back(step(kinds));
    EXPECT_EQ(text(transaction_groups(steps, c.mode, c.done)), c.expected);
  }
}

TEST(TransactionGroupTest, ARevisionThatIsNotTransactionalStandsAlone) {
  PreparedStep prepared = step("tt");
  prepared.revision.transactional = false;
  EXPECT_EQ(text(transaction_groups({prepared}, TransactionMode::Single)),
            "(0:0-1) | (0:1-2) | 0:2-2!");
}

}  // namespace
}  // namespace engine
