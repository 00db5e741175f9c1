// SPDX-License-Identifier: Apache-2.0
//
// stillhead_journal: how far a revision has come whose statements commit one by one. Its row is
// there from the first of these commits to the transaction that moves the version row, which
// deletes it: a row that stays tells where the next run goes on. Beside the history; layout:
// docs/history.md.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "engine/core/plan.h"
#include "engine/db/connection.h"
#include "engine/db/history_table.h"

namespace engine {

struct Progress {
  int done = 0;  // the first so many statements of the section are committed
  // The statement behind these was begun outside of a transaction, and its end is not known.
  bool in_doubt = false;
  std::string digest = {};     // of the statements that are done: PreparedStep::digests
  std::string announced = {};  // in doubt: of these and the next one
  // How far a statement that is done piece by piece has come, in its own words; empty: not begun.
  std::string cursor = {};
};

using JournalKey = std::pair<RevisionId, Direction>;

class JournalTable {
 public:
  // Stands where the history stands, which has made it.
  explicit JournalTable(const HistoryTable& history)
      : qualified_name_(history.journal_name()), version_table_(history.version_table()) {}

  // Of every revision that is half done, as a rule none. All throw what Connection throws.
  std::map<JournalKey, Progress> read(Connection&) const;
  void write(Connection&, const JournalKey&, const Progress&) const;
  // The text of write(), for those who send it with other statements.
  std::string statement(const Dialect&, const JournalKey&, const Progress&) const;
  // Both directions: the revision is applied or it is not, nothing in between.
  std::string clear_statement(const Dialect&, const RevisionId&) const;
  // Of every revision: the database is what it is said to be.
  void clear_all(Connection&) const;

 private:
  std::string qualified_name_;
  std::string version_table_;
};

}  // namespace engine
