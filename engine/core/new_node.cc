// SPDX-License-Identifier: Apache-2.0
#include "engine/core/new_node.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "engine/core/error.h"
#include "engine/core/target.h"

namespace engine {
namespace {

constexpr std::string_view kRefusedByAlembic = "@-+:";
// What no header can hold, in whichever format.
constexpr std::string_view kNotInNames = ",;'\"`()[]{}\\/ \t\r\n\f\v";
[[noreturn]] void fail(const std::string& message, const std::string& hint) {
  throw Error(Reason::InvalidUsage, message, hint);
}

void check_characters(std::string_view what, std::string_view name, std::string_view illegal) {
  std::set<char> found;
  for (const char c : name) {
    const bool control = static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
    if (illegal.find(c) != std::string_view::npos || (control && illegal != kRefusedByAlembic)) {
      found.insert(c);
    }
  }
  if (found.empty()) return;
  fail(fmt::format("Character(s) '{}' not allowed in {} '{}'", fmt::join(found, ", "), what, name),
       "letters, digits, `_` and `.` are allowed");
}

void check_name(std::string_view what, const std::string& name) {
  check_characters(what, name, kNotInNames);
  if (name.empty()) fail(fmt::format("the {} is empty", what), "leave the option out, or name one");
  if (name == "head" || name == "heads" || name == "base" || name == "None") {
    fail(fmt::format("{} '{}' is a word with a meaning of its own", what, name),
         "choose another name");
  }
}

void check_id(const RevisionGraph& graph, const RevisionId& id) {
  check_characters("revision identifier", id, kRefusedByAlembic);
  check_name("revision identifier", id);
  if (graph.contains(id)) {
    fail(fmt::format("revision {} is present already: {}", id, graph.at(id).file),
         "leave --rev-id out to get a random one, or name another one");
  }
  if (const auto owner = graph.labelled(id)) {
    fail(fmt::format("'{}' is a branch label of revision {} already: {}", id, *owner,
                     graph.at(*owner).file),
         "leave --rev-id out to get a random one, or name another one");
  }
}

void check_labels(const RevisionGraph& graph, const NewNodeRequest& request) {
  std::set<std::string> own = {request.id};
  for (const std::string& label : request.branch_labels) {
    check_characters("branch label", label, "@:");
    check_name("branch label", label);
    const auto owner = graph.contains(label) ? label : graph.labelled(label);
    if (owner || !own.insert(label).second) {
      fail(fmt::format("Branch name '{}' in revision {} already used by revision {}", label,
                       request.id, owner.value_or(request.id)),
           "choose another branch label");
    }
  }
}

std::vector<RevisionId> resolve_heads(const RevisionGraph& graph, const NewNodeRequest& request) {
  Wording wording;
  wording.multiple_heads =
      "Multiple heads are present; please specify the head revision on which the new revision "
      "should be based, or perform a merge.";
  std::vector<RevisionId> heads = resolve_many(graph, request.heads, wording);
  if (std::set(heads.begin(), heads.end()).size() != heads.size()) {
    fail("Duplicate head revisions specified", "name each parent once");
  }
  return heads;
}

void check_heads(const RevisionGraph& graph, const NewNodeRequest& request,
                 const std::vector<RevisionId>& heads) {
  for (const RevisionId& head : heads) {
    if (request.splice || graph.is_head(head)) continue;
    fail(fmt::format("Revision {} is not a head revision; please specify --splice to create a new "
                     "branch from this revision",
                     head),
         fmt::format("its children: {}", fmt::join(graph.children(head), ", ")));
  }
}

// A label stays one: it goes on meaning the branch when that branch grows.
std::string resolve_dependency(const RevisionGraph& graph, const std::string& text) {
  const auto id = resolve(graph, text);
  if (!id) {
    throw Error(Reason::InvalidTarget,
                fmt::format("Can't locate revision identified by '{}'", text),
                "a dependency is a revision or a branch label");
  }
  const std::vector<std::string> labels = graph.labels(*id);
  return std::ranges::find(labels, text) != labels.end() ? text : *id;
}

}  // namespace

NewNode plan_new_node(const RevisionGraph& graph, const NewNodeRequest& request) {
  check_id(graph, request.id);
  NewNode node{request.id, resolve_heads(graph, request), {}, request.branch_labels};
  check_heads(graph, request, node.down_revisions);
  for (const std::string& text : request.depends_on) {
    node.depends_on.push_back(resolve_dependency(graph, text));
  }
  check_labels(graph, request);
  return node;
}

RevisionId random_revision_id(std::uint64_t random) {
  return fmt::format("{:012x}", random & 0xFFFFFFFFFFFFU);
}

}  // namespace engine
