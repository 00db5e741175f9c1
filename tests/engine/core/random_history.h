// SPDX-License-Identifier: Apache-2.0
//
// Random histories from a seed: several bases, branches, merges, dependencies, labels.
#pragma once

#include <algorithm>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "engine/core/revision_graph.h"

namespace engine {

class RandomHistory {
 public:
  explicit RandomHistory(unsigned seed) : random_(seed) {}

  std::vector<Revision> revisions() {
    std::vector<Revision> result;
    const int size = 2 + pick(14);
    for (int i = 0; i < size; ++i) {
      Revision revision;
      revision.id = "r" + std::to_string(i);
      const int parents = i == 0 ? 0 : pick(8) == 0 ? 0 : pick(5) == 0 ? 2 : 1;
      for (int k = 0; k < parents; ++k) add(revision.down_revisions, pick(i));
      for (int k = 0; i > 0 && k < 2; ++k) {
        if (pick(4) == 0) add(revision.depends_on, pick(i));
      }
      if (pick(4) == 0) revision.branch_labels = {"label" + std::to_string(i)};
      result.push_back(std::move(revision));
    }
    shuffle(result);
    return result;
  }
  RevisionGraph graph() { return RevisionGraph(revisions()); }

  // What a version table may hold.
  RevisionSet rows(const RevisionGraph& graph) {
    RevisionSet chosen;
    for (const Revision& revision : graph.revisions()) {
      if (pick(4) == 0) chosen.insert(revision.id);
    }
    return graph.maximal(chosen);
  }

  const RevisionId& any(const RevisionGraph& graph) {
    return graph.revisions()[static_cast<std::size_t>(pick(static_cast<int>(graph.size())))].id;
  }

  template <typename T>
  void shuffle(std::vector<T>& list) {
    std::shuffle(list.begin(), list.end(), random_);
  }

  // 0 .. below - 1
  int pick(int below) { return std::uniform_int_distribution<int>(0, below - 1)(random_); }

 private:
  static void add(std::vector<std::string>& names, int number) {
    const std::string name = "r" + std::to_string(number);
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  std::mt19937 random_;
};

// A long history of `count` revisions: a line from which short branches leave and come back; every
// twentieth revision is a merge, none when `merges` is false. In order.
inline std::vector<Revision> long_history(int count, bool merges) {
  std::vector<Revision> revisions(static_cast<std::size_t>(count));
  const auto id = [](int number) { return "r" + std::to_string(number); };
  for (int i = 0; i < count; ++i) {
    Revision& revision = revisions[static_cast<std::size_t>(i)];
    revision.id = id(i);
    if (i == 0) continue;
    const int place = i % 20;  // 10 .. 18 is the branch, 19 the merge of 9 and 18
    revision.down_revisions = {id(merges && place == 10 ? i - 2 : i - 1)};
    if (merges && place == 19) revision.down_revisions = {id(i - 10), id(i - 1)};
  }
  return revisions;
}

}  // namespace engine
