// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/arrival.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/core/error.h"
#include "engine/core/target.h"

namespace engine {
namespace {

bool is_symbol(std::string_view name) {
  return name == "head" || name == "heads" || name.find('@') != std::string_view::npos;
}

bool is_relative(std::string_view name) {
  const std::size_t sign = name.find_last_of("+-");
  return sign != std::string_view::npos && sign + 1 < name.size() &&
         name.find_first_not_of("0123456789", sign + 1) == std::string_view::npos;
}

// Whether a script or a branch is called so, or begins so.
bool is_known_to(const RevisionGraph& graph, std::string_view name) {
  return std::ranges::any_of(graph.revisions(), [&](const Revision& revision) {
    const auto begins = [&](const std::string& id) { return id.starts_with(name); };
    return begins(revision.id) || std::ranges::any_of(revision.branch_labels, begins);
  });
}

}  // namespace

RevisionSet missing_of(const RevisionSet& wanted, const DatabaseSeen& seen,
                       const RevisionGraph* graph) {
  RevisionSet missing;
  if (seen.rows && seen.rows->empty()) return wanted;
  RevisionSet explained;  // rows that a script has, and what lies below
  bool all_explained = seen.rows.has_value() && graph != nullptr;
  if (seen.rows && graph != nullptr) {
    RevisionSet known;
    for (const RevisionId& row : *seen.rows) {
      if (graph->contains(row)) known.insert(row);
    }
    all_explained = known.size() == seen.rows->size();
    explained = graph->with_ancestors(known);
  }
  for (const RevisionId& revision : wanted) {
    if (seen.rows && seen.rows->contains(revision)) continue;
    const bool scripts_decide = all_explained && graph->contains(revision);
    const bool is_applied = seen.applied && !scripts_decide ? seen.applied->contains(revision)
                                                            : explained.contains(revision);
    if (!is_applied) missing.insert(revision);
  }
  return missing;
}

RevisionSet wanted_revisions(const std::vector<std::string>& names, const RevisionGraph* graph) {
  RevisionSet wanted;
  for (const std::string& name : names) {
    const bool is_literal =
        graph != nullptr ? graph->contains(name) || (!is_symbol(name) && !is_known_to(*graph, name))
                         : !is_symbol(name);
    if (name == "base" ||
        (is_literal && is_relative(name) && (graph == nullptr || !graph->contains(name)))) {
      throw Error(Reason::InvalidUsage, fmt::format("--revision {}: nothing to wait for", name),
                  "name a revision, a branch, or heads");
    }
    if (is_literal) {
      wanted.insert(name);
      continue;
    }
    if (graph == nullptr) {
      throw Error(Reason::InvalidUsage,
                  fmt::format("--revision {} needs the scripts, and there are none", name),
                  "name the revision itself, or say with --script-location where the scripts are");
    }
    const std::vector<RevisionId> found = resolve_many(*graph, {name});
    wanted.insert(found.begin(), found.end());
  }
  return wanted;
}

}  // namespace engine
