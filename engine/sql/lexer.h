// SPDX-License-Identifier: Apache-2.0
//
// SQL text -> tokens, as far as splitting needs them: where quotes, comments and words begin and
// end.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "engine/sql/split.h"

namespace engine {

enum class TokenKind {
  End,
  Word,    // unquoted identifier or keyword
  Quoted,  // string, quoted identifier, dollar-quoted text
  Semicolon,
  Open,       // (
  Close,      // )
  Backslash,  // outside quotes
  Other,      // other bytes, at least one
};

struct Token {
  TokenKind kind = TokenKind::End;
  std::string_view text = {};
  std::size_t offset = 0;
};

// "ROLLBACK" == "rollback"; `upper` in capitals.
bool is_word(const Token&, std::string_view upper);

class Lexer {
 public:
  // `origin` and `first_line` as in split_statements.
  Lexer(std::string_view text, SqlFlavour flavour, std::string_view origin, int first_line)
      : text_(text), flavour_(flavour), origin_(origin), first_line_(first_line) {}

  // Passes over space and comments. Throws Error(InvalidScripts): unterminated quote or comment.
  Token next();

  // Fast for offsets that do not go back.
  int line_of(std::size_t offset);
  [[noreturn]] void fail(std::size_t offset, std::string_view what, std::string_view hint);

 private:
  bool is_postgres() const { return flavour_ == SqlFlavour::PostgreSql; }
  char peek(std::size_t ahead = 0) const {
    return position_ + ahead < text_.size() ? text_[position_ + ahead] : '\0';
  }
  void skip_space_and_comments();
  void skip_line_comment();
  void skip_block_comment();
  Token make(TokenKind kind, std::size_t begin) const {
    return {kind, text_.substr(begin, position_ - begin), begin};
  }
  Token word(std::size_t begin);
  Token quoted(std::size_t begin, char closing, bool doubled, std::string_view what);
  Token escape_string(std::size_t begin);
  bool continues_string();
  bool dollar_quote(std::size_t begin);

  std::string_view text_;
  SqlFlavour flavour_;
  std::string origin_;
  int first_line_;
  std::size_t position_ = 0;
  std::size_t counted_to_ = 0;
  int counted_lines_ = 0;
};

}  // namespace engine
