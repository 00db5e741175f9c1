// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/hook_process.h"

#include <gtest/gtest.h>

#include <csignal>
#include <thread>

#include "tests/engine/core/error_of.h"
#include "tests/support/temporary_folder.h"

namespace engine {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;
using How = HookEnd::How;

class HookProcessTest : public testing::Test {
 protected:
  HookProcessTest() { std::signal(SIGPIPE, SIG_IGN); }

  HookEnd run(const std::string& shell, std::stop_token stop = {}) {
    process_.words = {"sh", "-c", shell};
    return run_hook_process(process_, {{"PATH", "/usr/bin:/bin"}, {"X", "1"}}, stop,
                            [&](const std::string& line) {
                              lines_.push_back(line);
                              if (said_) said_();
                            });
  }

  HookProcess process_ = {};
  std::vector<std::string> lines_ = {};
  std::function<void()> said_ = {};
};

TEST_F(HookProcessTest, IsToldAndHeard) {
  process_.input = "{\"a\": 1}\n";
  EXPECT_EQ(run("cat; echo error >&2; echo $X; printf 'no\\n\\nend'").how, How::Succeeded);
  EXPECT_EQ(lines_, (std::vector<std::string>{"{\"a\": 1}", "error", "1", "no", "", "end"}));
}

TEST_F(HookProcessTest, MayReadNothingOrALotAndSayALot) {
  process_.input = std::string(1'000'000, 'x') + "\n";
  EXPECT_EQ(run("exit 0").how, How::Succeeded);
  EXPECT_EQ(run("exec <&-; sleep 0.05").how, How::Succeeded);
  lines_.clear();
  EXPECT_EQ(run("cat").how, How::Succeeded);
  std::size_t bytes = 0;
  for (const std::string& line : lines_) bytes += line.size();
  EXPECT_EQ(bytes, 1'000'000U);
  EXPECT_EQ(lines_.front().size(), 8'192U) << "long lines are cut";
}

TEST_F(HookProcessTest, TellsHowItEnded) {
  HookEnd end = run("exit 3");
  EXPECT_EQ(end.how, How::Failed);
  EXPECT_EQ(end.exit_code, 3);
  end = run("kill -9 $$");
  EXPECT_EQ(end.how, How::Failed);
  EXPECT_EQ(end.signal, SIGKILL);
  process_.words = {};
}

TEST_F(HookProcessTest, WhatItLeavesBehindIsNotWaitedFor) {
  const auto begin = Clock::now();
  EXPECT_EQ(run("sleep 30 & echo begun").how, How::Succeeded);
  EXPECT_LT(Clock::now() - begin, std::chrono::seconds(10));
  EXPECT_EQ(lines_, std::vector<std::string>{"begun"});
}

TEST_F(HookProcessTest, ItsTimeIsLimitedAndItMayCleanUp) {
  process_.timeout = milliseconds(200);
  const HookEnd end = run("trap 'echo cleaned; exit 5' TERM; sleep 30 & wait");
  EXPECT_EQ(end.how, How::TimedOut);
  EXPECT_EQ(lines_, std::vector<std::string>{"cleaned"});
}

TEST_F(HookProcessTest, ItIsKilledWhenItDoesNotObey) {
  process_.timeout = milliseconds(100);
  process_.grace = milliseconds(100);
  const HookEnd end = run("trap '' TERM; while :; do sleep 1; done");
  EXPECT_EQ(end.how, How::TimedOut);
  EXPECT_EQ(end.signal, SIGKILL);
}

TEST_F(HookProcessTest, AStopReachesAllOfItsGroup) {
  const test::TemporaryFolder folder;
  std::stop_source stop;
  said_ = [&] { stop.request_stop(); };
  const HookEnd end = run(
      "(trap 'echo child >" + (folder / "c") + "; exit' TERM; echo ready; sleep 30 & wait) & wait",
      stop.get_token());
  EXPECT_EQ(end.how, How::Stopped);
  for (int i = 0; i < 500 && !folder.has("c"); ++i) {
    std::this_thread::sleep_for(milliseconds(10));
  }
  EXPECT_TRUE(folder.has("c"));
}

TEST_F(HookProcessTest, AProgramThatIsNotThereIsNamed) {
  const auto error = error_of(
      [] { run_hook_process({.words = {"/nowhere/hook"}}, {}, {}, [](const std::string&) {}); });
  EXPECT_EQ(error.reason(), Reason::InvalidUsage);
  EXPECT_EQ(error.message(), "cannot run /nowhere/hook: No such file or directory");
}

}  // namespace
}  // namespace engine
