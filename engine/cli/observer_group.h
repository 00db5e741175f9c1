// SPDX-License-Identifier: Apache-2.0
//
// Several observers of one run, told one after the other.
#pragma once

#include <vector>

#include "engine/run/observer.h"

namespace engine {

class ObserverGroup : public Observer {
 public:
  // Each must outlive the group.
  explicit ObserverGroup(std::vector<Observer*> members) : members_(std::move(members)) {}

  void waiting_for_lock(const std::string& holder) override {
    for (Observer* member : members_) member->waiting_for_lock(holder);
  }
  void before_step(const Step& step, const Revision& revision, int number, int count) override {
    for (Observer* member : members_) member->before_step(step, revision, number, count);
  }
  void step_started(const Step& step, const Revision& revision, int number, int count) override {
    for (Observer* member : members_) member->step_started(step, revision, number, count);
  }
  void statement_sent(const std::string& sql) override {
    for (Observer* member : members_) member->statement_sent(sql);
  }
  void retrying(const std::string& what, int attempt, int attempts, const std::string& blockers,
                std::chrono::milliseconds pause) override {
    for (Observer* member : members_) member->retrying(what, attempt, attempts, blockers, pause);
  }
  void progressed(const StatementProgress& progress) override {
    for (Observer* member : members_) member->progressed(progress);
  }
  void hook_said(const std::string& hook, const std::string& line) override {
    for (Observer* member : members_) member->hook_said(hook, line);
  }
  void waiting_for_revisions(const std::string& revisions, const std::string& state) override {
    for (Observer* member : members_) member->waiting_for_revisions(revisions, state);
  }
  void warned(const std::string& text) override {
    for (Observer* member : members_) member->warned(text);
  }
  void script_failed(const std::string& traceback) override {
    for (Observer* member : members_) member->script_failed(traceback);
  }
  void finished(const std::string& message) override {
    for (Observer* member : members_) member->finished(message);
  }
  void stamp_started(const StampStep& step) override {
    for (Observer* member : members_) member->stamp_started(step);
  }
  void resumed(const Step& step, int done, int count) override {
    for (Observer* member : members_) member->resumed(step, done, count);
  }
  void step_finished(const Step& step, const Revision& revision,
                     std::chrono::milliseconds duration) override {
    for (Observer* member : members_) member->step_finished(step, revision, duration);
  }

 private:
  std::vector<Observer*> members_;
};

}  // namespace engine
