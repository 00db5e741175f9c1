// SPDX-License-Identifier: Apache-2.0
//
// A run as it goes on, for programs: one JSON object a line (--events). Manual: docs/events.md.
#pragma once

#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "engine/cli/event_pipe.h"
#include "engine/contract/report.h"
#include "engine/run/observer.h"

namespace engine {

// Calls may come from any thread.
class Events : public Observer {
 public:
  // Throws what EventPipe() throws.
  Events(int descriptor, std::string run_id);

  void run_started(const std::string& command, const std::string& target);
  // Waits a second at most until the reader has taken all. Returns what is to be said about the
  // reader; empty: nothing.
  std::string run_finished(const RunReport&);

  void waiting_for_lock(const std::string& holder) override;
  void before_step(const Step&, const Revision&, int number, int count) override;
  void step_started(const Step&, const Revision&, int number, int count) override;
  void statement_sent(const std::string& sql) override;
  void retrying(const std::string& what, int attempt, int attempts, const std::string& blockers,
                std::chrono::milliseconds pause) override;
  void progressed(const StatementProgress&) override;
  void waiting_for_revisions(const std::string& revisions, const std::string& state) override;
  void warned(const std::string& text) override;
  void stamp_started(const StampStep&) override;
  void resumed(const Step&, int done, int count) override;
  void step_finished(const Step&, const Revision&, std::chrono::milliseconds) override;

 private:
  void send(const char* event, const nlohmann::ordered_json& fields);
  void send_locked(const char* event, const nlohmann::ordered_json& fields);

  std::mutex mutex_ = {};
  EventPipe pipe_;
  std::string run_id_;
  std::string revision_ = {};  // of the step that runs
  int number_ = 0;
  int count_ = 0;
  long dropped_ = 0;  // since the last `dropped` event
  long all_dropped_ = 0;
};

}  // namespace engine
