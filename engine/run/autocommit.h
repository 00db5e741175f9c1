// SPDX-License-Identifier: Apache-2.0
//
// Statements that commit one by one, with a journal of how far they came: each runs once, however
// often the run is killed and begun again. A statement that can run in a transaction shares one
// with its line in the journal. One that cannot is announced before it runs; where an announced one
// is found, it is looked at, or run again.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/db/journal_table.h"
#include "engine/run/built_index.h"
#include "engine/run/observer.h"
#include "engine/run/prepared_step.h"
#include "engine/run/timeouts.h"

namespace engine {

class Autocommit {
 public:
  // `journal` null: statements run by themselves, and nothing is kept. `earlier`: what other runs
  // left, of all revisions. All must outlive this.
  Autocommit(const PreparedStep&, Connection&, const JournalTable* journal,
             const std::map<JournalKey, Progress>& earlier, const Timeouts&);

  // An earlier run has left this step half done. Call begin() outside of any transaction then.
  bool resumes() const { return earlier_.contains(key_); }
  // The first so many statements are committed.
  std::size_t done() const;
  // Throws Error(ChecksumMismatch): the script says something else now where it was already run;
  // Error(VersionConflict): another revision is half done in the other direction.
  void check() const;
  // The statement to go on with, from 0, after check(). What earlier statements did to their
  // session is done again.
  std::size_t begin(Observer&);

  // Runs statement `index`, which is on no transaction; returns the rows it touched. Throws what it
  // meets; it may still be run again, by a further `attempt` (from 1) or by begin() and run() of a
  // later run. `before_commit` may throw.
  long run(std::size_t index, int attempt, Observer&, const std::function<void()>& before_commit);
  // The statement that failed ran in no transaction: what it did may stay.
  bool is_bare() const { return bare_; }

  // For the transaction that commits the statements before `index`; empty: nothing is kept.
  std::vector<std::string> note(std::size_t index);
  // For the transaction that moves the version row.
  std::vector<std::string> clear() const;

 private:
  const OwnTimeouts& own();
  const std::string& sql(std::size_t index) const { return step_.statements[index].sql; }
  Progress progress(std::size_t done, bool in_doubt) const;
  void write(const Progress&);
  bool run_with_journal(std::size_t index, int attempt, const std::function<void()>& before_commit);
  void run_parts(std::size_t index, Observer&, const std::function<void()>& before_commit);
  void run_bare(std::size_t index, bool again, Observer&);
  void execute_bare(std::size_t index, bool again, Observer&);
  void give_up_bare(std::size_t index, const Error&);
  void repeat(std::size_t index);
  std::string sql_now(std::size_t index, bool again);
  void remove_leftovers(std::size_t index);
  void expect_index(std::size_t index);
  // What the statement builds concurrently; none: it does no such thing.
  std::optional<ConcurrentIndex> wanted_index(std::size_t index) const;
  // The index stands, and is what the statement builds. Throws Error(MigrationFailed): another one.
  bool is_built(std::size_t index);

  const PreparedStep& step_;
  Connection& connection_;
  const JournalTable* journal_;
  const std::map<JournalKey, Progress>& earlier_;
  const Timeouts& timeouts_;
  std::optional<OwnTimeouts> own_ = {};  // once it was asked for
  JournalKey key_;
  bool kept_ = false;      // the journal has a line of this revision
  bool in_doubt_ = false;  // the first statement of this run was announced by an earlier one
  bool bare_ = false;
  long rows_ = 0;            // of the last statement
  std::string cursor_ = {};  // of the batched statement that is next; empty: it was not begun
};

}  // namespace engine
