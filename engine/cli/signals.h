// SPDX-License-Identifier: Apache-2.0
//
// SIGINT, SIGTERM and SIGHUP -> a request to stop. Make one before any other thread is started: it
// blocks the signals in the calling thread, and threads inherit that. SIGINT and SIGHUP that are
// ignored stay so: nohup and a shell's background jobs begin like that.
#pragma once

#include <atomic>
#include <csignal>
#include <stop_token>
#include <thread>

namespace engine {

class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  std::stop_token token() const { return stop_.get_token(); }

  // For a program that is to take our place. No signal is turned into a request from now on; those
  // that come are kept.
  void end();
  // After end(): signal mask and SIGPIPE are as they were given to us, and what was kept arrives.
  void restore();

 private:
  void wait_for_signals();

  const sigset_t waited_for_;
  sigset_t given_mask_ = {};
  struct sigaction given_pipe_ = {};
  std::stop_source stop_;
  std::atomic<bool> ending_ = false;
  std::thread thread_;
};

}  // namespace engine
