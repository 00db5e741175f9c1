// SPDX-License-Identifier: Apache-2.0
//
// The history tables as earlier versions left them.
#pragma once

#include <string>

#include "engine/db/connection.h"

namespace test {

inline std::string history_prefix(const engine::Connection& connection) {
  return connection.dialect().flavour() == engine::SqlFlavour::PostgreSql ? "stillhead." : "main.";
}

// `layout`: 1 or 2. The tables are there, in layout 3.
inline void take_history_back_to(int layout, engine::Connection& connection) {
  const std::string prefix = history_prefix(connection);
  for (const char* column : {"meaning", "file", "source"}) {
    connection.execute("ALTER TABLE " + prefix + "stillhead_history DROP COLUMN " + column);
  }
  if (layout == 1) {
    connection.execute("DROP TABLE " + prefix + "stillhead_journal");
  } else {
    connection.execute("ALTER TABLE " + prefix + "stillhead_journal DROP COLUMN cursor");
  }
  connection.execute("DROP TABLE " + prefix + "stillhead_owner");
  connection.execute("UPDATE " + prefix +
                     "stillhead_schema_version SET version = " + std::to_string(layout));
}

inline void remove_history(engine::Connection& connection) {
  for (const char* table : {"history", "journal", "owner", "schema_version"}) {
    connection.execute("DROP TABLE IF EXISTS " + history_prefix(connection) + "stillhead_" + table);
  }
}

}  // namespace test
