// SPDX-License-Identifier: Apache-2.0
//
// Observe, decide, act, write the status. May be called at any time and any number of times.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "operator/kube/api_client.h"
#include "operator/kube/reflector.h"
#include "operator/migration/decide.h"

namespace controller {

class Controller {
 public:
  struct Caches {
    const kube::Reflector& migrations;
    const kube::Reflector& jobs;
    const kube::Reflector& pods;
  };
  using Clock = std::function<WallTime()>;

  Controller(Caches, kube::ApiClient&, JobSettings, Clock);

  // Returns when to look again. Throws kube::ApiError; a status that could not be written is a failure.
  std::optional<std::chrono::milliseconds> reconcile(const kube::Key&);

 private:
  std::optional<Observed> observe(const kube::Key&);
  void act(const Action&, const DatabaseMigration&);
  void write_status(const DatabaseMigration&, const std::string& status);

  Caches caches_;
  kube::ApiClient& client_;
  JobSettings settings_;
  Clock clock_;
};

}  // namespace controller
