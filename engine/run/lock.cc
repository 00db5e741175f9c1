// SPDX-License-Identifier: Apache-2.0
#include "engine/run/lock.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <random>
#include <utility>

#include "engine/run/lock_poll.h"
#include "engine/run/pause.h"

namespace engine {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

[[noreturn]] void give_up(const std::string& lock, milliseconds patience,
                          const LockHolder& holder) {
  std::string who = holder.who.empty() ? "another run that this role cannot see" : holder.who;
  if (!holder.age.empty()) who += " " + holder.age;
  const std::string waited =
      patience.count() == 0 ? "" : fmt::format("; waited {} ms", patience.count());
  throw Error(Reason::LockUnavailable, fmt::format("{} is held by {}{}", lock, who, waited),
              "wait for that run, or end it: the lock is freed as soon as its owner is gone");
}

}  // namespace

Error lost_lock() {
  return {Reason::LockUnavailable, "the migration lock was lost",
          "its connection has ended, so another run may have begun; run the same command again"};
}

void go_on_or_throw(const std::stop_token& stop, MigrationLock& lock) {
  if (stop.stop_requested()) throw Error(Reason::Interrupted, "interrupted");
  if (!lock.held()) throw lost_lock();
}

void poll_for_lock(const std::string& lock, const LockOptions& options, Observer& observer,
                   const std::stop_token& stop, const std::function<bool()>& try_once,
                   const std::function<LockHolder()>& find_holder) {
  const auto deadline = Clock::now() + options.patience;
  std::minstd_rand random(std::random_device{}());
  std::uniform_real_distribution<double> jitter(0.8, 1.2);  // or twenty runs would all look at once
  milliseconds next = std::max(options.poll, milliseconds(1));
  std::optional<std::string> told;
  while (!try_once()) {
    const LockHolder holder = find_holder();
    const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
    if (left <= milliseconds(0)) give_up(lock, options.patience, holder);
    if (told != holder.who) {
      told = holder.who;
      observer.waiting_for_lock(holder.who);
    }
    const milliseconds jittered(
        static_cast<long>(static_cast<double>(next.count()) * jitter(random)));
    if (!pause(std::min(jittered, left), stop)) {
      throw Error(Reason::Interrupted, fmt::format("interrupted while waiting for {}", lock),
                  "run the same command again");
    }
    next = std::min(next * 3 / 2 + milliseconds(1), options.longest_poll);
  }
}

std::unique_ptr<MigrationLock> acquire_lock(const DatabaseUrl& url,
                                            const ConnectOptions& connecting,
                                            const VersionTableName& versions,
                                            const LockOptions& options, Observer& observer,
                                            std::stop_token stop) {
  if (url.flavour == SqlFlavour::Sqlite) {
    return acquire_sqlite_lock(url, options, observer, std::move(stop));
  }
  return acquire_postgres_lock(url, connecting, versions, options, observer, std::move(stop));
}

}  // namespace engine
