// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/run_history.h"

#include <algorithm>
#include <utility>

#include "engine/db/history_grants.h"
#include "engine/db/owner_table.h"
#include "engine/run/timestamp.h"

namespace engine {
namespace {

HistoryTable table_for(const Options& options, Workplace& workplace, RunReport& report) {
  Connection& connection = workplace.connection();
  check_readers(connection, options.history_readers);
  HistoryTable table(connection, workplace.versions().name());
  // Attempts are counted anew for each generation: without one there is no order between two runs.
  if (!options.owner.empty() && options.generation > 0) {
    const AttemptToken own{options.generation, options.attempt};
    if (const auto kept = claim_attempt(connection, table, options.owner, own)) {
      report.stored_generation = kept->generation;
      report.stored_attempt = kept->attempt;
      throw stale_attempt(options.owner, own, *kept);
    }
  }
  return table;
}

RevisionSet without(const RevisionSet& all, const RevisionSet& some) {
  RevisionSet rest;
  for (const RevisionId& revision : all) {
    if (!some.contains(revision)) rest.insert(revision);
  }
  return rest;
}

bool knows(const RevisionGraph& graph, const RevisionSet& rows) {
  return std::ranges::all_of(rows, [&](const RevisionId& row) { return graph.contains(row); });
}

}  // namespace

RunIdentity identity_of(const RunReport& report) {
  return {report.run_id, report.owner, report.attempt, report.engine_version};
}

RunHistory::RunHistory(const Options& options, Workplace& workplace, RunReport& report,
                       Observer& observer)
    : options_(options),
      workplace_(workplace),
      identity_(identity_of(report)),
      observer_(observer),
      table_(table_for(options, workplace, report)),
      applied_(read_history(workplace.connection(), table_)) {
  grant();
}

void RunHistory::grant() const {
  grant_reading(workplace_.connection(), table_, workplace_.versions().name(),
                options_.history_readers);
}

std::vector<EditedScript> RunHistory::find_edited_among(const RevisionGraph& graph,
                                                        const RevisionSet& revisions) const {
  return find_edited(graph, revisions, applied_, workplace_.dialect(),
                     [this](const RevisionSet& changed) {
                       return read_stored_scripts(workplace_.connection(), table_, changed);
                     });
}

void RunHistory::check_scripts(const RevisionGraph& graph, const RevisionSet& rows,
                               const RevisionSet& stored) const {
  const RevisionSet there = without(graph.with_ancestors(rows), stored);
  const std::vector<EditedScript> edited =
      find_edited_among(graph, without(there, without(there, applied_.applied())));
  refuse_changed_meaning(edited);
  if (const std::string notice = notice_about(edited); !notice.empty()) observer_.warned(notice);
}

HistoryRow RunHistory::row(const RevisionId& revision, Direction direction, HistoryResult result,
                           const ScriptRecord& script) const {
  HistoryRow made;
  made.revision = revision;
  made.direction = direction;
  made.run_id = identity_.run_id;
  made.owner = identity_.owner;
  made.attempt = identity_.attempt;
  made.engine_version = identity_.engine_version;
  made.checksum = script.checksum;
  made.started_at = timestamp_now();
  made.result = result;
  made.meaning = script.meaning;
  made.file = script.file;
  made.source = script.source;
  return made;
}

// Reverted ones first, so that the order is one in which it could have happened.
std::vector<HistoryRow> RunHistory::changes(const RevisionGraph& graph, const RevisionSet& rows,
                                            HistoryResult result, const RevisionSet& stored) const {
  const RevisionSet there = graph.with_ancestors(rows);
  const RevisionSet known = applied_.applied();
  std::vector<HistoryRow> made;
  for (const RevisionId& revision : without(known, there)) {
    const HistoryEntry& last = *applied_.find(revision);
    made.push_back(
        row(revision, Direction::Down, result, {last.file, "", last.checksum, last.meaning}));
  }
  const RevisionSet missing = without(without(there, known), stored);
  if (missing.empty()) return made;
  for (const RevisionId& revision : graph.upgrade_order(there)) {
    if (!missing.contains(revision)) continue;
    made.push_back(
        row(revision, Direction::Up, result, record_of(graph.at(revision), workplace_.dialect())));
  }
  return made;
}

void RunHistory::adopt(const RevisionGraph& graph, const RevisionSet& rows,
                       const RevisionSet& stored) {
  if (!knows(graph, rows)) return;  // `stamp --purge`: nobody knows what lies below them
  const std::vector<HistoryRow> made = changes(graph, rows, HistoryResult::Adopted, stored);
  if (made.empty()) return;
  Transaction transaction(workplace_.connection());
  table_.insert(workplace_.connection(), made);
  transaction.commit();
  applied_ = read_history(workplace_.connection(), table_);
}

std::vector<HistoryRow> RunHistory::rows_of_stamp(const RevisionGraph& graph,
                                                  const RevisionSet& rows) const {
  return changes(graph, rows, HistoryResult::Stamped, {});
}

}  // namespace engine
