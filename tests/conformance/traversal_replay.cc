// SPDX-License-Identifier: Apache-2.0
//
// Answers questions about revision graphs, for comparison with Alembic: JSON lines on standard
// input, one JSON line of answer for each `command` on standard output. No file, no database.
//
//   {"revisions": [{"id", "down_revision": [], "depends_on": [], "branch_labels": []}, ...]}
//       the graph for the commands that follow; load order
//   {"command": "upgrade" | "downgrade" | "stamp", "start": [rows], "target": text or list}
//   {"command": "resolve" | "resolve_many" | "lineage" | "bases_for", "target", "candidates"}
//   {"command": "iterate", "upper", "lower", "options"}, {"command": "walk", "options"}
//   {"command": "apply_step", "start", "step"}, {"command": "graph_facts"}, {"command": "load"}
//
// Answers: {"error": {"reason", "exit", "message", "hint"}}, or {"error": null} and the result in
// the names and forms of the conformance files.
#include <cstdio>
#include <exception>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/core/error.h"
#include "engine/core/plan.h"
#include "engine/core/range.h"
#include "engine/core/revision_graph.h"
#include "engine/core/stamp.h"
#include "engine/core/target.h"

namespace engine {
namespace {

using Json = nlohmann::ordered_json;
using Edges = RevisionGraph::Edges;
using Strings = std::vector<std::string>;

const Wording kLibrary = {Wording::Layer::Library, {}, {}};

Strings strings(const Json& value) {
  if (value.is_null()) return {};
  if (value.is_string()) return {value.get<std::string>()};
  return value.get<Strings>();
}

// Null is base; a list of one is that one.
std::string text_of(const Json& value) {
  if (value.is_null()) return "base";
  return value.is_string() ? value.get<std::string>() : value.at(0).get<std::string>();
}

RevisionSet set_of(const Json& value) {
  const Strings ids = strings(value);
  return {ids.begin(), ids.end()};
}

RevisionGraph read_graph(const Json& revisions) {
  std::vector<Revision> result;
  for (const Json& each : revisions) {
    Revision revision;
    revision.id = each.at("id");
    revision.down_revisions = strings(each.at("down_revision"));
    revision.depends_on = strings(each.at("depends_on"));
    revision.branch_labels = strings(each.at("branch_labels"));
    revision.file = revision.id + ".py";
    result.push_back(std::move(revision));
  }
  return RevisionGraph(std::move(result));
}

Json changes_json(const std::vector<RowChange>& changes) {
  Json result = Json::array();
  for (const RowChange& change : changes) {
    if (change.from.empty()) {
      result.push_back({"insert", change.to});
    } else if (change.to.empty()) {
      result.push_back({"delete", change.from});
    } else {
      result.push_back({"update", change.from, change.to});
    }
  }
  return result;
}

std::string_view direction_name(Direction direction) {
  return direction == Direction::Up ? "up" : "down";
}

Json plan_json(const Plan& plan) {
  Json steps = Json::array();
  Json changes = Json::array();
  for (const Step& step : plan.steps) {
    steps.push_back({{"rev", step.revision}, {"dir", direction_name(step.direction)}});
    changes.push_back(changes_json(step.rows));
  }
  return {{"steps", steps},
          {"version_ops", changes},
          {"heads", plan.finish},
          {"warnings", plan.warnings}};
}

Json stamp_json(const StampPlan& plan) {
  Json steps = Json::array();
  Json changes = Json::array();
  for (const StampStep& step : plan.steps) {
    steps.push_back({{"stamp_from", step.from},
                     {"stamp_to", step.to},
                     {"dir", direction_name(step.direction)},
                     {"branch_move", step.branch_move}});
    changes.push_back(changes_json(step.rows));
  }
  return {{"steps", steps}, {"version_ops", changes}, {"heads", plan.finish}};
}

Json upgrade(const RevisionGraph& graph, const Json& question) {
  const RevisionSet rows = set_of(question.at("start"));
  const Json& target = question.at("target");
  if (target.is_string()) return plan_json(plan_upgrade(graph, rows, target.get<std::string>()));
  return plan_json(plan_upgrade(graph, rows, strings(target)));
}

Json downgrade(const RevisionGraph& graph, const Json& question) {
  const Strings rows = strings(question.at("start"));
  return plan_json(plan_downgrade(graph, {rows.begin(), rows.end()}, text_of(question.at("target")),
                                  rows.empty() ? "" : rows.front()));
}

Json stamp(const RevisionGraph& graph, const Json& question) {
  return stamp_json(plan_stamp(graph, strings(question.at("start")), strings(question.at("target")),
                               question.value("purge", false)));
}

Json apply_stamp(const RevisionSet& rows, const Json& step) {
  StampStep stamp;
  stamp.from = strings(step.at("stamp_from"));
  stamp.to = strings(step.at("stamp_to"));
  stamp.direction = step.at("dir") == "up" ? Direction::Up : Direction::Down;
  stamp.branch_move = step.at("branch_move");
  const std::vector<RowChange> changes = row_changes(rows, stamp);
  return {{"version_ops", {changes_json(changes)}}, {"heads", with_changes(rows, changes)}};
}

Json apply_step(const RevisionGraph& graph, const Json& question) {
  const RevisionSet rows = set_of(question.at("start"));
  const Json& step = question.at("step");
  if (!step.contains("rev")) return apply_stamp(rows, step);
  VersionRows version_rows(graph, rows);
  const int revision = graph.position(step.at("rev").get<std::string>()).value();
  const std::vector<RowChange> changes =
      step.at("dir") == "up" ? version_rows.up(revision) : version_rows.down(revision);
  return {{"version_ops", {changes_json(changes)}}, {"heads", version_rows.rows()}};
}

Json iterate_json(const RevisionGraph& graph, const Json& question) {
  const Json& options = question.at("options");
  const auto flag = [&](const char* name, bool otherwise) {
    return options.value(name, otherwise);
  };
  return {{"result",
           iterate(graph, strings(question.at("upper")), strings(question.at("lower")),
                   {flag("inclusive", false), flag("implicit_base", false),
                    flag("select_for_downgrade", false), flag("assert_relative_length", true)})}};
}

Json walk_json(const RevisionGraph& graph, const Json& question) {
  const Json& options = question.at("options");
  return {{"result", history_range(graph, strings(options.value("base", Json())),
                                   strings(options.value("head", Json())))}};
}

Json resolve_json(const RevisionGraph& graph, const Json& question) {
  const auto id = resolve(graph, text_of(question.at("target")), kLibrary);
  return {{"result", id ? Json(*id) : Json()}};
}

// As Alembic's library, which says "base" and None for what `-N` walks down to; resolve_many, which
// commands use, refuses these.
Json resolve_many_json(const RevisionGraph& graph, const Strings& targets) {
  const Lookup lookup(graph, kLibrary);
  Json result = Json::array();
  for (const std::string& target : targets) {
    for (const std::optional<int> position : lookup.many(target)) {
      if (!position) {
        result.push_back(nullptr);
      } else if (*position == Lookup::kBase) {
        result.push_back("base");
      } else {
        result.push_back(graph.revisions()[static_cast<std::size_t>(*position)].id);
      }
    }
  }
  return {{"result", result}};
}

Strings names_of(const RevisionGraph& graph, std::span<const int> positions) {
  Strings names;
  for (const int position : positions) {
    names.push_back(graph.revisions()[static_cast<std::size_t>(position)].id);
  }
  return names;
}

Json revision_facts(const RevisionGraph& graph, int position) {
  const Revision& revision = graph.revisions()[static_cast<std::size_t>(position)];
  Strings all_down;
  for (int below = 0; below < static_cast<int>(graph.size()); ++below) {
    for (const int above : graph.edges(Edges::Above, below)) {
      if (above != position) continue;
      all_down.push_back(graph.revisions()[static_cast<std::size_t>(below)].id);
    }
  }
  return {{"normalized_down", graph.normalized_down(revision.id)},
          {"all_down", all_down},
          {"next", graph.children(revision.id)},
          {"all_next", names_of(graph, graph.edges(Edges::Above, position))},
          {"labels", graph.labels(revision.id)},
          {"is_head", graph.is_head(revision.id)},
          {"is_effective_head", graph.is_effective_head(revision.id)},
          {"is_base", graph.edges(Edges::Parents, position).empty()},
          {"is_branch_point", graph.edges(Edges::Children, position).size() > 1},
          {"is_merge_point", graph.edges(Edges::Parents, position).size() > 1}};
}

Json graph_facts(const RevisionGraph& graph) {
  Strings effective_bases;
  Json revisions = Json::object();
  for (int i = 0; i < static_cast<int>(graph.size()); ++i) {
    const Revision& revision = graph.revisions()[static_cast<std::size_t>(i)];
    if (revision.down_revisions.empty() && revision.depends_on.empty()) {
      effective_bases.push_back(revision.id);
    }
    revisions[revision.id] = revision_facts(graph, i);
  }
  return {{"result",
           {{"heads", names_of(graph, graph.head_positions())},
            {"effective_heads", names_of(graph, graph.effective_head_positions())},
            {"bases", names_of(graph, graph.base_positions())},
            {"effective_bases", effective_bases},
            {"revisions", revisions}}}};
}

Json answer(const RevisionGraph& graph, const Json& question) {
  const std::string command = question.at("command");
  const Json target = question.value("target", Json());
  if (command == "upgrade") return upgrade(graph, question);
  if (command == "downgrade") return downgrade(graph, question);
  if (command == "stamp") return stamp(graph, question);
  if (command == "apply_step") return apply_step(graph, question);
  if (command == "iterate") return iterate_json(graph, question);
  if (command == "walk") return walk_json(graph, question);
  if (command == "resolve") return resolve_json(graph, question);
  if (command == "resolve_many") return resolve_many_json(graph, strings(target));
  if (command == "lineage") {
    return {{"result",
             in_lineage(graph, strings(question.at("candidates")), text_of(target), kLibrary)}};
  }
  if (command == "bases_for") {
    return {{"result", bases_for(graph, text_of(target), kLibrary)}};
  }
  if (command == "graph_facts") return graph_facts(graph);
  if (command == "load") return {{"result", graph.size()}};
  throw std::invalid_argument("unknown command " + command);
}

Json error_json(const Error& error) {
  return {{"error",
           {{"reason", name_of(error.reason())},
            {"exit", exit_code_of(error.reason())},
            {"message", error.message()},
            {"hint", error.hint()}}}};
}

// Keeps a graph from line to line; a graph that is refused answers every question with its error.
class Session {
 public:
  void take(const Json& line) {
    if (line.contains("revisions")) load(line.at("revisions"));
    if (line.contains("command")) std::cout << reply(line).dump() << '\n';
  }

 private:
  void load(const Json& revisions) {
    fault_.reset();
    try {
      graph_ = read_graph(revisions);
    } catch (const Error& error) {
      fault_ = error_json(error);
    }
  }

  Json reply(const Json& question) const {
    if (fault_) return *fault_;
    try {
      Json result = {{"error", nullptr}};
      result.update(answer(graph_, question));
      return result;
    } catch (const Error& error) {
      return error_json(error);
    }
  }

  RevisionGraph graph_ = {};
  std::optional<Json> fault_ = {};
};

}  // namespace
}  // namespace engine

int main() {
  std::ios::sync_with_stdio(false);
  engine::Session session;
  long number = 0;
  try {
    for (std::string line; std::getline(std::cin, line);) {
      ++number;
      if (!line.empty()) session.take(engine::Json::parse(line));
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "traversal_replay: line %ld: %s\n", number, error.what());
    return 2;
  }
  return 0;
}
