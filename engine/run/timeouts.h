// SPDX-License-Identifier: Apache-2.0
//
// How long a statement may wait for locks, and what is done when that was not enough. Who waits for
// a strong lock makes everybody behind him wait: so each try is short, and between two of them the
// transaction is rolled back and others go on.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "engine/core/error.h"
#include "engine/run/prepared_step.h"

namespace engine {

struct Timeouts {
  std::chrono::milliseconds lock_timeout{0};       // of one try; 0: the server's own setting holds
  int lock_retries = 0;                            // further tries; the last one is limited, too
  std::chrono::milliseconds statement_timeout{0};  // 0: the server's own setting holds
  // Between two tries: doubled each time, then drawn from its upper half.
  std::chrono::milliseconds first_pause{1'000};
  std::chrono::milliseconds longest_pause{30'000};
};

// `attempt` from 1: an eighth of the whole, a quarter, a half, the whole; 100 ms at least where the
// whole is longer.
std::chrono::milliseconds lock_timeout_of(const Timeouts&, int attempt);
// Behind a failed `attempt`. `random` from 0 to 1; without it, drawn.
std::chrono::milliseconds pause_after(const Timeouts&, int attempt, double random);
std::chrono::milliseconds pause_after(const Timeouts&, int attempt);

// A lock that was not to be had (55P03), a deadlock, a serialization failure: the same transaction
// may succeed later.
bool may_be_tried_again(const Error&);

// What a step sets itself, and is left with.
struct OwnTimeouts {
  bool lock = false;
  bool statement = false;
};
OwnTimeouts own_timeouts(const PreparedStep&);  // reads all its statements

// The settings of one transaction, statement by statement.
class LocalTimeouts {
 public:
  LocalTimeouts(const Timeouts& timeouts, int attempt) : timeouts_(timeouts), attempt_(attempt) {}

  // The statements to send before `statement` of a step. From the first statement that changes a
  // definition on its limit holds for those behind it as well, since the transaction keeps the
  // lock.
  std::vector<std::string> before(const OwnTimeouts&, const Statement& statement);
  // The session was reset.
  void forget() { lock_timeout_ = statement_timeout_ = {}; }

 private:
  void want(const char* parameter, const std::string& value, std::string& current,
            std::vector<std::string>& statements);

  const Timeouts& timeouts_;
  int attempt_;
  std::string lock_timeout_ = {};       // as it is set; empty: not by us
  std::string statement_timeout_ = {};  // the same
};

// For a statement of LockClass::Long that is on no transaction: it waits as long as it takes.
std::vector<std::string> unlimited_timeouts(const OwnTimeouts&);
std::vector<std::string> reset_timeouts(const OwnTimeouts&);

}  // namespace engine
