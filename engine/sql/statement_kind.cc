// SPDX-License-Identifier: Apache-2.0
#include "engine/sql/statement_kind.h"

#include <algorithm>
#include <initializer_list>

#include "engine/sql/lexer.h"

namespace engine {
namespace {

bool is_any(const Token& token, std::initializer_list<std::string_view> words) {
  return std::ranges::any_of(words, [&](std::string_view word) { return is_word(token, word); });
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

 private:
  std::string_view text_;
  Lexer lexer_;
  Token token_;
};

}  // namespace

bool changes_session(std::string_view statement, SqlFlavour flavour) {
  Reader reader(statement, flavour);
  if (flavour == SqlFlavour::Sqlite) {
    return is_any(reader.token(), {"PRAGMA", "ATTACH", "DETACH"});
  }
  if (is_any(reader.token(), {"RESET", "LOAD"})) return true;
  return reader.take("SET") && !is_any(reader.token(), {"LOCAL", "TRANSACTION", "CONSTRAINTS"});
}

bool shuns_transactions(std::string_view statement, SqlFlavour flavour) {
  if (flavour != SqlFlavour::Sqlite) return false;
  return is_any(Reader(statement, flavour).token(), {"PRAGMA", "VACUUM", "ATTACH", "DETACH"});
}

Again again(std::string_view statement) {
  const Reader reader(statement, SqlFlavour::PostgreSql);
  if (is_word(reader.token(), "CREATE")) return Again::MakesWhatIsThere;
  return is_word(reader.token(), "DROP") ? Again::RemovesWhatIsGone : Again::Else;
}

std::string finalize_detach(std::string_view statement) {
  Reader reader(statement, SqlFlavour::PostgreSql);
  if (!reader.take("ALTER") || !reader.take("TABLE")) return {};
  bool detaches = false;
  std::size_t last = 0;
  bool concurrently = false;
  for (; reader.token().kind != TokenKind::End; reader.next()) {
    detaches = detaches || is_word(reader.token(), "DETACH");
    concurrently = is_word(reader.token(), "CONCURRENTLY");
    last = reader.token().offset;
  }
  if (!detaches || !concurrently) return {};
  return std::string(statement.substr(0, last)) + "FINALIZE";
}

bool rebuilds_indexes(std::string_view statement) {
  return is_word(Reader(statement, SqlFlavour::PostgreSql).token(), "REINDEX");
}

std::optional<ConcurrentIndex> concurrent_index(std::string_view statement) {
  Reader reader(statement, SqlFlavour::PostgreSql);
  if (!reader.take("CREATE")) return std::nullopt;
  reader.take("UNIQUE");
  if (!reader.take("INDEX") || !reader.take("CONCURRENTLY")) return std::nullopt;
  if (reader.take("IF") && !(reader.take("NOT") && reader.take("EXISTS"))) return std::nullopt;
  if (is_word(reader.token(), "ON")) return std::nullopt;
  ConcurrentIndex index;
  index.name = reader.take_name();
  if (index.name.empty() || !reader.take("ON")) return std::nullopt;
  reader.take("ONLY");
  index.table = reader.take_name();
  if (index.table.empty()) return std::nullopt;
  return index;
}

}  // namespace engine
