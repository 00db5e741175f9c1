// SPDX-License-Identifier: Apache-2.0
//
// The words of one statement, folded as PostgreSQL folds them: for reading what a statement does
// without a grammar.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "engine/sql/split.h"

namespace engine {

struct SqlWord {
  enum class Kind { End, Name, QuotedName, String, Number, Symbol };
  Kind kind = Kind::End;
  std::string text = {};  // names as the catalog has them, strings without quotes; Symbol: , . ( )
                          // [ ] or an operator
  std::size_t begin = 0;  // in the statement
  std::size_t end = 0;

  bool is(std::string_view keyword) const { return kind == Kind::Name && text == keyword; }
  bool is_symbol(std::string_view symbol) const { return kind == Kind::Symbol && text == symbol; }
  bool is_name() const { return kind == Kind::Name || kind == Kind::QuotedName; }
};

// A name with or without its schema, folded. Empty name: none.
struct ObjectName {
  std::string schema = {};
  std::string name = {};

  friend bool operator==(const ObjectName&, const ObjectName&) = default;
  friend auto operator<=>(const ObjectName&, const ObjectName&) = default;
};

// Reads forwards; never past the end, where End stands. Keywords are given in small letters.
class SqlWords {
 public:
  // Throws what Lexer throws: a statement of split_statements makes it throw nothing. `statement`
  // must live as long.
  explicit SqlWords(std::string_view statement, SqlFlavour flavour = SqlFlavour::PostgreSql);

  const SqlWord& word(std::size_t ahead = 0) const;
  bool at_end() const { return word().kind == SqlWord::Kind::End; }
  void next() { position_ += at_end() ? 0 : 1; }

  bool at(std::string_view keyword) const { return word().is(keyword); }
  bool at_any(std::initializer_list<std::string_view> keywords) const;
  bool at_all(std::initializer_list<std::string_view> keywords) const;  // one after the other
  bool at_symbol(std::string_view symbol) const { return word().is_symbol(symbol); }
  bool take(std::string_view keyword);
  bool take_all(std::initializer_list<std::string_view> keywords);  // all or none
  bool take_symbol(std::string_view symbol);

  std::string take_name();                    // one identifier; empty: none stands here
  ObjectName take_object();                   // a, a.b, a.b.c (the database is left out)
  std::vector<std::string> take_name_list();  // (a, b); empty: none stands here
  void skip_parentheses();                    // from ( or [ to its partner; else nothing
  void skip_one();                            // a word, or a whole parenthesis

  std::size_t position() const { return position_; }
  void go_to(std::size_t position) { position_ = position; }
  std::string_view text_between(std::size_t from, std::size_t to) const;  // positions

 private:
  std::string_view statement_;
  std::vector<SqlWord> words_ = {};
  std::size_t position_ = 0;
};

// As PostgreSQL makes the names of sequences, indexes and constraints: at most 63 bytes, the longer
// part cut. `column` may be empty.
std::string made_name(const std::string& table, const std::string& column,
                      const std::string& label);

}  // namespace engine
