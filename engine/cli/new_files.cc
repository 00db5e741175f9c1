// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/new_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "engine/cli/editor.h"
#include "engine/cli/env_py.h"
#include "engine/cli/hooks.h"
#include "engine/cli/inputs.h"
#include "engine/cli/json_text.h"
#include "engine/cli/script_host.h"
#include "engine/cli/status_lines.h"
#include "engine/core/error.h"
#include "engine/core/new_node.h"
#include "engine/host/child_process.h"
#include "engine/host/interpreter.h"
#include "engine/script/init_project.h"
#include "engine/script/new_file.h"
#include "engine/script/new_revision.h"

namespace engine {
namespace {

using Json = nlohmann::ordered_json;

RevisionId new_id(const MakeRevision& command) {
  if (!command.rev_id.empty()) return command.rev_id;
  std::random_device random;
  return random_revision_id(std::uint64_t{random()} << 32U | random());
}

NewNodeRequest request_of(const MakeRevision& command) {
  NewNodeRequest request;
  request.id = new_id(command);
  request.heads = command.parents;
  request.splice = command.splice;
  if (!command.branch_label.empty()) request.branch_labels = {command.branch_label};
  request.depends_on = command.depends_on;
  return request;
}

void refuse_what_needs_env_py(const MakeRevision& command, const Settings& settings) {
  if (command.autogenerate && command.sql) {
    throw Error(Reason::InvalidUsage, "Using --sql with --autogenerate does not make any sense");
  }
  if (command.sql && !settings.flag(Key::RevisionEnvironment)) {
    throw Error(Reason::InvalidUsage,
                "Using --sql with the revision command when revision_environment is not configured "
                "does not make any sense");
  }
  if (command.autogenerate) {
    throw Error(Reason::InvalidUsage,
                fmt::format("--autogenerate compares the models of env.py with the database, and "
                            "there is no {}",
                            env_py_path(settings)),
                "make an empty script without it, and write the statements");
  }
}

// False, and nothing is done, where the project's Python or its Alembic cannot be found.
bool init_by_alembic(const Options& options, const CommandContext& context,
                     const InitRequest& request) {
  Options told = options;
  told.command =
      Init{request.directory, request.project_template, request.config_file, request.package};
  try {
    find_interpreter(options.settings, context.environment);
  } catch (const Error&) {
    return false;
  }
  try {
    run_in_alembic(told, context, {});
  } catch (const Error& error) {
    if (error.reason() != Reason::InvalidScripts) throw;
    return false;
  }
  return true;
}

Json files_in(const std::filesystem::path& folder) {
  Json files = Json::array();
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) files.push_back(std::filesystem::absolute(entry.path()).string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

Output make_revision(const Options& options, const CommandContext& context, RunReport& report) {
  const auto& command = std::get<MakeRevision>(options.command);
  const Settings& settings = options.settings;
  refuse_what_needs_env_py(command, settings);
  const ScriptLocations locations = find_locations(settings);
  const RevisionGraph graph = read_graph(options, report);
  NewRevision revision;
  revision.node = plan_new_node(graph, request_of(command));
  if (!command.message.empty()) revision.message = command.message;
  revision.created = std::chrono::system_clock::now();
  const std::filesystem::path location = settings.script_location();
  const std::vector<RevisionId>& parents = revision.node.down_revisions;
  revision.format = format_of_new_script(location, graph, parents);
  std::optional<std::filesystem::path> wanted;
  if (!command.version_path.empty()) wanted = command.version_path;
  const NewScript script = make_new_script(
      revision, location, version_location_of(locations.folders, wanted, graph, parents),
      {settings.text(Key::FileTemplate), static_cast<int>(settings.number(Key::TruncateSlugLength)),
       settings.text(Key::Timezone)});
  const std::vector<HookCommand> hooks = plan_hooks(settings.post_write_hooks(), script.file);
  const Status status = status_lines(context.say);
  for (const std::filesystem::path& folder : locations.folders) ensure_folder(folder, status);
  write_new_script(script, status);
  const auto hook_output =
      options.report.json ? ChildProcess::Output::ToStandardError : ChildProcess::Output::Inherit;
  for (const std::string& warning :
       run_hooks(hooks, hook_output, context.environment, context.say)) {
    context.observer.warned(warning);
  }
  report.message = fmt::format("made revision {}", revision.node.id);
  return {{}, json_line({{"file", script.file.string()}, {"revision", revision.node.id}})};
}

Output init(const Options& options, const CommandContext& context, RunReport& report) {
  const auto& command = std::get<Init>(options.command);
  InitRequest request;
  request.directory = command.folder;
  request.project_template = command.template_name;
  if (request.project_template.empty()) {
    request.project_template = options.as_alembic ? "generic" : kDefaultProjectTemplate;
  }
  request.package = command.package;
  if (!command.config_file.empty()) request.config_file = command.config_file;
  report.message = fmt::format("began a project in {}", command.folder.string());
  if (request.project_template != kDefaultProjectTemplate &&
      init_by_alembic(options, context, request)) {
    return {{}, json_line({{"files", files_in(request.directory)}})};
  }
  Json made = Json::array();
  const Status status = status_lines(context.say);
  const std::string rest =
      init_project(request, [&](const std::string& doing, const std::function<void()>& action) {
        status(doing, action);
        made.push_back(doing.substr(doing.find(' ') + 1));
      });
  context.say(rest);
  return {{}, json_line({{"files", std::move(made)}})};
}

void edit(const RevisionGraph& graph, const std::string& symbol,
          const std::vector<RevisionId>& revisions, const CommandContext& context) {
  for (const std::string& file : files_to_edit(graph, symbol, revisions)) {
    open_in_editor(file, context.environment);
  }
}

Output list_templates(const Options& options, RunReport& report) {
  report.message = "templates listed";
  const std::string text = list_templates_text(options.as_alembic ? "alembic" : "stillhead");
  return {text, json_line({{"templates", text}})};
}

}  // namespace engine
