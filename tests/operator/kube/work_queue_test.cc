// SPDX-License-Identifier: Apache-2.0
#include "operator/kube/work_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace kube {
namespace {

using namespace std::chrono_literals;
using Time = WorkQueue::Time;

const Time kStart{};
const Key kA{"n", "a"};
const Key kB{"n", "b"};
const Key kC{"n", "c"};

TEST(WorkQueueTest, FirstInFirstOut) {
  WorkQueue queue;
  queue.add(kB);
  queue.add(kA);
  EXPECT_EQ(queue.size(), 2u);
  EXPECT_EQ(queue.take(kStart), kB);
  EXPECT_EQ(queue.take(kStart), kA);
  EXPECT_EQ(queue.take(kStart), std::nullopt);
}

TEST(WorkQueueTest, AddsBeforeTheRunCollapse) {
  WorkQueue queue;
  for (int i = 0; i < 5; ++i) queue.add(kA);
  EXPECT_EQ(queue.take(kStart), kA);
  queue.done(kA);
  EXPECT_EQ(queue.take(kStart), std::nullopt);
}

TEST(WorkQueueTest, AddsDuringTheRunGiveExactlyOneMoreAndNeverTwoAtOnce) {
  WorkQueue queue;
  queue.add(kA);
  EXPECT_EQ(queue.take(kStart), kA);
  for (int i = 0; i < 5; ++i) queue.add(kA);
  EXPECT_EQ(queue.take(kStart), std::nullopt);
  EXPECT_EQ(queue.size(), 0u);
  queue.done(kA);
  EXPECT_EQ(queue.take(kStart), kA);
  queue.done(kA);
  EXPECT_EQ(queue.take(kStart), std::nullopt);
}

TEST(WorkQueueTest, DelayedKeyIsDueAtItsTimeAndNotBefore) {
  WorkQueue queue;
  queue.add_at(kA, kStart + 10s);
  EXPECT_EQ(queue.next_due(), kStart + 10s);
  EXPECT_EQ(queue.take(kStart + 10s - 1ns), std::nullopt);
  EXPECT_EQ(queue.take(kStart + 10s), kA);
  EXPECT_EQ(queue.next_due(), std::nullopt);
}

TEST(WorkQueueTest, EarliestTimeWins) {
  for (const bool early_first : {false, true}) {
    WorkQueue queue;
    queue.add_at(kA, kStart + (early_first ? 1s : 9s));
    queue.add_at(kA, kStart + (early_first ? 9s : 1s));
    EXPECT_EQ(queue.next_due(), kStart + 1s);
    EXPECT_EQ(queue.take(kStart + 1s), kA);
    queue.done(kA);
    EXPECT_EQ(queue.take(kStart + 20s), std::nullopt);
  }
}

TEST(WorkQueueTest, NowIsEarlierThanAnyTime) {
  WorkQueue queue;
  queue.add_at(kA, kStart + 1s);
  queue.add(kA);
  EXPECT_EQ(queue.next_due(), std::nullopt);
  queue.add_at(kA, kStart + 1s);
  EXPECT_EQ(queue.next_due(), std::nullopt);
  EXPECT_EQ(queue.take(kStart), kA);
  queue.done(kA);
  EXPECT_EQ(queue.take(kStart + 20s), std::nullopt);
}

TEST(WorkQueueTest, TimeSetDuringTheRunHolds) {
  WorkQueue queue;
  queue.add(kA);
  EXPECT_EQ(queue.take(kStart), kA);
  queue.add_at(kA, kStart + 30s);
  queue.done(kA);
  EXPECT_EQ(queue.take(kStart), std::nullopt);
  EXPECT_EQ(queue.take(kStart + 30s), kA);
}

TEST(WorkQueueTest, DelayedKeysComeInTheOrderOfTheirTimes) {
  WorkQueue queue;
  queue.add_at(kA, kStart + 3s);
  queue.add_at(kB, kStart + 1s);
  queue.add_at(kC, kStart + 2s);
  EXPECT_EQ(queue.take(kStart + 5s), kB);
  EXPECT_EQ(queue.take(kStart + 5s), kC);
  EXPECT_EQ(queue.take(kStart + 5s), kA);
}

TEST(WorkQueueTest, FailuresDoubleThePauseToFiveMinutesUntilForgotten) {
  WorkQueue queue;
  const auto pause = [&](double jitter) {
    queue.add_after_failure(kA, kStart, jitter);
    const auto due = *queue.next_due();
    EXPECT_EQ(queue.take(due), kA);
    queue.done(kA);
    return due - kStart;
  };
  auto expected = std::chrono::milliseconds(5);
  for (int i = 0; i < 16; ++i, expected *= 2) EXPECT_EQ(pause(0.0), expected);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(pause(0.0), 5min);
  EXPECT_EQ(pause(0.5), 225s);
  queue.forget(kA);
  EXPECT_EQ(pause(0.0), 5ms);
  EXPECT_EQ(pause(0.5), 7500us);
}

TEST(WorkQueueTest, FailuresOfOneKeyDoNotSlowAnother) {
  WorkQueue queue;
  for (int i = 0; i < 8; ++i) queue.add_after_failure(kA, kStart, 0.0);
  queue.add_after_failure(kB, kStart, 0.0);
  EXPECT_EQ(queue.next_due(), kStart + 5ms);
  EXPECT_EQ(queue.take(kStart + 5ms), kA);  // the earliest of its times
  EXPECT_EQ(queue.take(kStart + 5ms), kB);
}

TEST(WorkQueueTest, AFailureThatNamesAPauseWaitsAtLeastThatLong) {
  const auto due_after = [](std::chrono::milliseconds least, int failures) {
    WorkQueue queue;
    for (int i = 0; i < failures; ++i) {
      queue.add_after_failure(kA, kStart, 0.0);
      queue.take(*queue.next_due());
      queue.done(kA);
    }
    queue.add_after_failure(kA, kStart, 0.5, least);
    return *queue.next_due() - kStart;
  };
  EXPECT_EQ(due_after(7s, 0), 7s);
  EXPECT_EQ(due_after(7s, 20), 225s) << "its own pause is longer";
  EXPECT_EQ(due_after(1h, 0), 5min) << "no longer than the longest pause";
}

TEST(WorkQueueTest, DoneWithoutTakeChangesNothing) {
  WorkQueue queue;
  queue.add(kA);
  queue.done(kA);
  EXPECT_EQ(queue.size(), 1u);
  EXPECT_EQ(queue.take(kStart), kA);
  EXPECT_EQ(queue.take(kStart), std::nullopt);
}

// The plainest description of the semantics: per key a state, and a sequence number for the order.
class ReferenceQueue {
 public:
  void add(const Key& key) { due(key); }
  void add_at(const Key& key, Time time) {
    State& state = keys_[key];
    if (state.wanted) return;
    if (!state.time || time < *state.time) state.time = time;
  }
  void add_after_failure(const Key& key, Time now) {
    auto pause = std::chrono::milliseconds(5);
    for (int i = 0; i < keys_[key].failures; ++i)
      pause = std::min<std::chrono::milliseconds>(pause * 2, 5min);
    ++keys_[key].failures;
    add_at(key, now + pause);
  }
  void forget(const Key& key) { keys_[key].failures = 0; }
  std::optional<Key> take(Time now) {
    std::vector<std::pair<Time, Key>> ripe;
    for (const auto& [key, state] : keys_)
      if (state.time && *state.time <= now) ripe.emplace_back(*state.time, key);
    std::sort(ripe.begin(), ripe.end());
    for (const auto& [time, key] : ripe) due(key);
    const Key* first = nullptr;
    for (const auto& [key, state] : keys_)
      if (state.wanted && !state.held && (!first || state.turn < keys_.at(*first).turn))
        first = &key;
    if (!first) return {};
    keys_[*first].wanted = false;
    keys_[*first].held = true;
    return *first;
  }
  void done(const Key& key) {
    State& state = keys_[key];
    if (!state.held) return;
    state.held = false;
    state.turn = ++turns_;
  }
  std::optional<Time> next_due() const {
    std::optional<Time> earliest;
    for (const auto& [key, state] : keys_)
      if (state.time && (!earliest || *state.time < *earliest)) earliest = state.time;
    return earliest;
  }
  std::size_t size() const {
    return static_cast<std::size_t>(
        std::count_if(keys_.begin(), keys_.end(),
                      [](const auto& entry) { return entry.second.wanted && !entry.second.held; }));
  }

 private:
  struct State {
    bool wanted = false, held = false;
    long turn = 0;
    std::optional<Time> time = {};
    int failures = 0;
  };
  void due(const Key& key) {
    State& state = keys_[key];
    state.time.reset();
    if (state.wanted) return;
    state.wanted = true;
    state.turn = ++turns_;
  }
  std::map<Key, State> keys_;
  long turns_ = 0;
};

TEST(WorkQueueTest, BehavesLikeTheReferenceModel) {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    const auto pick = [&](int below) {
      return std::uniform_int_distribution<int>(0, below - 1)(random);
    };
    WorkQueue queue;
    ReferenceQueue model;
    Time now = kStart;
    std::vector<Key> held;
    for (int step = 0; step < 500; ++step) {
      const Key key{"n", std::string(1, static_cast<char>('a' + pick(5)))};
      switch (pick(8)) {
        case 0:
          queue.add(key);
          model.add(key);
          break;
        case 1: {
          const Time due = now + std::chrono::milliseconds(pick(200) - 20);
          queue.add_at(key, due);
          model.add_at(key, due);
          break;
        }
        case 2:
          queue.add_after_failure(key, now, 0.0);
          model.add_after_failure(key, now);
          break;
        case 3:
          queue.forget(key);
          model.forget(key);
          break;
        case 4:
          now += std::chrono::milliseconds(pick(100));
          break;
        case 5:
        case 6: {
          const auto taken = queue.take(now);
          ASSERT_EQ(taken, model.take(now));
          if (taken) {
            ASSERT_EQ(std::count(held.begin(), held.end(), *taken), 0) << "in two hands";
            held.push_back(*taken);
          }
          break;
        }
        case 7:
          if (held.empty()) break;
          std::swap(held[static_cast<std::size_t>(pick(static_cast<int>(held.size())))],
                    held.back());
          queue.done(held.back());
          model.done(held.back());
          held.pop_back();
          break;
      }
      ASSERT_EQ(queue.size(), model.size());
      ASSERT_EQ(queue.next_due(), model.next_due());
    }
  }
}

}  // namespace
}  // namespace kube
