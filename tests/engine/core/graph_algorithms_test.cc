// SPDX-License-Identifier: Apache-2.0
#include "engine/core/graph_algorithms.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

namespace engine {
namespace {

using Lists = std::vector<std::vector<int>>;

Adjacency adjacency(const Lists& lists) {
  Adjacency result;
  for (const std::vector<int>& list : lists) {
    result.begin_node();
    for (const int target : list) result.add(target);
  }
  return result;
}

Lists lists(const Adjacency& adjacency) {
  Lists result;
  for (std::size_t i = 0; i < adjacency.size(); ++i) {
    result.emplace_back(adjacency[i].begin(), adjacency[i].end());
  }
  return result;
}

TEST(AdjacencyTest, HoldsAListForEachNode) {
  const Lists wanted = {{}, {0}, {0, 1}, {}, {2}};
  EXPECT_EQ(lists(adjacency(wanted)), wanted);
  EXPECT_EQ(lists(Adjacency()), Lists{});
}

TEST(AdjacencyTest, ReversedListsAreAscending) {
  EXPECT_EQ(lists(reversed(adjacency({{}, {0}, {1, 0}, {}, {2}}))),
            (Lists{{1, 2}, {2}, {4}, {}, {}}));
}

TEST(AdjacencyTest, UnitedListsKeepTheFirstInFront) {
  EXPECT_EQ(lists(united(adjacency({{}, {0}, {1}}), adjacency({{}, {}, {0, 1}}))),
            (Lists{{}, {0}, {1, 0}}));
}

TEST(GraphAlgorithmsTest, ReachableIncludesTheStart) {
  const Adjacency down = adjacency({{}, {0}, {1}, {1}});
  EXPECT_EQ(reachable({2}, down), (std::vector<char>{1, 1, 1, 0}));
  EXPECT_EQ(reachable({}, down), (std::vector<char>{0, 0, 0, 0}));
}

TEST(GraphAlgorithmsTest, RanksComeAfterWhatTheyPointTo) {
  EXPECT_EQ(topological_ranks(adjacency({{1}, {2}, {}})), (std::vector<int>{2, 1, 0}));
  EXPECT_EQ(topological_ranks(adjacency({{1}, {0}})), std::nullopt);
}

TEST(GraphAlgorithmsTest, CyclesAreTheSetsThatReachEachOther) {
  Lists found = cycles(adjacency({{1}, {0}, {1}, {4}, {5}, {3}}));
  for (std::vector<int>& cycle : found) std::sort(cycle.begin(), cycle.end());
  std::sort(found.begin(), found.end());
  EXPECT_EQ(found, (Lists{{0, 1}, {3, 4, 5}}));
}

// RevisionMap._topological_sort word for word: for each open head the set of all below it.
std::vector<int> alembics_order(const std::vector<char>& selection, std::vector<int> heads,
                                const Adjacency& below) {
  std::vector<char> todo = selection;
  const auto is_todo = [&](int node) { return todo[static_cast<std::size_t>(node)] != 0; };
  std::sort(heads.begin(), heads.end());
  std::erase_if(heads, [&](int head) { return !is_todo(head); });
  std::vector<int> order;
  std::size_t current = 0;
  while (!heads.empty()) {
    const int candidate = heads[current];
    const auto above = std::find_if(heads.begin(), heads.end(), [&](const int& head) {
      return head != candidate &&
             reachable({head}, below)[static_cast<std::size_t>(candidate)] != 0;
    });
    if (above != heads.end()) {
      current = static_cast<std::size_t>(above - heads.begin());
      continue;
    }
    order.push_back(candidate);
    todo[static_cast<std::size_t>(candidate)] = 0;
    std::vector<int> next;
    for (const int node : below[static_cast<std::size_t>(candidate)]) {
      if (is_todo(node) && std::find(heads.begin(), heads.end(), node) == heads.end()) {
        next.push_back(node);
      }
    }
    if (next.empty()) {
      heads.erase(heads.begin() + static_cast<std::ptrdiff_t>(current));
      current = current == 0 ? 0 : current - 1;
      continue;
    }
    heads[current] = next.front();
    heads.insert(heads.end(), next.begin() + 1, next.end());
  }
  return order;
}

TEST(GraphAlgorithmsTest, BranchByBranchOrderIsAlembics) {
  for (unsigned seed = 0; seed < 2000; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const auto pick = [&](int count) {
      return std::uniform_int_distribution(0, count - 1)(random);
    };
    const int size = 2 + pick(12);
    std::vector<int> numbers(static_cast<std::size_t>(size));  // place in load order, by age
    for (int i = 0; i < size; ++i) numbers[static_cast<std::size_t>(i)] = i;
    std::shuffle(numbers.begin(), numbers.end(), random);
    Lists down(static_cast<std::size_t>(size));
    for (int i = 1; i < size; ++i) {
      std::set<int> chosen;
      for (int k = pick(4); k > 0; --k) chosen.insert(pick(i));
      for (const int older : chosen) {
        down[static_cast<std::size_t>(numbers[static_cast<std::size_t>(i)])].push_back(
            numbers[static_cast<std::size_t>(older)]);
      }
    }
    const Adjacency below = adjacency(down);
    std::vector<char> selection(static_cast<std::size_t>(size), 1);
    std::vector<int> heads;
    for (int i = 0; i < size; ++i) {
      if (seed % 2 == 0) selection[static_cast<std::size_t>(i)] = pick(4) != 0;  // with gaps
      if (seed % 4 < 2 || pick(3) == 0) heads.push_back(i);
    }
    EXPECT_EQ(branch_by_branch_order(selection, heads, below, reversed(below)),
              alembics_order(selection, heads, below));
  }
}

}  // namespace
}  // namespace engine
