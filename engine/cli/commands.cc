// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/commands.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <random>

#include "engine/cli/bundle.h"
#include "engine/cli/help.h"
#include "engine/cli/inputs.h"
#include "engine/cli/json_text.h"
#include "engine/cli/migrate.h"
#include "engine/cli/print.h"
#include "engine/cli/report_file.h"
#include "engine/core/target.h"
#include "engine/db/version_table.h"
#include "engine/run/timestamp.h"
#include "engine/script/script_dir.h"

namespace engine {
namespace {

using Json = nlohmann::ordered_json;

class Runner {
 public:
  Runner(const Options& options, const CommandContext& context, RunReport& report)
      : options_(options), context_(context), report_(report) {}

  Output operator()(const Upgrade&) { return run_migration(); }
  Output operator()(const Downgrade&) { return run_migration(); }
  Output operator()(const Apply&) { return run_migration(); }

  Output operator()(const Current& command) {
    const RevisionGraph graph = graph_of_scripts();
    const DatabaseUrl url = find_database(options_);
    const RevisionSet rows = read_rows(url);
    require_known(graph, rows);
    report_.message = fmt::format("at {}", revisions_text(rows));
    std::string text = current_text(graph, command.verbosity, rows);
    if (command.verbosity == Verbosity::Entry) {
      text = fmt::format("Current revision(s) for {}:\n{}", url.display, text);
    }
    return {text, current_json(graph, rows, url.display)};
  }

  Output operator()(const History& command) {
    const RevisionGraph graph = graph_of_scripts();
    RevisionSet rows;
    if (command.indicate_current) rows = read_rows(find_database(options_));
    report_.message = fmt::format("{} revisions", graph.size());
    return {history_text(graph, command.verbosity, rows), history_json(graph, rows)};
  }

  Output operator()(const Heads& command) {
    const RevisionGraph graph = graph_of_scripts();
    report_.message = fmt::format("heads: {}", revisions_text(graph.heads()));
    return {heads_text(graph, command.verbosity), heads_json(graph)};
  }

  Output operator()(const Digest& command) {
    const std::string digest = folder_digest(command.folder);
    report_.message = digest;
    return {digest + "\n", json_line({{"sha256", digest}})};
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
    const CommandInfo* info = command.command.empty() ? nullptr : find_command(command.command);
    const std::string page = info == nullptr ? overview_page() : command_page(*info);
    return {page, json_line({{"help", page}})};
  }

 private:
  Output run_migration() {
    migrate(options_, context_.observer, context_.stop, report_);
    return {report_.message + "\n", {}};
  }

  RevisionGraph graph_of_scripts() {
    RevisionGraph graph = read_graph(options_);
    const RevisionSet heads = graph.effective_heads();
    report_.source_heads = {heads.begin(), heads.end()};
    report_.source_revisions = static_cast<int>(graph.size());
    return graph;
  }

  RevisionSet read_rows(const DatabaseUrl& url) {
    const auto connection = connect(url, connect_options(options_), context_.stop);
    const std::stop_callback on_stop(context_.stop, [&] { connection->cancel(); });
    RevisionSet rows = VersionTable(options_.version_table).read(*connection);
    report_.from = report_.to = {rows.begin(), rows.end()};
    return rows;
  }

  const Options& options_;
  const CommandContext& context_;
  RunReport& report_;
};

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
  report.attempt = options.attempt;
  if (!options.run_id.empty()) report.run_id = options.run_id;
  if (!options.report.file.empty()) check_report_file(options.report.file);
  Output output = std::visit(Runner(options, context, report), options.command);
  report.reason = Reason::Succeeded;
  return output;
}

}  // namespace engine
