// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/signals.h"

#include <pthread.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <string_view>

#include "engine/contract/report.h"

namespace engine {
namespace {

// Wakes the waiting thread; from outside it means nothing.
constexpr int kWakeUp = SIGUSR1;
// A terminal, a shell and a supervisor may each send one for the same key press.
constexpr std::chrono::milliseconds kSameRequest{1000};
constexpr std::string_view kSecondSignal =
    "stillhead: stopped at once by a second signal; the database rolls back what was not "
    "committed\n";

bool is_ignored(int signal) {
  struct sigaction action {};
  return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

sigset_t signals_to_wait_for() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, kWakeUp}) sigaddset(&set, signal);
  for (const int signal : {SIGINT, SIGHUP}) {
    if (!is_ignored(signal)) sigaddset(&set, signal);
  }
  return set;
}

}  // namespace

StopSignals::StopSignals() : waited_for_(signals_to_wait_for()) {
  pthread_sigmask(SIG_BLOCK, &waited_for_, &given_mask_);
  sigaction(SIGPIPE, nullptr, &given_pipe_);
  std::signal(SIGPIPE, SIG_IGN);
  thread_ = std::thread([this] { wait_for_signals(); });
}

StopSignals::~StopSignals() { end(); }

void StopSignals::end() {
  if (!thread_.joinable()) return;
  ending_ = true;
  pthread_kill(thread_.native_handle(), kWakeUp);
  thread_.join();
}

void StopSignals::restore() {
  sigaction(SIGPIPE, &given_pipe_, nullptr);
  pthread_sigmask(SIG_SETMASK, &given_mask_, nullptr);
}

void StopSignals::wait_for_signals() {
  std::chrono::steady_clock::time_point first;
  for (;;) {
    const int signal = sigwaitinfo(&waited_for_, nullptr);
    if (ending_) return;
    if (signal < 0 || signal == kWakeUp) continue;
    const auto now = std::chrono::steady_clock::now();
    if (!stop_.stop_requested()) {
      first = now;
      stop_.request_stop();
    } else if (now - first > kSameRequest) {
      // Nothing else is safe here, and nothing else is needed: the server notices that we are gone.
      [[maybe_unused]] const ssize_t ignored =
          ::write(STDERR_FILENO, kSecondSignal.data(), kSecondSignal.size());
      ::_exit(exit_code_of(Reason::Interrupted));
    }
  }
}

}  // namespace engine
