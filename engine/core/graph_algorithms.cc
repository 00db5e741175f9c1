// SPDX-License-Identifier: Apache-2.0
#include "engine/core/graph_algorithms.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace engine {
namespace {

std::size_t at(int node) { return static_cast<std::size_t>(node); }

// Tarjan's algorithm with a stack of its own: a history may be 20,000 revisions deep.
class ComponentSearch {
 public:
  explicit ComponentSearch(const Adjacency& adjacency)
      : adjacency_(adjacency), number_(adjacency.size(), 0), low_(adjacency.size(), 0) {}

  std::vector<std::vector<int>> run() {
    for (std::size_t i = 0; i < adjacency_.size(); ++i) {
      if (number_[i] == 0) visit_from(static_cast<int>(i));
    }
    return std::move(components_);
  }

 private:
  struct Frame {
    int node = 0;
    std::size_t next = 0;
  };

  void enter(int node) {
    number_[at(node)] = low_[at(node)] = ++count_;
    open_.push_back(node);
    frames_.push_back({node, 0});
  }

  void visit_from(int root) {
    enter(root);
    while (!frames_.empty()) {
      Frame& frame = frames_.back();
      const int node = frame.node;
      if (frame.next < adjacency_[at(node)].size()) {
        const int target = adjacency_[at(node)][frame.next++];
        if (number_[at(target)] == 0) {
          enter(target);
        } else {
          low_[at(node)] = std::min(low_[at(node)], number_[at(target)]);
        }
        continue;
      }
      leave(node);
    }
  }

  void leave(int node) {
    frames_.pop_back();
    if (low_[at(node)] == number_[at(node)]) close_component(node);
    if (frames_.empty()) return;
    int& above = low_[at(frames_.back().node)];
    above = std::min(above, low_[at(node)]);
  }

  void close_component(int root) {
    std::vector<int> members;
    int member = -1;
    do {
      member = open_.back();
      open_.pop_back();
      number_[at(member)] = low_[at(member)] = kClosed;
      members.push_back(member);
    } while (member != root);
    if (members.size() > 1) components_.push_back(std::move(members));
  }

  static constexpr int kClosed = 1 << 30;  // never the lowest
  const Adjacency& adjacency_;
  std::vector<int> number_;  // order of discovery from 1; 0: not seen
  std::vector<int> low_;
  std::vector<int> open_ = {};
  std::vector<Frame> frames_ = {};
  int count_ = 0;
  std::vector<std::vector<int>> components_ = {};
};

bool has_gaps(const std::vector<char>& selection, const Adjacency& below, const Adjacency& above) {
  std::vector<int> members;
  for (std::size_t i = 0; i < selection.size(); ++i) {
    if (selection[i] != 0) members.push_back(static_cast<int>(i));
  }
  const std::vector<char> down = reachable(members, below);
  const std::vector<char> up = reachable(members, above);
  for (std::size_t i = 0; i < selection.size(); ++i) {
    if (selection[i] == 0 && down[i] != 0 && up[i] != 0) return true;
  }
  return false;
}

// Newest first, as Alembic does it: a list of open heads, of which one is walked down until another
// open head lies above the next node.
class BranchWalk {
 public:
  BranchWalk(const std::vector<char>& selection, const std::vector<int>& heads,
             const Adjacency& below, const Adjacency& above)
      : todo_(selection),
        users_(selection.size(), 0),
        is_open_(selection.size(), 0),
        visit_(selection.size(), 0),
        has_gaps_(has_gaps(selection, below, above)),
        below_(below),
        above_(above) {
    for (std::size_t i = 0; i < todo_.size(); ++i) {
      if (todo_[i] == 0) continue;
      for (const int next : below_[i]) ++users_[at(next)];
    }
    std::vector<int> ascending = heads;
    std::sort(ascending.begin(), ascending.end());
    for (const int head : ascending) {
      if (todo_[at(head)] != 0 && is_open_[at(head)] == 0) open_head(head);
    }
  }

  std::vector<int> run() {
    std::vector<int> newest_first;
    while (!heads_.empty()) {
      const int candidate = heads_[current_];
      // Without gaps, what is above a member and still to be done is so through members.
      if (has_gaps_ || users_[at(candidate)] > 0) {
        const std::size_t other = first_head_above(candidate);
        if (other < heads_.size()) {
          current_ = other;
          continue;
        }
      }
      newest_first.push_back(candidate);
      todo_[at(candidate)] = 0;
      step_below(candidate);
    }
    return newest_first;
  }

 private:
  void open_head(int node) {
    is_open_[at(node)] = 1;
    heads_.push_back(node);
  }

  // The first of below takes the slot, the others go to the end of the list.
  void step_below(int node) {
    bool slot_is_free = true;
    for (const int next : below_[at(node)]) {
      --users_[at(next)];
      if (todo_[at(next)] == 0 || is_open_[at(next)] != 0) continue;
      if (slot_is_free) {
        heads_[current_] = next;
        is_open_[at(next)] = 1;
        slot_is_free = false;
      } else {
        open_head(next);
      }
    }
    if (!slot_is_free) return;
    heads_.erase(heads_.begin() + static_cast<std::ptrdiff_t>(current_));
    if (current_ > 0) --current_;
  }

  // heads_.size(): there is none.
  std::size_t first_head_above(int node) {
    const std::size_t first = current_ == 0 ? 1 : 0;
    if (first >= heads_.size()) return heads_.size();
    const std::span<const int> below_first = below_[at(heads_[first])];
    if (std::find(below_first.begin(), below_first.end(), node) != below_first.end()) return first;
    ++visits_;
    std::vector<int> stack = {node};
    while (!stack.empty()) {
      const int member = stack.back();
      stack.pop_back();
      for (const int next : above_[at(member)]) {
        if ((todo_[at(next)] == 0 && !has_gaps_) || visit_[at(next)] == visits_) continue;
        visit_[at(next)] = visits_;
        stack.push_back(next);
      }
    }
    const auto found = std::find_if(heads_.begin(), heads_.end(),
                                    [&](int head) { return visit_[at(head)] == visits_; });
    return static_cast<std::size_t>(found - heads_.begin());
  }

  std::vector<char> todo_;
  std::vector<int> users_;  // still to be done and directly above
  std::vector<char> is_open_;
  std::vector<int> visit_;  // the last search that came by
  int visits_ = 0;
  bool has_gaps_;
  const Adjacency& below_;
  const Adjacency& above_;
  std::vector<int> heads_ = {};
  std::size_t current_ = 0;
};

}  // namespace

void Adjacency::reserve(std::size_t nodes, std::size_t targets) {
  begins_.reserve(nodes);
  targets_.reserve(targets);
}

std::optional<std::vector<int>> topological_ranks(const Adjacency& adjacency) {
  const Adjacency from = reversed(adjacency);
  std::vector<std::size_t> missing(adjacency.size());
  std::vector<int> ready;
  for (std::size_t i = 0; i < adjacency.size(); ++i) {
    missing[i] = adjacency[i].size();
    if (missing[i] == 0) ready.push_back(static_cast<int>(i));
  }
  std::vector<int> ranks(adjacency.size(), 0);
  for (std::size_t done = 0; done < ready.size(); ++done) {
    const int node = ready[done];
    ranks[at(node)] = static_cast<int>(done);
    for (const int user : from[at(node)]) {
      if (--missing[at(user)] == 0) ready.push_back(user);
    }
  }
  if (ready.size() < adjacency.size()) return std::nullopt;
  return ranks;
}

std::vector<std::vector<int>> cycles(const Adjacency& adjacency) {
  return ComponentSearch(adjacency).run();
}

std::vector<char> reachable(std::vector<int> start, const Adjacency& adjacency) {
  std::vector<char> seen(adjacency.size(), 0);
  for (const int node : start) seen[at(node)] = 1;
  std::vector<int> todo = std::move(start);
  while (!todo.empty()) {
    const int node = todo.back();
    todo.pop_back();
    for (const int next : adjacency[at(node)]) {
      if (seen[at(next)] != 0) continue;
      seen[at(next)] = 1;
      todo.push_back(next);
    }
  }
  return seen;
}

Adjacency united(const Adjacency& first, const Adjacency& second) {
  Adjacency result;
  result.reserve(first.size(), first.size());
  for (std::size_t i = 0; i < first.size(); ++i) {
    result.begin_node();
    const std::span<const int> known = first[i];
    for (const int target : known) result.add(target);
    for (const int target : second[i]) {
      if (std::find(known.begin(), known.end(), target) == known.end()) result.add(target);
    }
  }
  return result;
}

Adjacency reversed(const Adjacency& adjacency) {
  Adjacency result;
  result.begins_.assign(adjacency.size(), 0);
  for (const int target : adjacency.targets_) ++result.begins_[at(target)];
  std::uint32_t sum = 0;
  for (std::uint32_t& begin : result.begins_) {
    sum += begin;
    begin = sum;  // the end for now
  }
  result.targets_.resize(sum);
  for (std::size_t i = adjacency.size(); i-- > 0;) {
    for (const int target : adjacency[i]) {
      result.targets_[--result.begins_[at(target)]] = static_cast<int>(i);
    }
  }
  return result;
}

Adjacency without_inherited(const Adjacency& dependencies, const Adjacency& parents,
                            const Adjacency& all_down) {
  const Adjacency users = reversed(dependencies);
  bool none_shared = true;
  for (std::size_t i = 0; i < users.size(); ++i) none_shared = none_shared && users[i].size() < 2;
  const Adjacency children = none_shared ? Adjacency{} : reversed(parents);
  const std::vector<int> ranks =
      none_shared ? std::vector<int>{} : topological_ranks(all_down).value();
  std::vector<int> inherits(dependencies.size(), -1);  // the dependency last found from below
  Adjacency kept_by;
  kept_by.reserve(users.size(), 0);
  for (std::size_t dependency = 0; dependency < users.size(); ++dependency) {
    const std::span<const int> listed_by = users[dependency];
    const int mark = static_cast<int>(dependency);
    if (listed_by.size() > 1) {
      int last = 0;  // nobody above the highest user matters
      for (const int user : listed_by) last = std::max(last, ranks[at(user)]);
      std::vector<int> todo(listed_by.begin(), listed_by.end());
      while (!todo.empty()) {
        const int node = todo.back();
        todo.pop_back();
        for (const int child : children[at(node)]) {
          if (inherits[at(child)] == mark || ranks[at(child)] > last) continue;
          inherits[at(child)] = mark;
          todo.push_back(child);
        }
      }
    }
    kept_by.begin_node();
    for (const int user : listed_by) {
      if (inherits[at(user)] != mark) kept_by.add(user);
    }
  }
  return reversed(kept_by);
}

std::vector<int> branch_by_branch_order(const std::vector<char>& selection,
                                        const std::vector<int>& heads, const Adjacency& below,
                                        const Adjacency& above) {
  return BranchWalk(selection, heads, below, above).run();
}

}  // namespace engine
