// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/wait.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "engine/cli/arrival.h"
#include "engine/cli/inputs.h"
#include "engine/cli/print.h"
#include "engine/cli/workplace.h"
#include "engine/core/error.h"
#include "engine/core/sqlstate.h"
#include "engine/db/history_reader.h"
#include "engine/run/pause.h"

namespace engine {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// Of one query, and of another process that keeps an SQLite file busy.
constexpr milliseconds kQueryPatience{5'000};
constexpr milliseconds kShortestConnect{1'000};

// What a database says may change; what the command line says does not.
bool may_pass(const Error& error) {
  switch (error.reason()) {
    case Reason::DatabaseUnreachable:
    case Reason::AuthenticationFailed:
    case Reason::LockUnavailable:
      return true;
    default:
      return error.failure() && !error.failure()->sqlstate.empty();
  }
}

// What a look has found.
struct Look {
  std::optional<DatabaseSeen> seen = {};
  std::string state = {};  // "the database is at b2", "cannot connect to ..."
};

class Waiting {
 public:
  Waiting(const Options& options, Observer& observer, const std::stop_token& stop,
          RunReport& report)
      : options_(options),
        command_(std::get<Wait>(options.command)),
        observer_(observer),
        stop_(stop),
        report_(report),
        deadline_(Clock::now() + command_.timeout),
        graph_(read_scripts_if_there()) {
    wanted_ = command_.revisions.empty()
                  ? graph_->heads()
                  : wanted_revisions(command_.revisions, graph_ ? &*graph_ : nullptr);
    report_.target_revisions = {wanted_.begin(), wanted_.end()};
  }

  void run() {
    find_database(options_);  // before the first look: this does not pass
    std::string told;
    while (true) {
      const Look look = look_at_database();
      const RevisionSet missing =
          look.seen ? missing_of(wanted_, *look.seen, graph_ ? &*graph_ : nullptr) : wanted_;
      if (look.seen) warn_of_guesses(*look.seen);
      if (missing.empty()) {
        report_.message = fmt::format("{} {} applied", revisions_text(wanted_),
                                      wanted_.size() == 1 ? "is" : "are");
        return;
      }
      if (look.state != told) {
        told = look.state;
        if (Clock::now() < deadline_) {
          observer_.waiting_for_revisions(revisions_text(missing), told);
        }
      }
      pause_or_throw(missing, told);
    }
  }

 private:
  std::optional<RevisionGraph> read_scripts_if_there() {
    if (!command_.revisions.empty() && !scripts_are_there()) return {};
    return read_graph(options_, report_);
  }

  bool scripts_are_there() const {
    if (!options_.scripts_sha256.empty()) return true;
    try {
      find_locations(options_.settings);
      return true;
    } catch (const Error&) {
      return false;
    }
  }

  Look look_at_database() {
    try {
      if (!workplace_) connect();
      Look look;
      look.seen = read();
      look.state = fmt::format("the database is at {}", seen_text(*look.seen));
      return look;
    } catch (const Error& error) {
      workplace_.reset();
      if (!may_pass(error)) throw;
      return {{}, error.message()};
    }
  }

  void connect() {
    connecting_ = options_;
    connecting_.lock_wait = std::min(options_.lock_wait, kQueryPatience);
    const auto left = std::chrono::ceil<milliseconds>(deadline_ - Clock::now());
    if (command_.timeout.count() > 0) {
      connecting_.connect_timeout =
          std::min(options_.connect_timeout, std::max(left, kShortestConnect));
    }
    workplace_.emplace(connecting_, observer_, stop_, Workplace::WhenMissing::Fail);
  }

  // In a transaction, so that the bound ends with it: a pooler may give the session to others.
  template <typename Action>
  auto within_time(Action&& action) {
    Connection& connection = workplace_->connection();
    // SQLite has a bound of its own, and a transaction there locks the file.
    if (connection.dialect().flavour() == SqlFlavour::Sqlite) return action();
    const Transaction transaction(connection);
    connection.query(
        fmt::format("SELECT set_config('statement_timeout', '{}', true)", kQueryPatience.count()));
    return action();
  }

  DatabaseSeen read() {
    Connection& connection = workplace_->connection();
    DatabaseSeen seen;
    seen.rows = within_time([&]() -> std::optional<RevisionSet> {
      try {
        return workplace_->versions().read(connection);
      } catch (const Error& error) {
        if (has_sqlstate(error, {"42501"})) return std::nullopt;
        throw;
      }
    });
    const auto history =
        within_time([&] { return read_history(connection, workplace_->versions().name()); });
    if (history) seen.applied = history->applied();
    if (!seen.rows && !seen.applied) workplace_->versions().read(connection);  // says what to grant
    if (seen.rows) report_.from = report_.to = {seen.rows->begin(), seen.rows->end()};
    return seen;
  }

  std::string seen_text(const DatabaseSeen& seen) const {
    if (seen.rows) return revisions_text(*seen.rows);
    return "revisions that this role cannot see";
  }

  void warn_of_guesses(const DatabaseSeen& seen) {
    if (seen.applied || !seen.rows || seen.rows->empty() || std::exchange(warned_, true)) return;
    observer_.warned(
        graph_
            ? "this role sees no history: a revision counts as applied when it is in the version "
              "table, or lies below such a revision in the scripts"
            : "this role sees no history, and there are no scripts: a revision counts as "
              "applied only while it is in the version table itself");
  }

  void pause_or_throw(const RevisionSet& missing, const std::string& state) {
    const auto left = std::chrono::ceil<milliseconds>(deadline_ - Clock::now());
    if (left <= milliseconds(0)) {
      throw Error(Reason::NotUpToDate,
                  command_.timeout.count() == 0
                      ? fmt::format("{} {} not applied: {}", revisions_text(missing),
                                    missing.size() == 1 ? "is" : "are", state)
                      : fmt::format("waited {} for {}: {}", command_.timeout_text,
                                    revisions_text(missing), state),
                  "something else has to bring the database there, such as `stillhead upgrade`");
    }
    if (pause(std::min(left, command_.interval), stop_)) return;
    throw Error(Reason::Interrupted,
                fmt::format("interrupted while waiting for {}", revisions_text(missing)),
                "run the same command again");
  }

  const Options& options_;
  const Wait& command_;
  Observer& observer_;
  const std::stop_token& stop_;
  RunReport& report_;
  Clock::time_point deadline_;
  std::optional<RevisionGraph> graph_;
  RevisionSet wanted_ = {};
  Options connecting_ = {};
  std::optional<Workplace> workplace_ = {};
  bool warned_ = false;
};

}  // namespace

void wait_for_revisions(const Options& options, Observer& observer, const std::stop_token& stop,
                        RunReport& report) {
  Waiting(options, observer, stop, report).run();
}

}  // namespace engine
