// SPDX-License-Identifier: Apache-2.0
#include "engine/run/autocommit.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "engine/core/error.h"
#include "engine/sql/statement_kind.h"

namespace engine {
namespace {

bool has_sqlstate(const Error& error, std::initializer_list<std::string_view> codes) {
  if (!error.failure()) return false;
  return std::ranges::any_of(
      codes, [&](std::string_view code) { return error.failure()->sqlstate == code; });
}

// The first is for statements that refuse a transaction, the second for procedures that end it.
bool refuses_transaction(const Error& error) { return has_sqlstate(error, {"25001", "2D000"}); }

// What a statement meets that is run a second time: what it makes is there, what it removes is
// gone.
bool is_done_already(const Error& error) {
  return has_sqlstate(error,
                      {"42P04", "42P06", "42P07", "42710", "42701", "42704", "42P01", "3D000"});
}

// Whether the index can be used, and its full name.
std::string look_at_index(const ConcurrentIndex& index, const Dialect& dialect) {
  return fmt::format(
      "SELECT CASE WHEN i.indisvalid AND i.indisready THEN 't' ELSE 'f' END, "
      "format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_index i "
      "JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid "
      "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
      "WHERE i.indrelid = to_regclass({}) AND c.relname = (parse_ident({}))[1]",
      dialect.quote_literal(index.table), dialect.quote_literal(index.name));
}

}  // namespace

Autocommit::Autocommit(const PreparedStep& step, Connection& connection,
                       const JournalTable* journal, const std::map<JournalKey, Progress>& earlier)
    : step_(step),
      connection_(connection),
      journal_(journal),
      earlier_(earlier),
      key_(step.step.revision, step.step.direction) {
  kept_ = std::ranges::any_of(
      earlier_, [&](const auto& entry) { return entry.first.first == step_.step.revision; });
}

std::size_t Autocommit::begin(Observer& observer) {
  const auto found = earlier_.find(key_);
  if (found == earlier_.end()) return 0;
  const auto done = static_cast<std::size_t>(found->second.done);
  if (done > step_.statements.size() || found->second.digest != progress(done, false).digest) {
    throw Error(
        Reason::ChecksumMismatch,
        fmt::format("an earlier run has committed the first {} of {} {}, and the script says "
                    "something else there now",
                    done == 1 ? "statement" : fmt::format("{} statements", done),
                    step_.step.direction == Direction::Up ? "the upgrade to" : "the downgrade of",
                    step_.step.revision),
        "put these statements back as they were, and change only what comes behind them");
  }
  for (std::size_t i = 0; i < done; ++i) {
    if (changes_session(sql(i), connection_.dialect().flavour())) connection_.execute(sql(i));
  }
  in_doubt_ = found->second.in_doubt && done < step_.statements.size();
  observer.resumed(step_.step, static_cast<int>(done), static_cast<int>(step_.statements.size()));
  return done;
}

void Autocommit::run(std::size_t index, Observer& observer,
                     const std::function<void()>& before_commit) {
  bare_ = false;
  if (journal_ == nullptr) {
    bare_ = true;
    connection_.execute(sql(index));
    bare_ = false;
    return;
  }
  if (std::exchange(in_doubt_, false)) {
    if (index_is_built(index)) {
      write(progress(index + 1, false));
    } else {
      run_bare(index, true, observer);
    }
    return;
  }
  if (!run_with_journal(index, before_commit)) run_bare(index, false, observer);
}

void Autocommit::note(std::size_t index) {
  if (journal_ != nullptr) write(progress(index, false));
}

void Autocommit::clear() {
  if (journal_ != nullptr && kept_) journal_->clear(connection_, step_.step.revision);
}

Progress Autocommit::progress(std::size_t done, bool in_doubt) const {
  return {static_cast<int>(done), in_doubt, done == 0 ? "" : step_.digests[done - 1]};
}

void Autocommit::write(const Progress& progress) {
  journal_->write(connection_, key_, progress);
  kept_ = true;
}

// False: the statement cannot run so, and has done nothing.
bool Autocommit::run_with_journal(std::size_t index, const std::function<void()>& before_commit) {
  if (shuns_transactions(sql(index), connection_.dialect().flavour())) return false;
  try {
    Transaction transaction(connection_);
    connection_.execute(sql(index));
    write(progress(index + 1, false));
    before_commit();
    transaction.commit();
    return true;
  } catch (const Error& error) {
    if (!refuses_transaction(error)) throw;
    return false;
  }
}

void Autocommit::run_bare(std::size_t index, bool again, Observer& observer) {
  write(progress(index, true));
  bare_ = true;
  try {
    connection_.execute(sql(index));
  } catch (const Error& error) {
    if (!again || !is_done_already(error)) throw;
    observer.warned(
        fmt::format("statement {} of {} was begun by an earlier run, and is taken for done: {}",
                    index + 1, step_.step.revision, error.message()));
  }
  bare_ = false;
  write(progress(index + 1, false));
}

// What is left of an index that was not built to its end is removed.
bool Autocommit::index_is_built(std::size_t index) {
  if (connection_.dialect().flavour() != SqlFlavour::PostgreSql) return false;
  const auto wanted = concurrent_index(sql(index));
  if (!wanted) return false;
  const auto rows = connection_.query(look_at_index(*wanted, connection_.dialect()));
  if (rows.empty()) return false;
  if (rows[0][0] == "t") return true;
  connection_.execute("DROP INDEX CONCURRENTLY " + rows[0][1].value_or(""));
  return false;
}

}  // namespace engine
