// SPDX-License-Identifier: Apache-2.0
#include "engine/sql/meaning.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "engine/core/error.h"
#include "engine/sql/lexer.h"

namespace engine {
namespace {

constexpr std::string_view kOperators = "+-*/<>=~!@#%^&|`?:";
// With one of these, an operator of PostgreSQL may end in + or -.
constexpr std::string_view kSpecialOperators = "~!@#%^&|`?";

enum class PieceKind { Word, Prefix, Quoted, Number, Operator, Single };

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return result;
}

PieceKind kind_of(char c) {
  if (kOperators.find(c) != std::string_view::npos) return PieceKind::Operator;
  // `$` of a parameter, which has its number behind it.
  return (c >= '0' && c <= '9') || c == '$' ? PieceKind::Number : PieceKind::Single;
}

// Joins pieces by spaces, but for those that mean something else when they stand apart.
class Words {
 public:
  void add(const Token& token) {
    if (token.kind == TokenKind::Word) {
      const std::string word = lower(token.text);
      const bool prefix = word == "b" || word == "x" || word == "n";  // x'ff'
      add(prefix ? PieceKind::Prefix : PieceKind::Word, word, token.offset);
    } else if (token.kind == TokenKind::Quoted) {
      std::string text(token.text);
      if (text.front() == 'E') text.front() = 'e';
      add(PieceKind::Quoted, text, token.offset);
    } else {
      add_other(token);
    }
  }
  std::string take() {
    flush();
    return std::move(text_);
  }

 private:
  void add_other(const Token& token) {
    std::size_t begin = 0;
    while (begin < token.text.size()) {
      const PieceKind kind = kind_of(token.text[begin]);
      std::size_t end = begin + 1;
      while (kind != PieceKind::Single && end < token.text.size() &&
             kind_of(token.text[end]) == kind) {
        ++end;
      }
      add(kind, token.text.substr(begin, end - begin), token.offset + begin);
      begin = end;
    }
  }

  void add(PieceKind kind, std::string_view text, std::size_t offset) {
    if (offset == end_ && glue(kind, text)) {
      last_ += text;
    } else {
      flush();
      last_ = text;
      kind_ = kind;
    }
    end_ = offset + text.size();
  }

  // True: it belongs to the piece before, which it follows at once.
  bool glue(PieceKind kind, std::string_view text) {
    if (kind_ == PieceKind::Word && last_ == "u" && text == "&") {  // u&'\0041'
      kind_ = PieceKind::Prefix;
      return true;
    }
    switch (kind_) {
      case PieceKind::Operator:
        return kind == PieceKind::Operator;
      case PieceKind::Number:  // 1.5, 1e5, $1
        return kind == PieceKind::Number || kind == PieceKind::Word || text == ".";
      case PieceKind::Prefix:
        return kind == PieceKind::Quoted && text.front() != '`';
      default:
        return false;
    }
  }

  void flush() {
    if (last_.empty()) return;
    if (!text_.empty()) text_ += ' ';
    std::size_t end = last_.size();
    if (kind_ == PieceKind::Operator && last_.find_first_of(kSpecialOperators) == last_.npos) {
      while (end > 1 && (last_[end - 1] == '+' || last_[end - 1] == '-')) --end;  // `*-` are two
    }
    text_.append(last_, 0, end);
    for (; end < last_.size(); ++end) text_.append(" ").append(1, last_[end]);
    last_.clear();
  }

  std::string text_ = {};
  std::string last_ = {};  // the piece that may still grow
  PieceKind kind_ = PieceKind::Single;
  std::size_t end_ = 0;
};

std::string role_of(const Statement& statement) {
  if (statement.kind == StatementKind::Ordinary) return {};
  return statement.kind == StatementKind::Condition ? "condition "
                                                    : fmt::format("batch {} ", statement.batch.key);
}

std::vector<std::string> statements_of(const std::vector<Operation>& operations,
                                       const Dialect& dialect) {
  std::vector<std::string> result;
  for (const Statement& statement : dialect.render(operations, "")) {
    result.push_back((statement.transactional ? "" : "autocommit ") + role_of(statement) +
                     words_of(statement.sql, dialect.flavour()));
  }
  return result;
}

std::vector<std::string> section_of(const std::vector<Operation>& operations,
                                    const Dialect& dialect) {
  try {
    return statements_of(operations, dialect);
  } catch (const Error&) {
    std::vector<std::string> texts;
    for (const Operation& operation : operations) {
      texts.push_back(std::visit([](const ExecuteSql& sql) { return sql.sql; }, operation));
    }
    return texts;
  }
}

void append(std::string& text, std::string_view name, const std::vector<std::string>& parts) {
  text += fmt::format("{} {}\n", name, parts.size());
  for (const std::string& part : parts) text.append(fmt::format("{} ", part.size())) += part + "\n";
}

// The first statement that is not the same, from 1; 0: all are.
int first_difference(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  const auto [in_a, in_b] = std::ranges::mismatch(a, b);
  if (in_a == a.end() && in_b == b.end()) return 0;
  return static_cast<int>(in_a - a.begin()) + 1;
}

MeaningDifference section_difference(std::string_view name, const std::vector<std::string>& then,
                                     const std::vector<std::string>& now) {
  const int number = first_difference(then, now);
  if (number == 0) return {};
  return {fmt::format("statement {} of its {} section", number, name), number};
}

}  // namespace

std::string words_of(std::string_view statement, SqlFlavour flavour) {
  Lexer lexer(statement, flavour, "", 1);
  Words words;
  for (Token token = lexer.next(); token.kind != TokenKind::End; token = lexer.next()) {
    words.add(token);
  }
  return words.take();
}

ScriptMeaning meaning_of(const Revision& revision, const ScriptBody& body, const Dialect& dialect) {
  ScriptMeaning meaning;
  append(meaning.header, "revision", {revision.id});
  append(meaning.header, "down_revision", revision.down_revisions);
  append(meaning.header, "depends_on", revision.depends_on);
  append(meaning.header, "branch_labels", revision.branch_labels);
  meaning.upgrade = section_of(body.upgrade, dialect);
  if (body.downgrade) meaning.downgrade = section_of(*body.downgrade, dialect);
  return meaning;
}

std::string text_of(const ScriptMeaning& meaning) {
  std::string text = meaning.header;
  append(text, "upgrade", meaning.upgrade);
  if (meaning.downgrade) append(text, "downgrade", *meaning.downgrade);
  return text;
}

MeaningDifference difference(const ScriptMeaning& then, const ScriptMeaning& now) {
  if (then.header != now.header) return {"its header", 0};
  if (MeaningDifference found = section_difference("upgrade", then.upgrade, now.upgrade);
      found.statement > 0) {
    return found;
  }
  if (then.downgrade.has_value() != now.downgrade.has_value()) return {"its downgrade section", 0};
  if (!then.downgrade) return {};
  return section_difference("downgrade", *then.downgrade, *now.downgrade);
}

}  // namespace engine
