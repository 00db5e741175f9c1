// SPDX-License-Identifier: Apache-2.0
//
// A real program in a process of its own: started, watched, signalled. Its output goes to files, so
// that it never blocks, and can be read while it runs.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "tests/support/temporary_folder.h"

namespace test {

struct ProgramEnd {
  int exit_code = -1;  // 128 + number for a program that a signal has killed
  std::string out = {};
  std::string err = {};
  std::chrono::milliseconds duration{
      0};  // from start (or the last signal that was sent) to the end
};

class RunningProgram {
 public:
  // `environment` is all it gets, besides PATH. Throws std::runtime_error.
  RunningProgram(const std::string& program, std::vector<std::string> arguments,
                 std::map<std::string, std::string> environment = {});
  ~RunningProgram();  // kills what still runs
  RunningProgram(const RunningProgram&) = delete;
  RunningProgram& operator=(const RunningProgram&) = delete;

  pid_t pid() const { return pid_; }
  std::string out() const { return output_.read("out"); }
  std::string err() const { return output_.read("err"); }
  std::string command_line() const;  // as others see it in the process list; "" when it has ended
  void send(int signal);
  // Throws std::runtime_error, with what the program has printed, after a minute.
  ProgramEnd wait();

 private:
  TemporaryFolder output_ = {};
  std::chrono::steady_clock::time_point started_;
  pid_t pid_ = -1;
  bool ended_ = false;
};

ProgramEnd run_program(const std::string& program, std::vector<std::string> arguments,
                       std::map<std::string, std::string> environment = {});

}  // namespace test
