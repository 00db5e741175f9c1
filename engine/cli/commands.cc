// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/commands.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <random>

#include "engine/cli/applied_history.h"
#include "engine/cli/bundle.h"
#include "engine/cli/completion.h"
#include "engine/cli/doctor.h"
#include "engine/cli/drawing.h"
#include "engine/cli/env_py.h"
#include "engine/cli/help.h"
#include "engine/cli/inputs.h"
#include "engine/cli/json_text.h"
#include "engine/cli/migrate.h"
#include "engine/cli/new_files.h"
#include "engine/cli/offline.h"
#include "engine/cli/print.h"
#include "engine/cli/repair.h"
#include "engine/cli/report_file.h"
#include "engine/cli/script_host.h"
#include "engine/cli/stored_scripts.h"
#include "engine/cli/wait.h"
#include "engine/cli/workplace.h"
#include "engine/core/error.h"
#include "engine/core/range.h"
#include "engine/core/target.h"
#include "engine/host/package_finder.h"
#include "engine/run/timestamp.h"
#include "engine/script/script_dir.h"

namespace engine {
namespace {

using Json = nlohmann::ordered_json;

// The two sides of "FROM:TO".
std::pair<std::string, std::string> ends_of(const std::string& range) {
  if (range.empty()) return {};
  const std::size_t colon = range.find(':');
  if (colon == std::string::npos || range.find(':', colon + 1) != std::string::npos) {
    throw Error(Reason::InvalidUsage, "History range requires [start]:[end], [start]:, or :[end]");
  }
  return {range.substr(0, colon), range.substr(colon + 1)};
}

// A URL that is none is not shown at all: who knows what it holds.
std::string masked_url(const std::string& url) {
  try {
    return parse_database_url(url).display;
  } catch (const Error&) {
    return "***";
  }
}

// Scripts that are not there, or faulty: those who need them will say so.
RevisionGraph read_graph_or_none(const Options& options, RunReport& report) {
  try {
    return read_graph(options, report);
  } catch (const Error&) {
    return {};
  }
}

class Runner {
 public:
  Runner(const Options& options, const CommandContext& context, RunReport& report)
      : options_(options), context_(context), report_(report) {}

  Output operator()(const Upgrade&) { return run_migration(); }
  Output operator()(const Downgrade&) { return run_migration(); }
  Output operator()(const Apply&) { return run_migration(); }
  Output operator()(const Stamp&) {
    return changed([&] { stamp(options_, context_.observer, context_.stop, report_); });
  }
  Output operator()(const Repair&) { return repair(options_, context_, report_); }
  Output operator()(const EnsureVersion&) {
    return changed([&] { ensure_version(options_, context_.observer, context_.stop, report_); });
  }

  // What comes behind the upgrade is main's.
  Output operator()(const Exec& command) {
    if (!options_.settings.flag(Key::AutoMigrate)) {
      report_.message =
          fmt::format("not migrating: {} says so", options_.settings.origin(Key::AutoMigrate));
      context_.observer.finished(report_.message);
      return {};
    }
    Options upgrade = options_;
    upgrade.command = Upgrade{command.target};
    return changed(
        [&] { migrate(upgrade, context_.observer, context_.stop, report_, context_.environment); });
  }

  Output operator()(const Wait&) {
    wait_for_revisions(options_, context_.observer, context_.stop, report_);
    context_.observer.finished(report_.message);
    return {};
  }

  Output operator()(const ShowPlan& command) {
    const PlanShown shown =
        show_plan(options_, command, context_.observer, context_.stop, paint(), report_);
    const Plan& plan = shown.plan;
    report_.target_revisions = {plan.targets.begin(), plan.targets.end()};
    report_.pending = static_cast<int>(plan.steps.size());
    report_.message = plan.steps.empty() ? fmt::format("already at {}", revisions_text(plan.finish))
                                         : fmt::format("{} steps", plan.steps.size());
    return {plan.steps.empty() ? report_.message + "\n" : shown.text, shown.json};
  }

  Output operator()(const Current& command) {
    const RevisionGraph graph = read_graph(options_, report_);
    Workplace workplace = workplace_for_reading();
    const RevisionSet rows = rows_of(workplace);
    require_known(graph, rows);
    if (command.check_heads && graph.maximal(rows) != graph.effective_heads()) {
      throw Error(
          Reason::NotUpToDate, "Database is not on all head revisions",
          fmt::format("it is at {}; `stillhead upgrade heads` brings it up", revisions_text(rows)));
    }
    report_.message = fmt::format("at {}", revisions_text(rows));
    std::string text = current_text(graph, command.verbosity, rows, paint());
    if (command.verbosity == Verbosity::Entry) {
      text = fmt::format("Current revision(s) for {}:\n{}", workplace.url().display, text);
    }
    return {text, current_json(graph, rows, workplace.url().display)};
  }

  Output operator()(const History& command) {
    if (command.applied) return show_applied(options_, context_, report_);
    const RevisionGraph graph = read_graph(options_, report_);
    const auto [from, to] = ends_of(command.range);
    std::vector<RevisionId> rows;
    if (command.indicate_current || from == "current" || to == "current") {
      Workplace workplace = workplace_for_reading();
      rows = workplace.rows();
      note_rows(rows);
    }
    const auto end_of = [&](const std::string& text) {
      if (text == "current") return rows;
      return text.empty() ? RangeEnd{} : RangeEnd{text};
    };
    const std::vector<RevisionId> shown = history_range(graph, end_of(from), end_of(to));
    report_.message = fmt::format("{} revisions", shown.size());
    const RevisionSet marked =
        command.indicate_current ? RevisionSet(rows.begin(), rows.end()) : RevisionSet();
    if (options_.report.json) {
      return {{}, history_json(graph, shown, command.indicate_current ? &marked : nullptr)};
    }
    return {history_text(graph, shown, command.verbosity, marked, paint()), {}};
  }

  Output operator()(const Heads& command) {
    const RevisionGraph graph = read_graph(options_, report_);
    const RevisionSet heads =
        command.by == HeadsBy::Dependencies ? graph.effective_heads() : graph.heads();
    report_.message = fmt::format("heads: {}", revisions_text(heads));
    return {heads_text(graph, command.by, command.verbosity, paint()),
            heads_json(graph, command.by)};
  }

  Output operator()(const Branches& command) {
    const RevisionGraph graph = read_graph(options_, report_);
    report_.message = "branches shown";
    return {branches_text(graph, command.verbosity, paint()), branches_json(graph)};
  }

  Output operator()(const Show& command) {
    const RevisionGraph graph = read_graph(options_, report_);
    const std::vector<RevisionId> shown = named(graph, command.revision);
    report_.message = fmt::format("{} revisions", shown.size());
    return {show_text(graph, shown, paint()), show_json(graph, shown)};
  }

  Output operator()(const Graph& command) {
    const RevisionGraph graph = read_graph(options_, report_);
    std::optional<RevisionSet> rows;
    if (command.indicate_current) {
      Workplace workplace = workplace_for_reading();
      rows = rows_of(workplace);
    }
    report_.message = fmt::format("{} revisions", graph.size());
    const RevisionSet* marked = rows ? &*rows : nullptr;
    if (options_.report.json) return {{}, draw(graph, DrawingFormat::Json, marked, paint())};
    return {draw(graph, command.format, marked, paint()), {}};
  }

  Output operator()(const ShowManual&) {
    const std::string page = manual_page();
    report_.message = "manual page";
    return {page, json_line({{"manual", page}}), true};
  }

  Output operator()(const Completion& command) {
    const std::string script = completion_script(command.shell);
    report_.message = fmt::format("completion for {}", command.shell);
    return {script, json_line({{"completion", script}}), true};
  }

  Output operator()(const Check&) {
    throw Error(Reason::InvalidUsage,
                fmt::format("`check` compares the models of env.py with the database, and there "
                            "is no {}",
                            env_py_path(options_.settings)),
                "`stillhead current --check-heads` tells whether every script is applied");
  }
  Output operator()(const MakeRevision&) { return make_revision(options_, context_, report_); }
  Output operator()(const Init&) { return init(options_, context_, report_); }
  Output operator()(const ListTemplates&) { return list_templates(options_, report_); }

  Output operator()(const Edit& command) {
    const RevisionGraph graph = read_graph(options_, report_);
    edit(graph, command.revision, named(graph, command.revision), context_);
    report_.message = "edited";
    return {};
  }

  Output operator()(const ShowConfig&) {
    std::string text;
    Json settings = Json::array();
    for (const ShownSetting& setting : options_.settings.shown(masked_url)) {
      const std::string& value = setting.fault.empty() ? setting.value : setting.fault;
      text += fmt::format("{} = {}  ({})\n", setting.name, value, setting.origin);
      settings.push_back(
          {{"name", setting.name}, {"value", setting.value}, {"origin", setting.origin}});
      if (!setting.fault.empty()) settings.back()["fault"] = setting.fault;
    }
    report_.message = "settings shown";
    return {text, json_line({{"settings", std::move(settings)}})};
  }

  Output operator()(const Examine&) { return doctor(options_, context_, report_); }

  Output operator()(const Complete& command) {
    std::string text;
    for (const std::string& word : complete(command.words, read_graph_or_none(options_, report_)))
      text += word + "\n";
    return {text, {}};
  }

  Output operator()(const Digest& command) {
    const std::string digest = folder_digest(command.folder);
    report_.message = digest;
    return {digest + "\n", json_line({{"sha256", digest}}), true};
  }

  Output operator()(const Bundle& command) {
    const auto [files, bytes] = copy_bundle(find_bundle(context_.executable), command.destination);
    report_.message = fmt::format("copied {} files ({:.1f} MB) to {}", files,
                                  static_cast<double>(bytes) / 1e6, command.destination.string());
    return {report_.message + "\n", json_line({{"files", files}, {"bytes", bytes}})};
  }

  Output operator()(const ShowVersion&) {
    report_.message = fmt::format("stillhead {}", report_.engine_version);
    return {report_.message + "\n", json_line({{"version", report_.engine_version},
                                               {"contractVersion", report_.contract_version}})};
  }

  Output operator()(const ShowHelp& command) {
    const std::string page = help_page(command.topic);
    return {page, json_line({{"help", page}}), true};
  }

 private:
  Paint paint() const { return Paint(context_.medium); }

  Output run_migration() {
    return changed([&] {
      migrate(options_, context_.observer, context_.stop, report_, context_.environment);
    });
  }

  // What a command that changes the database has to say is told, not printed, as Alembic's does.
  template <typename Action>
  Output changed(Action&& action) {
    if (wants_sql(options_.command)) {
      const std::string sql = print_sql(options_, context_.observer, report_);
      report_.message = "SQL printed";
      return {sql, json_line({{"sql", sql}}), true};
    }
    action();
    context_.observer.finished(report_.message);
    return {};
  }

  Workplace workplace_for_reading() {
    return Workplace(options_, context_.observer, context_.stop, Workplace::WhenMissing::Fail);
  }

  void note_rows(const std::vector<RevisionId>& rows) {
    const RevisionSet sorted(rows.begin(), rows.end());
    report_.from = report_.to = {sorted.begin(), sorted.end()};
  }

  RevisionSet rows_of(Workplace& workplace) {
    const std::vector<RevisionId> rows = workplace.rows();
    note_rows(rows);
    return {rows.begin(), rows.end()};
  }

  // What a target names; `current`: where the database is.
  std::vector<RevisionId> named(const RevisionGraph& graph, const std::string& target) {
    if (target != "current") return resolve_many(graph, {target});
    Workplace workplace = workplace_for_reading();
    const std::vector<RevisionId> rows = workplace.rows();
    note_rows(rows);
    require_known(graph, {rows.begin(), rows.end()});
    return rows;
  }

  const Options& options_;
  const CommandContext& context_;
  RunReport& report_;
};

// Nothing may silently depend on what nobody reads.
void refuse_words_for_nobody(const Options& options) {
  const auto& words = options.alembic_arguments;
  const bool has_x = std::ranges::find(words, "-x") != words.end();
  if (!has_x && options.alembic_command_arguments.empty()) return;
  if (has_env_py(options.settings)) return;
  throw Error(Reason::InvalidUsage,
              fmt::format("option {} is for env.py, and there is no {}", has_x ? "-x" : "--tag",
                          env_py_path(options.settings)),
              "leave it out once you know that nothing depends on it, such as the database, the "
              "schema or the tenant");
}

// env.py may have the say about the database, or Alembic about all of it.
Output run_where_it_belongs(const Options& options, const CommandContext& context,
                            RunReport& report) {
  refuse_words_for_nobody(options);
  const bool is_candidate = only_needs_database(options.command) || wants_sql(options.command) ||
                            std::holds_alternative<Check>(options.command) ||
                            std::holds_alternative<MakeRevision>(options.command);
  if (is_candidate && has_env_py(options.settings)) {
    const RevisionGraph graph = read_graph_or_none(options, report);
    if (is_for_alembic(options, graph)) {
      run_in_alembic(options, context, graph);
      report.message = fmt::format("`{}` was done by the project's Alembic", options.command_name);
      return {};
    }
    if (only_needs_database(options.command) && env_py_names_database(options, graph)) {
      const Options told = as_env_py_says(options, context, graph).options;
      return std::visit(Runner(told, context, report), told.command);
    }
  }
  return std::visit(Runner(options, context, report), options.command);
}

// The others must not meet what is wrong with their place, nor wait for Python.
bool looks_at_scripts(const Command& command) {
  return !std::holds_alternative<ShowConfig>(command) &&
         !std::holds_alternative<ShowVersion>(command) &&
         !std::holds_alternative<ShowHelp>(command) &&
         !std::holds_alternative<ShowManual>(command) &&
         !std::holds_alternative<Completion>(command) && !std::holds_alternative<Init>(command) &&
         !std::holds_alternative<ListTemplates>(command) &&
         !std::holds_alternative<Digest>(command) && !std::holds_alternative<Bundle>(command);
}

// With folders in the place of packages that are named as "package:folder".
Options with_folders(const Options& options, const Environment& environment) {
  Options found = options;
  if (!looks_at_scripts(options.command)) return found;
  resolve_packages(found.settings, [&](const PackageFolder& wanted) {
    return find_installed_package(wanted, options.settings, environment);
  });
  return found;
}

std::string new_run_id() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}", random(), random());
}

}  // namespace

RunReport new_report() {
  RunReport report;
  report.engine_version = STILLHEAD_VERSION;
  report.started_at = timestamp_now();
  report.run_id = new_run_id();
  return report;
}

Output run_command(const Options& options, const CommandContext& context, RunReport& report) {
  report.command = options.command_name;
  report.target = options.target;
  report.owner = options.owner;
  report.generation = options.generation;
  report.attempt = options.attempt;
  if (!options.run_id.empty()) report.run_id = options.run_id;
  if (!options.report.file.empty()) check_report_file(options.report.file);
  const Options found = with_folders(options, context.environment);
  Output output = run_where_it_belongs(found, context, report);
  report.reason = output.reason;
  return output;
}

}  // namespace engine
