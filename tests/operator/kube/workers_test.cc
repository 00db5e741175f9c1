// SPDX-License-Identifier: Apache-2.0
#include "operator/kube/workers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include "operator/kube/api_client.h"

namespace kube {
namespace {

using namespace std::chrono_literals;

Key key_of(int number) { return {"n", std::to_string(number)}; }
const auto kNoFailure = [](const Key& key, const std::string& what) {
  ADD_FAILURE() << key.name << ": " << what;
};

TEST(WorkersTest, EveryKeyIsReconciledOnceByTheThreadsTogether) {
  constexpr int kKeys = 500;
  std::stop_source stop;
  std::mutex mutex;
  std::map<Key, int> runs;
  Workers workers(
      [&](const Key& key) -> std::optional<std::chrono::milliseconds> {
        const std::lock_guard lock(mutex);
        ++runs[key];
        if (runs.size() == kKeys) stop.request_stop();
        return {};
      },
      kNoFailure);
  for (int i = 0; i < kKeys; ++i) workers.add(key_of(i));
  workers.run(4, stop.get_token());
  EXPECT_EQ(runs.size(), std::size_t{kKeys});
  for (const auto& [key, count] : runs) EXPECT_EQ(count, 1) << key.name;
}

TEST(WorkersTest, OneKeyIsNeverInTwoHandsAndNoAddIsLost) {
  constexpr int kKeys = 5;
  constexpr int kRounds = 400;
  std::stop_source stop;
  std::array<std::atomic<int>, kKeys> wanted{}, seen{}, inside{};
  Workers workers(
      [&](const Key& key) -> std::optional<std::chrono::milliseconds> {
        const auto i = static_cast<std::size_t>(std::stoi(key.name));
        EXPECT_EQ(inside[i].fetch_add(1), 0);
        seen[i] = wanted[i].load();
        inside[i].fetch_sub(1);
        return {};
      },
      kNoFailure);
  std::jthread runner([&] { workers.run(4, stop.get_token()); });
  {
    std::vector<std::jthread> adders;
    for (int t = 0; t < 3; ++t) {
      adders.emplace_back([&] {
        for (int round = 0; round < kRounds; ++round) {
          for (int i = 0; i < kKeys; ++i) {
            ++wanted[static_cast<std::size_t>(i)];
            workers.add(key_of(i));
          }
        }
      });
    }
  }
  // The last add of each key has a run after it.
  for (std::size_t i = 0; i < kKeys; ++i)
    while (seen[i] != 3 * kRounds) std::this_thread::yield();
  stop.request_stop();
}

TEST(WorkersTest, FailureIsToldAndTriedAgain) {
  std::stop_source stop;
  std::vector<std::string> told;
  int runs = 0;
  Workers workers(
      [&](const Key&) -> std::optional<std::chrono::milliseconds> {
        switch (++runs) {
          case 1:
            throw std::runtime_error("first");
          case 2:
            throw 2;
          default:
            stop.request_stop();
            return {};
        }
      },
      [&](const Key& key, const std::string& what) { told.push_back(key.name + ": " + what); });
  workers.add(key_of(1));
  workers.run(1, stop.get_token());
  EXPECT_EQ(runs, 3);
  EXPECT_EQ(told, (std::vector<std::string>{"1: first", "1: an exception of an unknown type"}));
}

// The first failure's own pause is 5 ms: without obedience the second call comes first.
TEST(WorkersTest, TheServersRetryAfterIsObeyed) {
  std::stop_source stop;
  std::vector<std::string> order;
  Workers workers(
      [&](const Key& key) -> std::optional<std::chrono::milliseconds> {
        order.push_back(key.name);
        if (key.name == "1" && order.size() == 1) throw ApiError(429, "", "busy", 1s);
        if (key.name == "2" && order.size() == 2) return 500ms;
        if (key.name == "1") stop.request_stop();
        return {};
      },
      [](const Key&, const std::string& what) { EXPECT_EQ(what, "busy"); });
  workers.add(key_of(1));
  workers.add(key_of(2));
  workers.run(1, stop.get_token());
  EXPECT_EQ(order, (std::vector<std::string>{"1", "2", "2", "1"}));
}

TEST(WorkersTest, FailureCausedByStoppingIsNotTold) {
  std::stop_source stop;
  Workers workers(
      [&](const Key&) -> std::optional<std::chrono::milliseconds> {
        stop.request_stop();
        throw std::runtime_error("stopped");
      },
      kNoFailure);
  workers.add(key_of(1));
  workers.run(1, stop.get_token());
}

TEST(WorkersTest, LooksAgainWhenTheReconcileAsksForIt) {
  std::stop_source stop;
  int runs = 0;
  Workers workers(
      [&](const Key&) -> std::optional<std::chrono::milliseconds> {
        if (++runs == 4) stop.request_stop();
        return std::chrono::milliseconds(runs % 2);  // at once, and soon
      },
      kNoFailure);
  workers.add(key_of(1));
  workers.run(2, stop.get_token());
  EXPECT_EQ(runs, 4);
}

TEST(WorkersTest, AnEarlierTimeWakesAWorkerThatWaitsForALaterOne) {
  std::stop_source stop;
  std::set<std::string> seen;
  std::mutex mutex;
  Workers* self = nullptr;
  Workers workers(
      [&](const Key& key) -> std::optional<std::chrono::milliseconds> {
        const std::lock_guard lock(mutex);
        seen.insert(key.name);
        if (key.name == "1") {
          std::thread([self] { self->add(key_of(2)); }).join();
          return 1h;
        }
        stop.request_stop();
        return {};
      },
      kNoFailure);
  self = &workers;
  workers.add(key_of(1));
  workers.run(1, stop.get_token());
  EXPECT_EQ(seen.size(), 2u);
}

TEST(WorkersTest, StopEndsIdleWorkers) {
  Workers workers([](const Key&) { return std::optional<std::chrono::milliseconds>(); },
                  kNoFailure);
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  workers.run(8, stop.get_token());  // returns, or the test hangs
  SUCCEED();
}

}  // namespace
}  // namespace kube
