// SPDX-License-Identifier: Apache-2.0
//
// One function a command: gather, decide, act; what is to be printed is returned.
#pragma once

#include <filesystem>
#include <stop_token>
#include <string>

#include "engine/cli/options.h"
#include "engine/cli/paint.h"
#include "engine/cli/status_lines.h"
#include "engine/contract/report.h"
#include "engine/run/observer.h"

namespace engine {

struct Output {
  std::string text = {};  // for people
  std::string json = {};  // with --json; empty: the report is the document
  // The text is what was asked for, not talk about it: printed in spite of --quiet, and the command
  // has failed when it cannot be written.
  bool is_product = false;
  // Not Succeeded: the answer is no, and is printed all the same.
  Reason reason = Reason::Succeeded;
};

struct CommandContext {
  Observer& observer;
  std::stop_token stop = {};
  std::filesystem::path executable = {};  // what /proc/self/exe points to
  Environment environment = {};           // of programs that are started: child_environment()
  Medium medium = Medium::Pipe;           // of standard output
  Say say = {};                           // prints on standard output at once, unless --json or -q
};

// Fills `report` as far as it is known, also when an Error leaves. Throws Error.
Output run_command(const Options&, const CommandContext&, RunReport& report);

// An empty report of a run that begins now. `run_id` is random.
RunReport new_report();

}  // namespace engine
