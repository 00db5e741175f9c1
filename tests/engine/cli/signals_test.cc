// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/signals.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <map>

namespace engine {
namespace {

// Signal mask and dispositions are those of the whole test program: put back what was there.
class StopSignalsTest : public testing::Test {
 protected:
  StopSignalsTest() {
    pthread_sigmask(SIG_SETMASK, nullptr, &mask_);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) {
      sigaction(signal, nullptr, &actions_[signal]);
      std::signal(signal, SIG_DFL);
    }
  }
  ~StopSignalsTest() override {
    for (const auto& [signal, action] : actions_) sigaction(signal, &action, nullptr);
    pthread_sigmask(SIG_SETMASK, &mask_, nullptr);
  }
  StopSignalsTest(const StopSignalsTest&) = delete;
  StopSignalsTest& operator=(const StopSignalsTest&) = delete;

  // A signal that is not blocked keeps its disposition; one that is blocked is waited for.
  static bool is_waited_for(int signal) {
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
    return sigismember(&blocked, signal) == 1;
  }

  sigset_t mask_ = {};

 private:
  std::map<int, struct sigaction> actions_ = {};
};

TEST_F(StopSignalsTest, AllThreeAskToStop) {
  const StopSignals signals;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) EXPECT_TRUE(is_waited_for(signal)) << signal;
}

// nohup ignores SIGHUP, and a shell without job control SIGINT for what it runs in the background.
TEST_F(StopSignalsTest, WhatWasIgnoredStaysIgnored) {
  for (const int signal : {SIGINT, SIGHUP}) {
    std::signal(signal, SIG_IGN);
    {
      const StopSignals signals;
      EXPECT_FALSE(is_waited_for(signal)) << signal;
      EXPECT_TRUE(is_waited_for(SIGTERM));
      raise(signal);
      EXPECT_FALSE(signals.token().stop_requested());
    }
    std::signal(signal, SIG_DFL);
    pthread_sigmask(SIG_SETMASK, &mask_, nullptr);
  }
}

}  // namespace
}  // namespace engine
