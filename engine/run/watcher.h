// SPDX-License-Identifier: Apache-2.0
//
// Asks the server, while a statement runs, who is in its way and how far it has come. On the
// connection of the lock, which has nothing else to do.
#pragma once

#include <chrono>
#include <string>

#include "engine/db/connection.h"
#include "engine/run/lock.h"
#include "engine/run/observer.h"

namespace engine {

class StatementWatcher {
 public:
  // Watches until it ends. `pid`: of the server process of `connection`; 0: nothing is watched.
  // All must outlive this.
  StatementWatcher(Connection& connection, MigrationLock& lock, Observer& observer, int pid);
  ~StatementWatcher();
  StatementWatcher(const StatementWatcher&) = delete;
  StatementWatcher& operator=(const StatementWatcher&) = delete;

  void set_pid(int pid) { pid_ = pid; }
  // Who was in the way when it was looked at for the last time; empty: nobody, or it was not looked
  // at since the last call.
  std::string take_blockers();

 private:
  void look(std::chrono::milliseconds elapsed);
  std::string ask_blockers();
  bool ask_progress(StatementProgress&);

  Connection& connection_;
  Connection* asked_;  // null: there is none any more
  Observer& observer_;
  int pid_;
  std::string blockers_ = {};
  std::chrono::milliseconds next_look_{0};  // in the time of the statement that runs
  std::chrono::milliseconds elapsed_{0};
};

}  // namespace engine
