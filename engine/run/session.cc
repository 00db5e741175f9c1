// SPDX-License-Identifier: Apache-2.0
#include "engine/run/session.h"

#include "engine/core/error.h"

namespace engine {

void prepare_session(Connection& connection) {
  if (connection.dialect().flavour() != SqlFlavour::PostgreSql) return;
  for (const char* sql :
       {"SELECT set_config('idle_session_timeout', '0', false) "
        "WHERE current_setting('idle_session_timeout', true) IS NOT NULL",
        "SELECT set_config('client_connection_check_interval', '2s', false) "
        "WHERE current_setting('client_connection_check_interval', true) IS NOT NULL"}) {
    try {
      connection.query(sql);
    } catch (const Error& error) {
      if (error.reason() == Reason::Interrupted) throw;
      // A platform without it. A connection that is lost is noticed by the next statement.
    }
  }
}

}  // namespace engine
