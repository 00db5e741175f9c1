// SPDX-License-Identifier: Apache-2.0
#include "engine/sql/batch.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "engine/core/error.h"
#include "engine/sql/lexer.h"

namespace engine {
namespace {

// An identifier as the database compares it.
std::string folded(std::string_view name) {
  if (name.size() > 1 && name.front() == '"') return std::string(name.substr(1, name.size() - 2));
  std::string text(name);
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// Cuts a statement at its WHERE, and finds its table.
class Reader {
 public:
  Reader(std::string_view sql, SqlFlavour flavour, std::string_view origin, int line)
      : sql_(sql),
        flavour_(flavour),
        origin_(origin),
        line_(line),
        lexer_(sql, flavour, origin, line) {
    next();
  }

  void read() {
    const bool updates = is_word(token_, "UPDATE");
    if (!updates && !is_word(token_, "DELETE")) fail("only UPDATE and DELETE run in batches");
    next();
    if (!updates) expect("FROM");
    if (is_word(token_, "ONLY")) next();
    table = read_name();
    if (is_word(token_, "AS")) next();
    alias = table;
    if (token_.kind == TokenKind::Quoted || (token_.kind == TokenKind::Word && !ends_table())) {
      alias = std::string(token_.text);
      next();
    }
    read_rest();
  }

  // Rows that a part moves behind its end would have a second turn.
  void refuse_change_of(const std::string& key) {
    Lexer lexer(head, flavour_, origin_, line_);
    bool behind_set = false;
    bool assigned = false;  // what stands here is assigned to, perhaps in parentheses
    int depth = 0;
    for (Token token = lexer.next(); token.kind != TokenKind::End; token = lexer.next()) {
      if (!behind_set) {
        behind_set = assigned = is_word(token, "SET");
        continue;
      }
      if (token.kind == TokenKind::Open) ++depth;
      if (token.kind == TokenKind::Close) --depth;
      if (depth == 0 && is_word(token, "FROM")) return;
      if (assigned && folded(token.text) == folded(key)) {
        fail(fmt::format("it changes its key {}", key));
      }
      if (depth > 0 || token.kind != TokenKind::Other) continue;
      if (token.text.find('=') != std::string_view::npos) assigned = false;
      if (token.text.find(',') != std::string_view::npos) assigned = true;
    }
  }

  std::string table = {};
  std::string alias = {};
  std::string head = {};
  std::string condition = {};

 private:
  void next() { token_ = lexer_.next(); }
  bool ends_table() const {
    return is_word(token_, "SET") || is_word(token_, "WHERE") || is_word(token_, "USING") ||
           is_word(token_, "RETURNING");
  }
  void expect(std::string_view word) {
    if (!is_word(token_, word)) fail(fmt::format("{} is missing", word));
    next();
  }
  std::string read_name() {
    const std::size_t begin = token_.offset;
    std::size_t end = begin;
    while (token_.kind == TokenKind::Word || token_.kind == TokenKind::Quoted) {
      end = token_.offset + token_.text.size();
      next();
      if (token_.kind != TokenKind::Other || token_.text != ".") break;
      next();
    }
    if (end == begin) fail("the table is missing");
    return std::string(sql_.substr(begin, end - begin));
  }
  void read_rest() {
    int depth = 0;
    std::size_t where = sql_.size();
    std::size_t behind = sql_.size();
    for (; token_.kind != TokenKind::End; next()) {
      if (token_.kind == TokenKind::Open) ++depth;
      if (token_.kind == TokenKind::Close) --depth;
      if (depth > 0) continue;
      if (is_word(token_, "RETURNING")) fail("nobody reads what RETURNING gives");
      if (is_word(token_, "LIMIT")) fail("the batches limit it");
      if (!is_word(token_, "WHERE") || where != sql_.size()) continue;
      where = token_.offset;
      behind = where + token_.text.size();
    }
    head = std::string(sql_.substr(0, where));
    condition = std::string(sql_.substr(behind));
    Lexer inner(condition, SqlFlavour::PostgreSql, origin_, line_);
    if (is_word(inner.next(), "CURRENT")) fail("WHERE CURRENT OF has no cursor here");
  }
  [[noreturn]] void fail(std::string_view what) {
    throw Error(
        Reason::InvalidScripts,
        fmt::format("{}:{}: this statement cannot run in batches: {}", origin_, line_, what),
        "write one UPDATE or DELETE of one table, without WITH, RETURNING and LIMIT, or "
        "leave out `-- stillhead:batch`");
  }

  std::string_view sql_;
  SqlFlavour flavour_;
  std::string_view origin_;
  int line_;
  Lexer lexer_;
  Token token_ = {};
};

}  // namespace

BatchedStatement::BatchedStatement(std::string_view sql, BatchOptions options,
                                   const Dialect& dialect, std::string_view origin, int line)
    : dialect_(dialect), options_(std::move(options)) {
  Reader reader(sql, dialect.flavour(), origin, line);
  reader.read();
  reader.refuse_change_of(options_.key);
  table_ = reader.table;
  qualifier_ = reader.alias;
  head_ = reader.head;
  condition_ = reader.condition;
}

std::string BatchedStatement::range(std::string_view column,
                                    const std::optional<std::string>& after,
                                    const std::string& upto) const {
  const std::string from =
      after ? fmt::format("{} > {} AND ", column, dialect_.quote_literal(*after)) : "";
  return fmt::format("{}{} <= {}", from, column, dialect_.quote_literal(upto));
}

std::string BatchedStatement::part(const std::optional<std::string>& after,
                                   const std::string& upto) const {
  const std::string keys = range(qualifier_ + "." + options_.key, after, upto);
  // What was written may end in a comment.
  return condition_.empty() ? fmt::format("{}\nWHERE {}", head_, keys)
                            : fmt::format("{}WHERE ({}\n) AND {}", head_, condition_, keys);
}

std::string BatchedStatement::find_bound() const {
  return fmt::format("SELECT {0} FROM {1} ORDER BY {0} DESC LIMIT 1", options_.key, table_);
}

std::string BatchedStatement::find_end(const std::optional<std::string>& after,
                                       const std::string& bound, long size) const {
  return fmt::format("SELECT {0} FROM {1} WHERE {2} ORDER BY {0} LIMIT 1 OFFSET {3}", options_.key,
                     table_, range(options_.key, after, bound), size - 1);
}

}  // namespace engine
