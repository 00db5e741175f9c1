// SPDX-License-Identifier: Apache-2.0
//
// The child process that runs Python, and the socket that leads to it: one line each way is one
// message. Or a process that runs Python anyway, and has started us. Manual: docs/script-host.md.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>

#include "engine/config/settings.h"
#include "engine/host/child_process.h"

namespace engine {

class HostProcess {
 public:
  // Starts `python` and hands it the modules of engine/python. `output`: of what scripts print.
  // Throws Error(InvalidUsage): "cannot run PYTHON: cause".
  HostProcess(const std::string& python, ChildProcess::Output output, const Environment&);
  // Takes the socket over; at its other end is a process that is not ours to end.
  explicit HostProcess(int socket);
  // Kills what still runs.
  ~HostProcess();
  HostProcess(const HostProcess&) = delete;
  HostProcess& operator=(const HostProcess&) = delete;

  // `message` without a line feed. Does nothing when the child has gone: receive() tells.
  void send(std::string message);
  // The next message; empty: the child has closed its end. Throws Error(Interrupted) when asked to
  // stop, Error(MigrationFailed) when a message is longer than 1 GiB.
  std::optional<std::string> receive(const std::stop_token&);
  // From any thread, until end() is called. Whether the other side has closed its end; waits for
  // that as long as `patience`.
  bool has_hung_up(std::chrono::milliseconds patience) const;
  // Lets has_hung_up() return at once; nothing more comes or goes.
  void hang_up();
  // Waits for its end, for as long as `grace`; then it is told to end (SIGTERM), and killed after
  // as long again. Its socket is closed.
  ChildEnd end(std::chrono::milliseconds grace);

 private:
  std::optional<std::string> take_line();
  bool wait_until_ended(std::chrono::milliseconds patience, ChildEnd&);
  void close_socket();

  int socket_ = -1;
  pid_t child_ = -1;
  std::string part_ = std::string(65'536, '\0');  // what is received at once
  std::string received_ = {};
  std::size_t searched_ = 0;  // of `received_`: no line ends there
};

}  // namespace engine
