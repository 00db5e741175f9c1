// SPDX-License-Identifier: Apache-2.0
//
// Hooks: programs of the user that run before and after a run and each revision. Manual:
// docs/hooks.md.
#pragma once

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/config/settings.h"
#include "engine/contract/report.h"
#include "engine/core/error.h"
#include "engine/run/migrator.h"
#include "engine/run/observer.h"

namespace engine {

// What hooks need of the run that they belong to. All must outlive the hooks.
struct HookContext {
  const HookSettings& settings;
  const Environment& environment;
  Observer& observer;  // hears what they say, and the warnings
  std::stop_token stop = {};
  const RunReport& report;
  std::string database = {};  // URL without password
};

// As an observer of the run it runs the hooks of revisions, which needs to stand behind those who
// tell people. A hook that runs before something and fails throws Error(HookFailed); one that runs
// afterwards warns.
class RunHooks : public Observer {
 public:
  explicit RunHooks(HookContext context) : context_(std::move(context)) {}

  // Throws Error(InvalidUsage) when the program of a hook cannot be started.
  void check() const;

  void before_run(const std::vector<PreparedStep>&);
  // After before_run(); `error` null: the run has succeeded. First for the revision that failed.
  void after_run(const Error* error);

  void before_step(const Step&, const Revision&, int number, int count) override;
  void step_finished(const Step&, const Revision&, std::chrono::milliseconds) override;

 private:
  using Json = nlohmann::ordered_json;
  struct CurrentStep {
    Step step = {};
    Revision revision = {};
    int number = 0;
    int count = 0;
    std::chrono::steady_clock::time_point begin = {};
  };

  Json document(const char* event) const;
  Json document(const char* event, const CurrentStep&) const;
  // How a hook ended; empty `fault`: well.
  struct Outcome {
    bool stopped = false;
    std::string fault = {};
  };
  Outcome run(const char* name, const std::string& of, const RunHook&, const Json&);
  void run_before(const char* name, const std::string& of, const RunHook&, const Json&);
  void run_after(const char* name, const std::string& of, const RunHook&, const Json&);

  HookContext context_;
  std::vector<PreparedStep> const* steps_ = nullptr;
  std::chrono::steady_clock::time_point begin_ = {};
  std::vector<CurrentStep> begun_ = {};  // and not finished; several in one transaction
};

}  // namespace engine
