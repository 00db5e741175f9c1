// SPDX-License-Identifier: Apache-2.0
//
// Parts of statements that statement_shape.cc puts together. Each reads as far as its part goes,
// and gives what it could read.
#pragma once

#include "engine/sql/statement_shape.h"

namespace engine {

// A column of CREATE TABLE or ADD COLUMN, with the constraints behind it.
ColumnShape take_column(SqlWords&);

// CHECK, UNIQUE, FOREIGN KEY ... with CONSTRAINT name before it; empty: none begins here.
std::optional<ConstraintShape> take_table_constraint(SqlWords&);

// To the end of the action: a comma or a closing parenthesis outside of all others.
void skip_action(SqlWords&);
Expression take_expression(SqlWords&);

// The functions called and sequences used between two positions.
std::set<std::string> functions_between(SqlWords&, std::size_t from, std::size_t to);

// What stands behind ALTER TABLE [IF EXISTS] [ONLY] name [*]. False: something is not understood.
bool take_actions(SqlWords&, Shape&);

// INSERT, UPDATE, DELETE, MERGE, SELECT, WITH, VALUES, COPY: all of it, subqueries too.
void take_data(SqlWords&, Shape&);

}  // namespace engine
