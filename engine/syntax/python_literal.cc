// SPDX-License-Identifier: Apache-2.0
#include "engine/syntax/python_literal.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <limits>
#include <utility>

#include "engine/syntax/encoding.h"
#include "engine/syntax/python_lexer.h"

namespace engine {
namespace {

constexpr int kDeepestBrackets = 50;
constexpr std::size_t kLongestExcerpt = 60;
// Without `match` and `case`, which may be names: their first line is read as a simple statement.
constexpr std::array<std::string_view, 12> kCompound = {"if",    "elif", "else",   "for",
                                                        "while", "try",  "except", "finally",
                                                        "with",  "def",  "class",  "async"};

bool is_compound(std::string_view word) {
  return std::find(kCompound.begin(), kCompound.end(), word) != kCompound.end();
}

bool hides_names(std::string_view keyword) {
  return keyword == "def" || keyword == "class" || keyword == "async";
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool opens(char c) { return c == '(' || c == '[' || c == '{'; }
bool closes(char c) { return c == ')' || c == ']' || c == '}'; }

PythonValue not_literal(std::string what, int line) {
  return {.kind = PythonValue::Kind::NotLiteral, .text = std::move(what), .line = line};
}

class ModuleReader {
 public:
  ModuleReader(std::string_view text, std::string_view origin,
               std::span<const std::string_view> names)
      : text_(text), origin_(origin), names_(names), lexer_(text), next_mentions_(names.size()) {
    module_.values.resize(names.size());
  }

  PythonModule read() {
    while (lexer_.next_logical_line() && (!statement_seen_ || is_name_ahead())) {
      if (lexer_.indent() == 0) {
        read_module_line();
      } else {
        read_block_line();
      }
    }
    const PythonLexer::Fault& fault = lexer_.fault();
    if (fault.line != 0) add_fault(fault.line, fault.what, fault.remedy);
    check_encoding();
    return std::move(module_);
  }

 private:
  using Kind = PythonValue::Kind;

  void add_fault(int line, std::string_view what, std::string_view remedy) {
    module_.faults.push_back(fmt::format("{}:{}: {}; {}", origin_, line, what, remedy));
  }

  // Some name is mentioned from here on. Each byte is looked at once for each name.
  bool is_name_ahead() {
    const std::size_t here = lexer_.position();
    bool ahead = false;
    for (std::size_t i = 0; i < names_.size(); ++i) {
      if (next_mentions_[i] < here) next_mentions_[i] = find_from(here, names_[i]);
      ahead = ahead || next_mentions_[i] < text_.size();
    }
    return ahead;
  }

  // The size of the text when it is not there.
  std::size_t find_from(std::size_t begin, std::string_view name) const {
    const void* found =
        ::memmem(text_.data() + begin, text_.size() - begin, name.data(), name.size());
    if (found == nullptr) return text_.size();
    return static_cast<std::size_t>(static_cast<const char*>(found) - text_.data());
  }

  std::optional<std::size_t> wanted(std::string_view word) const {
    const auto found = std::find(names_.begin(), names_.end(), word);
    if (found == names_.end()) return std::nullopt;
    return static_cast<std::size_t>(found - names_.begin());
  }

  // ---- statements

  void read_module_line() {
    hidden_indent_ = std::numeric_limits<int>::max();
    const std::string_view word = lexer_.peek_word();
    block_ = word;
    if (is_compound(word)) {
      statement_seen_ = true;
      hidden_indent_ = hides_names(word) ? 0 : hidden_indent_;
      skip_line(!hides_names(word));
      return;
    }
    do {
      lexer_.skip_blanks(false);
      if (!lexer_.at_statement_end()) read_statement();
    } while (take_semicolon());
  }

  // A line of the body of a function, class, if ...
  void read_block_line() {
    statement_seen_ = true;
    if (lexer_.indent() > hidden_indent_) return skip_line(false);
    hidden_indent_ = std::numeric_limits<int>::max();
    const bool hides = hides_names(lexer_.peek_word());
    if (hides) hidden_indent_ = lexer_.indent();
    skip_line(!hides);
  }

  bool take_semicolon() {
    if (lexer_.peek() != ';') return false;
    lexer_.advance();
    return true;
  }

  void read_statement() {
    const bool first = !std::exchange(statement_seen_, true);
    const std::string_view word = lexer_.peek_word();
    if (first && read_docstring()) return;
    if (word == "import" || word == "from") {
      read_import();
    } else {
      read_assignment();
    }
  }

  bool read_docstring() {
    const PythonLexer::Place begin = lexer_.place();
    if (lexer_.peek() != '(' && lexer_.string_kind() != PythonString::Text) return false;
    PythonValue value = read_element(0);
    lexer_.skip_blanks(false);
    if (lexer_.fault().line != 0) return true;
    if (value.kind == Kind::String && !summed_ && lexer_.at_statement_end()) {
      module_.doc = std::move(value.text);
      return true;
    }
    lexer_.go_back(begin);
    return false;
  }

  // All words that are bound: those before a comma, a bracket or the end.
  void read_import() {
    const int begin = lexer_.line();
    std::string_view last;
    char before = '\0';
    int depth = 0;
    const auto bind = [&] {
      if (const auto index = wanted(last)) {
        module_.values[*index] = not_literal("imported from another module", lexer_.line());
      }
      last = {};
    };
    while (!lexer_.at_end()) {
      lexer_.skip_blanks(depth > 0);
      if (depth == 0 && lexer_.at_statement_end()) break;
      const std::string_view word = lexer_.peek_word();
      const char c = lexer_.take_any();
      if (opens(c)) ++depth;
      if (closes(c) && depth > 0) --depth;
      if (c == ',' || closes(c)) bind();
      if (word == "import") {
        last = {};  // what was before is the name of a module
      } else if (!word.empty() && before != '.') {
        last = word;  // `import a.b` binds a
      }
      before = c;
    }
    bind();
    if (depth > 0) fail_bracket(begin);
  }

  void read_assignment() {
    std::vector<std::size_t> targets;
    bool any_target = false;
    while (true) {
      const PythonLexer::Place begin = lexer_.place();
      const std::string_view word = lexer_.take_word();
      const auto index = wanted(word);
      lexer_.skip_blanks(false);
      if (word.empty() || !take_assignment_sign(!any_target, index)) {
        if (any_target || !lexer_.at_statement_end()) lexer_.go_back(begin);
        break;
      }
      any_target = true;
      if (index) targets.push_back(*index);
      lexer_.skip_blanks(false);
    }
    if (targets.empty()) return skip_statement(true);
    const PythonValue value = read_value();
    for (const std::size_t target : targets) module_.values[target] = value;
  }

  // Behind a name: `=` or `: annotation =`. Other ways to change the name make it no literal.
  bool take_assignment_sign(bool may_be_annotated, const std::optional<std::size_t>& index) {
    const char c = lexer_.peek();
    if (c == '=' && lexer_.peek(1) != '=') {
      lexer_.advance();
      return true;
    }
    if (c == ':' && may_be_annotated && lexer_.peek(1) != '=') return take_annotation();
    if (index) note_change(*index);
    return false;
  }

  // `+=` and its like make a name no literal.
  void note_change(std::size_t index) {
    constexpr std::string_view kOperators = "+-*/%&|^<>@";
    const char c = lexer_.peek();
    if (lexer_.at_end() || kOperators.find(c) == std::string_view::npos) return;
    const std::size_t length = lexer_.peek(1) == c ? 2 : 1;
    const bool comparison = (c == '<' || c == '>') && length == 1;
    if (comparison || lexer_.peek(length) != '=') return;
    module_.values[index] =
        not_literal(fmt::format("changed by `{}=`", std::string(length, c)), lexer_.line());
  }

  // To behind the `=` of an annotated assignment; false: there is none, and the statement is over.
  bool take_annotation() {
    const int begin = lexer_.line();
    lexer_.advance();
    int depth = 0;
    while (!lexer_.at_end()) {
      lexer_.skip_blanks(depth > 0);
      if (depth == 0 && lexer_.at_statement_end()) return false;
      const char c = lexer_.take_any();
      if (opens(c)) ++depth;
      if (closes(c) && depth > 0) --depth;
      const bool comparison =
          (c == '=' || c == '!' || c == '<' || c == '>') && lexer_.peek() == '=';
      if (comparison) {
        lexer_.advance();
      } else if (c == '=' && depth == 0) {
        return true;
      }
    }
    if (depth > 0) fail_bracket(begin);
    return false;
  }

  // ---- skipping

  void skip_line(bool watch) {
    do {
      skip_statement(watch);
    } while (take_semicolon());
  }

  void fail_bracket(int begin) {
    lexer_.fail(begin, "a bracket of the statement that begins here is not closed",
                "add the closing bracket");
  }

  // To the end of the statement. `watch`: a name that is bound within it is no literal.
  void skip_statement(bool watch) {
    const int begin = lexer_.line();
    const std::string_view first = watch ? lexer_.peek_word() : std::string_view();
    if (first == "import" || first == "from") return read_import();
    std::vector<std::size_t> listed;  // names before a comma: targets when `=` follows
    int depth = 0;
    char before = '\0';
    while (!lexer_.at_end()) {
      lexer_.skip_blanks(depth > 0);
      if (depth == 0 && lexer_.at_statement_end()) return;
      const std::string_view word = watch && depth == 0 ? lexer_.peek_word() : std::string_view();
      const char c = lexer_.take_any();
      if (opens(c)) ++depth;
      if (closes(c) && depth > 0) --depth;
      if (word == "lambda") watch = false;
      if (!word.empty() && before != '.') note_binding(word, before, listed);
      constexpr std::string_view kNoAssignment = "=!<>:";
      if (c == '=' && depth == 0 && lexer_.peek() != '=' &&
          kNoAssignment.find(before) == std::string_view::npos) {
        for (const std::size_t index : listed) bind_hidden(index);
        listed.clear();
      }
      before = c;
    }
    if (depth > 0) fail_bracket(begin);
  }

  void bind_hidden(std::size_t index) {
    const bool block = lexer_.indent() > 0 || is_compound(block_);
    module_.values[index] = not_literal(
        block ? fmt::format("assigned in a block (`{}`)", block_) : "assigned along with others",
        lexer_.line());
  }

  // Behind a word somewhere in a statement; `before` is what stands before it.
  void note_binding(std::string_view word, char before, std::vector<std::size_t>& listed) {
    const auto index = wanted(word);
    if (!index) return;
    const PythonLexer::Place behind = lexer_.place();
    lexer_.skip_blanks(false);
    const char c = lexer_.peek();
    const bool assigned = c == '=' && lexer_.peek(1) != '=';
    if (assigned || (c == ':' && before == '\0' && take_annotation())) {
      bind_hidden(*index);
    } else if (c == ',' && (before == '\0' || before == ',')) {
      listed.push_back(*index);
    } else {
      note_change(*index);
    }
    lexer_.go_back(behind);
  }

  // ---- values

  PythonValue read_value() {
    lexer_.skip_blanks(false);
    const PythonLexer::Place begin = lexer_.place();
    PythonValue value = read_element(0);
    lexer_.skip_blanks(false);
    if (lexer_.peek() == ',') value = read_bare_tuple(std::move(value));
    if (lexer_.fault().line != 0) return not_literal("not closed", begin.line);
    if (value.kind == Kind::NotLiteral || !lexer_.at_statement_end()) {
      const bool whole = lexer_.at_statement_end() && !value.text.empty();
      lexer_.go_back(begin);
      skip_statement(false);
      if (!whole) value = not_literal(excerpt(lexer_.since(begin)), begin.line);
    }
    value.line = begin.line;
    return value;
  }

  static std::string excerpt(std::string_view source) {
    std::string line(source.substr(0, source.find_first_of("\r\n")));
    bool cut = line.size() < source.size();
    if (line.size() > kLongestExcerpt) {
      std::size_t end = kLongestExcerpt;
      while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xC0) == 0x80) --end;
      line.resize(end);
      cut = true;
    }
    while (line.ends_with(' ') || line.ends_with('\t')) line.pop_back();
    return fmt::format("`{}{}`", line, cut ? " ..." : "");
  }

  PythonValue read_bare_tuple(PythonValue first) {
    PythonValue list{.kind = Kind::List};
    add_item(list, std::move(first));
    while (lexer_.peek() == ',' && list.kind == Kind::List) {
      lexer_.advance();
      lexer_.skip_blanks(false);
      if (lexer_.at_statement_end()) break;
      add_item(list, read_element(0));
      lexer_.skip_blanks(false);
    }
    return list;
  }

  static void add_item(PythonValue& list, PythonValue item) {
    if (item.kind == Kind::String) {
      list.items.push_back(std::move(item.text));
    } else if (item.kind == Kind::NotLiteral) {
      list = std::move(item);
    } else {
      list = not_literal(
          item.kind == Kind::None ? "a list that holds None" : "a list within a list", item.line);
    }
  }

  // One value; NotLiteral with an empty text: something else, and where the lexer stands is open.
  PythonValue read_element(int depth) {
    const int line = lexer_.line();
    const char c = lexer_.peek();
    summed_ = false;
    if (depth > kDeepestBrackets) return not_literal("nested too deeply", line);
    if (opens(c)) return read_brackets(c, depth);
    if (is_digit(c)) return read_number(line);
    switch (lexer_.string_kind()) {
      case PythonString::Text:
        return read_strings(depth > 0);
      case PythonString::Bytes:
        lexer_.take_string(nullptr);
        return not_literal("bytes, not text", line);
      case PythonString::Format:
        lexer_.take_string(nullptr);
        return not_literal("an f-string", line);
      case PythonString::No:
        break;
    }
    const std::string_view word = lexer_.take_word();
    if (word == "None") return {.kind = Kind::None, .line = line};
    if (word == "True" || word == "False") return not_literal("a truth value", line);
    return not_literal("", line);
  }

  PythonValue read_number(int line) {
    lexer_.take_any();
    while (lexer_.peek() == '.' || is_digit(lexer_.peek())) lexer_.take_any();
    return not_literal("a number, not text", line);
  }

  // String literals in a row, and sums of such.
  PythonValue read_strings(bool in_brackets) {
    PythonValue value{.kind = Kind::String, .line = lexer_.line()};
    while (lexer_.fault().line == 0) {
      if (lexer_.string_kind() != PythonString::Text) return not_literal("", value.line);
      lexer_.take_string(&value.text);
      lexer_.skip_blanks(in_brackets);
      if (lexer_.peek() == '+') {
        summed_ = true;
        lexer_.advance();
        lexer_.skip_blanks(in_brackets);
      } else if (lexer_.string_kind() == PythonString::No) {
        break;
      }
    }
    return value;
  }

  PythonValue read_brackets(char opening, int depth) {
    const int line = lexer_.line();
    const char closing = opening == '(' ? ')' : opening == '[' ? ']' : '}';
    PythonValue list{.kind = Kind::List, .line = line};
    PythonValue only;
    std::size_t elements = 0;
    bool comma = false;
    lexer_.advance();
    while (true) {
      lexer_.skip_blanks(true);
      if (lexer_.peek() == closing) break;
      if (elements > 0 && !comma) return not_literal("", line);
      PythonValue element = read_element(depth + 1);
      if (element.kind == Kind::NotLiteral) return element;
      if (++elements == 1 && opening == '(') only = element;
      add_item(list, std::move(element));
      lexer_.skip_blanks(true);
      comma = lexer_.peek() == ',';
      if (comma) lexer_.advance();
      if (opening == '{' && lexer_.peek() == ':') return not_literal("a dictionary", line);
      if (lexer_.at_end()) return not_literal("", line);
    }
    lexer_.advance();
    if (opening == '{' && elements == 0) return not_literal("a dictionary", line);
    return opening == '(' && elements == 1 && !comma ? only : list;
  }

  // ---- encoding of what was read

  void check_encoding() {
    const std::string_view text = text_.substr(0, lexer_.position());
    if (lexer_.fault().line == 0 && declares_other_encoding(text)) return;
    const std::size_t bad = find_bad_byte(text);
    if (bad == std::string_view::npos) return;
    const auto end = text.begin() + static_cast<std::ptrdiff_t>(bad);
    add_fault(1 + static_cast<int>(std::count(text.begin(), end, '\n')),
              text[bad] == '\0' ? "the line holds a NUL byte" : "the line is not valid UTF-8",
              "save the script as UTF-8 text");
  }

  // `# -*- coding: latin-1 -*-` in one of the first two lines (PEP 263); no matter for ASCII.
  bool declares_other_encoding(std::string_view text) {
    std::string_view rest = text;
    if (rest.starts_with(kByteOrderMark)) rest.remove_prefix(kByteOrderMark.size());
    for (int line = 1; line <= 2; ++line) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      const std::string_view comment = rest.substr(0, end);
      const std::size_t begin = std::min(comment.find_first_not_of(" \t\f\r"), comment.size());
      if (begin < comment.size() && comment[begin] != '#') return false;
      const std::string name = declared_encoding(comment.substr(begin));
      if (!name.empty()) return refuse_encoding(name, line, text);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return false;
  }

  static std::string declared_encoding(std::string_view comment) {
    for (std::size_t at = comment.find("coding"); at != std::string_view::npos;
         at = comment.find("coding", at + 1)) {
      std::string_view rest = comment.substr(at + 6);
      if (!rest.starts_with(':') && !rest.starts_with('=')) continue;
      rest.remove_prefix(std::min(rest.find_first_not_of(" \t", 1), rest.size()));
      std::string name;
      for (const char c : rest) {
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c);
        if (!letter && c != '-' && c != '_' && c != '.') break;
        name += c == '_' ? '-' : c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
      }
      if (!name.empty()) return name;
    }
    return {};
  }

  bool refuse_encoding(const std::string& name, int line, std::string_view text) {
    constexpr std::array<std::string_view, 5> kKnown = {"utf-8", "utf8", "u8", "ascii", "us-ascii"};
    const bool known =
        name.starts_with("utf-8-") || std::find(kKnown.begin(), kKnown.end(), name) != kKnown.end();
    const bool plain = std::all_of(text.begin(), text.end(),
                                   [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    if (known || plain) return false;
    add_fault(line, fmt::format("the encoding '{}' is not read", name),
              "save the script as UTF-8 text and remove this comment");
    return true;
  }

  std::string_view text_;
  std::string_view origin_;
  std::span<const std::string_view> names_;
  PythonLexer lexer_;
  PythonModule module_ = {};
  bool statement_seen_ = false;
  bool summed_ = false;          // the last strings were joined by `+`
  std::string_view block_ = {};  // the word that the last line in column 0 begins with
  int hidden_indent_ = std::numeric_limits<int>::max();  // deeper lines are a function's or class's
  std::vector<std::size_t> next_mentions_;  // of each name, from where it was looked for
};

}  // namespace

PythonModule read_python_module(std::string_view text, std::string_view origin,
                                std::span<const std::string_view> names) {
  return ModuleReader(text, origin, names).read();
}

}  // namespace engine
