// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/migrate.h"

#include <fmt/format.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <utility>

#include "engine/cli/inputs.h"
#include "engine/cli/print.h"
#include "engine/core/error.h"
#include "engine/db/history_table.h"
#include "engine/db/version_table.h"
#include "engine/run/lock.h"
#include "engine/run/migrator.h"
#include "engine/script/script_dir.h"

namespace engine {
namespace {

std::vector<std::string> sorted(const RevisionSet& revisions) {
  return {revisions.begin(), revisions.end()};
}

Plan make_plan(const Command& command, const RevisionGraph& graph, const RevisionSet& rows) {
  if (const auto* upgrade = std::get_if<Upgrade>(&command)) {
    return plan_upgrade(graph, rows, upgrade->target);
  }
  if (const auto* downgrade = std::get_if<Downgrade>(&command)) {
    return plan_downgrade(graph, rows, downgrade->target);
  }
  const auto& apply = std::get<Apply>(command);
  return plan_apply(graph, rows, apply.target, apply.downgrade);
}

PreparedStep prepare(const Step& step, const Revision& revision, const Dialect& dialect) {
  const ScriptBody body = read_body(revision);
  if (step.direction == Direction::Down && !body.downgrade) {
    throw Error(Reason::IrreversibleRevision,
                fmt::format("cannot downgrade revision {}: {} has no downgrade section",
                            revision.id, revision.file),
                "write `-- stillhead:downgrade` and what takes the revision back; an empty section "
                "means that nothing is to be done");
  }
  PreparedStep prepared{step, revision, {}, body.checksum};
  prepared.statements = dialect.render(
      step.direction == Direction::Up ? body.upgrade : *body.downgrade, revision.file);
  if (!revision.transactional) {
    for (Statement& statement : prepared.statements) statement.transactional = false;
  }
  return prepared;
}

// A database file that `upgrade` is going to make: there is nothing to read from it yet.
bool is_to_be_made(const DatabaseUrl& url, const Command& command) {
  return url.flavour == SqlFlavour::Sqlite && !std::holds_alternative<Downgrade>(command) &&
         url.conninfo != ":memory:" && !std::filesystem::exists(url.conninfo);
}

class Migration {
 public:
  Migration(const Options& options, Observer& observer, std::stop_token stop, RunReport& report)
      : options_(options), observer_(observer), stop_(std::move(stop)), report_(report) {}

  void run() {
    graph_ = read_graph(options_);
    report_.source_heads = sorted(graph_.effective_heads());
    report_.source_revisions = static_cast<int>(graph_.size());
    url_ = find_database(options_);
    if (!is_to_be_made(url_, options_.command)) open();
    plan();
    if (plan_.steps.empty()) {
      report_.message = fmt::format("already at {}", revisions_text(plan_.finish));
      return;
    }
    prepare_steps();
    if (!connection_) open();
    versions_.check_width(*connection_, plan_);
    run_locked();
  }

 private:
  void open() {
    ConnectOptions options = connect_options(options_);
    options.create = !std::holds_alternative<Downgrade>(options_.command);
    connection_ = connect(url_, options, stop_);
    on_stop_.emplace(stop_, [this] { connection_->cancel(); });
  }

  void plan() {
    const RevisionSet rows = connection_ ? versions_.read(*connection_) : RevisionSet{};
    report_.from = report_.to = sorted(rows);
    plan_ = make_plan(options_.command, graph_, rows);
    report_.target_revisions = sorted(plan_.targets);
    report_.pending = static_cast<int>(plan_.steps.size());
  }

  void prepare_steps() {
    const Dialect& dialect =
        url_.flavour == SqlFlavour::Sqlite ? sqlite_dialect() : postgres_dialect();
    steps_.clear();
    for (const Step& step : plan_.steps) {
      steps_.push_back(prepare(step, graph_.at(step.revision), dialect));
    }
    // The folder may have been exchanged while it was read.
    verify_scripts(options_);
  }

  void run_locked() {
    const LockOptions patience{options_.lock_wait};
    const auto lock =
        acquire_lock(url_, connect_options(options_), versions_.name(), patience, observer_, stop_);
    if (versions_.read(*connection_) != plan_.start) {
      plan();
      if (plan_.steps.empty()) {
        report_.message =
            fmt::format("already at {}: another run got there first", revisions_text(plan_.finish));
        return;
      }
      prepare_steps();
      versions_.check_width(*connection_, plan_);
    }
    execute_steps(*lock);
  }

  void execute_steps(MigrationLock& lock) {
    // report.to: the rows that are known to be reached, however execution ends. A COMMIT without an
    // answer is not counted.
    struct RowsReached {
      const Plan& plan;
      RunReport& report;
      ~RowsReached() { report.to = sorted(rows_after(plan, report.steps.size())); }
    };
    const auto started = std::chrono::steady_clock::now();
    {
      const RowsReached rows_reached{plan_, report_};
      versions_.create(*connection_);
      const HistoryTable history(*connection_, versions_.name());
      MigrationContext context{
          *connection_, lock,
          versions_,    history,
          observer_,    {report_.run_id, report_.owner, report_.attempt, report_.engine_version},
          stop_};
      execute(steps_, context, report_.steps);
    }
    const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - started);
    const std::size_t count = steps_.size();
    report_.message = fmt::format(
        "{} to {}: {} revision{} in {}",
        plan_.steps.front().direction == Direction::Up ? "upgraded" : "downgraded",
        revisions_text(plan_.finish), count, count == 1 ? "" : "s", duration_text(elapsed.count()));
  }

  const Options& options_;
  Observer& observer_;
  std::stop_token stop_;
  RunReport& report_;
  VersionTable versions_{options_.version_table};
  RevisionGraph graph_ = {};
  DatabaseUrl url_ = {};
  std::unique_ptr<Connection> connection_ = {};
  std::optional<std::stop_callback<std::function<void()>>> on_stop_ = {};
  Plan plan_ = {};
  std::vector<PreparedStep> steps_ = {};
};

}  // namespace

void migrate(const Options& options, Observer& observer, std::stop_token stop, RunReport& report) {
  Migration(options, observer, std::move(stop), report).run();
}

RevisionSet rows_after(const Plan& plan, std::size_t done) {
  RevisionSet rows = plan.start;
  for (std::size_t i = 0; i < done && i < plan.steps.size(); ++i) {
    for (const RowChange& change : plan.steps[i].rows) {
      if (!change.from.empty()) rows.erase(change.from);
      if (!change.to.empty()) rows.insert(change.to);
    }
  }
  return rows;
}

}  // namespace engine
