// SPDX-License-Identifier: Apache-2.0
#include "engine/script/template.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "engine/core/error.h"
#include "engine/core/spelling.h"

namespace engine {
namespace {

using Kind = TemplateValue::Kind;

constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::string_view kUnderstood =
    "understood are ${NAME}, ${repr(NAME)}, ${NAME | comma,n}, ${NAME if NAME else \"TEXT\"}, "
    "lines `% if NAME:`, `% elif NAME:`, `% else:`, `% endif`, and comments `##`";

bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_name_character(char c) { return is_name_start(c) || (c >= '0' && c <= '9'); }

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

struct Place {
  std::string_view origin = {};
  int line = 1;
};

[[noreturn]] void fail(const Place& place, const std::string& cause,
                       std::string_view hint = kUnderstood) {
  throw Error(Reason::InvalidScripts, fmt::format("{}:{}: {}", place.origin, place.line, cause),
              std::string(hint));
}

bool is_true(const TemplateValue& value) {
  if (value.kind == Kind::Text) return !value.text.empty();
  return !value.items.empty();
}

std::string joined(const std::vector<std::string>& items) {
  return fmt::format("{}", fmt::join(items, ", "));
}

// Escapes that Python and YAML share.
std::string quoted_in(std::string_view text, char quote) {
  std::string result(1, quote);
  for (const char c : text) {
    if (c == quote || c == '\\') {
      result += '\\';
      result += c;
    } else if (c == '\n') {
      result += "\\n";
    } else if (c == '\r') {
      result += "\\r";
    } else if (c == '\t') {
      result += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      result += fmt::format("\\x{:02x}", c);
    } else {
      result += c;
    }
  }
  return result + quote;
}

std::string literal(const TemplateValue& value, ScriptFormat format) {
  const bool python = format == ScriptFormat::Python;
  const auto quoted = [&](const std::string& text) {
    return python ? python_repr(text) : quoted_in(text, '"');
  };
  if (value.kind == Kind::None) return python ? "None" : "null";
  if (value.kind == Kind::Text) return quoted(value.text);
  std::vector<std::string> items;
  std::ranges::transform(value.items, std::back_inserter(items), quoted);
  if (!python || value.kind == Kind::List) return "[" + joined(items) + "]";
  return "(" + joined(items) + (items.size() == 1 ? ",)" : ")");
}

// What ${name} prints: Python's str(). Only a .py file has a use for "None" and parentheses.
std::string plain(const TemplateValue& value, ScriptFormat format) {
  if (value.kind == Kind::Text) return value.shown.empty() ? value.text : value.shown;
  if (format == ScriptFormat::Python) return literal(value, format);
  return joined(value.items);
}

// expression := term ["if" ["not"] NAME "else" expression]
// term       := NAME | "TE"`% if` without `% endif`"T" | repr(NAME)
class Expression {
 public:
  Expression(std::string_view text, Place place, ScriptFormat format, const TemplateValues& values)
      : whole_(text), rest_(text), place_(place), format_(format), values_(values) {}

  std::string print() {
    std::string result = read_choice();
    if (accept("|")) result = filter(std::move(result));
    if (!trimmed(rest_).empty()) refuse();
    return result;
  }

  bool test() {
    const bool result = read_condition();
    if (!trimmed(rest_).empty()) refuse();
    return result;
  }

 private:
  struct Term {
    std::string plain = {};
    std::string as_comma = {};
    std::string_view unset = {};  // the name that has no value
  };

  [[noreturn]] void refuse() const {
    fail(place_, fmt::format("only Python could tell what '{}' is", trimmed(whole_)));
  }

  bool accept(std::string_view token) {
    const std::string_view text = trimmed(rest_);
    if (!text.starts_with(token)) return false;
    if (is_name_start(token[0]) && text.size() > token.size() &&
        is_name_character(text[token.size()])) {
      return false;
    }
    rest_ = text.substr(token.size());
    return true;
  }

  std::string_view read_name() {
    const std::string_view text = trimmed(rest_);
    if (text.empty() || !is_name_start(text[0])) refuse();
    std::size_t size = 0;
    while (size < text.size() && is_name_character(text[size])) ++size;
    rest_ = text.substr(size);
    return text.substr(0, size);
  }

  const TemplateValue& value_of(std::string_view name) const {
    const auto found = values_.find(name);
    if (found != values_.end()) return found->second;
    std::vector<std::string_view> names;
    for (const auto& [known, value] : values_) names.emplace_back(known);
    fail(place_,
         fmt::format("only Python could tell what '{}' is{}", name, did_you_mean(name, names)),
         fmt::format("the names are {}", fmt::join(names, ", ")));
  }

  bool read_condition() {
    const bool negated = accept("not");
    return is_true(value_of(read_name())) != negated;
  }

  std::string read_choice() {
    const Term term = read_term();
    if (!accept("if")) return chosen(term);
    const bool holds = read_condition();
    if (!accept("else")) refuse();
    const std::string otherwise = read_other(holds);
    return holds ? chosen(term) : otherwise;
  }

  // The branch that is not taken may name what has no value.
  std::string read_other(bool skipped) {
    const Term term = read_term();
    if (!accept("if")) return skipped ? std::string() : chosen(term);
    const bool holds = read_condition();
    if (!accept("else")) refuse();
    const std::string otherwise = read_other(skipped || holds);
    return skipped ? std::string() : holds ? chosen(term) : otherwise;
  }

  std::string chosen(const Term& term) {
    if (!term.unset.empty()) {
      fail(place_, fmt::format("'{}' has no value here", term.unset),
           fmt::format("write ${{{} if {} else \"\"}}", term.unset, term.unset));
    }
    comma_ = term.as_comma;
    return term.plain;
  }

  Term read_term() {
    const std::string_view text = trimmed(rest_);
    if (!text.empty() && (text[0] == '"' || text[0] == '\'')) return read_text(text);
    const std::string_view name = read_name();
    const bool is_call = accept("(");
    if (is_call && name != "repr") refuse();
    const std::string_view variable = is_call ? read_name() : name;
    if (is_call && !accept(")")) refuse();
    const TemplateValue& value = value_of(variable);
    if (value.kind == Kind::Unset) return {{}, {}, variable};
    const std::string printed = is_call ? literal(value, format_) : plain(value, format_);
    const bool is_list = !is_call && value.kind != Kind::Text;
    return {printed, is_list ? joined(value.items) : printed, {}};
  }

  Term read_text(std::string_view text) {
    const auto end = text.find(text[0], 1);
    const std::string_view content = text.substr(1, end == std::string_view::npos ? end : end - 1);
    if (end == std::string_view::npos || content.find('\\') != std::string_view::npos) refuse();
    rest_ = text.substr(end + 1);
    return {std::string(content), std::string(content), {}};
  }

  // Without `n` Python's str() comes first, and nothing is left to be joined.
  std::string filter(std::string text) {
    std::vector<std::string_view> names;
    do {
      names.push_back(read_name());
    } while (accept(","));
    const bool raw = std::ranges::find(names, "n") != names.end();
    for (const std::string_view name : names) {
      if (name == "comma") {
        if (raw) text = comma_;
      } else if (name == "trim") {
        text = std::string(trimmed(text));
      } else if (name != "n" && name != "str") {
        fail(place_, fmt::format("only Python could tell what the filter '{}' does", name));
      }
    }
    return text;
  }

  std::string_view whole_;
  std::string_view rest_;
  Place place_;
  ScriptFormat format_;
  const TemplateValues& values_;
  std::string comma_ = {};  // what was printed last, for `comma,n`
};

// One `% if` that is open.
struct Block {
  Place begin = {};
  bool outer = true;   // what is around it is printed
  bool taken = false;  // a branch was chosen already
  bool active = true;  // this branch is printed
  bool last = false;   // `% else:` was there
};

class Renderer {
 public:
  Renderer(std::string_view text, std::string_view origin, ScriptFormat format,
           const TemplateValues& values)
      : text_(text), place_{origin, 1}, format_(format), values_(values) {}

  std::string render() {
    skip_coding_line();
    while (position_ < text_.size()) {
      if (at_line_start() && (read_control() || read_comment())) continue;
      if (!read_special()) put(text_[position_]);
    }
    if (!blocks_.empty()) fail(blocks_.back().begin, "`% if` without `% endif`");
    return std::move(result_);
  }

 private:
  bool at_line_start() const { return position_ == 0 || text_[position_ - 1] == '\n'; }
  bool is_active() const { return blocks_.empty() || blocks_.back().active; }
  bool looks_at(std::string_view token) const { return text_.substr(position_).starts_with(token); }

  // To `end`, which may be npos.
  void advance(std::size_t end) {
    end = std::min(end, text_.size());
    place_.line +=
        static_cast<int>(std::ranges::count(text_.substr(position_, end - position_), '\n'));
    position_ = end;
  }
  void put(char c) {
    if (is_active()) result_ += c;
    advance(position_ + 1);
  }

  void skip_coding_line() {
    if (text_.starts_with("\xEF\xBB\xBF")) position_ = 3;
    const std::string_view first = text_.substr(position_, text_.find('\n'));
    if (!first.starts_with('#')) return;
    const auto coding = first.find("coding");
    if (coding == std::string_view::npos || coding + 6 >= first.size()) return;
    if (first[coding + 6] == ':' || first[coding + 6] == '=') advance(line_end());
  }

  std::size_t line_end() const {
    const auto end = text_.find('\n', position_);
    return end == std::string_view::npos ? text_.size() : end + 1;
  }

  bool read_comment() {
    const std::string_view line = text_.substr(position_, line_end() - position_);
    if (!line.substr(std::min(line.find_first_not_of(" \t"), line.size())).starts_with("##")) {
      return false;
    }
    advance(line_end());
    return true;
  }

  bool read_control() {
    const std::string_view line = text_.substr(position_, line_end() - position_);
    const auto sign = line.find_first_not_of(" \t");
    if (sign == std::string_view::npos || line[sign] != '%') return false;
    if (line.substr(sign).starts_with("%%")) {  // stands for one
      if (is_active()) result_ += line.substr(0, sign);
      advance(position_ + sign + 1);
      put('%');
      while (looks_at("%")) put('%');
      return true;
    }
    obey(trimmed(line.substr(sign + 1)));
    advance(line_end());
    return true;
  }

  void obey(std::string_view statement) {
    const bool ends = statement.ends_with(':');
    const std::string_view words = trimmed(statement.substr(0, statement.size() - (ends ? 1 : 0)));
    if (ends && words.starts_with("if ")) {
      const bool outer = is_active();
      const bool holds = outer && condition(words.substr(3));
      blocks_.push_back({place_, outer, holds, holds, false});
    } else if (ends && words.starts_with("elif ")) {
      Block& block = branch(statement);
      const bool holds = block.outer && !block.taken && condition(words.substr(5));
      block.active = holds;
      block.taken = block.taken || holds;
    } else if (ends && words == "else") {
      Block& block = branch(statement);
      block.last = true;
      block.active = block.outer && !block.taken;
    } else if (statement == "endif") {
      if (blocks_.empty()) fail(place_, "`% endif` without `% if`");
      blocks_.pop_back();
    } else {
      fail(place_, fmt::format("only Python could obey the line '% {}'", statement));
    }
  }

  Block& branch(std::string_view statement) {
    if (blocks_.empty() || blocks_.back().last) {
      fail(place_, fmt::format("`% {}` without `% if`", statement));
    }
    return blocks_.back();
  }

  bool condition(std::string_view text) {
    return Expression(text, place_, format_, values_).test();
  }

  bool read_special() {
    if (looks_at("\\\n") || looks_at("\\\r\n")) {  // the line goes on
      advance(line_end());
    } else if (looks_at("${")) {
      read_expression();
    } else if (looks_at("<%doc>")) {
      const auto end = text_.find("</%doc>", position_);
      if (end == std::string_view::npos) fail(place_, "`<%doc>` without `</%doc>`");
      advance(end + std::string_view("</%doc>").size());
    } else if (looks_at("<%") || looks_at("</%")) {
      fail(place_, fmt::format("only Python could obey '{}'",
                               trimmed(text_.substr(
                                   position_, std::min<std::size_t>(line_end() - position_, 60)))));
    } else {
      return false;
    }
    return true;
  }

  void read_expression() {
    const std::size_t begin = position_ + 2;
    std::size_t end = begin;
    for (char quote = '\0'; end < text_.size() && (quote != '\0' || text_[end] != '}'); ++end) {
      if (quote != '\0') {
        if (text_[end] == quote) quote = '\0';
      } else if (text_[end] == '"' || text_[end] == '\'') {
        quote = text_[end];
      }
    }
    if (end == text_.size()) fail(place_, "`${` without `}`");
    if (is_active()) {
      result_ += Expression(text_.substr(begin, end - begin), place_, format_, values_).print();
    }
    advance(end + 1);
  }

  std::string_view text_;
  Place place_;
  ScriptFormat format_;
  const TemplateValues& values_;
  std::size_t position_ = 0;
  std::vector<Block> blocks_ = {};
  std::string result_ = {};
};

}  // namespace

std::string render_template(std::string_view text, std::string_view origin, ScriptFormat format,
                            const TemplateValues& values) {
  return Renderer(text, origin, format, values).render();
}

std::string python_repr(std::string_view text) {
  const bool has_single = text.find('\'') != std::string_view::npos;
  const bool has_double = text.find('"') != std::string_view::npos;
  return quoted_in(text, has_single && !has_double ? '"' : '\'');
}

}  // namespace engine
