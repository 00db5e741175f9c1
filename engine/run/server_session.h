// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "engine/db/connection.h"

namespace engine {

// For people: `pid 12, application_name "web", client 10.0.0.7`. `row` begins with pid,
// application_name, host(client_addr) and state of pg_stat_activity; without a state the role may
// not see the session.
std::string describe_session(const Row& row);

}  // namespace engine
