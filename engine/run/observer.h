// SPDX-License-Identifier: Apache-2.0
//
// What a run tells while it goes on. The runner calls; people's and machines' texts are made in
// cli.
#pragma once

#include <chrono>
#include <string>

#include "engine/core/plan.h"
#include "engine/core/revision.h"

namespace engine {

class Observer {
 public:
  virtual ~Observer() = default;
  // Another run holds the lock; called at first and then whenever `holder` changes. `holder` is
  // empty where the role may not see it.
  virtual void waiting_for_lock(const std::string& /*holder*/) {}
  virtual void step_started(const Step&, const Revision&, int /*number*/, int /*count*/) {}
  // Something in what was asked for may not mean what it seems to.
  virtual void warned(const std::string& /*text*/) {}
  // The result of a command that has changed the database, in one line.
  virtual void finished(const std::string& /*message*/) {}
  virtual void stamp_started(const StampStep&) {}
  // An earlier run has committed the first `done` of `count` statements; this one goes on behind.
  virtual void resumed(const Step&, int /*done*/, int /*count*/) {}
  virtual void step_finished(const Step&, const Revision&, std::chrono::milliseconds) {}
};

}  // namespace engine
