// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/run_hooks.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "engine/cli/exec_program.h"
#include "engine/cli/hook_process.h"

namespace engine {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using How = HookEnd::How;

// A hook that begins when we were asked to stop gets this long.
constexpr milliseconds kLastPatience{10'000};

const char* name_of(Direction direction) {
  return direction == Direction::Up ? "upgrade" : "downgrade";
}

long since(Clock::time_point begin) {
  return static_cast<long>(std::chrono::duration_cast<milliseconds>(Clock::now() - begin).count());
}

// "hook before_revision of b2 failed: exit code 3"
std::string failure_text(const std::string& name, const std::string& of, const HookEnd& end,
                         const std::string& timeout) {
  std::string cause = fmt::format("exit code {}", end.exit_code);
  if (end.signal != 0) cause = fmt::format("it was ended by signal {}", end.signal);
  if (end.how == How::TimedOut) {
    cause = fmt::format("it took longer than {} and was ended", timeout);
  }
  if (end.how == How::Stopped) cause = "it was interrupted";
  return fmt::format("hook {}{}{} failed: {}", name, of.empty() ? "" : " of ", of, cause);
}

// Nothing that can hold people's data.
nlohmann::ordered_json document(const Error& error) {
  const Failure failure = error.failure().value_or(Failure{});
  return {{"reason", engine::name_of(error.reason())},
          {"message", error.message()},
          {"revision", failure.revision},
          {"file", failure.file},
          {"statement", failure.statement},
          {"line", failure.line},
          {"sqlState", failure.sqlstate}};
}

void add_result(nlohmann::ordered_json& json, Clock::time_point begin, const Error* error) {
  json["result"] = error == nullptr ? "succeeded" : "failed";
  json["durationMs"] = since(begin);
  if (error != nullptr) json["failure"] = document(*error);
}

std::string line_of(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace

void RunHooks::check() const {
  const HookSettings& hooks = context_.settings;
  for (const auto& [name, hook] : std::array<std::pair<const char*, const RunHook*>, 4>{
           {{"before_run", &hooks.before_run},
            {"after_run", &hooks.after_run},
            {"before_revision", &hooks.before_revision},
            {"after_revision", &hooks.after_revision}}}) {
    if (hook->words.empty()) continue;
    const auto fault = check_program(hook->words.front(), context_.environment);
    if (!fault) continue;
    throw Error(Reason::InvalidUsage,
                fmt::format("{}: hooks.{}: {}", hook->origin, name, fault->message),
                "nothing was done; correct the command or PATH");
  }
}

RunHooks::Json RunHooks::document(const char* event) const {
  const RunReport& report = context_.report;
  return {{"event", event},
          {"runId", report.run_id},
          {"command", report.command},
          {"target", report.target},
          {"database", context_.database}};
}

RunHooks::Json RunHooks::document(const char* event, const CurrentStep& current) const {
  Json json = document(event);
  json["revision"] = current.step.revision;
  json["direction"] = name_of(current.step.direction);
  json["message"] = current.revision.message;
  json["file"] = current.revision.file;
  json["step"] = current.number;
  json["steps"] = current.count;
  return json;
}

void RunHooks::before_run(const std::vector<PreparedStep>& steps) {
  steps_ = &steps;
  begin_ = Clock::now();
  Json json = document("before_run");
  json["from"] = context_.report.from;
  Json pending = Json::array();
  for (const PreparedStep& prepared : steps) {
    pending.push_back({{"revision", prepared.step.revision},
                       {"direction", name_of(prepared.step.direction)},
                       {"message", prepared.revision.message},
                       {"file", prepared.revision.file}});
  }
  json["pending"] = std::move(pending);
  run_before("before_run", "", context_.settings.before_run, json);
}

void RunHooks::after_run(const Error* error) {
  for (const CurrentStep& step : begun_) {
    Json json = document("after_revision", step);
    add_result(json, step.begin, error);
    run_after("after_revision", step.step.revision, context_.settings.after_revision, json);
  }
  Json json = document("after_run");
  json["from"] = context_.report.from;
  json["to"] = context_.report.to;
  Json done = Json::array();
  for (const StepReport& step : context_.report.steps) done.push_back(step.revision);
  json["done"] = std::move(done);
  json["pending"] = steps_->size() - context_.report.steps.size();
  add_result(json, begin_, error);
  run_after("after_run", "", context_.settings.after_run, json);
}

void RunHooks::before_step(const Step& step, const Revision& revision, int number, int count) {
  const CurrentStep next{step, revision, number, count, Clock::now()};
  run_before("before_revision", step.revision, context_.settings.before_revision,
             document("before_revision", next));
  begun_.push_back(next);
}

void RunHooks::step_finished(const Step& step, const Revision& /*revision*/,
                             milliseconds /*duration*/) {
  const auto begun = std::ranges::find_if(
      begun_, [&](const CurrentStep& other) { return other.step.revision == step.revision; });
  if (begun == begun_.end()) throw Error(Reason::Bug, "a revision has ended that never began");
  Json json = document("after_revision", *begun);
  add_result(json, begun->begin, nullptr);
  begun_.erase(begun);
  run_after("after_revision", step.revision, context_.settings.after_revision, json);
}

RunHooks::Outcome RunHooks::run(const char* name, const std::string& of, const RunHook& hook,
                                const Json& json) {
  const bool is_last = context_.stop.stop_requested();
  milliseconds timeout = context_.settings.timeout;
  std::string timeout_text = context_.settings.timeout_text;
  if (is_last && timeout > kLastPatience) {
    timeout = kLastPatience;
    timeout_text = "10s";
  }
  try {
    const HookEnd end =
        run_hook_process({hook.words, line_of(json), timeout}, context_.environment,
                         is_last ? std::stop_token() : context_.stop,
                         [&](const std::string& line) { context_.observer.hook_said(name, line); });
    if (end.how == How::Succeeded) return {};
    return {end.how == How::Stopped, failure_text(name, of, end, timeout_text)};
  } catch (const Error& error) {
    if (error.reason() != Reason::InvalidUsage) throw;
    return {false, fmt::format("hook {} failed: {}", name, error.message())};
  }
}

void RunHooks::run_before(const char* name, const std::string& of, const RunHook& hook,
                          const Json& json) {
  if (hook.words.empty()) return;
  const Outcome outcome = run(name, of, hook, json);
  if (outcome.stopped) {
    throw Error(Reason::Interrupted, fmt::format("interrupted while the hook {} was running", name),
                "run the same command again");
  }
  if (outcome.fault.empty()) return;
  throw Error(Reason::HookFailed, outcome.fault,
              fmt::format("the hook is named in {}; what it printed stands above", hook.origin));
}

void RunHooks::run_after(const char* name, const std::string& of, const RunHook& hook,
                         const Json& json) {
  if (hook.words.empty()) return;
  const Outcome outcome = run(name, of, hook, json);
  if (!outcome.fault.empty()) context_.observer.warned(outcome.fault);
}

}  // namespace engine
