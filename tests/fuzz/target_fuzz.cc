// SPDX-License-Identifier: Apache-2.0
//
// Any text is a target or refused. The first byte chooses the rows of the version table.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string_view>

#include "engine/core/error.h"
#include "engine/core/plan.h"
#include "engine/core/range.h"
#include "engine/core/target.h"

namespace {

using engine::RevisionGraph;
using engine::RevisionSet;

void require(bool holds) {
  if (!holds) std::abort();
}

// Two bases, a fork, a merge, dependencies, labels, ids that begin alike.
RevisionGraph make_graph() {
  std::vector<engine::Revision> revisions;
  const auto add = [&](const char* id, std::vector<std::string> down,
                       std::vector<std::string> depends = {},
                       std::vector<std::string> labels = {}) {
    engine::Revision revision;
    revision.id = id;
    revision.down_revisions = std::move(down);
    revision.depends_on = std::move(depends);
    revision.branch_labels = std::move(labels);
    revisions.push_back(std::move(revision));
  };
  add("a1b2", {}, {}, {"main"});
  add("a1b3", {"a1b2"}, {}, {"left"});
  add("c4", {"a1b2"}, {}, {"right-2"});
  add("d5", {"a1b3", "c4"});
  add("lib1", {}, {}, {"lib"});
  add("lib2", {"lib1"}, {"c4"});
  add("e6", {"d5"}, {"lib"});
  add("f7", {"d5"});
  return RevisionGraph(std::move(revisions));
}

void refused_or_done(const std::function<void()>& action) {
  try {
    action();
  } catch (const engine::Error& error) {
    require(!error.message().empty());
    require(error.reason() == engine::Reason::InvalidTarget ||
            error.reason() == engine::Reason::MultipleHeads ||
            error.reason() == engine::Reason::DatabaseAhead);
  }
}

void require_known(const RevisionGraph& graph, const std::vector<engine::RevisionId>& ids) {
  for (const engine::RevisionId& id : ids) require(graph.contains(id));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const RevisionGraph graph = make_graph();
  if (size == 0) return 0;
  RevisionSet chosen;
  for (std::size_t i = 0; i < graph.size(); ++i) {
    if ((data[0] >> i & 1) != 0) chosen.insert(graph.revisions()[i].id);
  }
  const RevisionSet rows = graph.maximal(chosen);
  const std::string first_row = rows.empty() ? "" : *rows.begin();
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto cut = text.find(':');
  const std::string lower = text.substr(0, cut);
  const std::string upper = cut == std::string::npos ? "heads" : text.substr(cut + 1);
  refused_or_done([&] {
    const engine::Plan plan = engine::plan_upgrade(graph, rows, text);
    require(plan.finish == graph.maximal(graph.with_ancestors(plan.finish)));
  });
  refused_or_done([&] {
    const engine::Plan plan = engine::plan_downgrade(graph, rows, text, first_row);
    require(plan.finish == graph.maximal(graph.with_ancestors(plan.finish)));
  });
  refused_or_done([&] { engine::plan_stamp(graph, {rows.begin(), rows.end()}, {text}); });
  refused_or_done([&] { require_known(graph, engine::resolve_many(graph, {text})); });
  refused_or_done([&] { require_known(graph, engine::history_range(graph, {lower}, {upper})); });
  return 0;
}
