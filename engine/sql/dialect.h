// SPDX-License-Identifier: Apache-2.0
//
// How a database spells things. Stateless and pure: it makes text, it executes nothing.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/core/operation.h"
#include "engine/core/plan.h"
#include "engine/sql/split.h"

namespace engine {

// Name of the version table. `schema` empty: found through the search path. Default as Alembic's.
struct VersionTableName {
  std::string schema = {};
  std::string name = "alembic_version";
  bool primary_key = true;  // false: made without one (Alembic's version_table_pk)
};
std::string display(const VersionTableName&);  // unquoted, for messages

// Characters of version_num, as Alembic and we make it.
constexpr std::size_t kVersionNumWidth = 32;

class Dialect {
 public:
  virtual ~Dialect() = default;
  virtual SqlFlavour flavour() const = 0;
  virtual std::string_view name() const = 0;                         // "PostgreSQL", "SQLite"
  virtual std::string quote_identifier(std::string_view) const = 0;  // always quoted
  std::string identifier(std::string_view) const;                    // quoted where it must be
  virtual std::string quote_literal(std::string_view) const = 0;

  // Statements of a body in order. `origin` = the script's path. Throws what split_statements
  // throws and Error(InvalidScripts) for transaction control inside a script (the engine owns the
  // transaction).
  std::vector<Statement> render(const std::vector<Operation>&, std::string_view origin) const;

  std::string qualified(const VersionTableName&) const;
  // The text that Alembic prints: VARCHAR(32), primary key <name>_pkc.
  std::string create_version_table(const VersionTableName&) const;
  std::string change_version_row(const VersionTableName&, const RowChange&) const;  // hits one row
  std::string clear_version_table(const VersionTableName&) const;

 protected:
  // `version_num` of the table with that quoted name, as it stands behind RETURNING.
  virtual std::string returned_column(std::string_view table) const = 0;
};

const Dialect& postgres_dialect();
const Dialect& sqlite_dialect();
const Dialect& dialect_of(SqlFlavour);

}  // namespace engine
