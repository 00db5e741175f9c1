// SPDX-License-Identifier: Apache-2.0
//
// What a statement gives to a driver (engine/host): with names and types, and in parts, so that a
// large result needs no more memory than a small one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace engine {

struct Blob {
  std::string bytes = {};
};

// A value as the database keeps it. In results of PostgreSQL text and NULL only.
using SqlValue = std::variant<std::nullptr_t, std::int64_t, double, std::string, Blob>;

struct Column {
  std::string name = {};
  long type = 0;              // PostgreSQL: OID
  int modifier = -1;          // PostgreSQL: of the type
  std::string declared = {};  // SQLite: its type as CREATE TABLE has it; empty: an expression
};

// How much of a result is one part: whichever is reached first.
inline constexpr std::size_t kPartRows = 1'000;
inline constexpr std::size_t kPartBytes = std::size_t{256} << 10;

struct ResultPart {
  bool has_rows = false;             // the statement is one that gives rows, if perhaps none
  std::vector<Column> columns = {};  // of the first part
  std::vector<std::vector<SqlValue>> rows = {};
  bool more = false;             // next_part() has the rest
  long row_count = -1;           // touched, or given if this is all; -1: not known
  std::string status = {};       // PostgreSQL: the command's tag, "INSERT 0 1"
  std::int64_t last_row_id = 0;  // SQLite
};

}  // namespace engine
