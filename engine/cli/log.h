// SPDX-License-Identifier: Apache-2.0
//
// Lines on standard error while a command runs, for people or for programs. Results go to standard
// output, elsewhere. Lines of programs: docs/cli.md, "Log lines as JSON".
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "engine/cli/options.h"
#include "engine/contract/report.h"
#include "engine/run/observer.h"

namespace engine {

struct LogOptions {
  LogFormat format = LogFormat::Text;
  bool color = false;  // text only
  bool quiet = false;  // errors only
};

// Text: "INFO  [stillhead] Running upgrade a -> b, message", as Alembic's. JSON: one object a line
// with ts, level, msg, the marker stillhead ("progress" or "error") and fields.
class Log : public Observer {
 public:
  explicit Log(const LogOptions&);
  ~Log() override;
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  void waiting_for_lock(const std::string& holder) override;
  void step_started(const Step&, const Revision&, int number, int count) override;
  void warned(const std::string& text) override;
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
  int number_ = 0;  // of the step that runs
  int count_ = 0;
};

}  // namespace engine
