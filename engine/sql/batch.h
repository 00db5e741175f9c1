// SPDX-License-Identifier: Apache-2.0
//
// An UPDATE or DELETE cut into parts by a key: each part runs where `after < key <= upto`.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/core/operation.h"
#include "engine/sql/dialect.h"

namespace engine {

class BatchedStatement {
 public:
  // `sql`: UPDATE or DELETE of one table, without WITH, RETURNING and CURRENT OF. Throws
  // Error(InvalidScripts) naming `origin` and `line`.
  BatchedStatement(std::string_view sql, BatchOptions, const Dialect&, std::string_view origin,
                   int line);

  const std::string& table() const { return table_; }  // as it is written
  const BatchOptions& options() const { return options_; }

  // Keys are in the text form in which the database gives them. `after` empty: from the first.
  std::string part(const std::optional<std::string>& after, const std::string& upto) const;
  // The largest key.
  std::string find_bound() const;
  // The last key of the next part; no row: the bound.
  std::string find_end(const std::optional<std::string>& after, const std::string& bound,
                       long size) const;

 private:
  std::string range(std::string_view column, const std::optional<std::string>& after,
                    const std::string& upto) const;

  const Dialect& dialect_;
  BatchOptions options_;
  std::string table_ = {};
  std::string qualifier_ = {};  // alias, or the table
  std::string head_ = {};       // up to WHERE
  std::string condition_ = {};  // behind it; empty: none
};

}  // namespace engine
