// SPDX-License-Identifier: Apache-2.0
//
// One program that is told something on standard input, heard line by line, and ended when it takes
// too long.
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/config/settings.h"

namespace engine {

struct HookProcess {
  std::vector<std::string> words = {};  // program and arguments
  std::string input = {};
  std::chrono::milliseconds timeout{300'000};
  std::chrono::milliseconds grace{10'000};  // between SIGTERM and SIGKILL
};

struct HookEnd {
  enum class How { Succeeded, Failed, TimedOut, Stopped } how = How::Succeeded;
  int exit_code = 0;
  int signal = 0;  // not 0: what killed it
};

// It runs in a process group of its own, which gets SIGTERM, and later SIGKILL, at the end of its
// time or when `stop` is requested. What it has started and left behind is not waited for. SIGPIPE
// must be ignored. Throws Error(InvalidUsage) "cannot run PROGRAM: cause".
HookEnd run_hook_process(const HookProcess&, const Environment&, const std::stop_token& stop,
                         const std::function<void(const std::string& line)>& say);

}  // namespace engine
