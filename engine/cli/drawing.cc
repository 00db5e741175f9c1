// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/drawing.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "engine/cli/print.h"
#include "engine/core/range.h"

namespace engine {
namespace {

// Columns of the text drawing: each waits for the revision that its line leads down to.
class Columns {
 public:
  // The column of `id`: the first that waits for it, else a new one. Others that wait for it end
  // here; `joined` gets them.
  std::size_t place(const RevisionId& id, std::vector<std::size_t>& joined) {
    std::size_t first = waiting_.size();
    for (std::size_t i = 0; i < waiting_.size(); ++i) {
      if (waiting_[i] != id) continue;
      if (first == waiting_.size()) {
        first = i;
      } else {
        joined.push_back(i);
      }
    }
    if (first == waiting_.size()) {
      first = free_column();
      waiting_[first] = id;
    }
    return first;
  }

  std::size_t find_or_add(const RevisionId& id, bool& is_new) {
    const auto found = std::ranges::find(waiting_, id);
    is_new = found == waiting_.end();
    const std::size_t column =
        is_new ? free_column() : static_cast<std::size_t>(found - waiting_.begin());
    waiting_[column] = id;
    return column;
  }

  void set(std::size_t column, const RevisionId& id) { waiting_[column] = id; }
  void end(std::size_t column) { waiting_[column].clear(); }

  // "| * |", without blanks behind it.
  std::string line(std::size_t mark, char symbol) const {
    std::string text;
    for (std::size_t i = 0; i < waiting_.size(); ++i) {
      text += i == mark ? symbol : waiting_[i].empty() ? ' ' : '|';
      text += ' ';
    }
    text.erase(text.find_last_not_of(' ') + 1);
    return text;
  }

  // A line in which `from` reaches out to `to`, which is drawn as `symbol`.
  std::string link(std::size_t from, std::size_t to, char symbol) const {
    std::string text = line(waiting_.size(), ' ');
    text.resize(std::max(text.size(), 2 * std::max(from, to) + 1), ' ');
    for (std::size_t at = 2 * std::min(from, to) + 1; at < 2 * std::max(from, to); ++at) {
      if (text[at] == ' ') text[at] = '-';
    }
    text[2 * from] = '|';
    text[2 * to] = symbol;
    return text;
  }

 private:
  std::size_t free_column() {
    const auto found = std::ranges::find(waiting_, RevisionId{});
    if (found != waiting_.end()) return static_cast<std::size_t>(found - waiting_.begin());
    waiting_.emplace_back();
    return waiting_.size() - 1;
  }

  std::vector<RevisionId> waiting_ = {};  // empty: a free column
};

// Ids, where depends_on may hold labels.
std::vector<RevisionId> dependencies(const RevisionGraph& graph, const Revision& revision) {
  std::vector<RevisionId> result;
  for (const std::string& name : revision.depends_on) {
    result.push_back(graph.labelled(name).value_or(name));
  }
  return result;
}

std::string draw_text(const RevisionGraph& graph, const RevisionSet& current, const Paint& paint) {
  std::string text;
  Columns columns;
  for (const RevisionId& id : history_range(graph, {}, {})) {
    const Revision& revision = graph.at(id);
    std::vector<std::size_t> joined;
    const std::size_t column = columns.place(id, joined);
    for (const std::size_t other : joined) {
      text += columns.link(column, other, '\'') + "\n";
      columns.end(other);
    }
    text += fmt::format("{} {}\n", columns.line(column, '*'),
                        graph_line(graph, revision, current, paint));
    const std::vector<RevisionId>& parents = revision.down_revisions;
    if (parents.empty()) columns.end(column);
    for (std::size_t i = 0; i < parents.size(); ++i) {
      if (i == 0) {
        columns.set(column, parents[i]);
        continue;
      }
      bool is_new = false;
      const std::size_t other = columns.find_or_add(parents[i], is_new);
      if (other != column) text += columns.link(column, other, is_new ? '.' : '+') + "\n";
    }
  }
  return text;
}

// Inside double quotes of Graphviz.
std::string dot_text(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result;
}

// Inside double quotes of Mermaid, which reads HTML there.
std::string mermaid_text(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '"':
        result += "#quot;";
        break;
      case '#':
        result += "#35;";
        break;
      case '<':
        result += "#lt;";
        break;
      case '>':
        result += "#gt;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

std::string draw_dot(const RevisionGraph& graph, const RevisionSet& current) {
  std::string text = "digraph revisions {\n  rankdir=BT;\n  node [shape=box];\n";
  for (const Revision& revision : graph.revisions()) {
    text += fmt::format("  \"{}\" [label=\"{}\\n{}\"{}];\n", dot_text(revision.id),
                        dot_text(revision.id), dot_text(revision.message),
                        current.contains(revision.id) ? ", penwidth=3" : "");
  }
  for (const Revision& revision : graph.revisions()) {
    const std::string id = dot_text(revision.id);
    for (const RevisionId& parent : revision.down_revisions) {
      text += fmt::format("  \"{}\" -> \"{}\";\n", id, dot_text(parent));
    }
    for (const RevisionId& other : dependencies(graph, revision)) {
      text += fmt::format("  \"{}\" -> \"{}\" [style=dotted];\n", id, dot_text(other));
    }
  }
  return text + "}\n";
}

// Ids are numbered: Mermaid's own may hold few characters.
std::string draw_mermaid(const RevisionGraph& graph, const RevisionSet& current) {
  std::string text = "graph BT\n";
  const auto node = [&](std::string_view id) { return fmt::format("r{}", *graph.position(id)); };
  for (const Revision& revision : graph.revisions()) {
    text += fmt::format("  {}[\"{}<br/>{}\"]{}\n", node(revision.id), mermaid_text(revision.id),
                        mermaid_text(revision.message),
                        current.contains(revision.id) ? ":::current" : "");
  }
  for (const Revision& revision : graph.revisions()) {
    for (const RevisionId& parent : revision.down_revisions) {
      text += fmt::format("  {} --> {}\n", node(revision.id), node(parent));
    }
    for (const RevisionId& other : dependencies(graph, revision)) {
      text += fmt::format("  {} -.-> {}\n", node(revision.id), node(other));
    }
  }
  return text + "  classDef current stroke-width:4px\n";
}

}  // namespace

std::string draw(const RevisionGraph& graph, DrawingFormat format, const RevisionSet* current,
                 const Paint& paint) {
  const RevisionSet marked = current == nullptr ? RevisionSet() : *current;
  switch (format) {
    case DrawingFormat::Text:
      return draw_text(graph, marked, paint);
    case DrawingFormat::Dot:
      return draw_dot(graph, marked);
    case DrawingFormat::Mermaid:
      return draw_mermaid(graph, marked);
    case DrawingFormat::Json:
      break;
  }
  return history_json(graph, history_range(graph, {}, {}), current);
}

}  // namespace engine
