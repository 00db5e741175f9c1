// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/script_host.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "engine/cli/inputs.h"
#include "engine/cli/print.h"

namespace engine {
namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;

constexpr milliseconds kGrace{5'000};           // for the child to end by itself
constexpr milliseconds kLook{10'000};           // a hang-up ends it
constexpr std::size_t kShownStatement = 2'000;  // bytes

bool names_database(const Options& options) {
  const Settings& settings = options.settings;
  if (options.host_socket >= 0) return false;
  return is_explicit(settings, Key::DatabaseUrl) || is_explicit(settings, Key::DatabaseUrlFile);
}

std::string said(const Json& told, const std::string& kind, const std::string& message) {
  if (kind == "exit") {
    return fmt::format("it ended Python by itself (sys.exit, code {})", told.value("code", 0));
  }
  if (kind == "environment") return message;
  const std::string type = text_of(told, "type");
  return fmt::format("{}: {}", type.substr(type.rfind('.') + 1), message);
}

// A program that is killed while a statement runs: nobody waits for the result any more.
class HangUpWatch {
 public:
  // `host` must outlive the watch. `on_hang_up` is called in a thread of its own.
  HangUpWatch(HostProcess& host, std::function<void()> on_hang_up)
      : host_(host), thread_([this, call = std::move(on_hang_up)](const std::stop_token& over) {
          while (!over.stop_requested()) {
            if (!host_.has_hung_up(kLook)) continue;
            if (!over.stop_requested()) call();
            return;
          }
        }) {}
  ~HangUpWatch() {
    thread_.request_stop();
    host_.hang_up();
  }
  HangUpWatch(const HangUpWatch&) = delete;
  HangUpWatch& operator=(const HangUpWatch&) = delete;

 private:
  HostProcess& host_;
  std::jthread thread_;
};

}  // namespace

ScriptHost::ScriptHost(const Options& options, Observer& observer, std::stop_token stop,
                       const Environment& environment, TransactionWatch& watch)
    : options_(options),
      observer_(observer),
      stop_(std::move(stop)),
      environment_(environment),
      server_([this](const std::string& url) { return open(url); }, watch),
      on_stop_(stop_, [this] { run_stop_.request_stop(); }) {}

void ScriptHost::run(const std::string& command, const std::vector<std::string>& words,
                     const RevisionGraph& graph, const Handler& handler,
                     const std::function<ScriptPlace()>& place) {
  if (options_.host_socket >= 0) {
    HostProcess caller(options_.host_socket);
    const HangUpWatch watch(caller, [this] {
      run_stop_.request_stop();
      server_.cancel();
    });
    if (!serve(caller, command_json(command, words, graph), handler)) throw end_of_caller(place());
  } else {
    const Interpreter interpreter = find_interpreter(options_.settings, environment_);
    // With --json standard output is one document, and ours.
    HostProcess child(interpreter.path,
                      options_.report.json ? ChildProcess::Output::ToStandardError
                                           : ChildProcess::Output::Inherit,
                      environment_);
    const bool is_told = serve(child, command_json(command, words, graph), handler);
    const ChildEnd end = child.end(kGrace);
    if (!is_told) throw end_without_word(end, interpreter, place());
  }
  if (stop_.stop_requested()) {
    throw Error(Reason::Interrupted, fmt::format("{} interrupted; rolled back", what_ran(place())),
                "run the same command again");
  }
  if (refused_) {
    // As its logger is set up by most env.py.
    if (options_.as_alembic) {
      observer_.script_failed("ERROR [alembic.util.messaging] " + refused_->message());
    }
    throw Error(*refused_);
  }
  if (failed_) throw explained(*failed_, place());
}

bool ScriptHost::serve(HostProcess& host, const Json& command, const Handler& handler) {
  host.send(command.dump());
  const std::stop_callback on_stop(stop_, [this] { server_.cancel(); });
  while (!over_) {
    const auto line = host.receive(stop_);
    if (!line) return false;
    host.send(answer(*line, handler).dump(-1, ' ', false, Json::error_handler_t::replace));
  }
  return true;
}

Json ScriptHost::command_json(const std::string& command, const std::vector<std::string>& words,
                              const RevisionGraph& graph) const {
  const Settings& settings = options_.settings;
  Json made = {
      {"command", command},
      {"argv", words},
      {"driver", settings.text(Key::Driver)},
      {"url", nullptr},
      {"announce", options_.as_alembic},
      {"env_py",
       has_env_py(settings) ? std::filesystem::absolute(env_py_path(settings)).string() : ""},
      {"revisions", revisions_json(graph)}};
  if (names_database(options_)) {
    const std::string url = given_url(options_);
    if (url.find("://") != std::string::npos) made["url"] = url;  // SQLAlchemy reads no other form
  }
  return made;
}

Json ScriptHost::answer(const std::string& line, const Handler& handler) {
  try {
    const Json request = Json::parse(line);
    const std::string what = request.at("do");
    // An env.py that catches everything must not commit what was refused.
    if (refused_ && what == "commit") return error_answer(*refused_);
    if (DatabaseServer::serves(what)) return server_.answer(request);
    over_ = what == "finished" || what == "failed";
    if (what == "finished") left_open_ = request.value("left_open", false);
    if (what == "failed") failed_ = std::make_unique<Json>(request.at("error"));
    if (what == "warn") observer_.warned(text_of(request, "text"));
    return over_ || what == "warn" ? Json::object() : handler(what, request);
  } catch (const Error& error) {
    if (!refused_) refused_ = error;
    return error_answer(error);
  } catch (const Json::exception& error) {
    throw Error(Reason::Bug,
                fmt::format("a message of the script host makes no sense: {}", error.what()));
  }
}

std::unique_ptr<Connection> ScriptHost::open(const std::string& text) {
  const DatabaseUrl url = parse_database_url(text);
  ConnectOptions connecting = connect_options(options_, &observer_);
  connecting.create = true;
  return connect(url, connecting, stop());
}

std::string ScriptHost::what_ran(const ScriptPlace& place) const {
  return place.what.empty() ? env_py_path(options_.settings) : place.what;
}

Error ScriptHost::explained(const Json& told, const ScriptPlace& place) const {
  const std::string kind = text_of(told, "kind");
  const std::string message = text_of(told, "message");
  if (kind == "missing") {
    return {Reason::InvalidScripts, message,
            "install alembic into the project's environment, or name its interpreter: `python: "
            "PATH` in stillhead.yaml, or STILLHEAD_PYTHON"};
  }
  // What Alembic has to say about what it was told to do; it says of itself what it is about.
  if (kind == "command") {
    const bool is_behind = text_of(told, "type").ends_with("AutogenerateDiffsDetected") ||
                           message == "Target database is not up to date.";
    return {is_behind ? Reason::NotUpToDate : Reason::InvalidUsage, message};
  }
  if (kind == "exit" && place.what.empty() && told.value("code", 0) == 2) {
    return {Reason::InvalidUsage, "the project's Alembic does not take this command line",
            "it says why above; `check` is there from Alembic 1.9 on"};
  }
  const std::optional<Error>& met = server_.last_error();
  // Where the script was says nothing about it. The traceback has it, too, where env.py has raised
  // something else for it.
  const bool is_told =
      met && (message + text_of(told, "traceback")).find(met->message()) != std::string::npos;
  if (is_told && is_of_connection(*met)) return *met;
  if (kind == "exception") observer_.script_failed(text_of(told, "traceback"));
  Failure failure;
  Reason reason = kind == "environment" ? Reason::InvalidUsage : Reason::MigrationFailed;
  std::string hint;
  if (met && met->failure() && message.find(met->failure()->message) != std::string::npos) {
    failure = *met->failure();
    reason = met->reason();
    hint = met->hint();
  }
  if (failure.message.empty()) failure.message = message;
  if (failure.sqlstate.empty()) failure.sqlstate = text_of(told, "sqlstate");
  if (failure.detail.empty()) failure.detail = text_of(told, "traceback");
  failure.revision = text_of(told, "revision");
  failure.file = text_of(told, "file");
  failure.file.erase(0, failure.file.rfind('/') + 1);
  failure.line = told.value("line", 0);
  failure.sql = text_of(told, "statement").substr(0, kShownStatement);
  std::string text = fmt::format("{} failed: {}", what_ran(place), said(told, kind, message));
  if (!failure.file.empty()) text += fmt::format(", {}:{}", failure.file, failure.line);
  return {reason, text, failure, hint};
}

// As a crash does, and os._exit().
Error ScriptHost::end_without_word(const ChildEnd& end, const Interpreter& interpreter,
                                   const ScriptPlace& place) const {
  const std::string how =
      end.signal == 0
          ? fmt::format("ended with code {} without a word, as os._exit() does", end.exit_code)
          : fmt::format("was killed by signal {}{}", end.signal,
                        end.signal == 9 ? ", as happens when memory is short" : "");
  Failure failure;
  failure.revision = place.revision;
  failure.file = place.file;
  failure.message = fmt::format("Python {}", how);
  return {Reason::MigrationFailed,
          fmt::format("{} failed: Python {}; what was not committed is rolled back",
                      what_ran(place), how),
          failure, fmt::format("the interpreter is {} ({})", interpreter.path, interpreter.origin)};
}

Error ScriptHost::end_of_caller(const ScriptPlace& place) const {
  Failure failure;
  failure.revision = place.revision;
  failure.file = place.file;
  failure.message = "the program that ran the scripts has gone";
  return {Reason::MigrationFailed,
          fmt::format("{} failed: {}; what was not committed is rolled back", what_ran(place),
                      failure.message),
          failure, "call it again"};
}

std::string text_of(const Json& message, const char* member) {
  const auto found = message.find(member);
  return found != message.end() && found->is_string() ? found->get<std::string>() : std::string();
}

VersionTableName version_table_in(const Json& request) {
  return {text_of(request, "version_table_schema"), text_of(request, "version_table"),
          request.value("version_table_pk", true)};
}

Json revisions_json(const RevisionGraph& graph) {
  Json list = Json::array();
  for (const Revision& revision : graph.revisions()) {
    list.push_back({{"id", revision.id},
                    {"file", std::filesystem::absolute(revision.file).string()},
                    {"down", revision.down_revisions},
                    {"depends", revision.depends_on},
                    {"labels", revision.branch_labels},
                    {"message", message_lines(revision)},
                    {"host", revision.format == ScriptFormat::Python}});
  }
  return list;
}

std::vector<std::string> version_locations_in(const Json& request) {
  return request.value("version_locations", std::vector<std::string>());
}

bool has_python(const RevisionGraph& graph) {
  return std::ranges::any_of(graph.revisions(), [](const Revision& revision) {
    return revision.format == ScriptFormat::Python;
  });
}

bool has_env_py(const Settings& settings) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(env_py_path(settings), ignored);
}

bool env_py_names_database(const Options& options, const RevisionGraph& graph) {
  if (options.host_socket >= 0) return has_env_py(options.settings);
  // A new project has no revision that would tell.
  return !names_database(options) && has_env_py(options.settings) &&
         (has_python(graph) || graph.size() == 0 || env_py_names_folders(options.settings));
}

bool env_py_names_folders(const Settings& settings) {
  return env_py_names(settings, "version_locations");
}

bool is_explicit(const Settings& settings, Key key) {
  if (!settings.is_set(key)) return false;
  const std::string& origin = settings.origin(key);
  return origin.starts_with("--") || origin.starts_with("STILLHEAD_") ||
         origin.find(".yaml:") != std::string::npos;
}

std::string env_py_path(const Settings& settings) {
  return (std::filesystem::path(settings.script_location()) / "env.py").string();
}

}  // namespace engine
