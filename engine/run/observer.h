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

// How far a statement has come that runs for long. `total` 0: not known.
struct StatementProgress {
  std::string phase = {};  // "building index", "rows updated" ...
  double done = 0;
  double total = 0;
  std::string unit = {};         // "blocks", "rows" ...
  double rate = 0;               // per second; 0: not known
  std::chrono::seconds left{0};  // 0: not known
  std::string waits_for = {};    // empty: for nobody
};

class Observer {
 public:
  virtual ~Observer() = default;
  // Another run holds the lock; called at first and then whenever `holder` changes. `holder` is
  // empty where the role may not see it.
  virtual void waiting_for_lock(const std::string& /*holder*/) {}
  // The step is next, and no transaction is open; of steps that share a transaction each is told
  // before it begins. What this throws ends the run; no other call throws.
  virtual void before_step(const Step&, const Revision&, int /*number*/, int /*count*/) {}
  virtual void step_started(const Step&, const Revision&, int /*number*/, int /*count*/) {}
  // A statement is sent; only of connections that tell (db/echo_connection.h).
  virtual void statement_sent(const std::string& /*sql*/) {}
  // A line that a hook has printed; `hook`: "before_run" ...
  virtual void hook_said(const std::string& /*hook*/, const std::string& /*line*/) {}
  // `wait` has looked: `revisions` are not there yet. Called whenever `state` changes, such as "the
  // database is at b2" or why it cannot be reached.
  virtual void waiting_for_revisions(const std::string& /*revisions*/,
                                     const std::string& /*state*/) {}
  // Something in what was asked for may not mean what it seems to.
  virtual void warned(const std::string& /*text*/) {}
  // What Python prints when nobody catches an exception.
  virtual void script_failed(const std::string& /*traceback*/) {}
  // The result of a command that has changed the database, in one line.
  virtual void finished(const std::string& /*message*/) {}
  virtual void stamp_started(const StampStep&) {}
  // An earlier run has committed the first `done` of `count` statements; this one goes on behind.
  virtual void resumed(const Step&, int /*done*/, int /*count*/) {}
  // The transaction met `what` and was rolled back; it is run again after `pause`. `blockers`: who
  // was in its way, empty: not seen.
  virtual void retrying(const std::string& /*what*/, int /*attempt*/, int /*attempts*/,
                        const std::string& /*blockers*/, std::chrono::milliseconds /*pause*/) {}
  // At most twice a second, by the thread that runs.
  virtual void progressed(const StatementProgress&) {}
  // It is committed.
  virtual void step_finished(const Step&, const Revision&, std::chrono::milliseconds) {}
};

}  // namespace engine
