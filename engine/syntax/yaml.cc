// SPDX-License-Identifier: Apache-2.0
//
// The engine's only includer of yaml-cpp, used by events: its nodes accept duplicate keys and
// loops. What it takes silently is looked for here: control characters (0x04 is its mark for the
// end of the text), a quote that the end of the text leaves open, and tags.
#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <sstream>
#include <unordered_set>

#include "engine/core/error.h"
#include "engine/syntax/encoding.h"
#include "engine/syntax/node.h"

namespace engine {
namespace {

constexpr std::size_t kLargestText = std::size_t{8} << 20;
constexpr std::size_t kMostValues = 500'000;
constexpr std::size_t kDeepest = 64;

// Where faults are reported.
struct Origin {
  std::string_view name = {};
  Reason reason = Reason::InvalidUsage;

  [[noreturn]] void fail(int line, std::string_view what, std::string_view remedy) const {
    throw Error(reason, fmt::format("{}:{}: {}; {}", name, line, what, remedy));
  }
};

bool is_null(std::string_view plain) {
  return plain.empty() || plain == "~" || plain == "null" || plain == "Null" || plain == "NULL";
}

// A container that is still open, and the key that waits for its value.
struct Open {
  Node node = {};
  std::optional<std::string> key = {};
  std::unordered_set<std::string> keys = {};
};

class Builder : public YAML::EventHandler {
 public:
  // `text` is without byte order mark, so that marks count its bytes.
  Builder(std::string_view text, const Origin& origin) : text_(text), origin_(origin) {}

  Node take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) {
      origin_.fail(line_of(mark), "a second document begins here",
                   "write one document without `---` or `...` behind it");
    }
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_properties(mark, "", anchor);
    add({.kind = Node::Kind::Null, .line = line_of(mark)});
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    origin_.fail(line_of(mark), "aliases (`*name`) are not read", "write the value itself");
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_properties(mark, tag, anchor);
    const bool quoted = tag == "!";
    if (!quoted && is_null(value)) return add({.kind = Node::Kind::Null, .line = line_of(mark)});
    const bool block = quoted && (character(mark) == '|' || character(mark) == '>');
    if (quoted && !block) require_closed(mark);
    add({.kind = Node::Kind::Scalar,
         .scalar = value,
         .quoted = quoted,
         .line = line_of(mark) + (block ? 1 : 0)});
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(Node::Kind::List, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(Node::Kind::Map, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  static int line_of(const YAML::Mark& mark) { return mark.line + 1; }

  std::size_t position(const YAML::Mark& mark) const {
    return std::min(static_cast<std::size_t>(std::max(mark.pos, 0)), text_.size());
  }

  char character(const YAML::Mark& mark) const {
    const std::size_t i = position(mark);
    return i < text_.size() ? text_[i] : '\0';
  }

  void refuse_properties(const YAML::Mark& mark, const std::string& tag,
                         YAML::anchor_t anchor) const {
    if (anchor != YAML::NullAnchor) {
      origin_.fail(line_of(mark), "anchors (`&name`) are not read",
                   "write the value where it is used");
    }
    if ((!tag.empty() && tag != "!" && tag != "?") || character(mark) == '!') {
      origin_.fail(line_of(mark), "tags (`!name`) are not read", "remove the tag");
    }
  }

  void require_closed(const YAML::Mark& mark) const {
    const char quote = character(mark);
    if (quote != '\'' && quote != '"') return;
    for (std::size_t i = position(mark) + 1; i < text_.size(); ++i) {
      if (quote == '"' && text_[i] == '\\') {
        ++i;
      } else if (text_[i] == quote) {
        if (quote == '"' || i + 1 == text_.size() || text_[i + 1] != quote) return;
        ++i;
      }
    }
    origin_.fail(line_of(mark), "the quote that begins here is not closed",
                 "add the closing quote");
  }

  void open(Node::Kind kind, const YAML::Mark& mark, const std::string& tag,
            YAML::anchor_t anchor) {
    refuse_properties(mark, tag, anchor);
    if (open_.size() == kDeepest) {
      origin_.fail(line_of(mark), fmt::format("values are nested more than {} deep", kDeepest),
                   "write them flatter");
    }
    check_key_kind(mark);
    open_.push_back({.node = {.kind = kind, .line = line_of(mark)}});
  }

  void close() {
    Node node = std::move(open_.back().node);
    open_.pop_back();
    add(std::move(node));
  }

  // A map awaits a key, and a container comes.
  void check_key_kind(const YAML::Mark& mark) const {
    if (open_.empty() || open_.back().node.kind != Node::Kind::Map || open_.back().key) return;
    origin_.fail(line_of(mark), "a key is no plain text",
                 "write a name before the colon, and close every bracket");
  }

  void add(Node node) {
    if (++values_ > kMostValues) {
      origin_.fail(node.line, fmt::format("the document holds more than {} values", kMostValues),
                   "split it");
    }
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.kind == Node::Kind::List) {
      parent.node.items.push_back(std::move(node));
    } else if (parent.key) {
      parent.node.entries.emplace_back(std::move(*parent.key), std::move(node));
      parent.key.reset();
    } else {
      add_key(parent, std::move(node));
    }
  }

  void add_key(Open& parent, Node node) const {
    if (node.kind == Node::Kind::Null) {
      origin_.fail(node.line, "a key is missing", "write a name before the colon");
    }
    if (!node.quoted && node.scalar == "<<") {
      origin_.fail(node.line, "merge keys (`<<`) are not read", "write the entries themselves");
    }
    if (!parent.keys.insert(node.scalar).second) {
      origin_.fail(node.line, fmt::format("'{}' is given twice", node.scalar),
                   "remove one of the two");
    }
    parent.key = std::move(node.scalar);
  }

  std::string_view text_;
  const Origin& origin_;
  Node root_ = {};
  std::vector<Open> open_ = {};
  std::size_t values_ = 0;
  int documents_ = 0;
};

int line_at(std::string_view text, std::size_t position) {
  const auto end = text.begin() + static_cast<std::ptrdiff_t>(position);
  return 1 + static_cast<int>(std::count(text.begin(), end, '\n'));
}

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t' && c != '\n' && c != '\r') || byte == 0x7F;
}

void check_characters(std::string_view text, const Origin& origin) {
  if (text.size() > kLargestText) {
    origin.fail(1, "the text is larger than 8 MiB", "split it");
  }
  if (const std::size_t bad = find_bad_byte(text); bad != std::string_view::npos) {
    origin.fail(line_at(text, bad),
                text[bad] == '\0' ? "the line holds a NUL byte" : "the line is not valid UTF-8",
                "save the file as UTF-8 text");
  }
  const auto control = std::find_if(text.begin(), text.end(), is_control);
  if (control != text.end()) {
    origin.fail(line_at(text, static_cast<std::size_t>(control - text.begin())),
                fmt::format("the line holds the control character 0x{:02x}",
                            static_cast<unsigned>(*control)),
                "remove it, or write it as an escape within double quotes");
  }
}

}  // namespace

Node parse_yaml(std::string_view text, std::string_view origin_name, Reason reason) {
  const Origin origin{origin_name, reason};
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  check_characters(text, origin);
  Builder builder(text, origin);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Error&) {
    throw;
  } catch (const YAML::Exception& e) {
    origin.fail(std::max(e.mark.line, 0) + 1,
                fmt::format("this is not well-formed YAML: {}", e.msg),
                "correct the line, or the one before it");
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& e) {
    origin.fail(1, fmt::format("this cannot be read as YAML: {}", e.what()),
                "write it in a simpler way");
  }
  return builder.take();
}

}  // namespace engine
