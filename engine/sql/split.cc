// SPDX-License-Identifier: Apache-2.0
#include "engine/sql/split.h"

#include "engine/sql/lexer.h"

namespace engine {
namespace {

// Follows the tokens of one statement and knows whether a semicolon ends it.
class StatementScan {
 public:
  StatementScan(SqlFlavour flavour, Lexer& lexer) : flavour_(flavour), lexer_(&lexer) {}

  bool empty() const { return tokens_ == 0; }
  std::size_t begin() const { return begin_; }
  std::size_t end() const { return end_; }

  void add(const Token& token) {
    if (tokens_ == 0) begin_ = token.offset;
    refuse_client_commands(token);
    if (token.kind == TokenKind::Open) {
      if (depth_++ == 0) open_ = token.offset;
    } else if (token.kind == TokenKind::Close) {
      if (depth_ > 0) --depth_;
    } else if (token.kind == TokenKind::Word) {
      add_word(token);
    }
    previous_ = token;
    end_ = token.offset + token.text.size();
    ++tokens_;
  }

  // Adds it to the statement when it does not end it.
  bool ends_at(const Token& semicolon) {
    const bool inside =
        flavour_ == SqlFlavour::PostgreSql ? depth_ > 0 || blocks_ > 0 : body_ == Body::Open;
    if (inside) add(semicolon);
    return !inside;
  }

  void finish() {
    if (flavour_ == SqlFlavour::PostgreSql && depth_ > 0) {
      lexer_->fail(open_, "unterminated parenthesis", "close the ( that stands here");
    }
    if (blocks_ > 0) {
      lexer_->fail(body_begin_, "BEGIN ATOMIC without END",
                   "close the body that begins here with END;");
    }
    if (body_ == Body::Open) {
      lexer_->fail(body_begin_, "trigger body without END",
                   "close the body that begins here with END;");
    }
  }

 private:
  // What CREATE [OR REPLACE] FUNCTION|PROCEDURE and CREATE [TEMP] TRIGGER have in front of their
  // body.
  enum class Head { Start, Create, Routine, Trigger, Other };
  enum class Body { None, Open, Closed };

  void add_word(const Token& token) {
    if (previous_.text == ".") return;  // a column or table may be called `end`
    if (tokens_ == 0) first_ = token;
    advance_head(token);
    if (flavour_ == SqlFlavour::PostgreSql) {
      follow_atomic_body(token);
      refuse_copy(token);
    } else {
      follow_trigger_body(token);
    }
  }

  void advance_head(const Token& token) {
    if (head_ == Head::Start) {
      head_ = tokens_ == 0 && is_word(token, "CREATE") ? Head::Create : Head::Other;
    } else if (head_ == Head::Create) {
      if (is_word(token, "FUNCTION") || is_word(token, "PROCEDURE")) {
        head_ = Head::Routine;
      } else if (is_word(token, "TRIGGER")) {
        head_ = Head::Trigger;
      } else if (!is_word(token, "OR") && !is_word(token, "REPLACE") && !is_word(token, "TEMP") &&
                 !is_word(token, "TEMPORARY")) {
        head_ = Head::Other;
      }
    }
  }

  // CREATE FUNCTION ... BEGIN ATOMIC stmt; ... END; CASE has an END of its own.
  void follow_atomic_body(const Token& token) {
    if (head_ != Head::Routine) return;
    if (blocks_ == 0) {
      if (is_word(token, "ATOMIC") && is_word(previous_, "BEGIN") && body_ == Body::None) {
        blocks_ = 1;
        body_begin_ = previous_.offset;
        body_ = Body::Closed;
      }
    } else if (is_word(previous_, "AS")) {
      return;  // SELECT 1 AS end
    } else if (is_word(token, "CASE")) {
      ++blocks_;
    } else if (is_word(token, "END")) {
      --blocks_;
    }
  }

  // As sqlite3_complete(): only an END behind a semicolon closes the body.
  void follow_trigger_body(const Token& token) {
    if (head_ != Head::Trigger) return;
    if (body_ == Body::None && is_word(token, "BEGIN")) {
      body_ = Body::Open;
      body_begin_ = token.offset;
    } else if (body_ == Body::Open && is_word(token, "END") &&
               previous_.kind == TokenKind::Semicolon) {
      body_ = Body::Closed;
    }
  }

  void refuse_copy(const Token& token) {
    if (depth_ > 0 || !is_word(first_, "COPY")) return;
    if (is_word(token, "STDIN") && is_word(previous_, "FROM")) {
      lexer_->fail(begin_, "COPY ... FROM STDIN has no client here that could send the rows",
                   "write the rows as INSERT statements, or load them with psql and \\copy outside "
                   "of the migration");
    }
    if (is_word(token, "STDOUT") && is_word(previous_, "TO")) {
      lexer_->fail(begin_, "COPY ... TO STDOUT has no client here that could take the rows",
                   "export them with psql and \\copy outside of the migration");
    }
  }

  void refuse_client_commands(const Token& token) {
    if (flavour_ == SqlFlavour::PostgreSql && token.kind == TokenKind::Backslash) {
      lexer_->fail(token.offset, "psql meta-commands (\\...) are not SQL",
                   "remove the line; of a dump keep the SQL statements only");
    }
    if (flavour_ == SqlFlavour::Sqlite && tokens_ == 0 && token.text == ".") {
      lexer_->fail(token.offset, "commands of the sqlite3 shell (.name) are not SQL",
                   "remove the line; keep the SQL statements only");
    }
  }

  SqlFlavour flavour_;
  Lexer* lexer_;
  std::size_t tokens_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  Token first_ = {};
  Token previous_ = {};
  Head head_ = Head::Start;
  Body body_ = Body::None;
  int depth_ = 0;         // open parentheses
  std::size_t open_ = 0;  // where the outermost is
  int blocks_ = 0;        // BEGIN ATOMIC and the CASEs inside
  std::size_t body_begin_ = 0;
};

}  // namespace

std::vector<Statement> split_statements(std::string_view text, SqlFlavour flavour,
                                        std::string_view origin, int first_line) {
  Lexer lexer(text, flavour, origin, first_line);
  std::vector<Statement> statements;
  StatementScan scan(flavour, lexer);
  const auto close = [&] {
    if (!scan.empty()) {
      statements.push_back({std::string(text.substr(scan.begin(), scan.end() - scan.begin())),
                            lexer.line_of(scan.begin()), true});
    }
    scan = StatementScan(flavour, lexer);
  };
  while (true) {
    const Token token = lexer.next();
    if (token.kind == TokenKind::End) break;
    if (token.kind != TokenKind::Semicolon) {
      scan.add(token);
    } else if (scan.ends_at(token)) {
      close();
    }
  }
  scan.finish();
  close();
  return statements;
}

bool controls_transaction(std::string_view statement, SqlFlavour flavour) {
  Lexer lexer(statement, flavour, "", 1);
  const Token first = lexer.next();
  const bool postgres = flavour == SqlFlavour::PostgreSql;
  for (const std::string_view word : {"BEGIN", "COMMIT", "END"}) {
    if (is_word(first, word)) return true;
  }
  if (postgres && is_word(first, "ABORT")) return true;
  if (postgres && (is_word(first, "START") || is_word(first, "PREPARE"))) {
    return is_word(lexer.next(), "TRANSACTION");
  }
  if (!is_word(first, "ROLLBACK")) return false;
  Token next = lexer.next();
  if (is_word(next, "WORK") || is_word(next, "TRANSACTION")) next = lexer.next();
  return !is_word(next, "TO");
}

}  // namespace engine
