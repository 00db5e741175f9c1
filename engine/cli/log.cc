// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/log.h"

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <nlohmann/json.hpp>
#include <string_view>

#include "engine/cli/paint.h"
#include "engine/cli/print.h"
#include "engine/cli/progress_words.h"
#include "engine/run/timestamp.h"

namespace engine {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::chrono::seconds kProgressInterval{5};

// Some hints end with an example of several lines.
std::string_view without_line_end(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  return text;
}

}  // namespace

// spdlog writes whole lines; their text is made here.
class Log::Sink {
 public:
  explicit Sink(TerminalLine* line)
      : line_(line), logger_("stillhead", std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    logger_.set_pattern("%v");
    logger_.flush_on(spdlog::level::trace);
    // Standard error may be closed; a run must not end because nobody listens.
    logger_.set_error_handler([](const std::string&) {});
  }

  void text(const LogOptions& options, std::string_view message) {
    if (!options.quiet) named(options, "stillhead", message);
  }
  void named(const LogOptions& options, std::string_view logger, std::string_view message) {
    plain(fmt::format("{}INFO {} [{}] {}", options.color ? kGreen : "", options.color ? kPlain : "",
                      logger, printable(message)));
  }

  void running(const LogOptions& options, std::string_view message) {
    if (options.quiet) return;
    named(options, options.as_alembic ? "alembic.runtime.migration" : "stillhead", message);
  }

  void json(const Json& fields, std::string_view level, std::string_view message,
            std::string_view marker) {
    Json line = {
        {"ts", timestamp_now()}, {"level", level}, {"msg", message}, {"stillhead", marker}};
    line.update(fields);
    plain(line.dump(-1, ' ', false, Json::error_handler_t::replace));
  }

  void progress(const LogOptions& options, std::string_view message, const Json& fields) {
    if (!options.quiet) json(fields, "info", message, "progress");
  }

  void plain(std::string_view line) {
    std::unique_lock<std::mutex> room;
    if (line_ != nullptr) room = line_->make_room();
    logger_.log(spdlog::level::info, "{}", line);
  }

 private:
  TerminalLine* line_;
  spdlog::logger logger_;
};

Log::Log(const LogOptions& options)
    : sink_(std::make_unique<Sink>(options.line)), options_(options) {}

Log::~Log() = default;

void Log::waiting_for_lock(const std::string& holder) {
  if (options_.format == LogFormat::Json) {
    sink_->progress(options_, "waiting for lock", {{"holder", holder}});
    return;
  }
  sink_->text(options_, fmt::format("Waiting for another run to end{}",
                                    holder.empty() ? "" : fmt::format(": {}", holder)));
}

void Log::before_step(const Step& step, const Revision& /*revision*/, int /*number*/,
                      int /*count*/) {
  const std::lock_guard lock(mutex_);
  revision_ = step.revision;
  progress_again_at_ = {};
}

void Log::step_started(const Step& step, const Revision& revision, int number, int count) {
  {
    const std::lock_guard lock(mutex_);
    revision_ = step.revision;
    number_ = number;
    count_ = count;
  }
  if (options_.format == LogFormat::Text) {
    // Alembic itself tells of Python scripts then.
    if (options_.as_alembic && revision.format == ScriptFormat::Python) return;
    sink_->running(options_, running_text(step, revision));
    return;
  }
  sink_->progress(options_, "step started",
                  {{"revision", step.revision},
                   {"direction", step.direction == Direction::Up ? "upgrade" : "downgrade"},
                   {"step", number},
                   {"steps", count},
                   {"message", revision.message}});
}

void Log::statement_sent(const std::string& sql) {
  if (options_.quiet) return;
  const std::lock_guard lock(mutex_);
  if (options_.format == LogFormat::Json) {
    sink_->json({{"revision", revision_}}, "info", sql, "sql");
  } else {
    sink_->named(options_, "stillhead.sql",
                 revision_.empty() ? sql : fmt::format("{}: {}", revision_, sql));
  }
}

void Log::retrying(const std::string& what, int attempt, int attempts, const std::string& blockers,
                   std::chrono::milliseconds pause) {
  const std::lock_guard lock(mutex_);
  if (options_.format == LogFormat::Text) {
    sink_->text(options_,
                fmt::format("{}: {}", what, retry_text(attempt, attempts, blockers, pause)));
    return;
  }
  sink_->progress(options_, "retrying",
                  retry_fields(revision_, what, attempt, attempts, blockers, pause));
}

void Log::progressed(const StatementProgress& progress) {
  const std::lock_guard lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (now < progress_again_at_) return;
  progress_again_at_ = now + kProgressInterval;
  if (options_.format == LogFormat::Text) {
    sink_->text(options_, fmt::format("{}{}{}", revision_, revision_.empty() ? "" : ": ",
                                      progress_text(progress)));
    return;
  }
  sink_->progress(options_, "progress", progress_fields(revision_, progress));
}

void Log::hook_said(const std::string& hook, const std::string& line) {
  if (options_.format == LogFormat::Json) {
    sink_->json({{"hook", hook}}, "info", line, "hook");
  } else {
    sink_->named(options_, "stillhead.hook", fmt::format("{}: {}", hook, line));
  }
}

void Log::waiting_for_revisions(const std::string& revisions, const std::string& state) {
  if (options_.format == LogFormat::Json) {
    sink_->progress(options_, "waiting for revisions",
                    {{"revisions", revisions}, {"state", state}});
  } else {
    sink_->text(options_, fmt::format("Waiting for {}: {}", revisions, state));
  }
}

void Log::warned(const std::string& text) {
  if (options_.format == LogFormat::Text) {
    sink_->plain(fmt::format("warning: {}", printable(text)));
  } else {
    sink_->json({}, "warning", text, "warning");
  }
}

void Log::script_failed(const std::string& traceback) {
  if (options_.format == LogFormat::Text) {
    sink_->plain(without_line_end(traceback));
  } else {
    sink_->json({{"traceback", traceback}}, "error", "a Python script failed", "error");
  }
}

void Log::finished(const std::string& message) {
  if (options_.as_alembic) return;
  if (options_.format == LogFormat::Text) {
    sink_->text(options_, message);
  } else {
    sink_->progress(options_, "finished", {{"message", message}});
  }
}

void Log::stamp_started(const StampStep& step) {
  if (options_.format == LogFormat::Text) {
    sink_->running(options_, running_text(step));
    return;
  }
  sink_->progress(options_, "stamp started", {{"from", step.from}, {"to", step.to}});
}

void Log::resumed(const Step& step, int done, int count) {
  if (options_.format == LogFormat::Text) {
    if (done == 0) {
      sink_->text(options_,
                  fmt::format("Beginning again with statement 1 of {} of {}: an earlier run "
                              "has begun it",
                              count, step.revision));
      return;
    }
    sink_->text(options_,
                fmt::format("Going on behind statement {} of {} of {}: an earlier run has "
                            "committed the statements up to it",
                            done, count, step.revision));
    return;
  }
  sink_->progress(options_, "step resumed",
                  {{"revision", step.revision}, {"done", done}, {"statements", count}});
}

void Log::step_finished(const Step& step, const Revision& /*revision*/,
                        std::chrono::milliseconds duration) {
  {
    const std::lock_guard lock(mutex_);
    revision_.clear();
  }
  if (options_.format == LogFormat::Text) return;
  sink_->progress(options_, "step finished",
                  {{"revision", step.revision},
                   {"direction", step.direction == Direction::Up ? "upgrade" : "downgrade"},
                   {"step", number_},
                   {"steps", count_},
                   {"durationMs", duration.count()}});
}

void Log::error(Reason reason, const std::string& message, const std::string& hint) {
  if (options_.format == LogFormat::Json) {
    sink_->json({{"reason", name_of(reason)}, {"hint", hint}}, "error", message, "error");
    return;
  }
  sink_->plain(fmt::format("{}stillhead:{} {}", options_.color ? kRed : "",
                           options_.color ? kPlain : "", printable(message)));
  if (!hint.empty()) sink_->plain(fmt::format("hint: {}", printable(without_line_end(hint))));
}

}  // namespace engine
