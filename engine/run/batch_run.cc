// SPDX-License-Identifier: Apache-2.0
#include "engine/run/batch_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "engine/core/sqlstate.h"

namespace engine {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using Json = nlohmann::json;

constexpr milliseconds kGoal{500};
constexpr long kMostGrowth = 10;  // times the size that the script says
constexpr long kMostShrinking = 100;
constexpr milliseconds kLookEvery{500};
constexpr milliseconds kSlice{100};
constexpr double kSmoothing = 0.4;  // of the rate

double number(const std::optional<std::string>& text) {
  return text ? std::strtod(text->c_str(), nullptr) : 0;
}

class BatchRun {
 public:
  BatchRun(const Statement& statement, BatchContext& context)
      : context_(context),
        connection_(context.connection),
        statement_(statement.sql, statement.batch, connection_.dialect(), context.origin,
                   statement.line),
        size_(statement.batch.size) {}

  long run(const std::string& earlier) {
    check_key();
    if (!begin(earlier)) return 0;
    estimate_ = estimate_keys();
    for (bool more = cursor_.after != cursor_.bound; more;) {
      wait_for_others();
      more = run_part();
      wait(statement_.options().pause);
    }
    return cursor_.rows;
  }

 private:
  bool is_postgres() const { return connection_.dialect().flavour() == SqlFlavour::PostgreSql; }

  // A row without a key would never have its turn.
  void check_key() {
    if (!is_postgres()) return;
    const Dialect& dialect = connection_.dialect();
    const auto rows = connection_.query(fmt::format(
        "SELECT attnotnull, EXISTS (SELECT 1 FROM pg_catalog.pg_index i WHERE i.indrelid = "
        "a.attrelid AND i.indisvalid AND i.indkey[0] = a.attnum) FROM pg_catalog.pg_attribute a "
        "WHERE attrelid = to_regclass({}) AND attname = (parse_ident({}))[1]::name AND attnum > 0 "
        "AND NOT attisdropped",
        dialect.quote_literal(statement_.table()),
        dialect.quote_literal(statement_.options().key)));
    const std::string key = fmt::format("{}.{}", statement_.table(), statement_.options().key);
    if (rows.empty()) {
      throw Error(Reason::InvalidScripts, fmt::format("batches by {}: no such column", key),
                  "name a column of the table behind `key=`");
    }
    if (rows[0].at(0) != "t") {
      throw Error(Reason::InvalidScripts,
                  fmt::format("batches by {}: the column may be null, and such rows would be left "
                              "out",
                              key),
                  "name a column that is NOT NULL, such as the primary key");
    }
    if (rows[0].at(1) != "t") {
      context_.observer.warned(
          fmt::format("no index begins with {}: each batch reads the whole table", key));
    }
  }

  // False: there is nothing to do.
  bool begin(const std::string& earlier) {
    if (const auto found = BatchCursor::parse(earlier)) {
      cursor_ = *found;
      return true;
    }
    const auto rows = connection_.query(statement_.find_bound());
    if (rows.empty() || !rows[0].at(0)) return false;
    cursor_.bound = *rows[0][0];
    return true;
  }

  double estimate_keys() {
    if (!is_postgres()) return 0;
    const auto rows = connection_.query(
        fmt::format("SELECT reltuples FROM pg_catalog.pg_class WHERE oid = to_regclass({})",
                    connection_.dialect().quote_literal(statement_.table())));
    return rows.empty() ? 0 : std::max(number(rows[0].at(0)), 0.0);
  }

  // False: it was the last one.
  bool run_part() {
    for (int attempt = 1;; ++attempt) {
      try {
        return try_part();
      } catch (const CommitInDoubt&) {
        throw;
      } catch (const Error& error) {
        const bool too_long = has_sqlstate(error, {"57014"});
        if (!may_be_tried_again(error) && !too_long) throw;
        if (attempt > context_.timeouts.lock_retries) throw;
        size_ = smaller_batch_size(size_);
        const milliseconds pause = pause_after(context_.timeouts, attempt);
        context_.observer.retrying(
            fmt::format("a batch of {}: {}", statement_.table(), error.message()), attempt,
            context_.timeouts.lock_retries + 1, "", pause);
        wait(pause);
      }
    }
  }

  bool try_part() {
    const auto begin = Clock::now();
    const auto end = connection_.query(statement_.find_end(cursor_.after, cursor_.bound, size_));
    const bool last = end.empty();
    BatchCursor next = cursor_;
    next.after = last ? cursor_.bound : end[0].at(0).value_or(cursor_.bound);
    next.keys += size_;
    execute_part(*next.after, next);
    cursor_ = next;
    context_.committed(cursor_.text());
    keys_since_look_ += size_;
    const auto took = std::chrono::duration_cast<milliseconds>(Clock::now() - begin);
    tell(took);
    size_ = next_batch_size(size_, statement_.options().size, took);
    return next.after != cursor_.bound;
  }

  void execute_part(const std::string& upto, BatchCursor& next) {
    std::vector<std::string> message = settings();
    const std::size_t own = message.size();
    message.push_back(statement_.part(cursor_.after, upto));
    Transaction transaction(connection_);
    std::size_t at = 0;
    next.rows += connection_.execute_all(message, at)[own];
    connection_.execute(context_.write_cursor(next.text()));
    context_.go_on_or_throw();
    transaction.commit();
  }

  std::vector<std::string> settings() const {
    std::vector<std::string> result;
    if (!is_postgres()) return result;
    const Timeouts& timeouts = context_.timeouts;
    if (timeouts.lock_timeout.count() > 0) {
      result.push_back(
          fmt::format("SET LOCAL lock_timeout = '{}ms'", timeouts.lock_timeout.count()));
    }
    if (timeouts.statement_timeout.count() > 0) {
      result.push_back(
          fmt::format("SET LOCAL statement_timeout = '{}ms'", timeouts.statement_timeout.count()));
    }
    return result;
  }

  // Standbys that are behind, and sessions that wait for the table. With a standby in sight, before
  // each batch: the next one must fit in what it may still be behind.
  void wait_for_others() {
    if (!is_postgres() || (!has_standby_ && Clock::now() < next_look_)) return;
    for (std::string who = who_waits(); !who.empty(); who = who_waits()) {
      StatementProgress progress = this->progress();
      progress.waits_for = who;
      context_.observer.progressed(progress);
      wait(kLookEvery);
    }
    next_look_ = Clock::now() + kLookEvery;
  }

  std::string who_waits() {
    const auto rows = connection_.query(fmt::format(
        "SELECT CASE WHEN pg_is_in_recovery() THEN NULL ELSE "
        "pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') END, "
        "(SELECT min(pg_wal_lsn_diff(replay_lsn, '0/0')) FROM pg_catalog.pg_stat_replication), "
        "(SELECT count(*) FROM pg_catalog.pg_stat_replication WHERE replay_lsn IS NULL), "
        "(SELECT count(*) FROM pg_catalog.pg_locks WHERE NOT granted AND relation = "
        "to_regclass({}))",
        connection_.dialect().quote_literal(statement_.table())));
    const Row& row = rows.at(0);
    if (number(row.at(2)) > 0 && !std::exchange(told_blindness_, true)) {
      context_.observer.warned(
          "how far standbys are behind is not visible to this role (it needs "
          "pg_monitor): nothing is waited for");
    }
    has_standby_ = row.at(1).has_value();
    if (has_standby_) {
      const milliseconds lag = lag_behind(number(row.at(0)), number(row.at(1)));
      if (lag > statement_.options().max_lag) {
        return fmt::format("a standby that is {} ms behind", lag.count());
      }
    }
    // One pause is their chance; who still waits, waits for somebody else.
    const bool waiters = number(row.at(3)) > 0;
    if (std::exchange(let_waiters_in_, waiters && !let_waiters_in_) || !waiters) return {};
    return fmt::format("{} sessions that wait for {}", row.at(3).value_or(""), statement_.table());
  }

  // With the next batch, which is made so small that a standby needs a quarter of `max_lag` for it.
  milliseconds lag_behind(double current, double replayed) {
    const milliseconds lag = lag_.seen(Clock::now(), current, replayed);
    if (keys_since_look_ > 0) {
      bytes_per_key_ = (current - current_at_look_) / static_cast<double>(keys_since_look_);
    }
    keys_since_look_ = 0;
    current_at_look_ = current;
    const milliseconds most = statement_.options().max_lag / 4;
    if (most.count() == 0) return lag;
    const milliseconds next = lag_.time_for(bytes_per_key_ * static_cast<double>(size_));
    if (next <= most) return lag + next;
    size_ =
        std::max(static_cast<long>(static_cast<double>(size_) * static_cast<double>(most.count()) /
                                   static_cast<double>(next.count())),
                 1L);
    return lag + most;
  }

  void wait(milliseconds duration) {
    const auto end = Clock::now() + duration;
    while (Clock::now() < end) {
      context_.go_on_or_throw();
      const auto left = std::chrono::duration_cast<milliseconds>(end - Clock::now());
      std::this_thread::sleep_for(std::clamp(left, milliseconds{1}, kSlice));
    }
  }

  void tell(milliseconds took) {
    const double rate =
        static_cast<double>(size_) * 1'000 / static_cast<double>(std::max<long>(took.count(), 1));
    rate_ = rate_ == 0 ? rate : kSmoothing * rate + (1 - kSmoothing) * rate_;
    if (Clock::now() < next_tell_) return;
    next_tell_ = Clock::now() + kLookEvery;
    context_.observer.progressed(progress());
  }

  StatementProgress progress() const {
    StatementProgress progress;
    progress.phase = "batches of " + statement_.table();
    progress.done = static_cast<double>(cursor_.keys);
    progress.total = std::max(estimate_, progress.done);
    if (estimate_ == 0) progress.total = 0;
    progress.unit = "rows";
    progress.rate = rate_;
    if (rate_ > 0 && progress.total > 0) {
      progress.left =
          std::chrono::seconds(static_cast<long>((progress.total - progress.done) / rate_));
    }
    return progress;
  }

  BatchContext& context_;
  Connection& connection_;
  BatchedStatement statement_;
  BatchCursor cursor_ = {};
  long size_;
  double estimate_ = 0;  // keys of the table; 0: not known
  double rate_ = 0;      // keys per second
  StandbyLag lag_ = {};
  bool has_standby_ = false;
  double current_at_look_ = 0;  // position in the log
  long keys_since_look_ = 0;
  double bytes_per_key_ = 0;  // of the log; what others write counts, too
  bool told_blindness_ = false;
  bool let_waiters_in_ = false;
  Clock::time_point next_look_ = {};
  Clock::time_point next_tell_ = {};
};

}  // namespace

std::string BatchCursor::text() const {
  Json json = {{"bound", bound}, {"keys", keys}, {"rows", rows}};
  if (after) json["after"] = *after;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<BatchCursor> BatchCursor::parse(const std::string& text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("bound") || !json["bound"].is_string()) return {};
  BatchCursor cursor;
  cursor.bound = json["bound"].get<std::string>();
  if (json.contains("after") && json["after"].is_string()) {
    cursor.after = json["after"].get<std::string>();
  }
  if (json.contains("keys") && json["keys"].is_number_integer()) cursor.keys = json["keys"];
  if (json.contains("rows") && json["rows"].is_number_integer()) cursor.rows = json["rows"];
  return cursor;
}

long next_batch_size(long size, long first, milliseconds took) {
  if (took > kGoal) return std::max(size * 7 / 10, std::max(first / kMostShrinking, 1L));
  if (took < kGoal / 2) return std::min(size + size / 2 + 1, first * kMostGrowth);
  return size;
}

long smaller_batch_size(long size) { return std::max(size / 2, 1L); }

// A standby that had nothing to do at times can do more than it did.
void StandbyLag::learn_rate(Time now, double replayed) {
  if (!last_ || now <= last_->second) return;
  if (replayed < last_->first) {  // of another one
    rate_ = 0;
    samples_.clear();
    return;
  }
  const double seconds = std::chrono::duration<double>(now - last_->second).count();
  const double rate = (replayed - last_->first) / seconds;
  const bool was_busy = replayed < last_current_;
  if (was_busy && rate_ > 0) {
    rate_ = kSmoothing * rate + (1 - kSmoothing) * rate_;
  } else {
    rate_ = std::max(rate_, rate);
  }
}

milliseconds StandbyLag::seen(Time now, double current, double replayed) {
  learn_rate(now, replayed);
  last_ = {replayed, now};
  last_current_ = current;
  samples_.emplace_back(current, now);
  while (!samples_.empty() && samples_.front().first <= replayed) samples_.pop_front();
  if (samples_.empty()) return milliseconds{0};
  const auto age = std::chrono::duration_cast<milliseconds>(now - samples_.front().second);
  return std::max(age, time_for(current - replayed));
}

milliseconds StandbyLag::time_for(double size) const {
  constexpr double kLongest = 86'400'000;  // a standby that stands still
  if (rate_ <= 0) return milliseconds{0};
  return milliseconds{static_cast<long>(std::min(size * 1'000 / rate_, kLongest))};
}

long run_batches(const Statement& statement, const std::string& cursor, BatchContext& context) {
  return BatchRun(statement, context).run(cursor);
}

}  // namespace engine
