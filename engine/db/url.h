// SPDX-License-Identifier: Apache-2.0
//
// Database URLs in SQLAlchemy's, libpq's and SQLite's spellings.
#pragma once

#include <string>
#include <string_view>

#include "engine/sql/split.h"

namespace engine {

struct DatabaseUrl {
  SqlFlavour flavour = SqlFlavour::PostgreSql;
  // PostgreSQL: a libpq URI or key=value string; SQLite: the path. SECRET.
  std::string conninfo = {};
  std::string display = {};  // for people and logs: without password, without other secrets
};

// postgresql://, postgres://, postgresql+psycopg2|psycopg|asyncpg|pg8000://, `service=...` and
// key=value strings, sqlite:///relative, sqlite:////absolute, sqlite:///:memory:,
// sqlite+aiosqlite://...; parameters are mapped where a driver has its own name (`ssl` ->
// `sslmode`) and refused by name where libpq has none. Empty text: libpq's own environment (PGHOST,
// PGSERVICE ...) when one of those is set. Throws Error(InvalidUsage); the message never holds the
// URL's password.
DatabaseUrl parse_database_url(std::string_view text);

}  // namespace engine
