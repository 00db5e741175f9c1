// SPDX-License-Identifier: Apache-2.0
#include "operator/operator.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <stdexcept>

namespace controller {
namespace {

// An API server that never answers: each call waits until it is stopped.
class SilentServer : public kube::HttpTransport {
 public:
  kube::Response send(const kube::Request&, std::chrono::milliseconds,
                      std::stop_token stop) override {
    std::unique_lock lock(mutex_);
    ++calls_;
    changed_.notify_all();
    changed_.wait(lock, stop, [] { return false; });
    --calls_;
    throw kube::TransportError("stopped");
  }
  kube::Response stream(const kube::Request& request, const std::function<void(std::string_view)>&,
                        std::chrono::milliseconds timeout, std::stop_token stop) override {
    return send(request, timeout, stop);
  }

  void wait_for_calls(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return calls_ == count; });
  }
  int calls() {
    const std::lock_guard lock(mutex_);
    return calls_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  int calls_ = 0;
};

// Without a stop in the destructor these hang.
TEST(OperatorTest, AnErrorAfterTheStartEndsItsThreads) {
  SilentServer server;
  const auto fail = [&] {
    Operator the_operator(Options{}, server);
    the_operator.start();
    server.wait_for_calls(3);
    throw std::runtime_error("something else");
  };
  EXPECT_THROW(fail(), std::runtime_error);
  EXPECT_EQ(server.calls(), 0);
}

TEST(OperatorTest, CanBeStoppedTwiceAndWithoutAStart) {
  SilentServer server;
  Operator idle(Options{}, server);
  idle.stop();
  Operator busy(Options{}, server);
  busy.start();
  server.wait_for_calls(3);
  busy.stop();
  EXPECT_EQ(server.calls(), 0);
  busy.stop();
}

}  // namespace
}  // namespace controller
