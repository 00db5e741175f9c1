// SPDX-License-Identifier: Apache-2.0
#include "engine/run/migrator.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <optional>
#include <utility>

#include "engine/run/autocommit.h"
#include "engine/run/timestamp.h"

namespace engine {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kShownSql = 2'000;  // bytes

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string shortened(const std::string& sql) {
  constexpr std::string_view kEllipsis = "…";
  if (sql.size() <= kShownSql) return sql;
  std::size_t end = kShownSql - kEllipsis.size();
  while (end > 0 && (static_cast<unsigned char>(sql[end]) & 0xC0U) == 0x80U)
    --end;  // whole characters
  return sql.substr(0, end).append(kEllipsis);
}

// A run's transactions: when one begins, what is committed with it.
class Transactions {
 public:
  Transactions(const RevisionSet& start, MigrationContext& context, std::vector<StepReport>& done)
      : start_(start), context_(context), done_(done) {}

  // Begins one unless it is open. The first one makes the version table ready.
  void open() {
    if (transaction_) return;
    transaction_.emplace(context_.connection);
    if (ready_) return;
    if (start_.empty()) {
      const bool is_new =
          context_.journal != nullptr && !context_.versions.exists(context_.connection);
      context_.versions.create(context_.connection);
      if (is_new) context_.journal->clear_all(context_.connection);
    }
    context_.versions.locate(context_.connection);
    ready_ = true;
  }
  bool is_open() const { return transaction_.has_value(); }
  bool is_first() const { return !ready_; }
  void commit() {
    transaction_->commit();
    transaction_.reset();
    std::ranges::move(finished_, std::back_inserter(done_));
    finished_.clear();
  }
  // What an error leaves open is rolled back.
  void roll_back() { transaction_.reset(); }

  // A step that is through; done when its transaction is committed.
  void finish(StepReport report) { finished_.push_back(std::move(report)); }
  std::size_t finished_steps() const { return finished_.size(); }

 private:
  const RevisionSet& start_;
  MigrationContext& context_;
  std::vector<StepReport>& done_;
  std::optional<Transaction> transaction_ = {};
  std::vector<StepReport> finished_ = {};
  bool ready_ = false;
};

void go_on_or_throw(MigrationContext& context) {
  if (context.stop.stop_requested()) throw Error(Reason::Interrupted, "interrupted");
  if (context.lock.held()) return;
  throw Error(
      Reason::LockUnavailable, "the migration lock was lost",
      "its connection has ended, so another run may have begun; run the same command again");
}

struct StepNumber {
  int number = 0;  // from 1
  int count = 0;
};

// One revision, from its first statement to its last commit.
class StepRun {
 public:
  StepRun(const PreparedStep& prepared, MigrationContext& context, Transactions& transactions,
          const std::map<JournalKey, Progress>& earlier)
      : prepared_(prepared),
        context_(context),
        transactions_(transactions),
        autocommit_(prepared, context.connection, context.journal, earlier),
        started_at_(timestamp_now()) {}

  void run(StepNumber number) {
    try {
      run_pieces(number);
    } catch (const Error& error) {
      const bool others_too = transactions_.finished_steps() > (reported_ ? 1U : 0U);
      transactions_.roll_back();
      throw explained(error, others_too);
    }
  }

 private:
  std::size_t count() const { return prepared_.statements.size(); }
  bool outside_transaction(std::size_t index) const {
    return !prepared_.revision.transactional || !prepared_.statements[index].transactional;
  }

  void run_pieces(StepNumber number) {
    const std::size_t first = begin();
    if (transactions_.is_first() || first == count() || !outside_transaction(first)) open(first);
    context_.observer.step_started(prepared_.step, prepared_.revision, number.number, number.count);
    for (std::size_t index = first; index < count(); ++index) {
      if (outside_transaction(index)) {
        commit(index);
        go_on_or_throw_at("before " + place_of(index));
        run_alone(index);
      } else {
        open(index);
        run_statement(index);
      }
    }
    open(count());
    record();
    report();
    if (context_.transactions == TransactionMode::PerRevision || number.number == number.count) {
      commit(count());
    }
  }

  // Where to go on.
  std::size_t begin() {
    if (autocommit_.resumes()) {
      // Before the session is what the script made of it: where the version table is, may depend.
      open(0);
      commit(0);
    }
    place_ = "at its journal";
    kept_ = first_ = autocommit_.begin(context_.observer);
    return first_;
  }

  // For the statements from `index` on.
  void open(std::size_t index) {
    if (transactions_.is_open()) return;
    go_on_or_throw_at("before " + place_of(index));
    place_ = "at BEGIN";
    transactions_.open();
  }

  // Of the statements before `index`.
  void commit(std::size_t index) {
    if (!transactions_.is_open()) return;
    statement_ = 0;
    if (index > first_ && !reported_) {
      place_ = "at its journal";
      autocommit_.note(index);
    }
    go_on_or_throw_at("before COMMIT");
    place_ = "at COMMIT";
    transactions_.commit();
    kept_ = index;
  }

  void run_alone(std::size_t index) {
    statement_ = index + 1;
    autocommit_.run(index, context_.observer, [&] { go_on_or_throw(context_); });
    statement_ = 0;
    kept_ = index + 1;
  }

  void run_statement(std::size_t index) {
    statement_ = index + 1;
    context_.connection.execute(prepared_.statements[index].sql);
  }

  void record() {
    statement_ = 0;
    place_ = "at its journal";
    autocommit_.clear();
    place_ = "at its version row";
    context_.versions.apply(context_.connection, prepared_.step.rows);
    if (context_.history == nullptr) return;
    place_ = "at its history row";
    HistoryRow row;
    row.revision = prepared_.step.revision;
    row.direction = prepared_.step.direction;
    row.run_id = context_.identity.run_id;
    row.owner = context_.identity.owner;
    row.attempt = context_.identity.attempt;
    row.engine_version = context_.identity.engine_version;
    row.checksum = prepared_.checksum;
    row.started_at = started_at_;
    row.file = prepared_.file;
    row.source = prepared_.source;
    row.meaning = prepared_.meaning;
    context_.history->insert(context_.connection, row);
  }

  void report() {
    StepReport report;
    report.revision = prepared_.step.revision;
    report.direction = prepared_.step.direction == Direction::Up ? "upgrade" : "downgrade";
    report.message = prepared_.revision.message;
    report.statement_count = static_cast<int>(count());
    const auto duration =
        std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin_);
    report.duration_ms = static_cast<long>(duration.count());
    transactions_.finish(std::move(report));
    reported_ = true;
  }

  std::string place_of(std::size_t index) const {
    return index < count() ? fmt::format("statement {} of {}", index + 1, count())
                           : "its version row";
  }

  void go_on_or_throw_at(const std::string& place) {
    std::string before = std::exchange(place_, place);
    go_on_or_throw(context_);
    place_ = std::move(before);
  }

  std::string kept_text() const {
    if (kept_ == 0) return {};
    const std::string which = kept_ == 1 ? "statement 1" : fmt::format("statements 1 to {}", kept_);
    return fmt::format("; {} of this revision {} committed, and the next run goes on behind {}",
                       which, kept_ == 1 ? "is" : "are", kept_ == 1 ? "it" : "them");
  }

  // `others_too`: steps before this one are rolled back with it.
  Error explained(const Error& error, bool others_too) const;

  const PreparedStep& prepared_;
  MigrationContext& context_;
  Transactions& transactions_;
  Autocommit autocommit_;
  std::string started_at_;
  Clock::time_point begin_ = Clock::now();
  std::string place_ = {};     // where we are when no statement of the script runs
  std::size_t statement_ = 0;  // 1-based; 0: none runs
  bool reported_ = false;
  std::size_t first_ = 0;  // statements before it were committed by earlier runs
  std::size_t kept_ = 0;   // the first so many statements are committed
};

Error StepRun::explained(const Error& error, bool others_too) const {
  Failure failure = error.failure().value_or(Failure{});
  failure.revision = prepared_.step.revision;
  failure.file = base_name(prepared_.revision.file);
  failure.statement_count = static_cast<int>(count());
  std::string place = place_;
  std::string line;
  if (statement_ > 0) {
    const Statement& statement = prepared_.statements[statement_ - 1];
    failure.statement = static_cast<int>(statement_);
    failure.line = statement.line + (failure.line > 0 ? failure.line - 1 : 0);
    failure.sql = shortened(statement.sql);
    place = "at " + place_of(statement_ - 1);
    line = fmt::format(", {}:{}", failure.file, failure.line);
  } else {
    failure.line = 0;
  }
  const bool up = prepared_.step.direction == Direction::Up;
  const std::string what =
      fmt::format("{} {}", up ? "upgrade to" : "downgrade of", prepared_.step.revision);
  const bool interrupted = error.reason() == Reason::Interrupted;
  const bool alone = statement_ > 0 && autocommit_.is_bare();
  const std::string text =
      interrupted ? fmt::format("{} interrupted {}{}; {}", what, place, line,
                                alone ? "what this statement did may stay" : "rolled back")
                  : fmt::format("{} failed {}: {}{}", what, place, error.message(), line);
  const std::string hint =
      interrupted && error.hint().empty() ? "run the same command again" : error.hint();
  const std::string others =
      others_too ? "; the revisions before it in this run are rolled back with it" : "";
  return Error(error.reason(), text + kept_text() + others, failure, hint);
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

void execute(const RevisionSet& start, const std::vector<PreparedStep>& steps,
             MigrationContext& context, std::vector<StepReport>& done) {
  const CleanConnection clean(context.connection);  // after `on_stop` is gone
  const std::stop_callback on_stop(context.stop, [&] { context.connection.cancel(); });
  Transactions transactions(start, context, done);
  std::map<JournalKey, Progress> earlier;
  if (context.journal != nullptr) earlier = context.journal->read(context.connection);
  for (const PreparedStep& prepared : steps) {
    Autocommit(prepared, context.connection, context.journal, earlier).check();
  }
  StepNumber number{0, static_cast<int>(steps.size())};
  for (const PreparedStep& prepared : steps) {
    ++number.number;
    context.observer.before_step(prepared.step, prepared.revision, number.number, number.count);
    const auto begin = Clock::now();
    StepRun(prepared, context, transactions, earlier).run(number);
    context.observer.step_finished(
        prepared.step, prepared.revision,
        std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin));
  }
}

void execute(const StampPlan& plan, const std::vector<HistoryRow>& history,
             MigrationContext& context) {
  const CleanConnection clean(context.connection);
  const std::stop_callback on_stop(context.stop, [&] { context.connection.cancel(); });
  std::vector<StepReport> none;
  Transactions transactions(plan.start, context, none);
  transactions.open();
  if (plan.purge) context.versions.clear(context.connection);
  if (context.journal != nullptr) context.journal->clear_all(context.connection);
  for (const StampStep& step : plan.steps) {
    context.observer.stamp_started(step);
    context.versions.apply(context.connection, step.rows);
  }
  if (context.history != nullptr) context.history->insert(context.connection, history);
  go_on_or_throw(context);
  transactions.commit();
}

}  // namespace engine
