// SPDX-License-Identifier: Apache-2.0
//
// Threads, mutex and clock around a WorkQueue.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "operator/kube/work_queue.h"

namespace kube {

class Workers {
 public:
  // Returns when to look again (empty: only when something changes; 0: after a growing pause, as
  // after a failure that is no news to anybody). Throws to be called again
  // after a growing pause, and not before the time that an ApiError names (Retry-After), unless
  // the key is added. Never called twice at once for one key.
  using Reconcile = std::function<std::optional<std::chrono::milliseconds>(const Key&)>;
  // The one place where failures of a reconcile are caught: told here, then retried. From any
  // worker's thread, not after stop. Must not throw.
  using OnFailure = std::function<void(const Key&, const std::string& what)>;

  Workers(Reconcile, OnFailure);

  void add(const Key&);                    // from any thread
  void run(int threads, std::stop_token);  // returns when stopped and all threads have ended

 private:
  struct Outcome;
  void work(std::stop_token);
  std::optional<Key> next(const std::stop_token&);
  Outcome attempt(const Key&, const std::stop_token&);
  Reconcile reconcile_;
  OnFailure on_failure_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  WorkQueue queue_;  // guarded by mutex_
};

}  // namespace kube
