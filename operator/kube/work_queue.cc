// SPDX-License-Identifier: Apache-2.0
#include "operator/kube/work_queue.h"

#include <algorithm>
#include <utility>

namespace kube {
namespace {

constexpr std::chrono::milliseconds kFirstPause{5};
constexpr std::chrono::milliseconds kLongestPause{std::chrono::minutes{5}};
constexpr int kDoublings = 16;  // 5 ms * 2^16 is past the longest pause

}  // namespace

void WorkQueue::drop_delayed(const Key& key) {
  const auto entry = delayed_.find(key);
  if (entry == delayed_.end()) return;
  by_time_.erase({entry->second, key});
  delayed_.erase(entry);
}

void WorkQueue::add(const Key& key) {
  drop_delayed(key);
  if (!dirty_.insert(key).second) return;
  if (!processing_.contains(key)) order_.push_back(key);
}

void WorkQueue::add_at(const Key& key, Time due) {
  // A run is due already: it decides anew when to look again.
  if (dirty_.contains(key)) return;
  const auto known = delayed_.find(key);
  if (known != delayed_.end() && known->second <= due) return;
  drop_delayed(key);
  delayed_.emplace(key, due);
  by_time_.emplace(due, key);
}

void WorkQueue::add_after_failure(const Key& key, Time now, double jitter,
                                  std::chrono::milliseconds least) {
  int& failures = failures_[key];
  const auto pause =
      std::min<std::chrono::milliseconds>(kFirstPause * (1L << failures), kLongestPause);
  ++failures;
  failures = std::min(failures, kDoublings);
  const auto shortened = std::chrono::duration<double, std::milli>(pause) * (1.0 - jitter / 2);
  add_at(key, now + std::max(std::chrono::duration_cast<Time::duration>(shortened),
                             Time::duration(std::min(least, kLongestPause))));
}

void WorkQueue::forget(const Key& key) { failures_.erase(key); }

std::optional<Key> WorkQueue::take(Time now) {
  while (!by_time_.empty() && by_time_.begin()->first <= now) {
    const Key due = by_time_.begin()->second;
    add(due);
  }
  if (order_.empty()) return {};
  Key key = std::move(order_.front());
  order_.pop_front();
  dirty_.erase(key);
  processing_.insert(key);
  return key;
}

void WorkQueue::done(const Key& key) {
  if (processing_.erase(key) == 0) return;
  if (dirty_.contains(key)) order_.push_back(key);
}

std::optional<WorkQueue::Time> WorkQueue::next_due() const {
  if (by_time_.empty()) return {};
  return by_time_.begin()->first;
}

}  // namespace kube
