// SPDX-License-Identifier: Apache-2.0
//
// An UPDATE or DELETE part by part. Each part is a transaction that also writes how far it came, so
// that a killed run goes on there. What is added behind the largest key after the beginning is left
// alone: whoever writes it, writes it in the new form.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/db/connection.h"
#include "engine/run/observer.h"
#include "engine/run/timeouts.h"
#include "engine/sql/batch.h"

namespace engine {

// How far it came; as text in the journal.
struct BatchCursor {
  std::optional<std::string> after = {};  // the last key that is done; empty: none
  std::string bound = {};                 // the last key of all
  long keys = 0;                          // so many keys are done
  long rows = 0;                          // so many rows were touched

  std::string text() const;
  // Empty: it is none of ours.
  static std::optional<BatchCursor> parse(const std::string& text);
  friend bool operator==(const BatchCursor&, const BatchCursor&) = default;
};

// The next size of a part that took `took` for `size` keys; `first`: as the script says. The goal
// is half a second, so that who waits for a row does not wait for long.
long next_batch_size(long size, long first, std::chrono::milliseconds took);
long smaller_batch_size(long size);

// How far the slowest standby is behind, by what was seen. All sizes in bytes of the log.
class StandbyLag {
 public:
  using Time = std::chrono::steady_clock::time_point;
  // `replayed`: of the slowest standby. How long what is written now has to wait there: the age of
  // what it replays now, or longer, when so much has gathered meanwhile.
  std::chrono::milliseconds seen(Time now, double current, double replayed);
  // So long takes a part of that size, by the standby's speed; 0: the speed is not known yet.
  std::chrono::milliseconds time_for(double size) const;

 private:
  void learn_rate(Time now, double replayed);

  std::deque<std::pair<double, Time>> samples_ = {};
  std::optional<std::pair<double, Time>> last_ = {};  // replayed so far, at the last look
  double last_current_ = 0;
  double rate_ = 0;  // per second; 0: not known
};

struct BatchContext {
  Connection& connection;
  Observer& observer;
  const Timeouts& timeouts;
  std::string origin = {};  // file, for errors
  // The statement that writes a cursor into the journal, for the transaction of its part.
  std::function<std::string(const std::string& cursor)> write_cursor = {};
  std::function<void(const std::string& cursor)> committed = {};
  // Throws when the run must not go on; before each commit and in each pause.
  std::function<void()> go_on_or_throw = {};
};

// Returns the rows that were touched, by earlier runs too. `cursor` empty: from the beginning.
// Throws Error(InvalidScripts) when the key does not fit (missing, or it may be null), and what
// the statement meets, after `timeouts.lock_retries` smaller parts have met a lock, too.
long run_batches(const Statement&, const std::string& cursor, BatchContext&);

}  // namespace engine
