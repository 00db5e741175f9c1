// SPDX-License-Identifier: Apache-2.0
//
// The program `stillhead`: the only place that catches. Whatever happens, there is one message, one
// report and one exit code.
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <optional>
#include <span>

#include "engine/cli/commands.h"
#include "engine/cli/drop_in.h"
#include "engine/cli/events.h"
#include "engine/cli/exec_program.h"
#include "engine/cli/log.h"
#include "engine/cli/observer_group.h"
#include "engine/cli/options.h"
#include "engine/cli/progress_line.h"
#include "engine/cli/report_file.h"
#include "engine/cli/signals.h"
#include "engine/core/error.h"
#include "engine/host/child_process.h"
#include "engine/run/timestamp.h"

namespace {

using engine::Error;
using engine::Medium;
using engine::Reason;
using engine::RunReport;

engine::Environment environment() {
  engine::Environment result;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos) {
      result.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  return result;
}

std::filesystem::path executable() {
  std::error_code ignored;
  return std::filesystem::read_symlink("/proc/self/exe", ignored);
}

class Program {
 public:
  // `name`: as it was called.
  Program(const std::string& name, std::span<char*> arguments)
      : arguments_(arguments),
        words_(arguments.begin(), arguments.end()),
        as_alembic_(std::filesystem::path(name).filename() == "alembic") {}

  int run() {
    try {
      report_ = engine::new_report();
      options_.report = engine::find_report_options(words_, environment_);
      options_ = engine::parse_options(words_, environment_);
      options_.as_alembic = as_alembic_;
      understood_ = true;
      engine::wipe_argument(arguments_, options_.database_url_argument);
      run_command();
    } catch (const Error& e) {
      fail(e.reason(), e.message(), e.hint());
      report_.failure = e.failure();
    } catch (const std::exception& e) {
      fail_with_bug(e.what());
    } catch (...) {
      fail_with_bug("an exception of unknown type");
    }
    report_.finished_at = engine::timestamp_now();
    const auto* exec = std::get_if<engine::Exec>(&options_.command);
    if (exec != nullptr && report_.reason == Reason::Succeeded) return become(exec->words);
    deliver();
    return exit_code();
  }

 private:
  void run_command() {
    engine::TerminalLine line(
        [](std::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); });
    engine::LogOptions logged = log_options();
    logged.line = &line;
    engine::Log log(logged);
    std::vector<engine::Observer*> observers = {&log};
    std::optional<engine::ProgressLine> progress;
    if (draws_progress()) observers.push_back(&progress.emplace(line, STDERR_FILENO));
    if (options_.events) {
      const std::string& run_id = options_.run_id.empty() ? report_.run_id : options_.run_id;
      observers.push_back(&events_.emplace(*options_.events, run_id));
      events_->run_started(options_.command_name, options_.target);
    }
    if (const auto* exec = std::get_if<engine::Exec>(&options_.command)) {
      if (!can_become(exec->words.front())) return;
    }
    engine::ObserverGroup observer(observers);
    const engine::CommandContext context{observer,
                                         signals_.token(),
                                         executable_,
                                         children_environment_,
                                         medium_of(STDOUT_FILENO),
                                         [this](const std::string& text) { say(text); }};
    output_ = engine::run_command(options_, context, report_);
  }

  bool can_become(const std::string& program) {
    const auto fault = engine::check_program(program, children_environment_);
    if (fault) fail_to_become(*fault);
    return !fault;
  }

  void fail_to_become(const engine::CannotExec& fault) {
    report_.command = options_.command_name;
    report_.target = options_.target;
    fail(Reason::InvalidUsage, fault.message, fault.hint);
    exit_code_ = fault.exit_code;
  }

  // Returns the exit code when we have to stay what we are. Connections and lock are gone by now.
  int become(const std::vector<std::string>& words) {
    signals_.end();
    if (signals_.token().stop_requested()) {
      fail(Reason::Interrupted, fmt::format("interrupted before {} was started", words.front()),
           "run the same command again: what the upgrade did stays done");
    }
    deliver();
    if (report_.reason != Reason::Succeeded) return exit_code();
    signals_.restore();
    engine::CannotExec fault = engine::exec_program(words, children_environment_);
    fault.hint = "what the upgrade did stays done";
    options_.report.json = false;  // it is printed
    fail_to_become(fault);
    deliver();
    return exit_code();
  }

  int exit_code() const {
    if (as_alembic_) return engine::alembic_exit_code(report_.reason, understood_);
    return exit_code_ != 0 ? exit_code_ : engine::exit_code_of(report_.reason);
  }

  // For a person who watches.
  bool draws_progress() const {
    const auto terminal = environment_.find("TERM");
    return engine::is_migration(options_.command) && !options_.quiet && !options_.report.json &&
           options_.report.log_format == engine::LogFormat::Text &&
           medium_of(STDERR_FILENO) != Medium::Pipe &&
           (terminal == environment_.end() || terminal->second != "dumb");
  }

  void say(const std::string& text) {
    if (options_.report.json || options_.quiet) return;
    if (const int error = write_out(text); say_error_ == 0) say_error_ = error;
  }

  void fail(Reason reason, const std::string& message, const std::string& hint) {
    report_.reason = reason;
    report_.message = message;
    report_.hint = hint;
  }

  void fail_with_bug(std::string_view what) {
    fail(Reason::Bug, fmt::format("this is a bug in stillhead: {}", what),
         fmt::format("please report it with the command that you ran and the version {}",
                     report_.engine_version));
  }

  // Each channel for itself: that one is closed must not silence the others.
  void deliver() {
    engine::Log log(log_options());
    if (report_.reason != Reason::Succeeded) tell_failure(log);
    if (!options_.report.file.empty()) {
      try {
        engine::write_report_file(options_.report.file,
                                  to_json(report_for_file(), options_.report.limit));
      } catch (const Error& e) {
        // The run may have ended for this very reason.
        if (e.message() != report_.message) log.error(e.reason(), e.message(), e.hint());
      }
    }
    print_or_log(log);
    if (!events_) return;
    const std::string about_reader = events_->run_finished(report_);
    if (!about_reader.empty()) log.warned(fmt::format("--events: {}", about_reader));
    events_.reset();
  }

  void tell_failure(engine::Log& log) {
    if (as_alembic_ && understood_ && report_.reason == Reason::DatabaseAhead) {
      log.warned(report_.message);
    } else if (as_alembic_ && exit_code() == engine::kAlembicRefused) {
      say(fmt::format("FAILED: {}\n", report_.message));
    } else {
      log.error(report_.reason, report_.message, report_.hint);
    }
  }

  void print_or_log(engine::Log& log) {
    const int write_error = print();
    if (write_error == 0 || write_error == EPIPE) return;
    const std::string cause =
        fmt::format("cannot write to standard output: {}", std::strerror(write_error));
    log.error(Reason::InvalidUsage, cause, {});
    // What a migration did stays done; a command that only tells has failed.
    const bool only_tells = output_.is_product || !engine::is_migration(options_.command);
    if (report_.reason == Reason::Succeeded && only_tells) {
      fail(Reason::InvalidUsage, cause, {});
    }
  }

  RunReport report_for_file() const {
    RunReport report = report_;
    if (options_.report.without_data && report.failure) {
      report.failure->detail.clear();
      report.failure->sql.clear();
    }
    return report;
  }

  // 0, or the errno that says why not all of it could be written.
  int print() const {
    if (say_error_ != 0) return say_error_;
    const bool failed = report_.reason != output_.reason;
    std::string text;
    if (options_.report.json) {
      text = failed || output_.json.empty() ? to_json(report_) + "\n" : output_.json;
    } else if (!failed && (!options_.quiet || output_.is_product)) {
      text = output_.text;
    }
    return write_out(text);
  }

  static int write_out(const std::string& text) {
    errno = 0;
    const bool written =
        std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
    return written ? 0 : errno == 0 ? EIO : errno;
  }

  engine::LogOptions log_options() const {
    return {options_.report.log_format, medium_of(STDERR_FILENO) == Medium::ColorTerminal,
            options_.quiet, as_alembic_};
  }

  Medium medium_of(int descriptor) const {
    if (::isatty(descriptor) != 1) return Medium::Pipe;
    return options_.color ? Medium::ColorTerminal : Medium::Terminal;
  }

  std::span<char*> arguments_;
  std::vector<std::string> words_;
  bool as_alembic_;
  bool understood_ = false;  // the command line
  engine::Environment environment_ = environment();
  engine::StopSignals signals_ = {};
  engine::Options options_ = {};
  RunReport report_ = {};
  engine::Output output_ = {};
  std::optional<engine::Events> events_ = {};
  const std::filesystem::path executable_ = executable();
  // Of hooks, editors, and what `exec` becomes.
  const engine::Environment children_environment_ =
      engine::child_environment(environment_, executable_);
  int exit_code_ = 0;  // not 0: instead of the reason's
  int say_error_ = 0;  // errno of the first text that standard output did not take
};

}  // namespace

int main(int argc, char** argv) {
  return Program(argc > 0 ? argv[0] : "",
                 std::span(argv, static_cast<std::size_t>(argc)).subspan(argc > 0 ? 1 : 0))
      .run();
}
