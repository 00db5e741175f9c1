// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/print.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <nlohmann/json.hpp>
#include <vector>

#include "engine/cli/json_text.h"
#include "engine/core/range.h"

namespace engine {
namespace {

using Json = nlohmann::ordered_json;

enum class Marks { Heads, HeadsAndTree };

// Each id painted.
std::string downs_painted(const Revision& revision, const Paint& paint) {
  if (revision.down_revisions.empty()) return "<base>";
  std::string text;
  for (const RevisionId& id : revision.down_revisions) {
    text += (text.empty() ? "" : ", ") + paint.revision(id);
  }
  return text;
}

std::string downs_text(const Revision& revision, std::string_view none) {
  if (revision.down_revisions.empty()) return std::string(none);
  return fmt::format("{}", fmt::join(revision.down_revisions, ", "));
}

bool is_branch_point(const RevisionGraph& graph, const Revision& revision) {
  return graph.children(revision.id).size() > 1;
}

bool is_merge_point(const Revision& revision) { return revision.down_revisions.size() > 1; }

std::string labels_text(const RevisionGraph& graph, const Revision& revision, const Paint& paint) {
  const std::vector<std::string> labels = graph.labels(revision.id);
  if (labels.empty()) return {};
  return fmt::format(" ({})", paint.label(fmt::format("{}", fmt::join(labels, ", "))));
}

std::string marks_text(const RevisionGraph& graph, const Revision& revision,
                       const RevisionSet& current, Marks marks, const Paint& paint) {
  std::string text;
  if (graph.is_effective_head(revision.id)) {
    text += " (head)";
  } else if (graph.is_head(revision.id)) {
    text += " (effective head)";
  }
  if (current.contains(revision.id)) text += " (current)";
  if (marks == Marks::HeadsAndTree) {
    if (is_branch_point(graph, revision)) text += " (branchpoint)";
    if (is_merge_point(revision)) text += " (mergepoint)";
  }
  return paint.mark(text);
}

// The docstring as Alembic's entries have it: each line behind four blanks.
std::string indented_doc(const Revision& revision, const Paint& paint) {
  const std::string doc = paint.foreign(revision.doc.empty() ? revision.message : revision.doc);
  std::string text;
  for (std::size_t at = 0; at < doc.size();) {
    const std::size_t end = std::min(doc.find('\n', at), doc.size());
    text += "    " + doc.substr(at, end - at) + "\n";
    at = end + 1;
  }
  return text.empty() ? "\n" : text;
}

std::string entry(const RevisionGraph& graph, const Revision& revision, const RevisionSet& current,
                  const Paint& paint) {
  const std::string marks = fmt::format("{}{}{}{}", graph.is_head(revision.id) ? " (head)" : "",
                                        is_branch_point(graph, revision) ? " (branchpoint)" : "",
                                        is_merge_point(revision) ? " (mergepoint)" : "",
                                        current.contains(revision.id) ? " (current)" : "");
  std::string text = fmt::format("Rev: {}{}\n", paint.revision(revision.id), paint.mark(marks));
  text += fmt::format("{}: {}\n", is_merge_point(revision) ? "Merges" : "Parent",
                      downs_painted(revision, paint));
  if (!revision.depends_on.empty()) {
    text += fmt::format("Also depends on: {}\n", fmt::join(revision.depends_on, ", "));
  }
  if (is_branch_point(graph, revision)) {
    text += fmt::format("Branches into: {}\n", fmt::join(graph.children(revision.id), ", "));
  }
  if (const auto labels = graph.labels(revision.id); !labels.empty()) {
    text +=
        fmt::format("Branch names: {}\n", paint.label(fmt::format("{}", fmt::join(labels, ", "))));
  }
  std::error_code ignored;
  const std::filesystem::path whole = std::filesystem::weakly_canonical(revision.file, ignored);
  return text + fmt::format("Path: {}\n\n{}\n", paint.foreign(whole.string()),
                            indented_doc(revision, paint));
}

// A child as `branches` shows it, behind as many blanks as the parent's id is long.
std::string child_line(const RevisionGraph& graph, const Revision& parent, const Revision& child,
                       Verbosity verbosity, const Paint& paint) {
  return fmt::format(
      "{:{}} -> {}{}{}{}\n", "", parent.id.size(), paint.revision(child.id),
      labels_text(graph, child, paint), marks_text(graph, child, {}, Marks::HeadsAndTree, paint),
      verbosity == Verbosity::Entry ? ", " + paint.foreign(message_lines(child)) : "");
}

std::vector<RevisionId> heads_by(const RevisionGraph& graph, HeadsBy heads) {
  std::vector<RevisionId> result;
  for (const Revision& revision : graph.revisions()) {
    const bool is_one = heads == HeadsBy::Dependencies ? graph.is_effective_head(revision.id)
                                                       : graph.is_head(revision.id);
    if (is_one) result.push_back(revision.id);
  }
  return result;
}

std::vector<RevisionId> branch_points(const RevisionGraph& graph) {
  std::vector<RevisionId> result = history_range(graph, {}, {});
  std::erase_if(result,
                [&](const RevisionId& id) { return !is_branch_point(graph, graph.at(id)); });
  return result;
}

std::string history_line(const RevisionGraph& graph, const Revision& revision,
                         const RevisionSet& current, const Paint& paint) {
  const std::string depends = revision.depends_on.empty()
                                  ? std::string()
                                  : fmt::format(" ({})", fmt::join(revision.depends_on, ", "));
  return fmt::format("{}{} -> {}{}{}, {}\n", downs_painted(revision, paint), depends,
                     paint.revision(revision.id), labels_text(graph, revision, paint),
                     marks_text(graph, revision, current, Marks::HeadsAndTree, paint),
                     paint.foreign(message_lines(revision)));
}

std::string row_text(const RowChange& change) {
  if (change.from.empty()) return fmt::format("insert '{}'", change.to);
  if (change.to.empty()) return fmt::format("delete '{}'", change.from);
  return fmt::format("update '{}' to '{}'", change.from, change.to);
}

Json document(const RevisionGraph& graph, const Revision& revision) {
  return {{"revision", revision.id},
          {"downRevisions", revision.down_revisions},
          {"dependsOn", revision.depends_on},
          {"branchLabels", graph.labels(revision.id)},
          {"message", revision.message},
          {"doc", revision.doc.empty() ? revision.message : revision.doc},
          {"file", revision.file},
          {"head", graph.is_head(revision.id)},
          {"effectiveHead", graph.is_effective_head(revision.id)},
          {"branchPoint", is_branch_point(graph, revision)},
          {"mergePoint", is_merge_point(revision)}};
}

Json documents(const RevisionGraph& graph, const std::vector<RevisionId>& ids) {
  Json result = Json::array();
  for (const RevisionId& id : ids) result.push_back(document(graph, graph.at(id)));
  return result;
}

}  // namespace

std::string message_lines(const Revision& revision) {
  const std::string& doc = revision.doc.empty() ? revision.message : revision.doc;
  return doc.substr(0, doc.find("\n\n"));
}

std::string graph_line(const RevisionGraph& graph, const Revision& revision,
                       const RevisionSet& current, const Paint& paint) {
  std::string text = paint.revision(revision.id) + labels_text(graph, revision, paint) +
                     marks_text(graph, revision, current, Marks::HeadsAndTree, paint);
  if (!revision.depends_on.empty()) {
    text += fmt::format(" (depends on {})", fmt::join(revision.depends_on, ", "));
  }
  return revision.message.empty() ? text : text + ", " + paint.foreign(revision.message);
}

std::string history_text(const RevisionGraph& graph, const std::vector<RevisionId>& shown,
                         Verbosity verbosity, const RevisionSet& current, const Paint& paint) {
  std::string text;
  for (const RevisionId& id : shown) {
    text += verbosity == Verbosity::Entry ? entry(graph, graph.at(id), current, paint)
                                          : history_line(graph, graph.at(id), current, paint);
  }
  return text;
}

std::string heads_text(const RevisionGraph& graph, HeadsBy heads, Verbosity verbosity,
                       const Paint& paint) {
  std::string text;
  for (const RevisionId& id : heads_by(graph, heads)) {
    const Revision& revision = graph.at(id);
    text += verbosity == Verbosity::Entry
                ? entry(graph, revision, {}, paint)
                : fmt::format("{}{}{}\n", paint.revision(id), labels_text(graph, revision, paint),
                              marks_text(graph, revision, {}, Marks::Heads, paint));
  }
  return text;
}

std::string branches_text(const RevisionGraph& graph, Verbosity verbosity, const Paint& paint) {
  std::string text;
  for (const RevisionId& id : branch_points(graph)) {
    const Revision& revision = graph.at(id);
    text += verbosity == Verbosity::Entry
                ? entry(graph, revision, {}, paint)
                : fmt::format("{}{}{}\n", paint.revision(id), labels_text(graph, revision, paint),
                              marks_text(graph, revision, {}, Marks::HeadsAndTree, paint));
    for (const RevisionId& child : graph.children(id)) {
      text += child_line(graph, revision, graph.at(child), verbosity, paint);
    }
    text += "\n";
  }
  return text;
}

std::string show_text(const RevisionGraph& graph, const std::vector<RevisionId>& shown,
                      const Paint& paint) {
  std::string text;
  for (const RevisionId& id : shown) text += entry(graph, graph.at(id), {}, paint);
  return text;
}

RevisionSet shown_as_current(const RevisionGraph& graph, const RevisionSet& rows) {
  const RevisionSet applied = graph.with_ancestors(rows);
  RevisionSet shown;
  std::ranges::copy_if(applied, std::inserter(shown, shown.end()), [&](const RevisionId& id) {
    return std::ranges::none_of(graph.children(id),
                                [&](const RevisionId& child) { return applied.contains(child); });
  });
  return shown;
}

std::string current_text(const RevisionGraph& graph, Verbosity verbosity, const RevisionSet& rows,
                         const Paint& paint) {
  std::string text;
  for (const RevisionId& id : shown_as_current(graph, rows)) {
    const Revision& revision = graph.at(id);
    text += verbosity == Verbosity::Entry
                ? entry(graph, revision, {}, paint)
                : fmt::format("{}{}\n", paint.revision(id),
                              marks_text(graph, revision, {}, Marks::HeadsAndTree, paint));
  }
  return text;
}

std::string running_text_short(const Step& step, const Revision& revision) {
  const std::string downs = downs_text(revision, "");
  if (step.direction == Direction::Up) {
    return fmt::format("Running upgrade {} -> {}", downs, revision.id);
  }
  return fmt::format("Running downgrade {} -> {}", revision.id, downs);
}

std::string running_text(const Step& step, const Revision& revision) {
  return running_text_short(step, revision) + ", " + revision.message;
}

std::string running_text(const StampStep& step) {
  return fmt::format("Running stamp_revision {} -> {}", fmt::join(step.from, ", "),
                     fmt::join(step.to, ", "));
}

std::string step_text(const Step& step, const Revision& revision, const Paint& paint) {
  const std::string running = running_text(step, revision);
  std::string text = paint.foreign(running.substr(running.find(' ') + 1)) + "\n";
  for (const RowChange& change : step.rows) text += fmt::format("  {}\n", row_text(change));
  return text;
}

std::string revisions_text(const RevisionSet& revisions) {
  return revisions.empty() ? "base" : fmt::format("{}", fmt::join(revisions, ", "));
}

std::string duration_text(long milliseconds) {
  if (milliseconds < 1000) return fmt::format("{} ms", milliseconds);
  // Tenths are cut, not rounded: 59.99 s must not become 60.0 s.
  if (milliseconds < 60'000) {
    return fmt::format("{}.{} s", milliseconds / 1000, milliseconds % 1000 / 100);
  }
  return fmt::format("{} min {} s", milliseconds / 60'000, milliseconds % 60'000 / 1000);
}

std::string history_json(const RevisionGraph& graph, const std::vector<RevisionId>& shown,
                         const RevisionSet* current) {
  Json revisions = Json::array();
  for (const RevisionId& id : shown) {
    Json revision = document(graph, graph.at(id));
    if (current != nullptr) revision["current"] = current->contains(id);
    revisions.push_back(std::move(revision));
  }
  return json_line({{"revisions", std::move(revisions)}});
}

std::string heads_json(const RevisionGraph& graph, HeadsBy heads) {
  return json_line({{"heads", documents(graph, heads_by(graph, heads))}});
}

std::string branches_json(const RevisionGraph& graph) {
  Json branches = Json::array();
  for (const RevisionId& id : branch_points(graph)) {
    Json branch = document(graph, graph.at(id));
    branch["children"] = documents(graph, graph.children(id));
    branches.push_back(std::move(branch));
  }
  return json_line({{"branches", std::move(branches)}});
}

std::string show_json(const RevisionGraph& graph, const std::vector<RevisionId>& shown) {
  return json_line({{"revisions", documents(graph, shown)}});
}

Json revision_json(const RevisionGraph& graph, const Revision& revision) {
  return document(graph, revision);
}

std::string current_json(const RevisionGraph& graph, const RevisionSet& rows,
                         std::string_view database) {
  Json shown = Json::array();
  for (const RevisionId& id : shown_as_current(graph, rows)) {
    shown.push_back(document(graph, graph.at(id)));
  }
  return json_line({{"database", database},
                    {"rows", rows},
                    {"revisions", std::move(shown)},
                    {"upToDate", graph.maximal(rows) == graph.effective_heads()}});
}

}  // namespace engine
