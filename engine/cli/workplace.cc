// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/workplace.h"

#include <utility>

#include "engine/cli/inputs.h"
#include "engine/db/echo_connection.h"
#include "engine/db/nested_connection.h"
#include "engine/db/sqlite_file.h"
#include "engine/run/pause.h"

namespace engine {
namespace {

constexpr std::chrono::milliseconds kPause{200};

}  // namespace

Workplace::Workplace(const Options& options, Observer& observer, std::stop_token stop,
                     WhenMissing when_missing)
    : options_(options),
      observer_(observer),
      stop_(std::move(stop)),
      when_missing_(when_missing),
      url_(find_database(options)),
      versions_(options.version_table) {}

Workplace::Workplace(const Options& options, Observer& observer, std::stop_token stop,
                     WhenMissing when_missing, DatabaseUrl url, VersionTableName versions)
    : options_(options),
      observer_(observer),
      stop_(std::move(stop)),
      when_missing_(when_missing),
      url_(std::move(url)),
      versions_(std::move(versions)) {}

const Dialect& Workplace::dialect() const { return dialect_of(url_.flavour); }

bool Workplace::is_to_be_made() const {
  return when_missing_ == WhenMissing::Create && sqlite_file_is_missing(url_);
}

void Workplace::work_inside(Connection& scripts) {
  connection_ = nested_connection(scripts);
  is_inside_ = true;
}

Connection& Workplace::connection() {
  if (!connection_) {
    ConnectOptions connecting = connect_options(options_, &observer_);
    connecting.create = when_missing_ == WhenMissing::Create;
    connection_ = connect(url_, connecting, stop_);
    if (options_.settings.flag(Key::SqlEcho)) {
      connection_ = echo_connection(std::move(connection_), [this](const std::string& sql) {
        observer_.statement_sent(sql);
      });
    }
    on_stop_.emplace(stop_, [this] { connection_->cancel(); });
  }
  return *connection_;
}

std::vector<RevisionId> Workplace::rows() {
  if (!connection_ && is_to_be_made()) return {};
  return versions_.read_in_order(connection());
}

// Changes nothing, not even in a pool's connections, before it is known that it may.
void Workplace::prepare_session() {
  Connection& session = connection();
  session_ = look_at_session(session);
  require_writable(session_, url_);
  if (session_.behind_pooler) {
    const std::unique_ptr<Connection> other = connect(url_, connect_options(options_), stop_);
    const std::stop_callback on_stop(stop_, [&other] { other->cancel(); });
    refuse_transaction_pooling(session, *other, url_);
  }
  set_up_session(session, session_);
}

std::unique_ptr<MigrationLock> Workplace::lock() {
  prepare_session();  // a file must be there to be locked
  std::unique_ptr<MigrationLock> lock = acquire();
  fence(connection());
  return lock;
}

std::unique_ptr<MigrationLock> Workplace::lock_for(Connection& scripts) {
  if (is_inside_) return acquire(scripts.holds_write_lock());
  prepare_session();
  const SessionFacts facts = look_at_session(scripts);
  require_writable(facts, url_);
  set_up_foreign_session(scripts, facts, options_.timeouts);
  std::unique_ptr<MigrationLock> lock = acquire();
  fence(scripts);
  return lock;
}

std::unique_ptr<MigrationLock> Workplace::acquire(bool has_write_lock) {
  LockOptions locking{options_.lock_wait};
  locking.has_write_lock = has_write_lock;
  return acquire_lock(url_, connect_options(options_), versions_.name(), locking, observer_, stop_);
}

void Workplace::fence(Connection& scripts) {
  fence_session(scripts, url_, versions_.name(), LockOptions{options_.lock_wait}, observer_, stop_);
}

// A server that restarts needs a moment.
void Workplace::reconnect() {
  const auto give_up_at = std::chrono::steady_clock::now() + options_.connect_timeout;
  for (;;) {
    try {
      return connection_->reconnect();
    } catch (const Error& error) {
      if (error.reason() != Reason::DatabaseUnreachable || stop_.stop_requested() ||
          std::chrono::steady_clock::now() >= give_up_at) {
        throw;
      }
    }
    pause(kPause, stop_);
  }
}

SessionFacts Workplace::renew_session() {
  reconnect();
  prepare_session();
  fence(connection());
  return session_;
}

}  // namespace engine
