// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/repair.h"

#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "engine/cli/applied_scripts.h"
#include "engine/cli/inputs.h"
#include "engine/cli/json_text.h"
#include "engine/cli/run_history.h"
#include "engine/core/error.h"
#include "engine/core/target.h"

namespace engine {
namespace {

using Json = nlohmann::ordered_json;
using Change = EditedScript::Change;

std::string_view name_of(Change change) {
  return change == Change::Writing ? "writing" : change == Change::Meaning ? "meaning" : "unknown";
}

std::string text_of(const std::vector<EditedScript>& scripts, const Paint& paint) {
  std::string text;
  for (const EditedScript& script : scripts) {
    text +=
        fmt::format("{} ({}): {}\n  checksum when it was run  {}\n  checksum now              {}\n",
                    paint.revision(script.revision), paint.foreign(script.path), describe(script),
                    script.checksum_then, script.now.checksum);
  }
  return text;
}

std::string json_of(const std::vector<EditedScript>& scripts, bool repaired) {
  Json list = Json::array();
  for (const EditedScript& script : scripts) {
    list.push_back({{"revision", script.revision},
                    {"file", script.path},
                    {"change", name_of(script.change)},
                    {"difference", describe(script)},
                    {"statement", script.where.statement},
                    {"checksumThen", script.checksum_then},
                    {"checksumNow", script.now.checksum}});
  }
  return json_line({{"scripts", std::move(list)}, {"repaired", repaired}});
}

std::string count_of(std::size_t count) {
  return fmt::format("{} applied script{}", count, count == 1 ? "" : "s");
}

class Repairing {
 public:
  Repairing(const Options& options, const CommandContext& context, RunReport& report)
      : options_(options),
        command_(std::get<Repair>(options.command)),
        context_(context),
        report_(report),
        graph_(read_graph(options, report)),
        workplace_(options, context.observer, context.stop, Workplace::WhenMissing::Fail) {}

  Output run() {
    const std::vector<RevisionId> rows = workplace_.rows();
    const RevisionSet sorted(rows.begin(), rows.end());
    report_.from = report_.to = {sorted.begin(), sorted.end()};
    const auto history = read_history(workplace_.connection(), workplace_.versions().name());
    if (!history) {
      report_.message = "there is no history to compare the scripts with";
      return {report_.message + "\n", json_of({}, false)};
    }
    const std::vector<EditedScript> edited = find(*history);
    if (edited.empty()) {
      report_.message = "every applied script is as it was run";
      return {report_.message + "\n", json_of(edited, false)};
    }
    return command_.yes ? repaired() : only_shown(edited);
  }

 private:
  RevisionSet wanted(const AppliedHistory& history) const {
    const RevisionSet applied = history.applied();
    if (command_.revisions.empty()) return applied;
    RevisionSet named;
    for (const RevisionId& revision : resolve_many(graph_, command_.revisions)) {
      if (!applied.contains(revision)) {
        throw Error(
            Reason::InvalidTarget,
            fmt::format("cannot repair revision {}: it is not in the applied history", revision),
            "`stillhead history --applied` lists what is");
      }
      named.insert(revision);
    }
    return named;
  }

  std::vector<EditedScript> find(const AppliedHistory& history) {
    return find_edited(graph_, wanted(history), history, workplace_.dialect(),
                       [this](const RevisionSet& changed) {
                         return read_stored_scripts(workplace_.connection(),
                                                    workplace_.versions().name(), changed);
                       });
  }

  Output only_shown(const std::vector<EditedScript>& edited) {
    report_.message =
        fmt::format("{} {} not as {} run", count_of(edited.size()),
                    edited.size() == 1 ? "is" : "are", edited.size() == 1 ? "it was" : "they were");
    report_.hint =
        "put the scripts back, or say `stillhead repair --yes` if the database is as they say now";
    Output output{text_of(edited, Paint(context_.medium)), json_of(edited, false)};
    output.reason = Reason::NotUpToDate;
    return output;
  }

  Output repaired() {
    const std::unique_ptr<MigrationLock> lock = workplace_.lock();
    const RunHistory history(options_, workplace_, report_, context_.observer);
    const std::vector<EditedScript> edited =
        history.find_edited_among(graph_, wanted(history.applied()));
    std::vector<HistoryRow> rows;
    for (const EditedScript& script : edited) {
      rows.push_back(
          history.row(script.revision, Direction::Up, HistoryResult::Repaired, script.now));
    }
    verify_scripts(options_);
    Transaction transaction(workplace_.connection());
    history.table().insert(workplace_.connection(), rows);
    transaction.commit();
    report_.message =
        fmt::format("repaired: the history takes {} as {} now", count_of(edited.size()),
                    edited.size() == 1 ? "it is" : "they are");
    context_.observer.finished(report_.message);
    return {text_of(edited, Paint(context_.medium)), json_of(edited, true)};
  }

  const Options& options_;
  const Repair& command_;
  const CommandContext& context_;
  RunReport& report_;
  RevisionGraph graph_;
  Workplace workplace_;
};

}  // namespace

Output repair(const Options& options, const CommandContext& context, RunReport& report) {
  return Repairing(options, context, report).run();
}

}  // namespace engine
