// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/workplace.h"

#include <utility>

#include "engine/cli/inputs.h"
#include "engine/db/echo_connection.h"
#include "engine/db/sqlite_file.h"
#include "engine/run/session.h"

namespace engine {

Workplace::Workplace(const Options& options, Observer& observer, std::stop_token stop,
                     WhenMissing when_missing)
    : options_(options),
      observer_(observer),
      stop_(std::move(stop)),
      when_missing_(when_missing),
      url_(find_database(options)),
      versions_(options.version_table) {}

const Dialect& Workplace::dialect() const { return dialect_of(url_.flavour); }

bool Workplace::is_to_be_made() const {
  return when_missing_ == WhenMissing::Create && sqlite_file_is_missing(url_);
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

std::unique_ptr<MigrationLock> Workplace::lock() {
  Connection& session = connection();  // a file must be there to be locked
  std::unique_ptr<MigrationLock> lock =
      acquire_lock(url_, connect_options(options_), versions_.name(),
                   LockOptions{options_.lock_wait}, observer_, stop_);
  prepare_session(session);
  fence_session(session, url_, versions_.name(), LockOptions{options_.lock_wait}, observer_, stop_);
  return lock;
}

}  // namespace engine
