// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/print.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <vector>

#include "engine/cli/json_text.h"

namespace engine {
namespace {

using Json = nlohmann::ordered_json;

enum class Marks { Heads, HeadsAndTree };

std::string downs_text(const Revision& revision, std::string_view none) {
  if (revision.down_revisions.empty()) return std::string(none);
  return fmt::format("{}", fmt::join(revision.down_revisions, ", "));
}

bool is_branch_point(const RevisionGraph& graph, const Revision& revision) {
  return graph.children(revision.id).size() > 1;
}

bool is_merge_point(const Revision& revision) { return revision.down_revisions.size() > 1; }

std::string labels_text(const RevisionGraph& graph, const Revision& revision) {
  const std::vector<std::string> labels = graph.labels(revision.id);
  return labels.empty() ? std::string() : fmt::format(" ({})", fmt::join(labels, ", "));
}

std::string marks_text(const RevisionGraph& graph, const Revision& revision,
                       const RevisionSet& current, Marks marks) {
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
  return text;
}

std::string entry(const RevisionGraph& graph, const Revision& revision,
                  const RevisionSet& current) {
  std::string text =
      fmt::format("Rev: {}{}{}{}{}\n", revision.id, graph.is_head(revision.id) ? " (head)" : "",
                  is_branch_point(graph, revision) ? " (branchpoint)" : "",
                  is_merge_point(revision) ? " (mergepoint)" : "",
                  current.contains(revision.id) ? " (current)" : "");
  text += fmt::format("{}: {}\n", is_merge_point(revision) ? "Merges" : "Parent",
                      downs_text(revision, "<base>"));
  if (!revision.depends_on.empty()) {
    text += fmt::format("Also depends on: {}\n", fmt::join(revision.depends_on, ", "));
  }
  if (is_branch_point(graph, revision)) {
    text += fmt::format("Branches into: {}\n", fmt::join(graph.children(revision.id), ", "));
  }
  if (const auto labels = graph.labels(revision.id); !labels.empty()) {
    text += fmt::format("Branch names: {}\n", fmt::join(labels, ", "));
  }
  return text + fmt::format("Path: {}\n\n    {}\n\n", revision.file, revision.message);
}

std::string history_line(const RevisionGraph& graph, const Revision& revision,
                         const RevisionSet& current) {
  const std::string depends = revision.depends_on.empty()
                                  ? std::string()
                                  : fmt::format(" ({})", fmt::join(revision.depends_on, ", "));
  return fmt::format("{}{} -> {}{}{}, {}\n", downs_text(revision, "<base>"), depends, revision.id,
                     labels_text(graph, revision),
                     marks_text(graph, revision, current, Marks::HeadsAndTree), revision.message);
}

std::vector<RevisionId> newest_first(const RevisionGraph& graph) {
  RevisionSet all;
  for (const Revision& revision : graph.revisions()) all.insert(revision.id);
  std::vector<RevisionId> order = graph.upgrade_order(all);
  std::ranges::reverse(order);
  return order;
}

Json document(const RevisionGraph& graph, const Revision& revision) {
  return {{"revision", revision.id},
          {"downRevisions", revision.down_revisions},
          {"dependsOn", revision.depends_on},
          {"branchLabels", graph.labels(revision.id)},
          {"message", revision.message},
          {"file", revision.file},
          {"head", graph.is_head(revision.id)},
          {"effectiveHead", graph.is_effective_head(revision.id)},
          {"branchPoint", is_branch_point(graph, revision)},
          {"mergePoint", is_merge_point(revision)}};
}

}  // namespace

std::string history_text(const RevisionGraph& graph, Verbosity verbosity,
                         const RevisionSet& current) {
  std::string text;
  for (const RevisionId& id : newest_first(graph)) {
    text += verbosity == Verbosity::Entry ? entry(graph, graph.at(id), current)
                                          : history_line(graph, graph.at(id), current);
  }
  return text;
}

std::string heads_text(const RevisionGraph& graph, Verbosity verbosity) {
  std::string text;
  for (const Revision& revision : graph.revisions()) {
    if (!graph.is_head(revision.id)) continue;
    text += verbosity == Verbosity::Entry
                ? entry(graph, revision, {})
                : fmt::format("{}{}{}\n", revision.id, labels_text(graph, revision),
                              marks_text(graph, revision, {}, Marks::Heads));
  }
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

std::string current_text(const RevisionGraph& graph, Verbosity verbosity, const RevisionSet& rows) {
  std::string text;
  for (const RevisionId& id : shown_as_current(graph, rows)) {
    const Revision& revision = graph.at(id);
    text += verbosity == Verbosity::Entry
                ? entry(graph, revision, {})
                : fmt::format("{}{}\n", id, marks_text(graph, revision, {}, Marks::HeadsAndTree));
  }
  return text;
}

std::string running_text(const Step& step, const Revision& revision) {
  const std::string downs = downs_text(revision, "");
  if (step.direction == Direction::Up) {
    return fmt::format("Running upgrade {} -> {}, {}", downs, revision.id, revision.message);
  }
  return fmt::format("Running downgrade {} -> {}, {}", revision.id, downs, revision.message);
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

std::string history_json(const RevisionGraph& graph, const RevisionSet& current) {
  Json revisions = Json::array();
  for (const RevisionId& id : newest_first(graph)) {
    Json revision = document(graph, graph.at(id));
    revision["current"] = current.contains(id);
    revisions.push_back(std::move(revision));
  }
  return json_line({{"revisions", std::move(revisions)}});
}

std::string heads_json(const RevisionGraph& graph) {
  Json heads = Json::array();
  for (const Revision& revision : graph.revisions()) {
    if (graph.is_head(revision.id)) heads.push_back(document(graph, revision));
  }
  return json_line({{"heads", std::move(heads)}});
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
