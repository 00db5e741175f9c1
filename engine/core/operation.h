// SPDX-License-Identifier: Apache-2.0
//
// What a script does, as plain values. A new alternative breaks every visitor that forgets it.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace engine {

enum class StatementKind {
  Ordinary,
  Condition,  // a question that must be answered with true (`:pre`, `:post`)
  Batch,      // an UPDATE or DELETE that runs a part of the table at a time (`:batch`)
};

// How a statement is cut into parts.
struct BatchOptions {
  std::string key = {};  // column that orders the table: not null, indexed; as it is written
  long size = 10'000;    // rows of the first part; adapted while it runs
  std::chrono::milliseconds pause{0};         // between two parts
  std::chrono::milliseconds max_lag{10'000};  // a standby that is further behind is waited for
  friend bool operator==(const BatchOptions&, const BatchOptions&) = default;
};

// Text of a script between two markers: any number of statements, but one unless Ordinary.
struct ExecuteSql {
  std::string sql = {};
  int line = 1;             // 1-based line of the script on which `sql` begins
  bool autocommit = false;  // outside the step's transaction, each statement by itself
  StatementKind kind = StatementKind::Ordinary;
  BatchOptions batch = {};  // Batch only
};

using Operation = std::variant<ExecuteSql>;

// The body of one revision.
struct ScriptBody {
  std::vector<Operation> upgrade = {};
  std::optional<std::vector<Operation>> downgrade = {};  // empty optional: irreversible
  std::string checksum = {};                             // SHA-256 of the file, 64 hex digits
};

}  // namespace engine
