// SPDX-License-Identifier: Apache-2.0
//
// Lines on standard error while a command runs, for people or for programs. Results go to standard
// output, elsewhere. Lines of programs: docs/cli.md, "Log lines as JSON".
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <string>

#include "engine/cli/options.h"
#include "engine/cli/terminal_line.h"
#include "engine/contract/report.h"
#include "engine/run/observer.h"

namespace engine {

struct LogOptions {
  LogFormat format = LogFormat::Text;
  bool color = false;            // text only
  bool quiet = false;            // errors only
  bool as_alembic = false;       // text: no more lines than Alembic has, under its name
  TerminalLine* line = nullptr;  // makes room for each line; null: nothing is drawn
};

// Text: "INFO  [stillhead] Running upgrade a -> b, message", as Alembic's. JSON: one object a line
// with ts, level, msg, the marker stillhead ("progress", "warning", "hook", "sql" or "error") and
// fields. For any thread.
class Log : public Observer {
 public:
  explicit Log(const LogOptions&);
  ~Log() override;
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  void waiting_for_lock(const std::string& holder) override;
  void before_step(const Step&, const Revision&, int number, int count) override;
  void step_started(const Step&, const Revision&, int number, int count) override;
  void statement_sent(const std::string& sql) override;
  void retrying(const std::string& what, int attempt, int attempts, const std::string& blockers,
                std::chrono::milliseconds pause) override;
  // At most every 5 s.
  void progressed(const StatementProgress&) override;
  // In spite of `quiet`: the hook decides what it says.
  void hook_said(const std::string& hook, const std::string& line) override;
  void waiting_for_revisions(const std::string& revisions, const std::string& state) override;
  void warned(const std::string& text) override;
  void script_failed(const std::string& traceback) override;
  void finished(const std::string& message) override;
  void stamp_started(const StampStep&) override;
  void resumed(const Step&, int done, int count) override;
  void step_finished(const Step&, const Revision&, std::chrono::milliseconds) override;

  // Text: "stillhead: message" and "hint: ..." lines.
  void error(Reason, const std::string& message, const std::string& hint);

 private:
  class Sink;
  std::unique_ptr<Sink> sink_;
  LogOptions options_;
  std::mutex mutex_ = {};      // guards what follows
  std::string revision_ = {};  // of the step that runs
  int number_ = 0;
  int count_ = 0;
  std::chrono::steady_clock::time_point progress_again_at_ = {};
};

}  // namespace engine
