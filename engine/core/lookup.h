// SPDX-License-Identifier: Apache-2.0
//
// Names -> revisions, as Alembic's RevisionMap does it: ids, unique beginnings of ids, branch
// labels, `head`, `heads`, `base`, `BRANCH@` before any of these; and walks of N steps.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/revision_graph.h"

namespace engine {

// Alembic's library and its commands tell the same fault in different words.
struct Wording {
  enum class Layer { Library, Command };
  Layer layer = Layer::Command;
  // Commands: what to name when there are several heads; empty: the identifier in question.
  std::string argument = {};
  // Commands: the whole text for several heads; empty: the usual one.
  std::string multiple_heads = {};
};

// The whole of `[branch@][symbol](+|-)N`.
struct RelativeTarget {
  std::string branch = {};  // empty: none
  std::string symbol = {};  // empty: from where the database is
  int steps = 0;            // more than an int can say: the nearest one
  std::string sign = {};    // "+" or "-"
  std::string digits = {};  // as written
};

// Works on a graph that outlives it. Everything throws Error(InvalidTarget), Error(MultipleHeads).
class Lookup {
 public:
  static constexpr int kBase = -1;  // below every revision

  explicit Lookup(const RevisionGraph& graph, Wording wording = {})
      : graph_(graph), wording_(std::move(wording)) {}

  // Empty: `text` is not relative, or the very name of a revision or label.
  std::optional<RelativeTarget> relative(std::string_view text) const;

  // One revision or kBase. Several heads are a fault.
  int one(std::string_view text) const;
  // In Alembic's order; base: empty. `-N` alone or behind `LABEL@`: each effective head walked
  // down, where kBase may come out, and empty that it ended before.
  std::vector<std::optional<int>> many(std::string_view text) const;
  // many() where base and walking too far are faults.
  RevisionGraph::Positions revisions(std::string_view text) const;
  // What stands before `@`.
  int branch(std::string_view name) const;

  // Those of `targets` that are above or below what `text` names; a name is looked up only when
  // there are targets. Base: all of them.
  RevisionGraph::Positions in_lineage(const RevisionGraph::Positions& targets,
                                      std::string_view text, bool with_dependencies = false) const;

  // Empty: the history ends before, unless it may (then the last revision reached). `branch` (may
  // be empty) matters on the way up.
  enum class TooFar { IsNowhere, StopsThere };
  std::optional<int> walk(int start, int steps, std::string_view branch,
                          TooFar too_far = TooFar::IsNowhere) const;

  [[noreturn]] void fail_too_far(const RelativeTarget&) const;
  [[noreturn]] void fail_not_found(std::string_view name, const std::string& library_text,
                                   const std::string& hint) const;
  std::vector<std::string> ids(const RevisionGraph::Positions&) const;

 private:
  struct Symbol {
    std::vector<std::string_view> names = {};  // empty: base
    std::string_view branch = {};              // empty: none
    bool are_heads = false;                    // of that branch
  };
  Symbol symbol(std::string_view text) const;
  static std::string_view branch_to_check(const Symbol& parts);
  std::vector<std::string_view> head_names(std::string_view branch) const;
  RevisionGraph::Positions list(RevisionGraph::Edges kind, int position) const;
  std::optional<int> exact(std::string_view name) const;
  int named(std::string_view name, std::string_view branch = {}) const;
  std::vector<std::optional<int>> below_heads(int steps, std::string_view label) const;
  [[noreturn]] void fail_unknown(std::string_view name) const;
  [[noreturn]] void fail_ambiguous(std::string_view name, std::vector<std::string> keys) const;
  [[noreturn]] void fail_several(const std::vector<std::string_view>& heads,
                                 std::string_view argument) const;
  std::string spelling_hint(std::string_view name) const;

  const RevisionGraph& graph_;
  Wording wording_;
};

}  // namespace engine
