// SPDX-License-Identifier: Apache-2.0
//
// What a script does, as plain values. A new alternative breaks every visitor that forgets it.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace engine {

// Text of a script between two markers: any number of statements.
struct ExecuteSql {
  std::string sql = {};
  int line = 1;             // 1-based line of the script on which `sql` begins
  bool autocommit = false;  // outside the step's transaction, each statement by itself
};

using Operation = std::variant<ExecuteSql>;

// The body of one revision.
struct ScriptBody {
  std::vector<Operation> upgrade = {};
  std::optional<std::vector<Operation>> downgrade = {};  // empty optional: irreversible
  std::string checksum = {};                             // SHA-256 of the file, 64 hex digits
};

}  // namespace engine
