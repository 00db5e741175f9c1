// SPDX-License-Identifier: Apache-2.0
#include "engine/run/session.h"

#include <fmt/format.h>

#include "engine/core/error.h"
#include "engine/core/sqlstate.h"

namespace engine {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kLooks = 5;  // a busy pooler may give two sessions different servers by chance

constexpr const char* kMayIdle =
    "CASE WHEN current_setting('idle_session_timeout', true) IS NOT NULL "
    "THEN set_config('idle_session_timeout', '0', false) END";
const std::string kSettings = fmt::format("set_config('TimeZone', 'UTC', false), {}", kMayIdle);
// Fails on a platform that cannot do it.
constexpr const char* kCheckInterval =
    "SELECT set_config('client_connection_check_interval', '1s', false) "
    "WHERE current_setting('client_connection_check_interval', true) IS NOT NULL";

bool can_check_connections(Connection& connection) {
  try {
    return !connection.query(kCheckInterval).empty();
  } catch (const Error& error) {
    if (error.reason() != Reason::MigrationFailed) throw;
    return false;
  }
}

int pid_of(Connection& connection) {
  return std::stoi(connection.query("SELECT pg_backend_pid()").at(0)[0].value_or("0"));
}

// While the session keeps its server process for a transaction, the other one is asked. PgBouncer
// refuses transactions where it shares servers by statement.
bool shares_servers(Connection& session, Connection& other) {
  const int first = pid_of(other);
  for (int look = 0; look < kLooks; ++look) {
    try {
      const Transaction transaction(session);
      if (const int own = pid_of(session); own == first || pid_of(other) != first) return true;
    } catch (const Error& error) {
      if (!has_sqlstate(error, {"08P01"})) throw;
      return true;
    }
  }
  return false;
}

}  // namespace

SessionFacts look_at_session(Connection& connection) {
  SessionFacts facts;
  if (connection.dialect().flavour() != SqlFlavour::PostgreSql) return facts;
  const auto begin = Clock::now();
  const auto rows = connection.query(
      "SELECT pg_backend_pid(), pg_is_in_recovery(), "
      "current_setting('default_transaction_read_only')");
  facts.round_trip = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin);
  if (!rows.empty() && rows[0].size() >= 3) {
    facts.pid = std::stoi(rows[0][0].value_or("0"));
    facts.behind_pooler = connection.server_pid() != facts.pid;
    facts.in_recovery = rows[0][1] == "t";
    facts.read_only = rows[0][2] == "on";
  }
  return facts;
}

void set_up_session(Connection& connection, SessionFacts& facts) {
  if (facts.pid == 0) return;
  connection.query(fmt::format("SELECT {}", kSettings));
  facts.checks_connection = can_check_connections(connection);
}

void set_up_foreign_session(Connection& connection, const SessionFacts& facts,
                            const Timeouts& waits) {
  if (facts.pid == 0) return;
  std::string settings = kMayIdle;
  if (waits.lock_timeout.count() > 0) {
    settings += fmt::format(", set_config('lock_timeout', '{}ms', false)",
                            waits.lock_timeout.count() * (waits.lock_retries + 1));
  }
  if (waits.statement_timeout.count() > 0) {
    settings += fmt::format(", set_config('statement_timeout', '{}ms', false)",
                            waits.statement_timeout.count());
  }
  connection.query("SELECT " + settings);
  can_check_connections(connection);
}

std::vector<std::string> reset_session(const SessionFacts& facts) {
  if (facts.pid == 0) return {};
  std::vector<std::string> statements = {"RESET SESSION AUTHORIZATION", "RESET ALL",
                                         fmt::format("SELECT {}", kSettings)};
  if (facts.checks_connection) statements.emplace_back(kCheckInterval);
  return statements;
}

void require_writable(const SessionFacts& facts, const DatabaseUrl& url) {
  if (facts.in_recovery) {
    throw Error(Reason::DatabaseUnreachable,
                fmt::format("{} is a standby: nothing can be written there", url.display),
                "run it on the primary; target_session_attrs=read-write in the URL finds it among "
                "several hosts");
  }
  if (facts.read_only) {
    throw Error(
        Reason::DatabaseUnreachable,
        fmt::format("sessions of {} are read-only (default_transaction_read_only)", url.display),
        "change that for this role with ALTER ROLE ... SET default_transaction_read_only = "
        "off, or use another one");
  }
}

void refuse_transaction_pooling(Connection& session, Connection& other, const DatabaseUrl& url) {
  if (!shares_servers(session, other)) return;
  throw Error(Reason::InvalidUsage,
              fmt::format("{} is behind a pooler that gives each transaction another server "
                          "process: no lock would hold there",
                          url.display),
              "use the server's own address, or a pool with pool_mode = session");
}

}  // namespace engine
