// SPDX-License-Identifier: Apache-2.0
//
// Which keys are due, and when: semantics of client-go's workqueue. Pure; time is an argument. Not
// thread-safe: workers.h adds threads, mutex and clock.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "operator/kube/resource_kind.h"

namespace kube {

class WorkQueue {
 public:
  using Time = std::chrono::steady_clock::time_point;

  void add(const Key&);               // due now; collapses with an earlier add or time
  void add_at(const Key&, Time due);  // one time per key: the earliest wins; none beside "now"
  // Due after a pause that doubles from 5 ms to 5 min with each call since forget(), shortened by
  // up to half by `jitter` in [0,1). At least `least`, up to the same 5 min.
  void add_after_failure(const Key&, Time now, double jitter, std::chrono::milliseconds least = {});
  void forget(const Key&);  // the failures, not the key

  std::optional<Key> take(Time now);  // a key that is in nobody's hands; then it is in the caller's
  void done(const Key&);              // added meanwhile: due again at once
  std::optional<Time> next_due() const;  // of the delayed ones; empty: none
  std::size_t size() const { return order_.size(); }

 private:
  void drop_delayed(const Key&);

  // Invariants: order_ = dirty_ without processing_; by_time_ mirrors delayed_; no key of dirty_ is
  // in it.
  std::deque<Key> order_;
  std::set<Key> dirty_, processing_;
  std::map<Key, Time> delayed_;
  std::set<std::pair<Time, Key>> by_time_;
  std::map<Key, int> failures_;
};

}  // namespace kube
