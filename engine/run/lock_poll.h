// SPDX-License-Identifier: Apache-2.0
//
// The waiting that all locks share: look, pause, look again.
#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "engine/run/lock.h"
#include "engine/run/observer.h"

namespace engine {

struct LockHolder {
  std::string who = {};  // does not change while the same run holds the lock; empty: not to be seen
  std::string age = {};  // e.g. "for 42 s"; empty: not known
};

// Returns when `try_once` says true. Throws Error(LockUnavailable) naming `lock` and its holder
// when `options.patience` is over, Error(Interrupted), and what the two functions throw.
void poll_for_lock(const std::string& lock, const LockOptions& options, Observer& observer,
                   const std::stop_token& stop, const std::function<bool()>& try_once,
                   const std::function<LockHolder()>& find_holder);

}  // namespace engine
