// SPDX-License-Identifier: Apache-2.0
#include "engine/sql/lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "engine/core/error.h"

namespace engine {
namespace {

enum Class : unsigned char { kSpace = 1, kWordStart = 2, kDigit = 4, kDollar = 8, kPlain = 16 };

// PostgreSQL's scan.l and SQLite's tokenize.c agree on these.
constexpr std::array<unsigned char, 256> make_classes() {
  std::array<unsigned char, 256> classes{};
  for (const char c : {' ', '\t', '\n', '\r', '\f', '\v'}) {
    classes[static_cast<unsigned char>(c)] = kSpace;
  }
  for (unsigned c = 'a'; c <= 'z'; ++c) classes[c] = classes[c - 'a' + 'A'] = kWordStart;
  for (unsigned c = 0x80; c <= 0xff; ++c) classes[c] = kWordStart;
  classes['_'] = kWordStart;
  for (unsigned c = '0'; c <= '9'; ++c) classes[c] = kDigit;
  classes['$'] = kDollar;
  for (const char c : {',', '=', '<', '>', '+', '*', '%', '!', '~', '&', '|', ':'}) {
    classes[static_cast<unsigned char>(c)] = kPlain;
  }
  return classes;
}

constexpr std::array<unsigned char, 256> kClasses = make_classes();

bool is(char c, int classes) { return (kClasses[static_cast<unsigned char>(c)] & classes) != 0; }

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

}  // namespace

bool is_word(const Token& token, std::string_view upper_case) {
  return token.kind == TokenKind::Word &&
         std::equal(token.text.begin(), token.text.end(), upper_case.begin(), upper_case.end(),
                    [](char a, char b) { return upper(a) == b; });
}

int Lexer::line_of(std::size_t offset) {
  if (offset < counted_to_) counted_to_ = 0, counted_lines_ = 0;
  const auto* begin = text_.data() + counted_to_;
  counted_lines_ += static_cast<int>(std::count(begin, text_.data() + offset, '\n'));
  counted_to_ = offset;
  return first_line_ + counted_lines_;
}

void Lexer::fail(std::size_t offset, std::string_view what, std::string_view hint) {
  throw Error(Reason::InvalidScripts, fmt::format("{}:{}: {}", origin_, line_of(offset), what),
              std::string(hint));
}

void Lexer::skip_line_comment() {
  const std::string_view ends = is_postgres() ? "\n\r" : "\n";
  position_ = std::min(text_.find_first_of(ends, position_), text_.size());
}

// PostgreSQL's comments nest, SQLite's do not.
void Lexer::skip_block_comment() {
  const std::size_t begin = position_;
  int depth = 0;
  do {
    if (peek() == '/' && peek(1) == '*' && (depth == 0 || is_postgres())) {
      ++depth;
      position_ += 2;
    } else if (peek() == '*' && peek(1) == '/') {
      --depth;
      position_ += 2;
    } else {
      position_ = std::min(text_.find_first_of("/*", position_ + 1), text_.size());
    }
    if (depth > 0 && position_ >= text_.size()) {
      fail(begin, "unterminated comment", "close the comment that begins here with */");
    }
  } while (depth > 0);
}

void Lexer::skip_space_and_comments() {
  while (position_ < text_.size()) {
    if (is(peek(), kSpace)) {
      ++position_;
    } else if (peek() == '-' && peek(1) == '-') {
      skip_line_comment();
    } else if (peek() == '/' && peek(1) == '*') {
      skip_block_comment();
    } else {
      return;
    }
  }
}

Token Lexer::next() {
  skip_space_and_comments();
  const std::size_t begin = position_;
  if (position_ >= text_.size()) return make(TokenKind::End, begin);
  const char c = text_[position_];
  if (is(c, kWordStart)) return word(begin);
  ++position_;
  switch (c) {
    case ';':
      return make(TokenKind::Semicolon, begin);
    case '(':
      return make(TokenKind::Open, begin);
    case ')':
      return make(TokenKind::Close, begin);
    case '\\':
      return make(TokenKind::Backslash, begin);
    case '\'':
      return quoted(begin, '\'', true, "string");
    case '"':
      return quoted(begin, '"', true, "quoted identifier");
    case '`':
      if (!is_postgres()) return quoted(begin, '`', true, "quoted identifier");
      break;
    case '[':
      if (!is_postgres()) return quoted(begin, ']', false, "quoted identifier");
      break;
    case '$':
      if (is_postgres() && dollar_quote(begin)) return make(TokenKind::Quoted, begin);
      break;
    default:
      // Nothing begins or ends within these; one token for a run of them is quicker.
      while (position_ < text_.size() && is(text_[position_], kDigit | kPlain)) ++position_;
      break;
  }
  return make(TokenKind::Other, begin);
}

Token Lexer::word(std::size_t begin) {
  while (position_ < text_.size() && is(text_[position_], kWordStart | kDigit | kDollar)) {
    ++position_;
  }
  const Token token = make(TokenKind::Word, begin);
  if (is_postgres() && is_word(token, "E") && peek() == '\'') {
    ++position_;
    return escape_string(begin);
  }
  return token;
}

Token Lexer::quoted(std::size_t begin, char closing, bool doubled, std::string_view what) {
  while (true) {
    const std::size_t end = text_.find(closing, position_);
    if (end == std::string_view::npos) {
      fail(begin, fmt::format("unterminated {}", what),
           fmt::format("close the {} that begins here with {}", what, closing));
    }
    position_ = end + 1;
    if (!doubled || peek() != closing) return make(TokenKind::Quoted, begin);
    ++position_;
  }
}

// E'...': a backslash keeps the next byte from closing the string.
Token Lexer::escape_string(std::size_t begin) {
  while (position_ < text_.size()) {
    const char c = text_[position_++];
    if (c == '\\') {
      ++position_;
    } else if (c == '\'') {
      if (peek() == '\'') {
        ++position_;
      } else if (!continues_string()) {
        return make(TokenKind::Quoted, begin);
      }
    }
  }
  fail(begin, "unterminated string", "close the string that begins here with '");
}

// 'a' <newline> 'b' is one string, so that the second part knows backslashes too.
bool Lexer::continues_string() {
  const std::size_t end = position_;
  bool newline = false;
  while (position_ < text_.size()) {
    if (is(peek(), kSpace)) {
      newline = newline || peek() == '\n' || peek() == '\r';
      ++position_;
    } else if (newline && peek() == '-' && peek(1) == '-') {
      skip_line_comment();
    } else {
      break;
    }
  }
  if (newline && peek() == '\'') {
    ++position_;
    return true;
  }
  position_ = end;
  return false;
}

// $$...$$ or $tag$...$tag$; position_ is behind the first `$`.
bool Lexer::dollar_quote(std::size_t begin) {
  std::size_t end = position_;
  if (end < text_.size() && is(text_[end], kWordStart)) {
    while (end < text_.size() && is(text_[end], kWordStart | kDigit)) ++end;
  }
  if (end >= text_.size() || text_[end] != '$') return false;
  const std::string_view delimiter = text_.substr(begin, end + 1 - begin);
  const std::size_t closing = text_.find(delimiter, end + 1);
  if (closing == std::string_view::npos) {
    fail(begin, fmt::format("unterminated {} quote", delimiter),
         fmt::format("close the text that begins here with {}", delimiter));
  }
  position_ = closing + delimiter.size();
  return true;
}

}  // namespace engine
