// SPDX-License-Identifier: Apache-2.0
//
// Settings of the session that runs scripts, where the server can be told.
#pragma once

#include "engine/db/connection.h"

namespace engine {

// PostgreSQL 14 and later: a server notices within two seconds that this program is gone, even in
// the middle of a statement, and rolls back (client_connection_check_interval; not every platform
// has it, and then nothing changes); the session may idle. SQLite: nothing. Throws
// Error(Interrupted).
void prepare_session(Connection&);

}  // namespace engine
