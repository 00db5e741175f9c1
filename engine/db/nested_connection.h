// SPDX-License-Identifier: Apache-2.0
//
// Somebody else's connection in the middle of its transaction: transactions of ours are savepoints
// there.
#pragma once

#include <memory>

#include "engine/db/connection.h"

namespace engine {

// Where `outer` is in no transaction, nothing is different. It must outlive what is returned.
std::unique_ptr<Connection> nested_connection(Connection& outer);

}  // namespace engine
