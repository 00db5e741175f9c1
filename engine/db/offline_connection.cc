// SPDX-License-Identifier: Apache-2.0
#include "engine/db/offline_connection.h"

#include <utility>

namespace engine {

OfflineConnection::OfflineConnection(const Dialect& dialect, bool transactional_ddl, Write write)
    : dialect_(dialect), transactional_ddl_(transactional_ddl), write_(std::move(write)) {}

void OfflineConnection::print(std::string_view statement) {
  write_(std::string(statement) + ";\n\n");
}

void OfflineConnection::comment(std::string_view text) {
  write_("-- " + std::string(text) + "\n\n");
}

long OfflineConnection::execute(const std::string& sql) {
  print(sql);
  return 1;
}

void OfflineConnection::begin() {
  open_ = true;
  if (transactional_ddl_) print("BEGIN");
}

void OfflineConnection::commit() {
  open_ = false;
  if (transactional_ddl_) print("COMMIT");
}

}  // namespace engine
