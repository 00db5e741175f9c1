// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/env_py.h"

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/cli/offline.h"
#include "engine/cli/script_host.h"
#include "engine/script/new_revision.h"

namespace engine {
namespace {

using Json = nlohmann::json;
using Words = std::vector<std::string>;

void add(Words& words, const char* option, const std::string& value) {
  if (!value.empty()) words.insert(words.end(), {option, value});
}

Words words_of_merge(const MakeRevision& command) {
  Words words = {"merge"};
  add(words, "-m", command.message);
  add(words, "--branch-label", command.branch_label);
  add(words, "--rev-id", command.rev_id);
  words.insert(words.end(), command.parents.begin(), command.parents.end());
  return words;
}

Words words_of(const Init& command) {
  Words words;
  add(words, "-c", command.config_file.string());
  words.insert(words.end(), {"init", "-t", command.template_name});
  if (command.package) words.emplace_back("--package");
  words.push_back(command.folder.string());
  return words;
}

Words words_of(const MakeRevision& command) {
  Words words = {"revision"};
  add(words, "-m", command.message);
  if (command.autogenerate) words.emplace_back("--autogenerate");
  if (command.sql) words.emplace_back("--sql");
  for (const std::string& parent : command.parents) add(words, "--head", parent);
  if (command.splice) words.emplace_back("--splice");
  add(words, "--branch-label", command.branch_label);
  add(words, "--version-path", command.version_path);
  add(words, "--rev-id", command.rev_id);
  for (const std::string& revision : command.depends_on) add(words, "--depends-on", revision);
  return words;
}

Words words_of(const Options& options) {
  Words words = options.alembic_arguments;
  Words own = {options.command_name};
  if (const auto* revision = std::get_if<MakeRevision>(&options.command)) {
    own = options.command_name == "merge" ? words_of_merge(*revision) : words_of(*revision);
  } else if (const auto* init = std::get_if<Init>(&options.command)) {
    own = words_of(*init);
  } else {
    if (!options.target.empty()) own.push_back(options.target);
    if (wants_sql(options.command)) own.emplace_back("--sql");
    own.insert(own.end(), options.alembic_command_arguments.begin(),
               options.alembic_command_arguments.end());
  }
  words.insert(words.end(), own.begin(), own.end());
  return words;
}

// Of a run of the scripts: where DDL cannot be rolled back, Alembic commits each by itself.
TransactionMode transactions_in(const Json& request) {
  const bool per_revision = request.value("transaction_per_migration", false) ||
                            !request.value("transactional_ddl", true);
  return per_revision ? TransactionMode::PerRevision : TransactionMode::Single;
}

}  // namespace

bool only_needs_database(const Command& command) {
  if (const auto* history = std::get_if<History>(&command)) {
    return history->applied || history->indicate_current ||
           history->range.find("current") != std::string::npos;
  }
  if (const auto* graph = std::get_if<Graph>(&command)) return graph->indicate_current;
  return !wants_sql(command) &&
         (std::holds_alternative<Stamp>(command) ||
          std::holds_alternative<EnsureVersion>(command) ||
          std::holds_alternative<Current>(command) || std::holds_alternative<Repair>(command) ||
          std::holds_alternative<ShowPlan>(command));
}

ToldByEnvPy as_env_py_says(const Options& options, const CommandContext& context,
                           const RevisionGraph& graph) {
  ToldByEnvPy result{options};
  Options& told = result.options;
  bool is_told = false;
  TransactionWatch nobody;
  ScriptHost host(options, context.observer, context.stop, context.environment, nobody);
  const auto listen = [&](const std::string& what, const Json& request) -> Json {
    if (what != "begin_run") return Json::object();
    if (is_told) {
      if (!result.is_first_of_several) {
        context.observer.warned("env.py migrates several databases; this is about the first");
      }
      result.is_first_of_several = true;
    } else {
      const std::string& origin = env_py_path(options.settings);
      told.version_table = version_table_in(request);
      told.transactions = transactions_in(request);
      told.settings.set(Key::DatabaseUrl, text_of(request, "url"), origin);
      told.settings.set(Key::VersionTable, told.version_table.name, origin);
      told.settings.set(Key::VersionTableSchema, told.version_table.schema, origin);
      told.settings.set(Key::VersionTablePk, told.version_table.primary_key ? "true" : "false",
                        origin);
      const auto folders = version_locations_in(request);
      if (!folders.empty()) {
        told.settings.set(Key::VersionLocations, {}, origin);
        told.settings.replace(Key::VersionLocations, folders);
      }
    }
    is_told = true;
    return {{"heads", Json::array()}, {"steps", Json::array()}};
  };
  Words words = options.alembic_arguments;
  words.emplace_back("current");
  host.run("migrate", words, graph, listen, [] { return ScriptPlace(); });
  return result;
}

bool is_for_alembic(const Options& options, const RevisionGraph& graph) {
  if (!has_env_py(options.settings)) return false;
  if (std::holds_alternative<Check>(options.command)) return true;
  if (const auto* revision = std::get_if<MakeRevision>(&options.command)) {
    return revision->autogenerate || options.settings.flag(Key::RevisionEnvironment) ||
           needs_python(options.settings.script_location());
  }
  return wants_sql(options.command) && has_python(graph);
}

void run_in_alembic(const Options& options, const CommandContext& context,
                    const RevisionGraph& graph) {
  TransactionWatch nobody;
  ScriptHost host(options, context.observer, context.stop, context.environment, nobody);
  const auto listen = [](const std::string&, const Json&) -> Json { return Json::object(); };
  host.run("alembic", words_of(options), graph, listen, [] { return ScriptPlace(); });
}

}  // namespace engine
