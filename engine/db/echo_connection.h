// SPDX-License-Identifier: Apache-2.0
//
// A connection that tells each statement before it is sent, BEGIN, COMMIT and ROLLBACK included.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "engine/db/connection.h"

namespace engine {

// `tell` is called by the thread that executes, and must not throw. It lives as long as the
// connection.
std::unique_ptr<Connection> echo_connection(std::unique_ptr<Connection>,
                                            std::function<void(const std::string& sql)> tell);

}  // namespace engine
