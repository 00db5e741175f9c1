// SPDX-License-Identifier: Apache-2.0
//
// A session advisory lock. Its key is computed by the server, so that every run for one version
// table of one database meets the same number, whatever its search path looked like when the table
// was made.
#include <fmt/format.h>

#include <utility>

#include "engine/run/lock.h"
#include "engine/run/lock_poll.h"
#include "engine/run/server_session.h"

namespace engine {
namespace {

constexpr std::chrono::milliseconds kFencePoll{200};

class PostgresLock : public MigrationLock {
 public:
  explicit PostgresLock(std::unique_ptr<Connection> connection)
      : connection_(std::move(connection)) {}
  bool held() noexcept override { return connection_->alive(); }
  std::string held_query() const override { return held_query_; }
  void set_held_query(std::string query) { held_query_ = std::move(query); }
  Connection* connection() noexcept override { return connection_.get(); }

 private:
  std::unique_ptr<Connection> connection_;  // closing it frees the lock
  std::string held_query_ = {};
};

// Two statements in one: the session idles for as long as the migration takes, and from version 14
// on a server may be set to end such sessions.
std::string key_sql(const Dialect& dialect, const VersionTableName& versions,
                    std::string_view what) {
  const std::string fallback =
      versions.schema.empty() ? "current_schema()::text" : dialect.quote_literal(versions.schema);
  return fmt::format(
      "SELECT hashtextextended(concat('stillhead migration {}:', current_database(), ':', "
      "coalesce((SELECT n.nspname::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n "
      "ON n.oid = c.relnamespace WHERE c.oid = to_regclass({})), {}), '.', {}), 0), "
      "CASE WHEN current_setting('idle_session_timeout', true) IS NOT NULL "
      "THEN set_config('idle_session_timeout', '0', false) END",
      what, dialect.quote_literal(dialect.qualified(versions)), fallback,
      dialect.quote_literal(versions.name));
}

// pg_locks shows a bigint key as two halves.
std::string granted_to(const std::string& key) {
  return fmt::format(
      "l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 "
      "AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = "
      "pg_catalog.current_database()) "
      "AND l.classid::bigint = (({0}::bigint >> 32) & 4294967295) "
      "AND l.objid::bigint = ({0}::bigint & 4294967295)",
      key);
}

// Other people's sessions are half hidden from plain roles. The session is as old as the run; its
// last query is not, since the watcher asks there.
std::string holder_sql(const std::string& key) {
  return fmt::format(
      "SELECT l.pid, a.application_name, host(a.client_addr), a.state, "
      "to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), "
      "extract(epoch FROM clock_timestamp() - a.backend_start)::bigint "
      "FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid "
      "WHERE {} LIMIT 1",
      granted_to(key));
}

struct Taken {
  std::string key = {};
  std::string pid = {};
};

std::string held_query(const Taken& lock) {
  return fmt::format(
      "SELECT 1 / pg_catalog.count(*) FROM pg_catalog.pg_locks l WHERE l.pid = {} AND {}", lock.pid,
      granted_to(lock.key));
}

LockHolder find_holder(Connection& connection, const std::string& key) {
  const auto rows = connection.query(holder_sql(key));
  if (rows.empty() || !rows[0][0]) return {};  // freed meanwhile
  const Row& row = rows[0];
  LockHolder holder;
  holder.who = describe_session(row);
  if (row[4]) holder.who += fmt::format(", since {} UTC", *row[4]);
  if (row[5]) holder.age = fmt::format("(for {} s)", *row[5]);
  return holder;
}

// `name`: in messages. `find_key`: the statement that says which key.
Taken take(Connection& connection, const std::string& name, const std::string& find_key,
           const LockOptions& options, Observer& observer, const std::stop_token& stop) {
  try {
    Taken lock{connection.query(find_key).at(0)[0].value_or("0")};
    const std::string try_it =
        fmt::format("SELECT pg_try_advisory_lock({}), pg_backend_pid()", lock.key);
    const auto try_once = [&] {
      const Row row = connection.query(try_it).at(0);
      lock.pid = row[1].value_or("0");
      return row[0] == "t";
    };
    poll_for_lock(name, options, observer, stop, try_once,
                  [&] { return find_holder(connection, lock.key); });
    return lock;
  } catch (const Error& error) {
    if (error.reason() != Reason::Interrupted) throw;
    throw Error(Reason::Interrupted, "interrupted while waiting for " + name,
                "run the same command again");
  }
}

}  // namespace

std::unique_ptr<MigrationLock> acquire_postgres_lock(const DatabaseUrl& url,
                                                     const ConnectOptions& connecting,
                                                     const VersionTableName& versions,
                                                     const LockOptions& options, Observer& observer,
                                                     std::stop_token stop) {
  ConnectOptions own = connecting;
  own.application_name += " lock";
  auto lock = std::make_unique<PostgresLock>(connect_postgres(url, own, stop));
  Connection& connection = *lock->connection();
  const std::stop_callback on_stop(stop, [&connection] { connection.cancel(); });
  const Taken taken =
      take(connection, "the migration lock of " + url.display,
           key_sql(connection.dialect(), versions, "lock"), options, observer, stop);
  lock->set_held_query(held_query(taken));
  return lock;
}

void fence_session(Connection& session, const DatabaseUrl& url, const VersionTableName& versions,
                   const LockOptions& options, Observer& observer, const std::stop_token& stop) {
  if (url.flavour != SqlFlavour::PostgreSql) return;
  LockOptions often = options;  // the server notices within a second that its client is gone
  often.longest_poll = kFencePoll;
  take(session, "the session of an earlier run on " + url.display,
       key_sql(session.dialect(), versions, "session"), often, observer, stop);
}

}  // namespace engine
