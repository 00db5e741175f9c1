// SPDX-License-Identifier: Apache-2.0
#include "engine/sql/statement_kind.h"

#include <algorithm>
#include <cctype>
#include <initializer_list>
#include <utility>

#include "engine/sql/lexer.h"

namespace engine {
namespace {

bool is_any(const Token& token, std::initializer_list<std::string_view> words) {
  return std::ranges::any_of(words, [&](std::string_view word) { return is_word(token, word); });
}

// As the value of an option: false, off, 0, quoted or not.
bool is_off(const Token& token) {
  return is_any(token, {"FALSE", "OFF"}) || token.text == "0" || token.text == "'false'" ||
         token.text == "'off'";
}

// The tokens of a statement one by one, for reading forms.
class Reader {
 public:
  Reader(std::string_view statement, SqlFlavour flavour)
      : text_(statement), lexer_(statement, flavour, "statement", 1), token_(lexer_.next()) {}

  const Token& token() const { return token_; }
  void next() { token_ = lexer_.next(); }
  bool take(std::string_view word) {
    if (!is_word(token_, word)) return false;
    token_ = lexer_.next();
    return true;
  }
  // A name, perhaps with its schema, as it is written; empty: none stands here.
  std::string take_name() {
    const std::size_t begin = token_.offset;
    std::size_t end = begin;
    while (token_.kind == TokenKind::Word || token_.kind == TokenKind::Quoted) {
      end = token_.offset + token_.text.size();
      token_ = lexer_.next();
      if (token_.kind != TokenKind::Other || token_.text != ".") break;
      token_ = lexer_.next();
    }
    return std::string(text_.substr(begin, end - begin));
  }
  // "(...)", if it stands here; whether the word stands in it, and is not switched off.
  bool take_in_parentheses(std::string_view word) {
    if (token_.kind != TokenKind::Open) return false;
    bool found = false;
    while (token_.kind != TokenKind::End && token_.kind != TokenKind::Close) {
      if (take(word)) {
        found = !is_off(token_);
      } else {
        next();
      }
    }
    if (token_.kind == TokenKind::Close) next();
    return found;
  }
  std::string rest() const { return std::string(text_.substr(token_.offset)); }

 private:
  std::string_view text_;
  Lexer lexer_;
  Token token_;
};

// From where the reader stands.
bool has_word(Reader reader, std::string_view word) {
  for (; reader.token().kind != TokenKind::End; reader.next()) {
    if (is_word(reader.token(), word)) return true;
  }
  return false;
}

bool has_comma(Reader reader) {
  for (; reader.token().kind != TokenKind::End; reader.next()) {
    if (reader.token().kind == TokenKind::Other && reader.token().text == ",") return true;
  }
  return false;
}

// ALTER TABLE ... VALIDATE CONSTRAINT, and nothing else.
bool validates_constraint(Reader reader) {
  if (!reader.take("ALTER") || !reader.take("TABLE")) return false;
  if (reader.take("IF")) reader.take("EXISTS");
  reader.take("ONLY");
  reader.take_name();
  return reader.take("VALIDATE") && !has_comma(std::move(reader));
}

}  // namespace

bool changes_session(std::string_view statement, SqlFlavour flavour) {
  Reader reader(statement, flavour);
  if (flavour == SqlFlavour::Sqlite) {
    return is_any(reader.token(), {"PRAGMA", "ATTACH", "DETACH"});
  }
  if (is_any(reader.token(), {"RESET", "LOAD"})) return true;
  return reader.take("SET") && !is_any(reader.token(), {"LOCAL", "TRANSACTION", "CONSTRAINTS"});
}

bool may_change_session(std::string_view statement, SqlFlavour flavour) {
  if (flavour == SqlFlavour::Sqlite) return false;  // has nothing to take it back with
  Reader reader(statement, flavour);
  if (is_any(reader.token(), {"SET", "RESET", "LOAD", "DO", "CALL", "DISCARD"})) return true;
  return has_word(std::move(reader), "SET_CONFIG");
}

LockClass lock_class(std::string_view statement) {
  Reader reader(statement, SqlFlavour::PostgreSql);
  if (is_any(reader.token(),
             {"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "WITH", "VALUES", "TABLE", "COPY",
              "SET", "RESET", "SHOW", "EXPLAIN", "NOTIFY", "SAVEPOINT", "RELEASE", "ROLLBACK"})) {
    return LockClass::Rows;
  }
  if (is_word(reader.token(), "VACUUM")) {
    return has_word(std::move(reader), "FULL") ? LockClass::Short : LockClass::Long;
  }
  if (is_word(reader.token(), "ANALYZE")) return LockClass::Long;
  if (is_any(reader.token(), {"CREATE", "DROP", "REINDEX", "REFRESH", "ALTER"}) &&
      has_word(reader, "CONCURRENTLY")) {
    return LockClass::Long;
  }
  return validates_constraint(std::move(reader)) ? LockClass::Long : LockClass::Short;
}

bool sets_parameter(std::string_view statement, std::string_view parameter) {
  Reader reader(statement, SqlFlavour::PostgreSql);
  if (reader.take("SET")) {
    if (!reader.take("LOCAL")) reader.take("SESSION");
    return is_word(reader.token(), parameter);
  }
  for (bool called = false; reader.token().kind != TokenKind::End; reader.next()) {
    if (is_word(reader.token(), "SET_CONFIG")) called = true;
    const std::string_view text = reader.token().text;
    if (!called || reader.token().kind != TokenKind::Quoted || text.size() < 2) continue;
    const std::string_view name = text.substr(1, text.size() - 2);
    if (std::ranges::equal(name, parameter, {}, [](char c) {
          return static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        }))
      return true;
  }
  return false;
}

bool shuns_transactions(std::string_view statement, SqlFlavour flavour) {
  Reader reader(statement, flavour);
  if (flavour == SqlFlavour::Sqlite) {
    return is_any(reader.token(), {"PRAGMA", "VACUUM", "ATTACH", "DETACH"});
  }
  if (is_word(reader.token(), "VACUUM")) return true;
  if (is_any(reader.token(), {"CREATE", "DROP"})) {
    reader.next();
    reader.take("UNIQUE");
    if (is_any(reader.token(), {"DATABASE", "TABLESPACE"})) return true;
  }
  return runs_concurrently(statement, flavour);
}

bool runs_concurrently(std::string_view statement, SqlFlavour flavour) {
  if (flavour != SqlFlavour::PostgreSql) return false;
  Reader reader(statement, flavour);
  if (is_any(reader.token(), {"CREATE", "DROP"})) {
    reader.next();
    reader.take("UNIQUE");
    return reader.take("INDEX") && is_word(reader.token(), "CONCURRENTLY");
  }
  return concurrent_detach(statement) || concurrent_reindex(statement);
}

Again again(std::string_view statement) {
  const Reader reader(statement, SqlFlavour::PostgreSql);
  if (is_word(reader.token(), "CREATE")) return Again::MakesWhatIsThere;
  return is_word(reader.token(), "DROP") ? Again::RemovesWhatIsGone : Again::Else;
}

std::optional<ConcurrentDetach> concurrent_detach(std::string_view statement) {
  Reader reader(statement, SqlFlavour::PostgreSql);
  if (!reader.take("ALTER") || !reader.take("TABLE")) return std::nullopt;
  if (reader.take("IF")) reader.take("EXISTS");
  reader.take("ONLY");
  ConcurrentDetach detach;
  detach.table = reader.take_name();
  if (!reader.take("DETACH") || !reader.take("PARTITION")) return std::nullopt;
  detach.partition = reader.take_name();
  detach.finalize = std::string(statement.substr(0, reader.token().offset)) + "FINALIZE";
  if (!reader.take("CONCURRENTLY") || reader.token().kind != TokenKind::End) return std::nullopt;
  return detach;
}

std::optional<ConcurrentReindex> concurrent_reindex(std::string_view statement) {
  Reader reader(statement, SqlFlavour::PostgreSql);
  if (!reader.take("REINDEX")) return std::nullopt;
  const bool among_options = reader.take_in_parentheses("CONCURRENTLY");
  for (const char* what : {"INDEX", "TABLE", "SCHEMA", "DATABASE", "SYSTEM"}) {
    if (!reader.take(what)) continue;
    if (!reader.take("CONCURRENTLY") && !among_options) return std::nullopt;
    return ConcurrentReindex{what, reader.take_name()};
  }
  return std::nullopt;
}

std::optional<ConcurrentIndex> concurrent_index(std::string_view statement) {
  Reader reader(statement, SqlFlavour::PostgreSql);
  if (!reader.take("CREATE")) return std::nullopt;
  ConcurrentIndex index;
  index.unique = reader.take("UNIQUE");
  if (!reader.take("INDEX") || !reader.take("CONCURRENTLY")) return std::nullopt;
  index.if_not_exists = reader.take("IF");
  if (index.if_not_exists && !(reader.take("NOT") && reader.take("EXISTS"))) return std::nullopt;
  if (is_word(reader.token(), "ON")) return std::nullopt;
  index.name = reader.take_name();
  if (index.name.empty() || !reader.take("ON")) return std::nullopt;
  reader.take("ONLY");
  index.table = reader.take_name();
  if (index.table.empty()) return std::nullopt;
  index.rest = reader.rest();
  return index;
}

}  // namespace engine
