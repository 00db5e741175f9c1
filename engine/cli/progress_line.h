// SPDX-License-Identifier: Apache-2.0
//
// What a person at a terminal sees of a run that goes on: which revision of how many, for how long,
// and what it waits for.
#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "engine/cli/terminal_line.h"
#include "engine/run/observer.h"

namespace engine {

// The text of the line; time is an argument.
class ProgressText {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // Something new, such as "[2/5] b2, add users"; its time counts from `now`.
  void begin(std::string what, TimePoint now);
  // How far it is, or what it waits for: "waiting for pid 7". Empty: nothing to say.
  void add(std::string detail) { detail_ = std::move(detail); }
  void end();
  bool is_going_on() const { return !what_.empty(); }

  // "[2/5] b2, add users: 12 s, waiting for pid 7", on one line; control characters are shown as
  // printable() does. Empty until something has lasted for 300 ms.
  std::string text(TimePoint now) const;

 private:
  std::string what_ = {};
  std::string detail_ = {};
  TimePoint since_ = {};
};

// Draws it every 100 ms, by a thread of its own.
class ProgressLine : public Observer {
 public:
  // `terminal`: a descriptor, asked for its width.
  ProgressLine(TerminalLine&, int terminal);
  ~ProgressLine() override;  // clears the line
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void waiting_for_lock(const std::string& holder) override;
  void before_step(const Step&, const Revision&, int number, int count) override;
  void step_started(const Step&, const Revision&, int number, int count) override;
  void retrying(const std::string& what, int attempt, int attempts, const std::string& blockers,
                std::chrono::milliseconds pause) override;
  void progressed(const StatementProgress&) override;
  void step_finished(const Step&, const Revision&, std::chrono::milliseconds) override;

 private:
  void draw(const std::stop_token&);

  TerminalLine& line_;
  int terminal_;
  std::mutex mutex_ = {};
  ProgressText text_ = {};
  bool in_step_ = false;
  std::jthread thread_ = {};
};

}  // namespace engine
