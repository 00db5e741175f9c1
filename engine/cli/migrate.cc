// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/migrate.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "engine/cli/hosted_run.h"
#include "engine/cli/inputs.h"
#include "engine/cli/json_text.h"
#include "engine/cli/observer_group.h"
#include "engine/cli/plan_file.h"
#include "engine/cli/prepare.h"
#include "engine/cli/print.h"
#include "engine/cli/report_file.h"
#include "engine/cli/run_history.h"
#include "engine/cli/run_hooks.h"
#include "engine/cli/script_host.h"
#include "engine/cli/stored_scripts.h"
#include "engine/cli/workplace.h"
#include "engine/core/error.h"
#include "engine/db/catalog.h"
#include "engine/db/history_table.h"
#include "engine/run/migrator.h"
#include "engine/run/pause.h"

namespace engine {
namespace {

using Rows = std::vector<RevisionId>;

std::vector<std::string> sorted(const RevisionSet& revisions) {
  return {revisions.begin(), revisions.end()};
}

RevisionSet set_of(const Rows& rows) { return {rows.begin(), rows.end()}; }

Workplace::WhenMissing when_missing(const Command& command) {
  return std::holds_alternative<Downgrade>(command) ? Workplace::WhenMissing::Fail
                                                    : Workplace::WhenMissing::Create;
}

using Json = nlohmann::ordered_json;

// The plan as data; with `paint` as `text`, too. Refuses what --no-destructive forbids.
Json document_of(const Plan& plan, const RevisionGraph& graph,
                 const std::vector<PreparedStep>& steps, const ShowPlan& command,
                 const Options& options, Workplace& workplace, const std::string& engine_version,
                 const Paint* paint = nullptr, std::string* text = nullptr) {
  const SqlFlavour flavour = workplace.dialect().flavour();
  Catalog catalog;
  if (flavour == SqlFlavour::PostgreSql && !steps.empty()) {
    catalog = read_catalog(workplace.connection(), question_of(steps));
  }
  const PlanReview review = review_plan(steps, options.transactions, catalog, flavour);
  if (options.no_destructive) refuse_destructive(steps, review);
  const PlanInputs inputs{plan,
                          graph,
                          steps,
                          review,
                          catalog,
                          command.target,
                          command.downgrade,
                          options.transactions,
                          options.version_table,
                          workplace.url().display,
                          std::string(workplace.dialect().name()),
                          engine_version};
  if (paint != nullptr) *text = plan_text(inputs, *paint);
  return plan_document(inputs);
}

// Upgrade or Apply with --plan: the command that made the plan.
ShowPlan planned_command(const Json& document) {
  return {document.at("targetName").get<std::string>(),
          document.at("downgrade") == "allow" ? DowngradePolicy::Allow : DowngradePolicy::Forbid,
          {}};
}

// Keeps report.to true however execution ends: the rows that are known to be reached. A COMMIT
// without an answer is not counted.
struct RowsReached {
  const Plan& plan;
  RunReport& report;
  ~RowsReached() { report.to = sorted(rows_after(plan, report.steps.size())); }
};

class Migration {
 public:
  Migration(const Options& options, Observer& observer, std::stop_token stop, RunReport& report,
            const Environment& environment, RevisionGraph graph)
      : options_(options),
        observer_(observer),
        stop_(std::move(stop)),
        report_(report),
        environment_(environment),
        graph_(std::move(graph)),
        workplace_(options, observer, stop_, when_missing(options.command)),
        hooks_({options.settings.run_hooks(), environment, observer, stop_, report,
                workplace_.url().display}) {
    if (!options.plan_file.empty()) read_plan();
  }

  void run() {
    plan(workplace_.rows());
    if (plan_.steps.empty()) {
      report_.message = fmt::format("already at {}", revisions_text(plan_.finish));
      return;
    }
    if (has_python()) {
      prepare_steps();
      return migrate_hosted(options_, observer_, stop_, report_, environment_, graph_);
    }
    prepare_steps();
    run_locked();
  }

 private:
  void plan(const Rows& rows) {
    report_.from = report_.to = sorted(set_of(rows));
    planned_ = plan_run(command_, graph_, rows, workplace_);
    for (const std::string& warning : plan_.warnings) observer_.warned(warning);
    report_.target_revisions = sorted(plan_.targets);
    report_.pending = static_cast<int>(plan_.steps.size());
  }

  bool has_python() const {
    return std::ranges::any_of(plan_.steps, [&](const Step& step) {
      return graph().at(step.revision).format == ScriptFormat::Python;
    });
  }

  void prepare_steps() {
    steps_ = prepare(plan_, graph(), workplace_.dialect(), options_, planned_.stored);
    workplace_.versions().check_width(workplace_.connection(), written_by(plan_));
    if (made_) {
      compare_with_plan();
    } else if (options_.no_destructive) {
      const SqlFlavour flavour = workplace_.dialect().flavour();
      refuse_destructive(steps_, review_plan(steps_, options_.transactions, {}, flavour));
    }
    hooks_.check();
  }

  void read_plan() {
    made_ = read_plan_file(options_.plan_file);
    const ShowPlan made = planned_command(*made_);
    report_.target = made.target;
    DowngradePolicy allowed = DowngradePolicy::Forbid;
    if (const auto* apply = std::get_if<Apply>(&options_.command)) allowed = apply->downgrade;
    // Downwards only if both, plan and command, permit it.
    command_ = Apply{made.target, made.downgrade == allowed ? allowed : DowngradePolicy::Forbid};
  }

  void compare_with_plan() {
    const Json now = document_of(plan_, graph(), steps_, planned_command(*made_), options_,
                                 workplace_, report_.engine_version);
    const auto differences = plan_differences(*made_, now);
    if (differences.empty()) return;
    throw Error(Reason::PlanOutdated,
                fmt::format("the plan in {} is not what would be done now: {}",
                            options_.plan_file.string(), fmt::join(differences, "; ")),
                "make a new one with `stillhead plan TARGET --out FILE`, look at it, and run that");
  }

  void run_locked() {
    const std::unique_ptr<MigrationLock> lock = workplace_.lock();
    // A plan is compared once more: scripts and tables may have changed while the lock was waited
    // for.
    if (const Rows rows = workplace_.rows(); made_ || set_of(rows) != plan_.start) {
      plan(rows);
      if (plan_.steps.empty()) {
        report_.message =
            fmt::format("already at {}: another run got there first", revisions_text(plan_.finish));
        return;
      }
      prepare_steps();
    }
    hooks_.before_run(steps_);
    try {
      execute_steps(*lock);
    } catch (const Error& error) {
      hooks_.after_run(&error);
      throw;
    }
    hooks_.after_run(nullptr);
  }

  const RevisionGraph& graph() const { return planned_.graph_or(graph_); }

  void execute_steps(MigrationLock& lock) {
    const auto started = std::chrono::steady_clock::now();
    {
      const RowsReached rows_reached{plan_, report_};
      RunHistory history(options_, workplace_, report_, observer_);
      history.check_scripts(graph(), plan_.start, planned_.stored_revisions());
      history.adopt(graph(), plan_.start, planned_.stored_revisions());
      const JournalTable journal(history.table());
      ObserverGroup observers({&observer_, &hooks_});
      MigrationContext context{workplace_.connection(),
                               lock,
                               workplace_.versions(),
                               &history.table(),
                               &journal,
                               observers,
                               identity_of(report_),
                               stop_,
                               options_.transactions,
                               options_.timeouts,
                               workplace_.session(),
                               [this] { return workplace_.renew_session(); }};
      execute(plan_.start, steps_, context, report_.steps);
      if (plan_.start.empty()) history.grant();  // the version table may be new
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
  const Environment& environment_;
  RevisionGraph graph_;
  Workplace workplace_;
  Command command_ = options_.command;
  std::optional<Json> made_ = {};  // --plan
  RunHooks hooks_;
  RunPlan planned_ = {};
  const Plan& plan_ = planned_.plan;
  std::vector<PreparedStep> steps_ = {};
};

// Asks a run to stop when its time is over, or when it is asked from outside.
class Deadline {
 public:
  Deadline(std::chrono::milliseconds limit, const std::stop_token& outside)
      : forward_(outside, [this] { stop_.request_stop(); }) {
    if (limit.count() == 0) return;
    timer_ = std::jthread([this, limit](const std::stop_token& ended) {
      if (!pause(limit, ended)) return;
      passed_ = true;
      stop_.request_stop();
    });
  }
  std::stop_token token() const { return stop_.get_token(); }
  bool has_passed() const { return passed_; }

 private:
  std::stop_source stop_ = {};
  std::stop_callback<std::function<void()>> forward_;
  std::atomic<bool> passed_ = false;
  std::jthread timer_ = {};
};

Error out_of_time(const Error& error, std::chrono::milliseconds limit) {
  return Error(
      Reason::RunTimeout,
      fmt::format("the run took longer than {}: {}", duration_text(limit.count()), error.message()),
      error.failure().value_or(Failure{}),
      "give it more time with --run-timeout, or run the same command again to go on");
}

void refuse_range(const std::string& target) {
  if (target.find(':') == std::string::npos) return;
  throw Error(Reason::InvalidUsage, "Range revision not allowed",
              "only --sql takes a range; here the database says where it is");
}

}  // namespace

void migrate(const Options& options, Observer& observer, std::stop_token stop, RunReport& report,
             const Environment& environment) {
  const Deadline deadline(options.run_timeout, stop);
  try {
    RevisionGraph graph = read_graph(options, report);
    const bool is_for_env_py = env_py_names_database(options, graph) ||
                               (graph.size() == 0 && env_py_names_folders(options.settings));
    if (options.plan_file.empty() && is_for_env_py) {
      migrate_hosted(options, observer, deadline.token(), report, environment, graph);
      return;
    }
    Migration(options, observer, deadline.token(), report, environment, std::move(graph)).run();
  } catch (const Error& error) {
    if (error.reason() != Reason::Interrupted || !deadline.has_passed()) throw;
    throw out_of_time(error, options.run_timeout);
  }
}

void stamp(const Options& options, Observer& observer, std::stop_token stop, RunReport& report) {
  const auto& command = std::get<Stamp>(options.command);
  for (const std::string& target : command.targets) refuse_range(target);
  const RevisionGraph graph = read_graph(options, report);
  Workplace workplace(options, observer, stop, Workplace::WhenMissing::Create);
  const auto plan = [&] {
    const Rows rows = workplace.rows();
    report.from = report.to = sorted(set_of(rows));
    StampPlan made = plan_stamp(graph, rows, command.targets, command.purge);
    workplace.versions().check_width(workplace.connection(), written_by(made));
    return made;
  };
  if (const StampPlan first = plan(); first.steps.empty() && !command.purge &&
                                      workplace.versions().exists(workplace.connection())) {
    report.message = fmt::format("already at {}", revisions_text(first.start));
    return;
  }
  const std::unique_ptr<MigrationLock> lock = workplace.lock();
  const StampPlan made = plan();
  RunHistory history(options, workplace, report, observer);
  history.adopt(graph, made.start);
  const JournalTable journal(history.table());
  MigrationContext context{workplace.connection(), *lock,    workplace.versions(),
                           &history.table(),       &journal, observer,
                           identity_of(report),    stop};
  execute(made, history.rows_of_stamp(graph, made.finish), context);
  history.grant();
  report.to = sorted(made.finish);
  report.message = fmt::format("stamped {}", revisions_text(made.finish));
}

void ensure_version(const Options& options, Observer& observer, std::stop_token stop,
                    RunReport& report) {
  Workplace workplace(options, observer, std::move(stop), Workplace::WhenMissing::Create);
  report.message = "the version table is there";
  if (workplace.versions().exists(workplace.connection())) return;
  const std::unique_ptr<MigrationLock> lock = workplace.lock();
  Transaction transaction(workplace.connection());
  workplace.versions().create(workplace.connection());
  transaction.commit();
  report.message = "the version table is made";
}

PlanShown show_plan(const Options& options, const ShowPlan& command, Observer& observer,
                    std::stop_token stop, const Paint& paint, RunReport& report) {
  const RevisionGraph graph = read_graph(options, report);
  // Of a file that is still to be made, too.
  Workplace workplace(options, observer, std::move(stop), Workplace::WhenMissing::Create);
  const Rows rows = workplace.rows();
  report.from = report.to = sorted(set_of(rows));
  PlanShown shown;
  const RunPlan planned = plan_run(command, graph, rows, workplace);
  shown.plan = planned.plan;
  report.target_revisions = sorted(shown.plan.targets);
  report.pending = static_cast<int>(shown.plan.steps.size());
  const RevisionGraph& whole = planned.graph_or(graph);
  const auto steps = prepare(shown.plan, whole, workplace.dialect(), options, planned.stored);
  shown.json = json_line(document_of(shown.plan, whole, steps, command, options, workplace,
                                     report.engine_version, &paint, &shown.text));
  if (!command.out.empty()) write_plan_file(command.out, shown.json);
  return shown;
}

Plan plan_for(const Command& command, const RevisionGraph& graph,
              const std::vector<RevisionId>& rows) {
  const RevisionSet current = set_of(rows);
  if (const auto* upgrade = std::get_if<Upgrade>(&command)) {
    refuse_range(upgrade->target);
    return plan_upgrade(graph, current, upgrade->target);
  }
  if (const auto* downgrade = std::get_if<Downgrade>(&command)) {
    refuse_range(downgrade->target);
    return plan_downgrade(graph, current, downgrade->target, rows.empty() ? "" : rows.front());
  }
  if (const auto* shown = std::get_if<ShowPlan>(&command)) {
    return plan_apply(graph, current, shown->target, shown->downgrade);
  }
  const auto& apply = std::get<Apply>(command);
  return plan_apply(graph, current, apply.target, apply.downgrade);
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
