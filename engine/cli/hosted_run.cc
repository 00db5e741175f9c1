// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/hosted_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "engine/cli/hosted_unit.h"
#include "engine/cli/migrate.h"
#include "engine/cli/print.h"
#include "engine/cli/run_hooks.h"
#include "engine/cli/script_host.h"
#include "engine/script/script_dir.h"

namespace engine {
namespace {

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// For the child; `alembic` itself is asked for nothing that it does not know.
std::vector<std::string> alembic_words(const Options& options) {
  std::vector<std::string> words = options.alembic_arguments;
  const bool down = std::holds_alternative<Downgrade>(options.command);
  words.emplace_back(down ? "downgrade" : "upgrade");
  words.push_back(options.target);
  words.insert(words.end(), options.alembic_command_arguments.begin(),
               options.alembic_command_arguments.end());
  return words;
}

class HostedRun : private TransactionWatch {
 public:
  HostedRun(const Options& options, Observer& observer, const std::stop_token& stop,
            RunReport& report, const Environment& environment, const RevisionGraph& graph)
      : host_(options, observer, stop, environment, *this),
        stop_(host_.stop()),
        context_{options, observer, stop_, report, graph},
        environment_(environment) {}

  void run() {
    try {
      host_.run(
          "migrate", alembic_words(context_.options), context_.graph,
          [this](const std::string& what, const Json& request) { return answer(what, request); },
          [this] { return place(); });
      settle_units();
    } catch (const Error& error) {
      const Error told = told_with_lost_steps(error);
      if (hooks_) hooks_->after_run(&told);
      throw Error(told);
    }
    if (hooks_) hooks_->after_run(nullptr);
    if (!context_.report.steps.empty()) context_.report.message = message();
  }

 private:
  Json answer(const std::string& what, const Json& request) {
    if (what == "begin_run") return begin_run(request);
    if (what == "begin_step") return begin_step(request);
    if (what == "end_step") return end_step(request);
    return Json::object();
  }

  // --- a call of run_migrations() ---

  Json begin_run(const Json& request) {
    const Json& told = request.at("connection");
    const int number = told.is_null() ? 0 : told.get<int>();
    Connection* const scripts = host_.connection(number);
    // It would keep our own lock waiting, and every other process.
    const bool suspended = host_.suspend(number);
    lost_steps_ = 0;  // an env.py that goes on has its reasons
    HostedUnit& unit = units_.emplace_back(context_, request, number, scripts);
    if (unit.make_plan()) {
      release_idle_units();
      unit.lock();
      if (!unit.make_plan()) tell_at(unit, ": another run got there first");
      unit.prepare();
      begin_hooks(unit);
    } else {
      tell_at(unit, "");
    }
    if (suspended) scripts->resume_transaction();
    return unit.answer();
  }

  void tell_at(const HostedUnit& unit, const char* why) {
    context_.report.message =
        fmt::format("already at {}{}", revisions_text(unit.plan().finish), why);
  }

  // Their locks could be in the way of the next one's.
  void release_idle_units() {
    for (HostedUnit& unit : units_) {
      if (!unit.has_ended_steps()) unit.unlock();
    }
  }

  // Hooks whose programs are not there have nothing to say at the end, either.
  void begin_hooks(const HostedUnit& unit) {
    if (hooks_) return;
    const HookContext context{context_.options.settings.run_hooks(),
                              environment_,
                              context_.observer,
                              stop_,
                              context_.report,
                              unit.url().display};
    RunHooks(context).check();
    hooks_.emplace(context);
    hooks_->before_run(unit.steps());
  }

  // --- steps ---

  Json begin_step(const Json& request) {
    HostedUnit& unit = units_.back();
    const PreparedStep& step = unit.next_step(request);
    unit.go_on_or_throw();
    const int number = unit.next_number();
    const int count = static_cast<int>(unit.steps().size());
    hooks_->before_step(step.step, step.revision, number, count);
    context_.observer.before_step(step.step, step.revision, number, count);
    context_.observer.step_started(step.step, step.revision, number, count);
    return unit.begin_step();
  }

  Json end_step(const Json& request) {
    HostedUnit& unit = units_.back();
    unit.end_step(request);
    const Connection* const scripts = host_.connection(unit.connection());
    if (scripts != nullptr && !scripts->in_transaction()) take_as_done(unit);
    return Json::object();
  }

  // --- transactions of the child ---

  // One transaction may hold several calls of run_migrations(), and several may be open at once.
  std::vector<HostedUnit*> units_with(int connection) {
    std::vector<HostedUnit*> found;
    for (HostedUnit& unit : units_) {
      if (unit.connection() == connection && unit.is_locked()) found.push_back(&unit);
    }
    return found;
  }

  void before_commit(int connection) override {
    for (const HostedUnit* unit : units_with(connection)) {
      unit->go_on_or_throw();
      tell_of_commit(*unit, "commits in its middle");
    }
  }
  void committed(int connection) override {
    for (HostedUnit* unit : units_with(connection)) take_as_done(*unit);
  }
  void rolled_back(int connection) override {
    for (HostedUnit* unit : units_with(connection)) lost_steps_ += unit->take_back();
  }
  void ended_by_statement(int connection, const std::string& /*sql*/) override {
    for (const HostedUnit* unit : units_with(connection)) {
      tell_of_commit(*unit, "ends its transaction by a statement");
    }
  }

  void tell_of_commit(const HostedUnit& unit, const char* what) {
    if (unit.running() == nullptr) return;
    context_.observer.warned(
        fmt::format("revision {} {}: what it did so far stays if it fails behind that",
                    unit.running()->revision, what));
  }

  void take_as_done(HostedUnit& unit) {
    if (!unit.has_ended_steps()) return;
    for (HostedUnit::EndedStep& ended : unit.take_ended()) {
      const milliseconds took(ended.report.duration_ms);
      const PreparedStep& prepared = *ended.prepared;
      hooks_->step_finished(prepared.step, prepared.revision, took);
      context_.observer.step_finished(prepared.step, prepared.revision, took);
      context_.report.steps.push_back(std::move(ended.report));
    }
  }

  // --- the end ---

  // Whoever reads that one revision failed would think that those before it stay.
  Error told_with_lost_steps(const Error& error) {
    std::size_t lost = lost_steps_;
    for (HostedUnit& unit : units_) {
      if (unit.connection() != 0) lost += unit.take_back();  // closing the connection rolls back
    }
    if (lost == 0) return error;
    const std::string text =
        error.message() + "; the revisions before it in this run are rolled back with it";
    if (!error.failure()) return {error.reason(), text, error.hint()};
    return {error.reason(), text, *error.failure(), error.hint()};
  }

  std::string message() const {
    const Plan& plan = units_.back().plan();
    const bool down = !plan.steps.empty() && plan.steps.front().direction == Direction::Down;
    const std::size_t count = context_.report.steps.size();
    const auto took = std::chrono::duration_cast<milliseconds>(Clock::now() - begun_).count();
    return fmt::format("{} to {}: {} revision{} in {}", down ? "downgraded" : "upgraded",
                       revisions_text(plan.finish), count, count == 1 ? "" : "s",
                       duration_text(took));
  }

  // Nothing may be left that was not committed.
  void settle_units() {
    for (HostedUnit& unit : units_) {
      if (unit.connection() == 0 && unit.has_ended_steps()) settle_foreign(unit);
      lost_steps_ += unit.take_back();
      if (std::exchange(lost_steps_, 0) > 0) {
        throw Error(Reason::MigrationFailed,
                    fmt::format("{} has ended without a COMMIT: what it ran is rolled back",
                                env_py_path(context_.options.settings)),
                    "let env.py call context.run_migrations() inside `with "
                    "context.begin_transaction():`");
      }
      unit.grant();
    }
  }

  // Of the project's own driver, whose transactions we do not see.
  void settle_foreign(HostedUnit& unit) {
    // The caller commits; the next run takes them into the history, as it does Alembic's. To read
    // the table might wait for the caller's lock.
    if (host_.is_left_open()) return take_as_done(unit);
    if (!unit.is_at_ended_steps()) return;
    unit.write_history();
    take_as_done(unit);
  }

  ScriptPlace place() const {
    if (units_.empty() || units_.back().running() == nullptr) return {};
    const HostedUnit& unit = units_.back();
    const StepReport& step = *unit.running();
    const std::string& file = unit.graph().at(step.revision).file;
    return {fmt::format("{} {}", step.direction == "upgrade" ? "upgrade to" : "downgrade of",
                        step.revision),
            step.revision, file.substr(file.rfind('/') + 1)};
  }

  ScriptHost host_;
  const std::stop_token stop_;
  const HostedContext context_;
  const Environment& environment_;
  std::deque<HostedUnit> units_ = {};
  std::size_t lost_steps_ = 0;  // that had ended, and were rolled back
  std::optional<RunHooks> hooks_ = {};
  const Clock::time_point begun_ = Clock::now();
};

}  // namespace

void migrate_hosted(const Options& options, Observer& observer, const std::stop_token& stop,
                    RunReport& report, const Environment& environment, const RevisionGraph& graph) {
  if (!has_env_py(options.settings)) {
    const auto script =
        std::ranges::find(graph.revisions(), ScriptFormat::Python, &Revision::format);
    if (script != graph.revisions().end()) refuse_python(*script);
  }
  HostedRun(options, observer, stop, report, environment, graph).run();
}

}  // namespace engine
