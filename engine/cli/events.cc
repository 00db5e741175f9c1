// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/events.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "engine/cli/progress_words.h"
#include "engine/run/timestamp.h"

namespace engine {
namespace {

using Json = nlohmann::ordered_json;
using std::chrono::milliseconds;

constexpr milliseconds kLastPatience{1'000};

const char* name_of(Direction direction) {
  return direction == Direction::Up ? "upgrade" : "downgrade";
}

}  // namespace

Events::Events(int descriptor, std::string run_id)
    : pipe_(descriptor), run_id_(std::move(run_id)) {}

void Events::send(const char* event, const Json& fields) {
  const std::lock_guard lock(mutex_);
  send_locked(event, fields);
}

void Events::send_locked(const char* event, const Json& fields) {
  const auto write = [&](const char* name, const Json& more) {
    Json line = {{"time", timestamp_now()}, {"runId", run_id_}, {"event", name}};
    line.update(more);
    return pipe_.write(line.dump(-1, ' ', false, Json::error_handler_t::replace));
  };
  if (dropped_ > 0 && write("dropped", {{"count", dropped_}})) dropped_ = 0;
  if (dropped_ == 0 && write(event, fields)) return;
  ++dropped_;
  ++all_dropped_;
}

void Events::run_started(const std::string& command, const std::string& target) {
  send("run_started",
       {{"engineVersion", STILLHEAD_VERSION}, {"command", command}, {"target", target}});
}

std::string Events::run_finished(const RunReport& report) {
  const std::lock_guard lock(mutex_);
  pipe_.finish(kLastPatience / 2);
  send_locked("run_finished", {{"reason", engine::name_of(report.reason)},
                               {"exitCode", exit_code_of(report.reason)},
                               {"revision", report.failure ? report.failure->revision : ""},
                               {"message", report.message},
                               {"hint", report.hint}});
  pipe_.finish(kLastPatience / 2);
  if (!pipe_.fault().empty()) {
    return fmt::format("not all events could be written: {}", pipe_.fault());
  }
  if (all_dropped_ == 0) return {};
  return fmt::format("{} event{} dropped: the reader was too slow", all_dropped_,
                     all_dropped_ == 1 ? " was" : "s were");
}

void Events::waiting_for_lock(const std::string& holder) {
  send("lock_waiting", {{"holder", holder}});
}

void Events::before_step(const Step& step, const Revision& /*revision*/, int number, int count) {
  const std::lock_guard lock(mutex_);
  revision_ = step.revision;
  number_ = number;
  count_ = count;
}

void Events::step_started(const Step& step, const Revision& revision, int number, int count) {
  before_step(step, revision, number, count);
  send("step_started", {{"revision", step.revision},
                        {"direction", name_of(step.direction)},
                        {"step", number},
                        {"steps", count},
                        {"message", revision.message}});
}

void Events::statement_sent(const std::string& sql) {
  const std::lock_guard lock(mutex_);
  send_locked("statement", {{"revision", revision_}, {"sql", sql}});
}

void Events::retrying(const std::string& what, int attempt, int attempts,
                      const std::string& blockers, milliseconds pause) {
  const std::lock_guard lock(mutex_);
  send_locked("retrying", retry_fields(revision_, what, attempt, attempts, blockers, pause));
}

void Events::progressed(const StatementProgress& progress) {
  const std::lock_guard lock(mutex_);
  send_locked("progress", progress_fields(revision_, progress));
}

void Events::waiting_for_revisions(const std::string& revisions, const std::string& state) {
  send("waiting", {{"revisions", revisions}, {"state", state}});
}

void Events::warned(const std::string& text) { send("warning", {{"message", text}}); }

void Events::stamp_started(const StampStep& step) {
  send("stamp_started", {{"from", step.from}, {"to", step.to}});
}

void Events::resumed(const Step& step, int done, int count) {
  send("step_resumed", {{"revision", step.revision}, {"done", done}, {"statements", count}});
}

void Events::step_finished(const Step& step, const Revision& /*revision*/, milliseconds duration) {
  const std::lock_guard lock(mutex_);
  send_locked("step_finished", {{"revision", step.revision},
                                {"direction", name_of(step.direction)},
                                {"step", number_},
                                {"steps", count_},
                                {"durationMs", duration.count()}});
  revision_.clear();
}

}  // namespace engine
