// SPDX-License-Identifier: Apache-2.0
//
// One command for the project's Python, from start to end: the child process, its connections, and
// what becomes of its errors. Messages: docs/script-host.md.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/cli/options.h"
#include "engine/core/error.h"
#include "engine/core/revision_graph.h"
#include "engine/db/connection.h"
#include "engine/host/child_process.h"
#include "engine/host/database_server.h"
#include "engine/host/host_process.h"
#include "engine/host/interpreter.h"
#include "engine/run/observer.h"

namespace engine {

// What is running, for errors.
struct ScriptPlace {
  std::string what = {};      // "upgrade to a1"; empty: env.py
  std::string revision = {};  // empty: env.py
  std::string file = {};      // base name of the script
};

class ScriptHost {
 public:
  using Json = nlohmann::json;

  // All must outlive the host.
  ScriptHost(const Options&, Observer&, std::stop_token, const Environment&, TransactionWatch&);

  // Answers a request that is not about connections. What it throws is the answer, and ends the
  // run.
  using Handler = std::function<Json(const std::string& what, const Json& request)>;
  // Runs `command` ("migrate", "alembic") with these words behind `alembic`. Throws what the
  // handler has thrown; Error(MigrationFailed) when Python failed or has gone, and what its last
  // statement met, if that was the reason; Error(InvalidScripts) when Alembic is not installed;
  // Error(Interrupted); Error(InvalidUsage) without an interpreter.
  void run(const std::string& command, const std::vector<std::string>& words,
           const RevisionGraph& graph, const Handler& handler,
           const std::function<ScriptPlace()>& place);

  // Told to stop from outside, or the calling program has gone: what waits for a run listens to it.
  std::stop_token stop() const { return run_stop_.get_token(); }

  // After run(): the steps stand in a transaction that the calling program has still to commit.
  bool is_left_open() const { return left_open_; }

  // As the child numbers it. Null: there is none.
  Connection* connection(int number) { return server_.find(number); }
  // DatabaseServer::suspend().
  bool suspend(int number) { return server_.suspend(number); }

 private:
  Json command_json(const std::string& command, const std::vector<std::string>& words,
                    const RevisionGraph&) const;
  // False: the other side has gone before it has told its end.
  bool serve(HostProcess&, const Json& command, const Handler&);
  Json answer(const std::string& line, const Handler&);
  std::unique_ptr<Connection> open(const std::string& url);
  Error explained(const Json& told, const ScriptPlace&) const;
  Error end_without_word(const ChildEnd&, const Interpreter&, const ScriptPlace&) const;
  Error end_of_caller(const ScriptPlace&) const;
  std::string what_ran(const ScriptPlace&) const;

  const Options& options_;
  Observer& observer_;
  std::stop_token stop_;  // from outside
  std::stop_source run_stop_ = {};
  const Environment& environment_;
  DatabaseServer server_;
  std::optional<Error> refused_ = {};
  std::unique_ptr<Json> failed_;
  bool over_ = false;
  bool left_open_ = false;
  std::stop_callback<std::function<void()>> on_stop_;
};

// The graph as the child gets it.
nlohmann::json revisions_json(const RevisionGraph&);

// env.py has the say where the database and the version table are: the project has one, has Python
// scripts or none yet, or leaves it to env.py where scripts are, and no flag, variable STILLHEAD_*
// or stillhead.yaml names a database. For a program that runs env.py itself these do not count:
// what it has configured holds.
bool env_py_names_database(const Options&, const RevisionGraph&);
// A setting that env.py must not contradict.
bool is_explicit(const Settings&, Key);
std::string env_py_path(const Settings&);
bool has_env_py(const Settings&);
// env.py names version_locations.
bool env_py_names_folders(const Settings&);
bool has_python(const RevisionGraph&);

// Of a message: empty where there is no such text.
std::string text_of(const nlohmann::json& message, const char* member);
// Of `begin_run`.
VersionTableName version_table_in(const nlohmann::json& request);
// The folders that env.py has put in the place of those of the settings; empty: it has not.
std::vector<std::string> version_locations_in(const nlohmann::json& request);

}  // namespace engine
