// SPDX-License-Identifier: Apache-2.0
#include "engine/syntax/python_lexer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <system_error>
#include <utility>

#include "engine/syntax/encoding.h"

namespace engine {
namespace {

constexpr int kDeepestFormat = 100;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

constexpr std::array<bool, 256> kWordCharacters = [] {
  std::array<bool, 256> table = {};
  for (std::size_t i = 0; i < table.size(); ++i) {
    table[i] = (i >= 'a' && i <= 'z') || (i >= 'A' && i <= 'Z') || (i >= '0' && i <= '9') ||
               i == '_' || i >= 0x80;
  }
  return table;
}();

bool is_word(char c) { return kWordCharacters[static_cast<unsigned char>(c)]; }

}  // namespace

PythonLexer::PythonLexer(std::string_view text) : text_(text) {
  if (text_.starts_with(kByteOrderMark)) at_.position = kByteOrderMark.size();
}

void PythonLexer::fail(int line, std::string what, std::string remedy) {
  if (fault_.line == 0) fault_ = {line, std::move(what), std::move(remedy)};
  at_.position = text_.size();
}

void PythonLexer::take_newline() {
  advance(peek() == '\r' && peek(1) == '\n' ? 2 : 1);
  ++at_.line;
}

void PythonLexer::skip_comment() {
  while (!at_end() && !at_newline()) advance();
}

bool PythonLexer::take_joined_line() {
  if (peek() != '\\' || (peek(1) != '\n' && peek(1) != '\r')) return false;
  advance();
  take_newline();
  return true;
}

bool PythonLexer::next_logical_line() {
  indent_ = 0;
  while (!at_end()) {
    const char c = peek();
    if (c == ' ') {
      ++indent_;
      advance();
    } else if (c == '\t') {
      indent_ = (indent_ / 8 + 1) * 8;
      advance();
    } else if (c == '\f') {
      indent_ = 0;
      advance();
    } else if (c == '#') {
      skip_comment();
    } else if (at_newline()) {
      indent_ = 0;
      take_newline();
    } else if (!take_joined_line()) {
      return true;
    }
  }
  return false;
}

void PythonLexer::skip_blanks(bool in_brackets) {
  while (!at_end()) {
    const char c = peek();
    if (c == ' ' || c == '\t' || c == '\f') {
      advance();
    } else if (in_brackets && c == '#') {
      skip_comment();
    } else if (in_brackets && at_newline()) {
      take_newline();
    } else if (!take_joined_line()) {
      return;
    }
  }
}

bool PythonLexer::at_statement_end() const {
  return at_end() || at_newline() || peek() == ';' || peek() == '#';
}

std::string_view PythonLexer::peek_word() const {
  if (at_end() || !is_word(peek()) || is_digit(peek())) return {};
  std::size_t end = at_.position + 1;
  while (end < text_.size() && is_word(text_[end])) ++end;
  return text_.substr(at_.position, end - at_.position);
}

std::string_view PythonLexer::take_word() {
  const std::string_view word = peek_word();
  advance(word.size());
  return word;
}

// b, f, r, t, u and the pairs with r, in any case and order.
PythonLexer::Prefix PythonLexer::prefix() const {
  Prefix prefix{.kind = PythonString::Text};
  for (; prefix.length < 3; ++prefix.length) {
    const char c = peek(prefix.length);
    if (c == '\'' || c == '"') return prefix;
    const char lower = static_cast<char>(c | 0x20);
    const bool first_kind = prefix.kind == PythonString::Text;
    if (lower == 'r' && !prefix.raw) {
      prefix.raw = true;
    } else if (lower == 'b' && first_kind) {
      prefix.kind = PythonString::Bytes;
    } else if ((lower == 'f' || lower == 't') && first_kind) {
      prefix.kind = PythonString::Format;
    } else if (lower != 'u' || prefix.length != 0) {
      break;
    }
  }
  return {};
}

PythonString PythonLexer::string_kind() const { return prefix().kind; }

bool PythonLexer::take_quotes(char quote, std::size_t quotes) {
  for (std::size_t i = 0; i < quotes; ++i) {
    if (peek(i) != quote) return false;
  }
  advance(quotes);
  return true;
}

void PythonLexer::take_string(std::string* value) {
  const Prefix prefix = this->prefix();
  if (prefix.kind == PythonString::Format) return take_format_string(0);
  const int begin = at_.line;
  advance(prefix.length);
  const char quote = peek();
  const std::size_t quotes = peek(1) == quote && peek(2) == quote ? 3 : 1;
  advance(quotes);
  while (!at_end()) {
    const std::size_t run = at_.position;
    while (!at_end() && peek() != quote && peek() != '\\' && !at_newline()) advance();
    if (value != nullptr) value->append(text_.substr(run, at_.position - run));
    if (take_quotes(quote, quotes)) return;
    if (at_newline() && quotes == 1) break;
    if (at_newline()) {
      take_newline();
      if (value != nullptr) *value += '\n';
    } else if (peek() == '\\') {
      take_escape(prefix.raw, prefix.kind == PythonString::Bytes, value);
    } else if (!at_end()) {
      if (value != nullptr) *value += quote;
      advance();
    }
  }
  fail(begin, "the string that begins here is not closed", "add the closing quotes");
}

// At a backslash.
void PythonLexer::take_escape(bool raw, bool bytes, std::string* value) {
  advance();
  if (at_end()) return;
  if (at_newline()) {
    take_newline();
    if (raw && value != nullptr) *value += "\\\n";
    return;
  }
  const char c = peek();
  constexpr std::string_view kEscapes = "\\'\"abfnrtv";
  constexpr std::string_view kMeanings = "\\'\"\a\b\f\n\r\t\v";
  if (value == nullptr || raw || bytes) {
    if (value != nullptr) value->append({'\\', c});
    advance();
  } else if (const auto known = kEscapes.find(c); known != std::string_view::npos) {
    *value += kMeanings[known];
    advance();
  } else if (c >= '0' && c <= '7') {
    take_octal(value);
  } else if (c == 'x' || c == 'u' || c == 'U') {
    advance();
    take_code(c == 'x' ? 2 : c == 'u' ? 4 : 8, value);
  } else if (c == 'N') {
    fail(at_.line, "characters by name (`\\N{...}`) are not read",
         "write the character itself, or its number (`\\u2014`)");
  } else {
    *value += '\\';  // what follows is not special, and may be a part of a longer character
  }
}

void PythonLexer::take_octal(std::string* value) {
  char32_t code = 0;
  for (int i = 0; i < 3 && peek() >= '0' && peek() <= '7'; ++i) {
    code = code * 8 + static_cast<char32_t>(peek() - '0');
    advance();
  }
  add_character(code, value);
}

void PythonLexer::take_code(std::size_t digits, std::string* value) {
  const std::string_view text = text_.substr(at_.position, digits);
  std::uint32_t code = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), code, 16);
  if (text.size() != digits || error != std::errc() || end != text.data() + digits) {
    return fail(at_.line, "an escape (`\\x`, `\\u`, `\\U`) has too few hexadecimal digits",
                "add them, or write two backslashes for one");
  }
  advance(digits);
  add_character(code, value);
}

void PythonLexer::add_character(char32_t code, std::string* value) {
  const auto add = [&](char32_t byte) { *value += static_cast<char>(byte); };
  const auto add_tail = [&](int shift) { add(0x80 | ((code >> shift) & 0x3F)); };
  if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) {
    return fail(at_.line, "an escape names no character of Unicode", "write the character itself");
  }
  if (code < 0x80) {
    add(code);
  } else if (code < 0x800) {
    add(0xC0 | (code >> 6));
    add_tail(0);
  } else if (code < 0x10000) {
    add(0xE0 | (code >> 12));
    add_tail(6);
    add_tail(0);
  } else {
    add(0xF0 | (code >> 18));
    add_tail(12);
    add_tail(6);
    add_tail(0);
  }
}

// Replacement fields may hold the quote that encloses them (Python 3.12).
void PythonLexer::take_format_string(int depth) {
  if (depth > kDeepestFormat) {
    return fail(at_.line, "f-strings are nested too deeply", "write them flatter");
  }
  const Prefix prefix = this->prefix();
  advance(prefix.length);
  const char quote = peek();
  const std::size_t quotes = peek(1) == quote && peek(2) == quote ? 3 : 1;
  advance(quotes);
  take_format_text(quote, quotes, prefix.raw, depth);
}

void PythonLexer::take_format_text(char quote, std::size_t quotes, bool raw, int depth) {
  const int begin = at_.line;
  while (!at_end()) {
    if (take_quotes(quote, quotes)) return;
    if (peek() == '{' && peek(1) == '{') {
      advance(2);
    } else if (peek() == '{') {
      take_field(quote, quotes, raw, depth);
    } else if (peek() == '\\' && !raw && peek(1) == 'N' && peek(2) == '{') {
      while (!at_end() && peek() != '}' && !at_newline()) advance();
    } else if (peek() == '\\') {
      advance();
      if (at_newline()) {
        take_newline();
      } else if (!at_end() && peek() != '{') {
        advance();
      }
    } else if (at_newline()) {
      if (quotes == 1) break;
      take_newline();
    } else {
      advance();
    }
  }
  fail(begin, "the string that begins here is not closed", "add the closing quotes");
}

// At the brace that opens.
void PythonLexer::take_field(char quote, std::size_t quotes, bool raw, int depth) {
  const int begin = at_.line;
  advance();
  int brackets = 0;
  while (!at_end()) {
    skip_blanks(true);
    const char c = peek();
    if (brackets == 0 && c == '}') return advance();
    if (brackets == 0 && c == ':') return take_format_spec(quote, quotes, raw, depth);
    if (c == '(' || c == '[' || c == '{') ++brackets;
    if (c == ')' || c == ']' || c == '}') --brackets;
    if (string_kind() == PythonString::Format) {
      take_format_string(depth + 1);
    } else if (!at_end()) {
      take_any();
    }
  }
  fail(begin, "the string that begins here is not closed", "add the closing quotes");
}

// Behind the colon of a field, up to its closing brace; a quote that ends the string ends it too.
void PythonLexer::take_format_spec(char quote, std::size_t quotes, bool raw, int depth) {
  advance();
  if (depth > kDeepestFormat) {
    return fail(at_.line, "f-strings are nested too deeply", "write them flatter");
  }
  while (!at_end() && peek() != '}') {
    if (peek() == quote && (quotes == 1 || (peek(1) == quote && peek(2) == quote))) return;
    if (peek() == '{') {
      take_field(quote, quotes, raw, depth + 1);
    } else if (at_newline()) {
      if (quotes == 1) return;
      take_newline();
    } else {
      advance();
    }
  }
  if (!at_end()) advance();
}

char PythonLexer::take_any() {
  const char c = peek();
  if (at_newline()) {
    take_newline();
    return '\n';
  }
  if (c == '\'' || c == '"' || (is_word(c) && string_kind() != PythonString::No)) {
    take_string(nullptr);
  } else if (is_word(c)) {
    while (is_word(peek()) && !at_end()) advance();
  } else if (!take_joined_line()) {
    advance();
  }
  return c;
}

}  // namespace engine
