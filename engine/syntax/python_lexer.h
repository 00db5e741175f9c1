// SPDX-License-Identifier: Apache-2.0
//
// Moves over the tokens of a Python module. Internal to engine/syntax.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace engine {

enum class PythonString { No, Text, Bytes, Format };

class PythonLexer {
 public:
  // A place to come back to.
  struct Place {
    std::size_t position = 0;
    int line = 1;
  };
  struct Fault {
    int line = 0;  // 0: none
    std::string what = {};
    std::string remedy = {};
  };

  explicit PythonLexer(std::string_view text);

  std::size_t position() const { return at_.position; }
  int line() const { return at_.line; }
  Place place() const { return at_; }
  void go_back(const Place& place) { at_ = place; }
  bool at_end() const { return at_.position >= text_.size(); }
  char peek(std::size_t ahead = 0) const {
    const std::size_t i = at_.position + ahead;
    return i < text_.size() ? text_[i] : '\0';
  }
  void advance(std::size_t count = 1) { at_.position += count; }
  std::string_view since(const Place& place) const {
    return text_.substr(place.position, at_.position - place.position);
  }

  // The first fault; the lexer stands at the end of the text then.
  const Fault& fault() const { return fault_; }
  void fail(int line, std::string what, std::string remedy);

  // To the first token of the next logical line. false: there is none. Afterwards indent() holds
  // its column (tabs go to multiples of eight).
  bool next_logical_line();
  int indent() const { return indent_; }

  // Blanks and joined lines; within brackets also comments and line ends.
  void skip_blanks(bool in_brackets);
  // Newline, semicolon, comment or the end of the text is next.
  bool at_statement_end() const;

  // The name that begins here, empty when none does. take_ moves behind it.
  std::string_view peek_word() const;
  std::string_view take_word();

  // What kind of string literal begins here, prefix included.
  PythonString string_kind() const;
  // Moves over one string literal; its characters are added to `value` unless that is null.
  void take_string(std::string* value);
  // Moves over one bracket, string, word or other character, joined lines included.
  // Returns the character it began with; '\n' stands for all line ends.
  char take_any();

 private:
  struct Prefix {
    std::size_t length = 0;
    bool raw = false;
    PythonString kind = PythonString::No;
  };

  bool at_newline() const { return peek() == '\n' || peek() == '\r'; }
  void take_newline();
  void skip_comment();
  bool take_joined_line();
  Prefix prefix() const;
  void take_format_text(char quote, std::size_t quotes, bool raw, int depth);
  void take_field(char quote, std::size_t quotes, bool raw, int depth);
  void take_format_spec(char quote, std::size_t quotes, bool raw, int depth);
  void take_format_string(int depth);
  bool take_quotes(char quote, std::size_t quotes);
  void take_escape(bool raw, bool bytes, std::string* value);
  void take_code(std::size_t digits, std::string* value);
  void take_octal(std::string* value);
  void add_character(char32_t code, std::string* value);

  std::string_view text_;
  Place at_ = {};
  Fault fault_ = {};
  int indent_ = 0;
};

}  // namespace engine
