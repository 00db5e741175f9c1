// SPDX-License-Identifier: Apache-2.0
//
// One database that env.py migrates: a call of its run_migrations(), from the plan to the last row.
#pragma once

#include <chrono>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/cli/options.h"
#include "engine/cli/prepare.h"
#include "engine/cli/run_history.h"
#include "engine/cli/stored_scripts.h"
#include "engine/cli/workplace.h"
#include "engine/contract/report.h"
#include "engine/core/revision_graph.h"
#include "engine/run/observer.h"

namespace engine {

// What all databases of a run share. All of it must outlive them.
struct HostedContext {
  const Options& options;
  Observer& observer;
  const std::stop_token& stop;
  RunReport& report;
  const RevisionGraph& graph;  // of the folders that the configuration names
};

class HostedUnit {
 public:
  struct EndedStep {
    const PreparedStep* prepared = nullptr;
    StepReport report = {};
    std::string started_at = {};
  };

  // `request`: begin_run (docs/script-host.md). `scripts`: the connection that env.py has from us,
  // `number` of it; null and 0: it is of the project's own driver. Throws what Workplace throws,
  // and Error(InvalidUsage) for a version table that another place names differently.
  HostedUnit(const HostedContext&, const nlohmann::json& request, int number, Connection* scripts);

  int connection() const { return number_; }
  const Plan& plan() const { return planned_.plan; }
  const RevisionGraph& graph() const { return planned_.graph_or(scripts_graph()); }
  const std::vector<PreparedStep>& steps() const { return steps_; }
  const DatabaseUrl& url() const { return workplace_->url(); }

  // Reads the version table and plans; tells the report. False: nothing is to be done.
  bool make_plan();
  void lock();
  void unlock();
  bool is_locked() const { return lock_ != nullptr; }
  // Throws when the run must not go on.
  void go_on_or_throw() const;
  // Under the lock: reads the scripts, makes the history ready. Throws what they do.
  void prepare();
  nlohmann::json answer() const;  // to begin_run

  // The one that `request` names. Throws Error(Bug) when another one is next.
  const PreparedStep& next_step(const nlohmann::json& request) const;
  int next_number() const { return static_cast<int>(next_) + 1; }  // from 1
  // Runs it when it is not Python. Returns the answer to begin_step.
  nlohmann::json begin_step();
  // Looks at the version table, and writes the history where that is in the step's transaction.
  // Throws Error(VersionConflict).
  void end_step(const nlohmann::json& request);
  const StepReport* running() const { return running_ ? &*running_ : nullptr; }

  bool has_ended_steps() const { return !ended_.empty(); }  // that are not committed
  // They are committed. Tells the report where the database is.
  std::vector<EndedStep> take_ended();
  // They are rolled back. Returns how many.
  std::size_t take_back();
  // Of the project's own driver: whether the database has what ended.
  bool is_at_ended_steps();
  void write_history();
  // Lets readers read a version table that has come with the run.
  void grant();

 private:
  const RevisionGraph& scripts_graph() const {
    return scripts_graph_ ? *scripts_graph_ : context_.graph;
  }
  void read_other_folders(const nlohmann::json& request);
  void open_workplace(const nlohmann::json& request);
  void work_inside();
  std::vector<RevisionId> read_rows();
  nlohmann::json run_own(const PreparedStep&);
  RevisionSet rows_behind_history(const PreparedStep&, const nlohmann::json& request);
  void check_rows(const nlohmann::json& request, const RevisionSet& found) const;
  HistoryRow history_row(const PreparedStep&, const std::string& started_at) const;

  const HostedContext& context_;
  Options options_;
  const int number_;
  Connection* const scripts_;
  std::optional<RevisionGraph> scripts_graph_ = {};  // of folders that env.py names
  std::unique_ptr<Workplace> workplace_ = {};
  bool is_inside_ = false;  // the workplace, in a transaction that env.py has begun
  std::unique_ptr<MigrationLock> lock_ = {};
  std::optional<std::vector<RevisionId>> told_rows_ = {};  // of a transaction that is not ours
  std::vector<RevisionId> rows_ = {};                      // before the run
  RunPlan planned_ = {};
  std::vector<PreparedStep> steps_ = {};
  std::optional<RunHistory> history_ = {};
  std::size_t next_ = 0;  // of `steps_`
  std::optional<StepReport> running_ = {};
  std::chrono::steady_clock::time_point begun_ = {};  // `running_`
  std::string started_at_ = {};
  std::vector<EndedStep> ended_ = {};  // and not committed
};

const char* direction_of(const PreparedStep&);  // as Alembic calls it

}  // namespace engine
