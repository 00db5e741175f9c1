// SPDX-License-Identifier: Apache-2.0
//
// TOML 1.0 over toml++, compiled in.
#undef NDEBUG  // with it toml++ takes what it asserts for true, which malformed text can make false
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 1
#define TOML_ENABLE_UNRELEASED_FEATURES 0
// Together with kMostDots: how deep a document can nest, whose tree is taken down recursively.
#define TOML_MAX_NESTED_VALUES 16
#define TOML_ASSERT(holds) check_assertion(static_cast<bool>(holds))

// Thrown instead of ending the program.
struct AssertionFailed {};
constexpr void check_assertion(bool holds) {
  if (!holds) throw AssertionFailed{};
}

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "engine/core/error.h"
#include "engine/syntax/node.h"

namespace engine {
namespace {

// In one line. Dotted keys nest without a limit in toml++.
constexpr std::ptrdiff_t kMostDots = 1000;
constexpr int kDeepest = 64;

struct Document {
  std::string_view origin = {};
  Reason reason = Reason::InvalidUsage;

  [[noreturn]] void refuse(unsigned line, std::string_view what) const {
    throw Error(reason, fmt::format("{}:{}: {}", origin, line, what));
  }
};

void check_dots(std::string_view text, const Document& document) {
  for (unsigned line = 1; !text.empty(); ++line) {
    const std::string_view content = text.substr(0, text.find('\n'));
    if (std::ranges::count(content, '.') > kMostDots) {
      document.refuse(line, fmt::format("more than {} dots in one line; break it up", kMostDots));
    }
    text.remove_prefix(std::min(content.size() + 1, text.size()));
  }
}

std::string text_of(const toml::date& date) {
  return fmt::format("{:04}-{:02}-{:02}", date.year, date.month, date.day);
}

std::string text_of(const toml::time& time) {
  std::string text = fmt::format("{:02}:{:02}:{:02}", time.hour, time.minute, time.second);
  if (time.nanosecond != 0) text += fmt::format(".{:09}", time.nanosecond);
  return text;
}

std::string text_of(const toml::date_time& moment) {
  std::string text = text_of(moment.date) + "T" + text_of(moment.time);
  if (!moment.offset) return text;
  const int minutes = moment.offset->minutes;
  if (minutes == 0) return text + "Z";
  const int size = minutes < 0 ? -minutes : minutes;
  return text + fmt::format("{}{:02}:{:02}", minutes < 0 ? '-' : '+', size / 60, size % 60);
}

std::string text_of(const toml::node& value) {
  if (const auto* text = value.as_string()) return text->get();
  if (const auto* number = value.as_integer()) return std::to_string(number->get());
  if (const auto* real = value.as_floating_point()) return fmt::format("{}", real->get());
  if (const auto* truth = value.as_boolean()) return truth->get() ? "true" : "false";
  if (const auto* date = value.as_date()) return text_of(date->get());
  if (const auto* time = value.as_time()) return text_of(time->get());
  return text_of(value.as_date_time()->get());
}

Node convert(const toml::node& value, const Document& document, int depth);

void convert_table(const toml::table& table, const Document& document, int depth, Node& node) {
  std::vector<std::pair<toml::source_position, std::string>> order;
  for (const auto& [key, child] : table) order.emplace_back(key.source().begin, key.str());
  std::ranges::sort(order);
  for (const auto& [position, key] : order) {
    node.entries.emplace_back(key, convert(*table.get(key), document, depth + 1));
    // Of the key: that is the line which people look for.
    node.entries.back().second.line = static_cast<int>(position.line);
  }
}

Node convert(const toml::node& value, const Document& document, int depth) {
  const unsigned line = value.source().begin.line;
  if (depth > kDeepest) document.refuse(line, "nests too deeply; make it flatter");
  Node node;
  node.line = static_cast<int>(line);
  if (const toml::table* table = value.as_table()) {
    node.kind = Node::Kind::Map;
    convert_table(*table, document, depth, node);
  } else if (const toml::array* array = value.as_array()) {
    node.kind = Node::Kind::List;
    for (const toml::node& item : *array) node.items.push_back(convert(item, document, depth + 1));
  } else {
    node.kind = Node::Kind::Scalar;
    node.scalar = text_of(value);
    node.quoted = value.is_string();
  }
  return node;
}

bool fails_assertion(std::string_view text) {
  try {
    static_cast<void>(toml::parse(text));
    return false;
  } catch (const toml::parse_error&) {
    return false;
  } catch (const AssertionFailed&) {
    return true;
  }
}

// The first line with which the parser comes upon it.
unsigned line_of_assertion(std::string_view text) {
  std::vector<std::size_t> ends;  // of lines
  for (std::size_t at = text.find('\n'); at != text.npos; at = text.find('\n', at + 1)) {
    ends.push_back(at);
  }
  const auto line = std::ranges::partition_point(
      ends, [&](std::size_t end) { return !fails_assertion(text.substr(0, end)); });
  return static_cast<unsigned>(line - ends.begin()) + 1;
}

}  // namespace

Node parse_toml(std::string_view text, std::string_view origin, Reason reason) {
  const Document document{origin, reason};
  check_dots(text, document);
  try {
    return convert(toml::parse(text), document, 0);
  } catch (const toml::parse_error& error) {
    document.refuse(error.source().begin.line, error.description());
  } catch (const AssertionFailed&) {
    document.refuse(line_of_assertion(text),
                    "this cannot be understood; keys stand alone or within [ ] or [[ ]]");
  }
}

}  // namespace engine
