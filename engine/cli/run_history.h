// SPDX-License-Identifier: Apache-2.0
//
// The history's part of a run under the lock: what is to be right before the first step.
#pragma once

#include <string>
#include <vector>

#include "engine/cli/applied_scripts.h"
#include "engine/cli/options.h"
#include "engine/cli/workplace.h"
#include "engine/contract/report.h"
#include "engine/core/revision_graph.h"
#include "engine/db/history_reader.h"
#include "engine/db/history_table.h"
#include "engine/run/migrator.h"
#include "engine/run/observer.h"

namespace engine {

RunIdentity identity_of(const RunReport&);

class RunHistory {
 public:
  // Makes the tables ready, refuses an attempt that was left behind, lets readers read. Call under
  // the lock, outside a transaction; all references must outlive this. Throws Error(StaleAttempt),
  // Error(InvalidUsage) and what HistoryTable throws.
  RunHistory(const Options&, Workplace&, RunReport&, Observer&);

  const HistoryTable& table() const { return table_; }
  const AppliedHistory& applied() const { return applied_; }

  // Compares scripts of applied revisions with what was run: tells what was rewritten, throws
  // Error(ChecksumMismatch) when a meaning has changed. `rows` of the version table; `stored`:
  // revisions of the graph that no file has.
  void check_scripts(const RevisionGraph&, const RevisionSet& rows,
                     const RevisionSet& stored = {}) const;
  // Enters what was done without us, in a transaction of its own.
  void adopt(const RevisionGraph&, const RevisionSet& rows, const RevisionSet& stored = {});
  // What a stamp that ends with these rows makes of the history.
  std::vector<HistoryRow> rows_of_stamp(const RevisionGraph&, const RevisionSet& rows) const;
  // The version table may have come with the run.
  void grant() const;

  std::vector<EditedScript> find_edited_among(const RevisionGraph&,
                                              const RevisionSet& revisions) const;
  HistoryRow row(const RevisionId&, Direction, HistoryResult, const ScriptRecord&) const;

 private:
  std::vector<HistoryRow> changes(const RevisionGraph&, const RevisionSet& rows, HistoryResult,
                                  const RevisionSet& stored) const;

  const Options& options_;
  Workplace& workplace_;
  RunIdentity identity_;
  Observer& observer_;
  HistoryTable table_;
  AppliedHistory applied_;
};

}  // namespace engine
