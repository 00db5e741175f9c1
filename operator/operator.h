// SPDX-License-Identifier: Apache-2.0
//
// The parts wired together: caches, queue, controller, and the threads they run on.
#pragma once

#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "operator/controller.h"
#include "operator/kube/api_client.h"
#include "operator/kube/http.h"
#include "operator/kube/reflector.h"
#include "operator/kube/workers.h"
#include "operator/options.h"

namespace controller {

class Operator {
 public:
  Operator(const Options&, kube::HttpTransport&);  // the transport must live longer
  ~Operator();                                     // stops
  Operator(const Operator&) = delete;
  Operator& operator=(const Operator&) = delete;

  void start();  // throws std::system_error when a thread cannot be had
  // Ends all calls under way and returns when the threads have ended. Again, or without start: does
  // nothing.
  void stop();

 private:
  void work();

  std::stop_source stop_;
  kube::Workers workers_;
  kube::Reflector migrations_, jobs_, pods_;
  kube::ApiClient client_;
  Controller controller_;
  int worker_count_;
  std::vector<std::jthread> threads_;
};

}  // namespace controller
