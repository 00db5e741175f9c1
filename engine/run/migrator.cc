// SPDX-License-Identifier: Apache-2.0
#include "engine/run/migrator.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <deque>
#include <optional>
#include <utility>

#include "engine/core/sqlstate.h"
#include "engine/run/autocommit.h"
#include "engine/run/pause.h"
#include "engine/run/timestamp.h"
#include "engine/run/watcher.h"
#include "engine/sql/statement_kind.h"

namespace engine {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t kShownSql = 2'000;       // bytes
constexpr std::size_t kLargeMessage = 65'536;  // bytes
// From here on waiting for answers costs more than it tells.
constexpr std::chrono::microseconds kSlowNetwork{2'000};

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string shortened(const std::string& sql) {
  constexpr std::string_view kEllipsis = "…";
  if (sql.size() <= kShownSql) return sql;
  std::size_t end = kShownSql - kEllipsis.size();
  while (end > 0 && (static_cast<unsigned char>(sql[end]) & 0xC0U) == 0x80U)
    --end;  // whole characters
  return sql.substr(0, end).append(kEllipsis);
}

long elapsed_ms(Clock::time_point begin) {
  return static_cast<long>(std::chrono::duration_cast<milliseconds>(Clock::now() - begin).count());
}

// One revision on its way, over all its transactions and their tries.
struct StepRun {
  StepRun(const PreparedStep& step, MigrationContext& context,
          const std::map<JournalKey, Progress>& earlier)
      : prepared(step),
        autocommit(step, context.connection, context.journal, earlier, context.timeouts) {
    report.revision = step.step.revision;
    report.direction = step.step.direction == Direction::Up ? "upgrade" : "downgrade";
    report.message = step.revision.message;
    report.statement_count = static_cast<int>(step.statements.size());
  }

  std::size_t count() const { return prepared.statements.size(); }
  std::string place_of(std::size_t index) const {
    return index < count() ? fmt::format("statement {} of {}", index + 1, count())
                           : "its version row";
  }
  const OwnTimeouts& own_timeouts() {
    if (!own) own = engine::own_timeouts(prepared);
    return *own;
  }
  // The statements of a transaction that was rolled back have not run.
  void forget(const Piece& piece) {
    std::erase_if(report.statements, [&](const StatementReport& statement) {
      const auto index = static_cast<std::size_t>(statement.statement) - 1;
      return index >= piece.first && index < piece.end;
    });
    through = false;
  }

  const PreparedStep& prepared;
  Autocommit autocommit;
  int number = 0;  // of the step in the run, from 1
  std::optional<OwnTimeouts> own = {};
  bool needs_reset = false;  // of the session, before its first statement
  std::string started_at = {};
  std::optional<Clock::time_point> begun = {};
  bool announced = false;
  bool told = false;
  bool through = false;   // its version row is written, if perhaps not committed
  std::size_t first = 0;  // statements before it were committed by earlier runs
  std::size_t kept = 0;   // the first so many statements are committed
  StepReport report = {};
};

// Where a run is, for its errors.
struct Where {
  StepRun* step = nullptr;
  std::size_t statement = 0;  // 1-based; 0: none of the script runs
  std::string place = {};     // when none runs
};

// What goes to the database with one message.
class Outbox {
 public:
  Outbox(Connection& connection, const VersionTable& versions, Where& where)
      : connection_(connection), versions_(versions), where_(where) {}

  bool has_statement() const { return has_statement_; }
  std::size_t bytes() const { return bytes_; }

  // `place`: where we are while it runs.
  void add(std::string sql, std::string place) { push(std::move(sql), {0, std::move(place)}); }
  void add(std::vector<std::string> statements, const std::string& place) {
    for (std::string& sql : statements) add(std::move(sql), place);
  }
  void add_statement(std::size_t index) {
    has_statement_ = true;
    push(where_.step->prepared.statements[index].sql, {index + 1});
  }
  // `guarded`: nobody can look at what it touched before COMMIT.
  void add_change(const RowChange& change, bool guarded) {
    const Dialect& dialect = connection_.dialect();
    push(guarded ? versions_.guarded_statement(dialect, change)
                 : versions_.statement(dialect, change),
         {0, "at its version row", &change});
  }
  // A query that fails unless the migration lock is held.
  void add_lock_check(std::string query) {
    push(std::move(query), {0, "before COMMIT", nullptr, true});
  }

  void flush() {
    if (sql_.empty()) return;
    const auto begin = Clock::now();
    std::size_t at = 0;
    std::vector<long> rows;
    try {
      rows = connection_.execute_all(sql_, at);
    } catch (const Error& error) {
      throw_explained(items_[std::min(at, items_.size() - 1)], error);
    }
    take(rows, elapsed_ms(begin));
    clear();
  }

  // With what is still to be sent.
  void commit(Transaction& transaction) {
    const auto begin = Clock::now();
    std::size_t at = 0;
    std::vector<long> rows;
    const Item end{0, "at COMMIT"};
    try {
      rows = transaction.commit_with(sql_, at);
    } catch (const CommitInDoubt&) {
      point_at(end);
      throw;
    } catch (const Error& error) {
      throw_explained(at < items_.size() ? items_[at] : end, error);
    }
    take(rows, elapsed_ms(begin));
    clear();
  }

 private:
  struct Item {
    std::size_t statement = 0;  // 1-based; 0: not of the script
    std::string place = {};
    const RowChange* change = nullptr;  // it must touch one row
    bool checks_lock = false;
  };

  void push(std::string sql, Item item) {
    bytes_ += sql.size();
    sql_.push_back(std::move(sql));
    items_.push_back(std::move(item));
    if (sql_.size() == 1) point_at(items_.front());
  }
  void point_at(const Item& item) {
    where_.statement = item.statement;
    where_.place = item.place;
  }
  // While `error` is handled.
  [[noreturn]] void throw_explained(const Item& item, const Error& error) {
    point_at(item);
    if (item.change != nullptr) throw versions_.explained(*item.change, error);
    if (item.checks_lock && has_sqlstate(error, {"22012"})) throw lost_lock();
    throw;
  }
  void take(const std::vector<long>& rows, long duration_ms) {
    std::vector<StatementReport>& reports = where_.step->report.statements;
    bool ran = false;
    for (std::size_t i = 0; i < items_.size(); ++i) {
      point_at(items_[i]);
      if (items_[i].change != nullptr) versions_.check(*items_[i].change, rows[i]);
      if (items_[i].statement == 0) continue;
      ran = true;
      reports.push_back({static_cast<int>(items_[i].statement),
                         where_.step->prepared.statements[items_[i].statement - 1].line, rows[i],
                         0});
    }
    if (ran) reports.back().duration_ms = duration_ms;
  }
  void clear() {
    sql_.clear();
    items_.clear();
    bytes_ = 0;
    has_statement_ = false;
    where_.statement = 0;
  }

  Connection& connection_;
  const VersionTable& versions_;
  Where& where_;
  std::vector<std::string> sql_ = {};
  std::vector<Item> items_ = {};
  std::size_t bytes_ = 0;
  bool has_statement_ = false;
};

class Runner {
 public:
  Runner(const RevisionSet& start, const std::vector<PreparedStep>& steps,
         MigrationContext& context, std::vector<StepReport>& done)
      : start_(start), prepared_(steps), context_(context), done_(done), rows_(start) {
    if (context.journal != nullptr) earlier_ = context.journal->read(context.connection);
    for (const PreparedStep& step : steps) {
      StepRun& run = steps_.emplace_back(step, context, earlier_);
      run.autocommit.check();
      run.number = static_cast<int>(steps_.size());
      run.needs_reset = steps_.size() > 1 && leaves_marks(steps[steps_.size() - 2]);
    }
  }

  void run() {
    std::vector<std::size_t> done;
    for (const StepRun& step : steps_) done.push_back(step.autocommit.done());
    for (const TransactionGroup& group :
         transaction_groups(prepared_, context_.transactions, done)) {
      announce(group);
      run_group(group);
    }
  }

 private:
  bool leaves_marks(const PreparedStep& step) const {
    const SqlFlavour flavour = context_.connection.dialect().flavour();
    return std::ranges::any_of(step.statements, [&](const Statement& statement) {
      return may_change_session(statement.sql, flavour);
    });
  }

  void announce(const TransactionGroup& group) {
    for (const Piece& piece : group.pieces) {
      StepRun& step = steps_[piece.step];
      if (std::exchange(step.announced, true)) continue;
      context_.observer.before_step(step.prepared.step, step.prepared.revision, step.number,
                                    static_cast<int>(steps_.size()));
    }
  }

  // --- a group, as often as it takes ---

  void run_group(const TransactionGroup& group) {
    for (int attempt = 1;; ++attempt) {
      try {
        try_group(group, attempt);
        return;
      } catch (const CommitInDoubt& error) {
        settle(group, error);
        return;
      } catch (const Error& error) {
        if (!can_try_again(group, error, attempt)) throw explained(given_up(error, attempt), group);
        wait_to_try_again(group, error, attempt);
      }
    }
  }

  void try_group(const TransactionGroup& group, int attempt) {
    enter(group.pieces.front());
    if (group.alone) {
      run_alone(group.pieces.front(), attempt);
    } else {
      run_transaction(group, attempt);
    }
    committed(group);
  }

  // What ran outside of a transaction, and can commit in its middle, is left to people.
  bool can_try_again(const TransactionGroup& group, const Error& error, int attempt) const {
    if (!may_be_tried_again(error) || attempt > context_.timeouts.lock_retries) return false;
    const Piece& piece = group.pieces.front();
    const bool batch = group.alone && steps_[piece.step].prepared.statements[piece.first].kind ==
                                          StatementKind::Batch;
    if (batch) return false;  // has done so itself
    if (!group.alone || !where_.step->autocommit.is_bare()) return true;
    return lock_class(where_.step->prepared.statements[piece.first].sql) == LockClass::Long;
  }

  void wait_to_try_again(const TransactionGroup& group, const Error& error, int attempt) {
    StepReport& report = where_.step->report;
    ++report.retries;
    const std::string blockers = watcher_.take_blockers();
    if (!blockers.empty()) report.blockers.push_back(blockers);
    for (const Piece& piece : group.pieces) steps_[piece.step].forget(piece);
    const milliseconds duration = pause_after(context_.timeouts, attempt);
    context_.observer.retrying(
        fmt::format("{} {}: {}", what(*where_.step), place(), error.message()), attempt,
        context_.timeouts.lock_retries + 1, blockers, duration);
    pause(duration, context_.stop);
  }

  Error given_up(const Error& error, int attempt) {
    if (!may_be_tried_again(error)) return error;
    std::string blockers = watcher_.take_blockers();
    const std::vector<std::string>& earlier = where_.step->report.blockers;
    if (blockers.empty() && !earlier.empty()) blockers = earlier.back();
    const std::string tries = attempt == 1 ? "" : fmt::format("; tried {} times", attempt);
    const std::string who = blockers.empty() ? "" : "; in the way: " + blockers;
    return Error(Reason::LockTimeout, error.message() + tries + who, *error.failure(),
                 "end what is in the way, or run the same command again at a quieter time");
  }

  // The answer to COMMIT was lost: the database knows.
  void settle(const TransactionGroup& group, const CommitInDoubt& error) {
    if (!context_.renew) throw explained(error, group);
    try {
      watcher_.set_pid(context_.renew().pid);
    } catch (const Error& renewing) {
      if (renewing.reason() == Reason::Bug) throw;
      throw explained(error, group);
    }
    switch (outcome_of(group)) {
      case Outcome::Committed:
        context_.observer.warned(
            "the connection was lost during COMMIT; looked at in a new one, "
            "it was committed");
        committed(group);
        return;
      case Outcome::RolledBack:
        throw explained(Error(Reason::DatabaseUnreachable,
                              "the connection was lost during COMMIT; looked at in a new one, it "
                              "was rolled back",
                              "run the same command again"),
                        group);
      case Outcome::Unknown:
        throw explained(error, group);
    }
  }

  enum class Outcome { Committed, RolledBack, Unknown };  // Unknown: somebody else was there

  Outcome outcome_of(const TransactionGroup& group) {
    const Piece& last = group.pieces.back();
    const PreparedStep& step = prepared_[last.step];
    if (group.pieces.size() > 1 || last.completes) {
      const RevisionSet rows = context_.versions.read(context_.connection);
      if (rows == rows_after(group)) return Outcome::Committed;
      return rows == rows_ ? Outcome::RolledBack : Outcome::Unknown;
    }
    const auto journal = context_.journal->read(context_.connection);
    const auto found = journal.find({step.step.revision, step.step.direction});
    const std::size_t done =
        found == journal.end() ? 0 : static_cast<std::size_t>(found->second.done);
    if (done >= last.end) return Outcome::Committed;
    // Of a batch, the last part may have arrived.
    const bool batch = group.alone && step.statements[last.first].kind == StatementKind::Batch;
    return batch ? Outcome::Unknown : Outcome::RolledBack;
  }

  RevisionSet rows_after(const TransactionGroup& group) const {
    RevisionSet rows = rows_;
    for (const Piece& piece : group.pieces) {
      if (!piece.completes) continue;
      for (const RowChange& change : prepared_[piece.step].step.rows) {
        if (!change.from.empty()) rows.erase(change.from);
        if (!change.to.empty()) rows.insert(change.to);
      }
    }
    return rows;
  }

  void committed(const TransactionGroup& group) {
    ready_ = true;
    rows_ = rows_after(group);
    for (const Piece& piece : group.pieces) {
      StepRun& step = steps_[piece.step];
      step.kept = piece.end;
      if (!piece.completes) continue;
      done_.push_back(std::move(step.report));
      context_.observer.step_finished(step.prepared.step, step.prepared.revision,
                                      milliseconds(done_.back().duration_ms));
    }
  }

  // --- one try ---

  // Outside of a transaction.
  void enter(const Piece& piece) {
    StepRun& step = steps_[piece.step];
    where_ = {&step, 0, "before " + step.place_of(piece.first)};
    if (!step.begun) {
      step.begun = Clock::now();
      step.started_at = timestamp_now();
      if (step.autocommit.resumes()) go_on_behind(step);
    }
    where_.place = "before " + step.place_of(piece.first);
    go_on_or_throw(context_.stop, context_.lock);
    where_.place = "at BEGIN";
  }

  // Before the session is what the script made of it: where the version table is, may depend.
  void go_on_behind(StepRun& step) {
    make_ready_alone();
    where_.place = "at its journal";
    step.kept = step.first = step.autocommit.begin(context_.observer);
  }

  void make_ready_alone() {
    if (ready_) return;
    Transaction transaction(context_.connection);
    make_ready();
    go_on_or_throw(context_.stop, context_.lock);
    transaction.commit();
    ready_ = true;
  }

  // In the first transaction.
  void make_ready() {
    if (start_.empty()) {
      const bool is_new =
          context_.journal != nullptr && !context_.versions.exists(context_.connection);
      context_.versions.create(context_.connection);
      if (is_new) context_.journal->clear_all(context_.connection);
    }
    context_.versions.locate(context_.connection);
  }

  void run_alone(const Piece& piece, int attempt) {
    make_ready_alone();
    StepRun& step = *where_.step;
    if (step.needs_reset && piece.first == 0) {
      std::size_t at = 0;
      where_.place = "while its session was reset";
      context_.connection.execute_all(reset_session(context_.session), at);
    }
    tell_start(step);
    where_.statement = piece.first + 1;
    const auto begin = Clock::now();
    long rows = 0;
    if (step.prepared.statements[piece.first].kind == StatementKind::Condition) {
      check_condition(step.prepared.statements[piece.first]);
    } else {
      rows = run_autocommit(step, piece.first, attempt);
    }
    step.report.statements.push_back({static_cast<int>(piece.first) + 1,
                                      step.prepared.statements[piece.first].line, rows,
                                      elapsed_ms(begin)});
    where_.statement = 0;
  }

  // A transaction finds out when it moves its row; a statement on its own must not get so far.
  long run_autocommit(StepRun& step, std::size_t index, int attempt) {
    std::optional<RevisionSet> rows;
    if (names_version_table(step.prepared.statements[index].sql)) {
      rows = context_.versions.read(context_.connection);
    }
    return step.autocommit.run(index, attempt, context_.observer, [&] {
      go_on_or_throw(context_.stop, context_.lock);
      if (!rows || context_.versions.read(context_.connection) == *rows) return;
      throw Error(Reason::VersionConflict, "the statement changes the version table",
                  "take it out of the script: the version table belongs to the run");
    });
  }

  bool names_version_table(const std::string& sql) const {
    const std::string& name = context_.versions.name().name;
    const auto same = [](unsigned char a, unsigned char b) {
      return std::tolower(a) == std::tolower(b);
    };
    return std::search(sql.begin(), sql.end(), name.begin(), name.end(), same) != sql.end();
  }

  void run_transaction(const TransactionGroup& group, int attempt) {
    Transaction transaction(context_.connection);
    if (!ready_) make_ready();
    LocalTimeouts timeouts(context_.timeouts, attempt);
    for (const Piece& piece : group.pieces) {
      const bool commits = commits_along() && &piece == &group.pieces.back();
      run_piece(piece, timeouts, commits ? &transaction : nullptr);
    }
    if (!commits_along()) {
      where_.statement = 0;
      where_.place = "before COMMIT";
      go_on_or_throw(context_.stop, context_.lock);
      where_.place = "at COMMIT";
      transaction.commit();
    }
  }

  // The server itself looks at the lock and the rows, and COMMIT goes with the last message.
  bool commits_along() const { return joins_ && !context_.lock.held_query().empty(); }

  // `transaction`: to be committed with the last message; null: not here.
  void run_piece(const Piece& piece, LocalTimeouts& timeouts, Transaction* transaction) {
    StepRun& step = steps_[piece.step];
    where_.step = &step;
    if (!step.begun) {
      step.begun = Clock::now();
      step.started_at = timestamp_now();
    }
    tell_start(step);
    Outbox outbox(context_.connection, context_.versions, where_);
    if (step.needs_reset && piece.first == 0) {
      outbox.add(reset_session(context_.session), "while its session was reset");
      timeouts.forget();
    }
    for (std::size_t index = piece.first; index < piece.end; ++index) {
      add_statement(step, index, timeouts, outbox);
    }
    if (piece.completes) {
      record(step, outbox, transaction != nullptr);
    } else if (piece.end > step.first) {
      outbox.add(step.autocommit.note(piece.end), "at its journal");
    }
    if (transaction == nullptr) {
      outbox.flush();
    } else {
      where_.statement = 0;
      where_.place = "before COMMIT";
      go_on_or_throw(context_.stop, context_.lock);
      outbox.add_lock_check(context_.lock.held_query());
      outbox.commit(*transaction);
    }
    if (!piece.completes) return;
    step.through = true;
    step.report.duration_ms = elapsed_ms(*step.begun);
  }

  void add_statement(StepRun& step, std::size_t index, LocalTimeouts& timeouts, Outbox& outbox) {
    const Statement& statement = step.prepared.statements[index];
    const SqlFlavour flavour = context_.connection.dialect().flavour();
    if (statement.kind == StatementKind::Condition) {
      outbox.flush();
      where_.statement = index + 1;
      check_condition(statement);
      where_.statement = 0;
      return;
    }
    if (!joins_ && outbox.has_statement()) outbox.flush();
    if (flavour == SqlFlavour::PostgreSql) {
      outbox.add(timeouts.before(step.own_timeouts(), statement), "at its timeouts");
    }
    outbox.add_statement(index);
    if (outbox.bytes() > kLargeMessage || changes_session(statement.sql, flavour)) outbox.flush();
  }

  // True, and nothing else.
  void check_condition(const Statement& statement) {
    const auto rows = context_.connection.ask_condition(statement.sql);
    const bool one = rows.size() == 1 && rows[0].size() == 1;
    if (one && (rows[0][0] == "t" || rows[0][0] == "1")) return;
    const std::string answer = one ? fmt::format("'{}'", rows[0][0].value_or("NULL"))
                                   : fmt::format("{} rows", rows.size());
    throw Error(Reason::ConditionFailed,
                fmt::format("the condition does not hold: `{}` answers {} instead of true",
                            statement.sql, answer),
                "look at the data that it is about, and run the same command again");
  }

  void record(const StepRun& step, Outbox& outbox, bool guarded) {
    outbox.add(step.autocommit.clear(), "at its journal");
    for (const RowChange& change : step.prepared.step.rows) outbox.add_change(change, guarded);
    if (context_.history == nullptr) return;
    const HistoryRow row = history_row_of(step.prepared, context_.identity, step.started_at);
    outbox.add(context_.history->statement(context_.connection.dialect(), row),
               "at its history row");
  }

  void tell_start(StepRun& step) {
    if (std::exchange(step.told, true)) return;
    context_.observer.step_started(step.prepared.step, step.prepared.revision, step.number,
                                   static_cast<int>(steps_.size()));
  }

  // --- errors ---

  static std::string what(const StepRun& step) {
    const bool up = step.prepared.step.direction == Direction::Up;
    return fmt::format("{} {}", up ? "upgrade to" : "downgrade of", step.prepared.step.revision);
  }
  std::string place() const {
    return where_.statement > 0 ? "at " + where_.step->place_of(where_.statement - 1)
                                : where_.place;
  }
  Error explained(const Error&, const TransactionGroup&) const;

  const RevisionSet& start_;
  const std::vector<PreparedStep>& prepared_;
  MigrationContext& context_;
  std::vector<StepReport>& done_;
  RevisionSet rows_;  // of the version table, as it is known to be committed
  std::map<JournalKey, Progress> earlier_ = {};
  std::deque<StepRun> steps_ = {};
  const bool joins_ = context_.session.round_trip >= kSlowNetwork;
  bool ready_ = false;  // the version table is there, and known
  Where where_ = {};
  StatementWatcher watcher_{context_.connection, context_.lock, context_.observer,
                            context_.session.pid};
};

std::string kept_text(const StepRun& step) {
  if (step.kept == 0) return {};
  const bool one = step.kept == 1;
  const std::string which = one ? "statement 1" : fmt::format("statements 1 to {}", step.kept);
  return fmt::format("; {} of this revision {} committed, and the next run goes on behind {}",
                     which, one ? "is" : "are", one ? "it" : "them");
}

Error Runner::explained(const Error& error, const TransactionGroup& group) const {
  const StepRun& step = *where_.step;
  Failure failure = error.failure().value_or(Failure{});
  failure.revision = step.prepared.step.revision;
  failure.file = base_name(step.prepared.revision.file);
  failure.statement_count = static_cast<int>(step.count());
  std::string line;
  if (where_.statement > 0) {
    const Statement& statement = step.prepared.statements[where_.statement - 1];
    failure.statement = static_cast<int>(where_.statement);
    failure.line = statement.line + (failure.line > 0 ? failure.line - 1 : 0);
    failure.sql = shortened(statement.sql);
    line = fmt::format(", {}:{}", failure.file, failure.line);
  } else {
    failure.line = 0;
  }
  const bool interrupted = error.reason() == Reason::Interrupted;
  const bool alone = where_.statement > 0 && step.autocommit.is_bare();
  const bool batch = where_.statement > 0 &&
                     step.prepared.statements[where_.statement - 1].kind == StatementKind::Batch;
  const std::string text =
      interrupted ? fmt::format("{} interrupted {}{}; {}", what(step), place(), line,
                                batch   ? "the batches before this one are committed, and the next "
                                          "run goes on behind them"
                                : alone ? "what this statement did may stay"
                                        : "rolled back")
                  : fmt::format("{} failed {}: {}{}", what(step), place(), error.message(), line);
  const std::string hint =
      interrupted && error.hint().empty() ? "run the same command again" : error.hint();
  const bool others_too = std::ranges::any_of(group.pieces, [&](const Piece& piece) {
    return piece.completes && &steps_[piece.step] != &step && steps_[piece.step].through;
  });
  const std::string others =
      others_too ? "; the revisions before it in this run are rolled back with it" : "";
  return Error(error.reason(), text + kept_text(step) + others, failure, hint);
}

// Rolls back what is open, and makes the connection usable again after a cancel.
class CleanConnection {
 public:
  explicit CleanConnection(Connection& connection) : connection_(connection) {}
  ~CleanConnection() { connection_.rollback(); }
  CleanConnection(const CleanConnection&) = delete;
  CleanConnection& operator=(const CleanConnection&) = delete;

 private:
  Connection& connection_;
};

}  // namespace

HistoryRow history_row_of(const PreparedStep& step, const RunIdentity& identity,
                          const std::string& started_at) {
  HistoryRow row;
  row.revision = step.step.revision;
  row.direction = step.step.direction;
  row.run_id = identity.run_id;
  row.owner = identity.owner;
  row.attempt = identity.attempt;
  row.engine_version = identity.engine_version;
  row.checksum = step.checksum;
  row.started_at = started_at;
  row.file = step.file;
  row.source = step.source;
  row.meaning = step.meaning;
  return row;
}

void execute(const RevisionSet& start, const std::vector<PreparedStep>& steps,
             MigrationContext& context, std::vector<StepReport>& done) {
  const CleanConnection clean(context.connection);  // after `on_stop` is gone
  const std::stop_callback on_stop(context.stop, [&] { context.connection.cancel(); });
  Runner(start, steps, context, done).run();
}

void execute(const StampPlan& plan, const std::vector<HistoryRow>& history,
             MigrationContext& context) {
  const CleanConnection clean(context.connection);
  const std::stop_callback on_stop(context.stop, [&] { context.connection.cancel(); });
  Transaction transaction(context.connection);
  if (plan.start.empty()) context.versions.create(context.connection);
  context.versions.locate(context.connection);
  if (plan.purge) context.versions.clear(context.connection);
  if (context.journal != nullptr) context.journal->clear_all(context.connection);
  for (const StampStep& step : plan.steps) {
    context.observer.stamp_started(step);
    context.versions.apply(context.connection, step.rows);
  }
  if (context.history != nullptr) context.history->insert(context.connection, history);
  go_on_or_throw(context.stop, context.lock);
  transaction.commit();
}

}  // namespace engine
