// SPDX-License-Identifier: Apache-2.0
#include "engine/run/autocommit.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "engine/core/error.h"
#include "engine/core/sqlstate.h"
#include "engine/run/batch_run.h"
#include "engine/sql/statement_kind.h"

namespace engine {
namespace {

// The first is for statements that refuse a transaction, the second for procedures that end it.
bool refuses_transaction(const Error& error) { return has_sqlstate(error, {"25001", "2D000"}); }

// What a statement meets that was done before: what it makes is there, what it removes is gone.
bool is_done_already(const Error& error, std::string_view sql) {
  switch (again(sql)) {
    case Again::MakesWhatIsThere:
      return !concurrent_index(sql) && has_sqlstate(error, {"42P04", "42P06", "42P07", "42710"});
    case Again::RemovesWhatIsGone:
      return has_sqlstate(error, {"42704", "42P01", "3D000"});
    case Again::Else:
      break;
  }
  return false;
}

// The server has answered: the statement has an end, and it is no success.
bool has_failed(const Error& error) {
  return error.reason() == Reason::MigrationFailed && error.failure() &&
         !error.failure()->sqlstate.starts_with("57P");  // the session was ended, or the server was
}

}  // namespace

Autocommit::Autocommit(const PreparedStep& step, Connection& connection,
                       const JournalTable* journal, const std::map<JournalKey, Progress>& earlier,
                       const Timeouts& timeouts)
    : step_(step),
      connection_(connection),
      journal_(journal),
      earlier_(earlier),
      timeouts_(timeouts),
      key_(step.step.revision, step.step.direction) {
  kept_ = std::ranges::any_of(
      earlier_, [&](const auto& entry) { return entry.first.first == step_.step.revision; });
}

void Autocommit::check() const {
  for (const auto& [key, progress] : earlier_) {
    if (key.second != key_.second) {
      const bool up = key.second == Direction::Up;
      throw Error(Reason::VersionConflict,
                  fmt::format("the {} {} is half done: an earlier run has committed some of its "
                              "statements",
                              up ? "upgrade to" : "downgrade of", key.first),
                  fmt::format("finish it with `stillhead {}`, or undo these statements by hand and "
                              "say so with `stillhead stamp --purge REVISION`",
                              up ? "upgrade heads" : "downgrade"));
    }
  }
  const auto found = earlier_.find(key_);
  if (found == earlier_.end()) return;
  const auto done = static_cast<std::size_t>(found->second.done);
  const bool begun = !found->second.cursor.empty();  // a batched statement, behind these
  if (done + (begun ? 1 : 0) <= step_.statements.size() &&
      found->second.digest == progress(done, false).digest &&
      (!begun || found->second.announced == step_.digests[done])) {
    return;
  }
  throw Error(
      Reason::ChecksumMismatch,
      fmt::format("an earlier run has committed the first {} of {} {}, and the script says "
                  "something else there now",
                  done == 1 ? "statement" : fmt::format("{} statements", done),
                  step_.step.direction == Direction::Up ? "the upgrade to" : "the downgrade of",
                  step_.step.revision),
      "put these statements back as they were, and change only what comes behind them; or undo "
      "them by hand, and say so with `stillhead stamp --purge REVISION`");
}

const OwnTimeouts& Autocommit::own() {
  if (!own_) own_ = own_timeouts(step_);
  return *own_;
}

std::size_t Autocommit::done() const {
  const auto found = earlier_.find(key_);
  return found == earlier_.end() ? 0 : static_cast<std::size_t>(found->second.done);
}

std::size_t Autocommit::begin(Observer& observer) {
  const auto found = earlier_.find(key_);
  if (found == earlier_.end()) return 0;
  const auto done = static_cast<std::size_t>(found->second.done);
  for (std::size_t i = 0; i < done; ++i) {
    if (changes_session(sql(i), connection_.dialect().flavour())) repeat(i);
  }
  cursor_ = found->second.cursor;
  in_doubt_ = found->second.in_doubt && done < step_.statements.size() &&
              found->second.announced == step_.digests[done];
  observer.resumed(step_.step, static_cast<int>(done), static_cast<int>(step_.statements.size()));
  return done;
}

void Autocommit::repeat(std::size_t index) {
  try {
    connection_.execute(sql(index));
  } catch (const Error& error) {
    throw with_intent(
        fmt::format("cannot repeat statement {}, which an earlier run has done in its "
                    "session, `{}`",
                    index + 1, sql(index)),
        error);
  }
}

long Autocommit::run(std::size_t index, int attempt, Observer& observer,
                     const std::function<void()>& before_commit) {
  bare_ = false;
  rows_ = 0;
  if (journal_ == nullptr) {
    bare_ = true;
    rows_ = connection_.execute(sql(index));
    bare_ = false;
  } else if (step_.statements[index].kind == StatementKind::Batch) {
    run_parts(index, observer, before_commit);
  } else if (in_doubt_) {
    if (is_built(index)) {
      write(progress(index + 1, false));
    } else {
      run_bare(index, true, observer);
    }
    in_doubt_ = false;
  } else if (!run_with_journal(index, attempt, before_commit)) {
    run_bare(index, false, observer);
  }
  return rows_;
}

std::vector<std::string> Autocommit::note(std::size_t index) {
  if (journal_ == nullptr) return {};
  kept_ = true;
  return {journal_->statement(connection_.dialect(), key_, progress(index, false))};
}

std::vector<std::string> Autocommit::clear() const {
  if (journal_ == nullptr || !kept_) return {};
  return {journal_->clear_statement(connection_.dialect(), step_.step.revision)};
}

Progress Autocommit::progress(std::size_t done, bool in_doubt) const {
  return {static_cast<int>(done), in_doubt, done == 0 ? "" : step_.digests[done - 1],
          in_doubt ? step_.digests[done] : ""};
}

void Autocommit::write(const Progress& progress) {
  journal_->write(connection_, key_, progress);
  kept_ = true;
}

void Autocommit::run_parts(std::size_t index, Observer& observer,
                           const std::function<void()>& before_commit) {
  BatchContext context{connection_, observer, timeouts_, step_.revision.file};
  context.write_cursor = [&](const std::string& cursor) {
    Progress reached = progress(index, false);
    reached.announced = step_.digests[index];
    reached.cursor = cursor;
    return journal_->statement(connection_.dialect(), key_, reached);
  };
  context.committed = [&](const std::string& cursor) {
    kept_ = true;
    cursor_ = cursor;
  };
  context.go_on_or_throw = before_commit;
  rows_ = run_batches(step_.statements[index], cursor_, context);
  cursor_.clear();
  write(progress(index + 1, false));
}

// False: the statement cannot run so, and has done nothing.
bool Autocommit::run_with_journal(std::size_t index, int attempt,
                                  const std::function<void()>& before_commit) {
  const SqlFlavour flavour = connection_.dialect().flavour();
  if (shuns_transactions(sql(index), flavour)) return false;
  std::vector<std::string> message;
  if (flavour == SqlFlavour::PostgreSql) {
    message = LocalTimeouts(timeouts_, attempt).before(own(), step_.statements[index]);
  }
  const std::size_t own = message.size();
  message.push_back(sql(index));
  message.push_back(journal_->statement(connection_.dialect(), key_, progress(index + 1, false)));
  try {
    Transaction transaction(connection_);
    std::size_t at = 0;
    rows_ = connection_.execute_all(message, at)[own];
    before_commit();
    transaction.commit();
    kept_ = true;
    return true;
  } catch (const CommitInDoubt&) {
    throw;
  } catch (const Error& error) {
    if (!refuses_transaction(error)) throw;
    return false;
  }
}

void Autocommit::run_bare(std::size_t index, bool again, Observer& observer) {
  const bool unlimited = connection_.dialect().flavour() == SqlFlavour::PostgreSql &&
                         lock_class(sql(index)) == LockClass::Long;
  std::size_t at = 0;
  if (unlimited) connection_.execute_all(unlimited_timeouts(own()), at);
  remove_leftovers(index);
  if (const auto wanted = wanted_index(index); wanted && wanted->if_not_exists) {
    is_built(index);  // which the server would take, whatever it is
  }
  write(progress(index, true));
  bare_ = true;
  execute_bare(index, again, observer);
  bare_ = false;
  write(progress(index + 1, false));
  if (unlimited) connection_.execute_all(reset_timeouts(own()), at);
}

void Autocommit::execute_bare(std::size_t index, bool again, Observer& observer) {
  try {
    const std::string now = sql_now(index, again);
    if (now.empty()) {
      observer.warned(fmt::format("statement {} of {} was begun by an earlier run, and is done",
                                  index + 1, step_.step.revision));
      return;
    }
    rows_ = connection_.execute(now);
    expect_index(index);
  } catch (const Error& error) {
    if (!again || !is_done_already(error, sql(index))) {
      give_up_bare(index, error);
      throw;
    }
    observer.warned(
        fmt::format("statement {} of {} was begun by an earlier run, and is taken for done: {}",
                    index + 1, step_.step.revision, error.message()));
  }
}

// It will be run again as it is, and its errors will be errors. An index that cannot be used costs
// whoever writes; the error of the statement counts, not what its removal meets.
void Autocommit::give_up_bare(std::size_t index, const Error& error) {
  if (!has_failed(error)) return;
  write(progress(index, false));
  if (may_be_tried_again(error)) return;  // which removes it
  try {
    remove_leftovers(index);
  } catch (const Error&) {
  }
}

// A DETACH PARTITION CONCURRENTLY that was interrupted, or refused behind its first phase, has to
// be ended by another statement. Empty: it went through. Before version 14 the server knows no such
// statement, and says so itself.
std::string Autocommit::sql_now(std::size_t index, bool again) {
  const auto detach = concurrent_detach(sql(index));
  if (!detach) return sql(index);
  const Dialect& dialect = connection_.dialect();
  const auto rows = connection_.query(fmt::format(
      "SELECT coalesce((to_jsonb(i) ->> 'inhdetachpending')::boolean, false) FROM "
      "pg_catalog.pg_inherits i WHERE inhparent = to_regclass({}) AND inhrelid = to_regclass({})",
      dialect.quote_literal(detach->table), dialect.quote_literal(detach->partition)));
  if (rows.empty()) return again ? "" : sql(index);
  return rows[0][0] == "t" ? detach->finalize : sql(index);
}

void Autocommit::remove_leftovers(std::size_t index) {
  if (connection_.dialect().flavour() != SqlFlavour::PostgreSql) return;
  if (const auto wanted = wanted_index(index)) drop_unusable_index(connection_, *wanted);
  if (const auto reindex = concurrent_reindex(sql(index))) {
    drop_reindex_leftovers(connection_, *reindex);
  }
}

std::optional<ConcurrentIndex> Autocommit::wanted_index(std::size_t index) const {
  if (connection_.dialect().flavour() != SqlFlavour::PostgreSql) return std::nullopt;
  return concurrent_index(sql(index));
}

// Behind a success of the server's.
void Autocommit::expect_index(std::size_t index) {
  const auto wanted = wanted_index(index);
  if (!wanted) return;
  const auto found = find_index(connection_, *wanted);
  if (found && !found->usable) {
    throw Error(Reason::MigrationFailed,
                fmt::format("the index {} is there, but invalid", found->name),
                "the next run drops it and builds it again");
  }
  if (found || !wanted->if_not_exists) return;
  throw Error(Reason::MigrationFailed,
              fmt::format("the table {} has no index {}: something else has that name, and IF NOT "
                          "EXISTS takes it for the index",
                          wanted->table, wanted->name),
              "give the index another name");
}

bool Autocommit::is_built(std::size_t index) {
  const auto wanted = wanted_index(index);
  if (!wanted) return false;
  const auto found = find_index(connection_, *wanted);
  if (!found || !found->usable) return false;
  refuse_other_index(connection_, *found, *wanted);
  return true;
}

}  // namespace engine
