// SPDX-License-Identifier: Apache-2.0
#include "engine/db/offline_connection.h"

#include <fmt/format.h>

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

// A block that fails as a run would. SQLite has nothing of the kind.
std::vector<Row> OfflineConnection::ask_condition(const std::string& sql) {
  if (dialect_.flavour() == SqlFlavour::PostgreSql) {
    print(
        fmt::format("DO $stillhead$ BEGIN IF ({}) IS NOT TRUE THEN RAISE EXCEPTION {}; END IF; "
                    "END $stillhead$",
                    sql, dialect_.quote_literal("the condition does not hold")));
  } else {
    comment("must be true: " + sql);
  }
  return {{"t"}};
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
