// SPDX-License-Identifier: Apache-2.0
#include "operator/kube/workers.h"

#include <exception>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "operator/kube/api_client.h"

namespace kube {

using Clock = std::chrono::steady_clock;

Workers::Workers(Reconcile reconcile, OnFailure on_failure)
    : reconcile_(std::move(reconcile)), on_failure_(std::move(on_failure)) {}

void Workers::add(const Key& key) {
  {
    const std::lock_guard lock(mutex_);
    queue_.add(key);
  }
  wake_.notify_one();
}

void Workers::run(int threads, std::stop_token stop) {
  std::vector<std::jthread> pool;
  for (int i = 0; i < threads; ++i) pool.emplace_back([this, stop] { work(stop); });
  // The destructors join.
}

struct Workers::Outcome {
  bool failed = false;
  std::optional<std::chrono::milliseconds> look_again = {};  // after a failure: not before
};

void Workers::work(std::stop_token stop) {
  std::minstd_rand random(std::random_device{}());
  std::uniform_real_distribution<double> jitter(0.0, 1.0);
  while (const auto key = next(stop)) {
    const Outcome outcome = attempt(*key, stop);
    {
      const std::lock_guard lock(mutex_);
      if (outcome.failed) {
        queue_.add_after_failure(*key, Clock::now(), jitter(random),
                                 outcome.look_again.value_or(std::chrono::milliseconds(0)));
      } else {
        queue_.forget(*key);
        if (outcome.look_again) queue_.add_at(*key, Clock::now() + *outcome.look_again);
      }
      queue_.done(*key);
    }
    wake_.notify_one();
  }
}

Workers::Outcome Workers::attempt(const Key& key, const std::stop_token& stop) {
  try {
    const auto look_again = reconcile_(key);
    const bool at_once = look_again && look_again->count() == 0;
    return {.failed = at_once, .look_again = look_again};
  } catch (const ApiError& failure) {
    if (!stop.stop_requested()) on_failure_(key, failure.what());
    return {.failed = true, .look_again = failure.retry_after()};
  } catch (const std::exception& failure) {
    if (!stop.stop_requested()) on_failure_(key, failure.what());
  } catch (...) {
    if (!stop.stop_requested()) on_failure_(key, "an exception of an unknown type");
  }
  return {.failed = true, .look_again = {}};
}

std::optional<Key> Workers::next(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    if (auto key = queue_.take(Clock::now())) return key;
    const auto due = queue_.next_due();
    const auto changed = [&] { return queue_.size() > 0 || queue_.next_due() != due; };
    if (due) {
      wake_.wait_until(lock, stop, *due, changed);
    } else {
      wake_.wait(lock, stop, changed);
    }
  }
  return {};
}

}  // namespace kube
