// SPDX-License-Identifier: Apache-2.0
#include "engine/run/migrator.h"

#include <fmt/format.h>

#include <chrono>
#include <functional>
#include <utility>

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

// One revision, from its first statement to its last commit.
class StepRun {
 public:
  StepRun(const PreparedStep& prepared, MigrationContext& context)
      : prepared_(prepared), context_(context), started_at_(timestamp_now()) {}

  void run() {
    try {
      run_pieces();
    } catch (const Error& error) {
      throw explained(error);
    }
  }

 private:
  std::size_t count() const { return prepared_.statements.size(); }
  bool outside_transaction(std::size_t index) const {
    return !prepared_.revision.transactional || !prepared_.statements[index].transactional;
  }

  void run_pieces() {
    std::size_t begin = 0;
    while (begin < count()) {
      std::size_t end = begin;
      while (end < count() && !outside_transaction(end)) ++end;
      if (end == count()) break;
      if (end > begin) run_transaction(begin, end, [] {});
      run_alone(end);
      begin = end + 1;
    }
    run_transaction(begin, count(), [this] { record(); });
  }

  void run_transaction(std::size_t begin, std::size_t end, const std::function<void()>& record) {
    go_on_or_throw("before " + place_of(begin));
    place_ = "at BEGIN";
    Transaction transaction(context_.connection);
    for (std::size_t index = begin; index < end; ++index) run_statement(index);
    record();
    statement_ = 0;
    place_ = "at COMMIT";
    go_on_or_throw("before COMMIT");
    transaction.commit();
    kept_ = end;
  }

  void run_alone(std::size_t index) {
    go_on_or_throw("before " + place_of(index));
    run_statement(index);
    statement_ = 0;
    kept_ = index + 1;
  }

  void run_statement(std::size_t index) {
    statement_ = index + 1;
    context_.connection.execute(prepared_.statements[index].sql);
  }

  void record() {
    statement_ = 0;
    place_ = "at its version row";
    context_.versions.apply(context_.connection, prepared_.step.rows);
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
    context_.history.insert(context_.connection, row);
  }

  std::string place_of(std::size_t index) const {
    return index < count() ? fmt::format("statement {} of {}", index + 1, count())
                           : "its version row";
  }

  void go_on_or_throw(const std::string& place) {
    if (context_.stop.stop_requested()) {
      place_ = place;
      throw Error(Reason::Interrupted, "interrupted");
    }
    if (!context_.lock.held()) {
      place_ = place;
      throw Error(
          Reason::LockUnavailable, "the migration lock was lost",
          "its connection has ended, so another run may have begun; run the same command again");
    }
  }

  std::string kept_text() const {
    if (kept_ == 0) return {};
    const std::string which = kept_ == 1 ? "statement 1" : fmt::format("statements 1 to {}", kept_);
    return fmt::format("; {} of this revision cannot be rolled back and {}", which,
                       kept_ == 1 ? "stays" : "stay");
  }

  Error explained(const Error& error) const;

  const PreparedStep& prepared_;
  MigrationContext& context_;
  std::string started_at_;
  std::string place_ = {};     // where we are when no statement of the script runs
  std::size_t statement_ = 0;  // 1-based; 0: none runs
  std::size_t kept_ = 0;       // the first so many statements are committed
};

Error StepRun::explained(const Error& error) const {
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
  const bool alone = statement_ > 0 && outside_transaction(statement_ - 1);
  const std::string text =
      interrupted ? fmt::format("{} interrupted {}{}; {}", what, place, line,
                                alone ? "what this statement did may stay" : "rolled back")
                  : fmt::format("{} failed {}: {}{}", what, place, error.message(), line);
  const std::string hint =
      interrupted && error.hint().empty() ? "run the same command again" : error.hint();
  return Error(error.reason(), text + kept_text(), failure, hint);
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

void execute(const std::vector<PreparedStep>& steps, MigrationContext& context,
             std::vector<StepReport>& done) {
  const CleanConnection clean(context.connection);  // after `on_stop` is gone
  const std::stop_callback on_stop(context.stop, [&] { context.connection.cancel(); });
  int number = 0;
  for (const PreparedStep& prepared : steps) {
    context.observer.step_started(prepared.step, prepared.revision, ++number,
                                  static_cast<int>(steps.size()));
    const auto begin = Clock::now();
    StepRun(prepared, context).run();
    const auto duration =
        std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin);
    StepReport report;
    report.revision = prepared.step.revision;
    report.direction = prepared.step.direction == Direction::Up ? "upgrade" : "downgrade";
    report.message = prepared.revision.message;
    report.statement_count = static_cast<int>(prepared.statements.size());
    report.duration_ms = static_cast<long>(duration.count());
    done.push_back(std::move(report));
    context.observer.step_finished(prepared.step, prepared.revision, duration);
  }
}

}  // namespace engine
