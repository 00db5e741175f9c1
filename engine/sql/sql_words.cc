// SPDX-License-Identifier: Apache-2.0
#include "engine/sql/sql_words.h"

#include <algorithm>

#include "engine/sql/lexer.h"

namespace engine {
namespace {

constexpr std::size_t kLongestName = 63;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string folded(std::string_view text) {
  std::string result(text.substr(0, kLongestName));
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

// 'it''s' -> it's; $x$it's$x$ -> it's. Escapes of E'' stay as they are.
std::string unquoted(std::string_view text) {
  if (text.empty()) return {};
  if (text.front() == '$') {
    const std::size_t open = text.find('$', 1) + 1;
    return std::string(text.substr(open, text.size() - 2 * open));
  }
  if (text.front() == 'e' || text.front() == 'E') text.remove_prefix(1);
  const char quote = text.front();
  text = text.substr(1, text.size() - 2);
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    result += text[i];
    if (text[i] == quote && i + 1 < text.size() && text[i + 1] == quote) ++i;
  }
  return result;
}

// The lexer keeps runs of digits and operators together: ",5" or "8,2".
void add_parts(const Token& token, std::vector<SqlWord>& words) {
  std::size_t at = 0;
  while (at < token.text.size()) {
    const std::size_t begin = at;
    auto kind = SqlWord::Kind::Symbol;
    if (is_digit(token.text[at])) {
      kind = SqlWord::Kind::Number;
      while (at < token.text.size() && is_digit(token.text[at])) ++at;
    } else {
      ++at;
    }
    words.push_back({kind, std::string(token.text.substr(begin, at - begin)), token.offset + begin,
                     token.offset + at});
  }
}

}  // namespace

SqlWords::SqlWords(std::string_view statement, SqlFlavour flavour) : statement_(statement) {
  Lexer lexer(statement, flavour, "statement", 1);
  for (Token token = lexer.next(); token.kind != TokenKind::End; token = lexer.next()) {
    const std::size_t end = token.offset + token.text.size();
    if (token.kind == TokenKind::Word) {
      words_.push_back({SqlWord::Kind::Name, folded(token.text), token.offset, end});
    } else if (token.kind == TokenKind::Quoted) {
      const char quote = token.text.front();
      const bool is_name = quote == '"' || quote == '`' || quote == '[';
      words_.push_back({is_name ? SqlWord::Kind::QuotedName : SqlWord::Kind::String,
                        unquoted(token.text), token.offset, end});
      if (is_name) words_.back().text = words_.back().text.substr(0, kLongestName);
    } else {
      add_parts(token, words_);
    }
  }
  words_.push_back({SqlWord::Kind::End, "", statement.size(), statement.size()});
}

const SqlWord& SqlWords::word(std::size_t ahead) const {
  return words_[std::min(position_ + ahead, words_.size() - 1)];
}

bool SqlWords::at_any(std::initializer_list<std::string_view> keywords) const {
  return std::ranges::any_of(keywords, [this](std::string_view keyword) { return at(keyword); });
}

bool SqlWords::at_all(std::initializer_list<std::string_view> keywords) const {
  std::size_t ahead = 0;
  return std::ranges::all_of(keywords,
                             [&](std::string_view keyword) { return word(ahead++).is(keyword); });
}

bool SqlWords::take(std::string_view keyword) {
  if (!at(keyword)) return false;
  next();
  return true;
}

bool SqlWords::take_all(std::initializer_list<std::string_view> keywords) {
  if (!at_all(keywords)) return false;
  position_ += keywords.size();
  return true;
}

bool SqlWords::take_symbol(std::string_view symbol) {
  if (!at_symbol(symbol)) return false;
  next();
  return true;
}

std::string SqlWords::take_name() {
  if (!word().is_name()) return {};
  std::string name = word().text;
  next();
  return name;
}

ObjectName SqlWords::take_object() {
  ObjectName result{{}, take_name()};
  while (!result.name.empty() && at_symbol(".") && word(1).is_name()) {
    next();
    result.schema = std::move(result.name);
    result.name = take_name();
  }
  return result;
}

std::vector<std::string> SqlWords::take_name_list() {
  std::vector<std::string> names;
  if (!at_symbol("(")) return names;
  const std::size_t begin = position_;
  next();
  do {
    if (std::string name = take_name(); !name.empty()) names.push_back(std::move(name));
  } while (take_symbol(","));
  if (!take_symbol(")")) {
    go_to(begin);
    skip_parentheses();
    names.clear();
  }
  return names;
}

void SqlWords::skip_parentheses() {
  int depth = 0;
  do {
    if (at_symbol("(") || at_symbol("[")) ++depth;
    if (at_symbol(")") || at_symbol("]")) --depth;
    if (depth > 0 || at_symbol(")") || at_symbol("]")) next();
  } while (depth > 0 && !at_end());
}

void SqlWords::skip_one() {
  if (at_symbol("(") || at_symbol("[")) {
    skip_parentheses();
  } else {
    next();
  }
}

std::string_view SqlWords::text_between(std::size_t from, std::size_t to) const {
  if (from >= to || from >= words_.size()) return {};
  return statement_.substr(words_[from].begin, words_[to - 1].end - words_[from].begin);
}

std::string made_name(const std::string& table, const std::string& column,
                      const std::string& label) {
  const std::size_t overhead = label.size() + 1 + (column.empty() ? 0 : 1);
  const std::size_t space = kLongestName - std::min(overhead, kLongestName);
  std::size_t first = table.size();
  std::size_t second = column.size();
  while (first + second > space) (first > second ? first : second) -= 1;
  std::string name = table.substr(0, first);
  if (!column.empty()) name += "_" + column.substr(0, second);
  return name + "_" + label;
}

}  // namespace engine
