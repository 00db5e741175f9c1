// SPDX-License-Identifier: Apache-2.0
#include "engine/db/connection.h"

#include <utility>

namespace engine {

std::vector<long> Connection::execute_all(const std::vector<std::string>& statements,
                                          std::size_t& at) {
  std::vector<long> rows;
  for (at = 0; at < statements.size(); ++at) rows.push_back(execute(statements[at]));
  return rows;
}

std::vector<long> Connection::commit_with(const std::vector<std::string>& statements,
                                          std::size_t& at) {
  std::vector<long> rows = execute_all(statements, at);
  at = statements.size();
  commit();
  return rows;
}

ResultPart Connection::open_result(const std::string& /*sql*/,
                                   const std::vector<SqlValue>& /*parameters*/) {
  throw Error(Reason::Bug, "this connection has no results for drivers");
}

ResultPart Connection::next_part() { return {}; }

void Connection::reconnect() {
  throw Error(Reason::Bug, "this connection cannot be lost, and was to be renewed");
}

std::unique_ptr<Connection> connect(const DatabaseUrl& url, const ConnectOptions& options,
                                    std::stop_token stop) {
  if (stop.stop_requested()) {
    throw Error(Reason::Interrupted, "interrupted before connecting to " + url.display,
                "run the same command again");
  }
  return url.flavour == SqlFlavour::PostgreSql ? connect_postgres(url, options, std::move(stop))
                                               : connect_sqlite(url, options, std::move(stop));
}

}  // namespace engine
