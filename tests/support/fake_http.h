// SPDX-License-Identifier: Apache-2.0
//
// A scripted API server without a network: answers in the order they were given, and keeps what it
// was asked. At the end of the script `on_script_over` is called (a test stops its loop there) and
// the call is lost. Thread-safe.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operator/kube/http.h"

namespace testing_support {

class FakeHttp : public kube::HttpTransport {
 public:
  std::function<void()> on_script_over = [] {};
  // Called before each answer, e.g. to look at the state in between, or to let time pass.
  std::function<void(const kube::Request&)> on_request = [](const kube::Request&) {};

  void answer(int status, std::string body, std::map<std::string, std::string> headers = {}) {
    add({.response = {.status = status, .headers = std::move(headers), .body = std::move(body)}});
  }
  // The connection is lost before anything has come.
  void lose(std::string why) { add({.lost = std::move(why)}); }
  // A body that ends properly, or is cut after the last piece.
  void stream(std::vector<std::string> pieces) {
    add({.response = {.status = 200}, .pieces = std::move(pieces)});
  }
  void stream_then_cut(std::vector<std::string> pieces, std::string why) {
    add({.response = {.status = 200}, .pieces = std::move(pieces), .lost = std::move(why)});
  }

  kube::Response send(const kube::Request& request, std::chrono::milliseconds timeout,
                      std::stop_token stop) override {
    const Step step = next(request, timeout, stop);
    if (!step.lost.empty()) throw kube::TransportError(step.lost);
    return step.response;
  }

  kube::Response stream(const kube::Request& request,
                        const std::function<void(std::string_view)>& on_bytes,
                        std::chrono::milliseconds idle_timeout, std::stop_token stop) override {
    const Step step = next(request, idle_timeout, stop);
    for (const std::string& piece : step.pieces) on_bytes(piece);
    if (!step.lost.empty()) throw kube::TransportError(step.lost);
    return step.response;
  }

  std::vector<kube::Request> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  std::vector<std::chrono::milliseconds> timeouts() const {
    const std::lock_guard lock(mutex_);
    return timeouts_;
  }
  std::size_t steps_left() const {
    const std::lock_guard lock(mutex_);
    return script_.size();
  }

 private:
  struct Step {
    kube::Response response = {};
    std::vector<std::string> pieces = {};
    std::string lost = {};
  };

  void add(Step step) {
    const std::lock_guard lock(mutex_);
    script_.push_back(std::move(step));
  }

  Step next(const kube::Request& request, std::chrono::milliseconds timeout,
            const std::stop_token& stop) {
    if (stop.stop_requested()) throw kube::TransportError("stopped");
    on_request(request);
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
      timeouts_.push_back(timeout);
      if (!script_.empty()) {
        Step step = std::move(script_.front());
        script_.pop_front();
        return step;
      }
    }
    on_script_over();
    throw kube::TransportError("the script is over");
  }

  mutable std::mutex mutex_;
  std::deque<Step> script_;
  std::vector<kube::Request> requests_;
  std::vector<std::chrono::milliseconds> timeouts_;
};

}  // namespace testing_support
