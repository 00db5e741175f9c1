// SPDX-License-Identifier: Apache-2.0
//
// Text of a script -> single statements, by a lexer of our own: what cannot be parsed by somebody's
// grammar can still be executed. Knows quotes, E'' strings, dollar quotes, nested comments, BEGIN
// ATOMIC bodies, CREATE RULE with several actions (PostgreSQL); CREATE TRIGGER bodies, `...`, [...]
// (SQLite).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/core/operation.h"

namespace engine {

enum class SqlFlavour { PostgreSql, Sqlite };

struct Statement {
  std::string sql = {};  // without the closing semicolon, without leading comments and space
  int line = 0;          // 1-based line of the script on which `sql` begins; 0: not from a script
  bool transactional = true;  // false: outside the step's transaction
  StatementKind kind = StatementKind::Ordinary;
  BatchOptions batch = {};  // Batch only
};

// `first_line`: the line of `origin` on which `text` begins. Throws Error(InvalidScripts) with
// "origin:line": unterminated quote or comment, COPY ... FROM stdin and psql meta-commands (no
// client is there to feed them).
std::vector<Statement> split_statements(std::string_view text, SqlFlavour, std::string_view origin,
                                        int first_line);

// The statement begins, ends or prepares a transaction (BEGIN, COMMIT, ROLLBACK, ABORT, END,
// START/PREPARE TRANSACTION; not SAVEPOINT, RELEASE, ROLLBACK TO).
bool controls_transaction(std::string_view statement, SqlFlavour);

}  // namespace engine
