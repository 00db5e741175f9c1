// SPDX-License-Identifier: Apache-2.0
#include "engine/core/target.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <vector>

#include "engine/core/error.h"
#include "engine/core/spelling.h"

namespace engine {
namespace {

using Edges = RevisionGraph::Edges;
using Mask = RevisionGraph::Mask;
using Positions = RevisionGraph::Positions;

constexpr std::string_view kUnderstood =
    "understood are heads, head, base, a revision id or the beginning of one, a branch label, "
    "BRANCH@ before any of these, and +N or -N alone or behind them";
constexpr int kBase = -1;  // in a walk: below every revision
constexpr std::size_t kShortestCandidate = 4;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

struct Offset {
  std::string_view text = {};  // "+2"
  int steps = 0;
};

// `[branch@][symbol][+N|-N]`
struct Parts {
  std::optional<std::string_view> branch = {};
  std::string_view symbol = {};
  std::optional<Offset> offset = {};
};

class Resolver {
 public:
  Resolver(const RevisionGraph& graph, std::string_view text, const RevisionSet& current,
           std::string_view first_row = {})
      : graph_(graph), text_(text), current_(current), first_row_(first_row) {}

  Target upgrade() const;
  Target downgrade() const;

 private:
  [[noreturn]] void fail(const std::string& cause, std::string hint = {}) const {
    throw Error(Reason::InvalidTarget, fmt::format("target '{}': {}", text_, cause),
                std::move(hint));
  }
  [[noreturn]] void fail_too_far(const Offset& offset) const {
    fail(fmt::format("Relative revision {} didn't produce {} migrations: the history ends before",
                     offset.text, std::abs(offset.steps)));
  }

  Parts parse() const;
  std::optional<Offset> parse_offset(std::string_view digits) const;

  const RevisionId& id(int position) const {
    return graph_.revisions()[static_cast<std::size_t>(position)].id;
  }
  std::vector<std::string> ids(const Positions& positions) const {
    std::vector<std::string> result;
    for (const int position : positions) result.push_back(id(position));
    return result;
  }
  bool has_name(std::string_view name) const {
    return graph_.contains(name) || graph_.labelled(name).has_value();
  }

  int find_name(std::string_view name, const Mask* lineage) const;
  int find_prefix(std::string_view name, const Mask* lineage) const;
  [[noreturn]] void fail_unknown(std::string_view name) const;
  Mask lineage_of(int position) const;
  std::optional<int> branch_of(const Parts& parts) const;
  Positions all(Edges without, const Mask* lineage) const;
  Positions resolve_many(const Parts& parts, const Mask* lineage) const;
  int resolve_one(const Parts& parts, const Mask* lineage) const;  // may be kBase

  std::optional<int> walk_up(int start, int steps, const Mask* lineage) const;
  std::optional<int> walk_down(int start, int steps) const;
  Positions rows_within(const Mask* lineage) const;
  Positions tips(const Mask& members, Edges above) const;
  int upgrade_start(const Mask* lineage) const;
  int relative_upgrade(const Parts& parts, const Mask* lineage) const;
  int downgrade_start(const Parts& parts, const Mask* lineage) const;

  Target make(const Positions& positions, std::optional<int> branch) const;

  const RevisionGraph& graph_;
  std::string_view text_;
  const RevisionSet& current_;
  std::string_view first_row_;
};

Parts Resolver::parse() const {
  Parts parts;
  std::string_view rest = text_;
  if (const auto at = rest.find('@'); at != std::string_view::npos) {
    parts.branch = rest.substr(0, at);
    rest = rest.substr(at + 1);
    if (parts.branch->empty()) fail("the branch before '@' is missing", std::string(kUnderstood));
    if (rest.find('@') != std::string_view::npos)
      fail("has more than one '@'", std::string(kUnderstood));
  }
  parts.symbol = rest;
  // A label may end in -2 itself.
  if (!has_name(rest)) {
    parts.offset = parse_offset(rest);
    if (parts.offset) parts.symbol.remove_suffix(parts.offset->text.size());
  }
  if (parts.symbol.empty() && !parts.offset) fail("names no revision", std::string(kUnderstood));
  const bool odd = parts.symbol.find_first_of(": \t\r\n,") != std::string_view::npos ||
                   (!parts.symbol.empty() &&
                    std::string_view("+-").find(parts.symbol.back()) != std::string_view::npos);
  if (odd) fail("cannot be understood", std::string(kUnderstood));
  return parts;
}

std::optional<Offset> Resolver::parse_offset(std::string_view text) const {
  std::size_t begin = text.size();
  while (begin > 0 && is_digit(text[begin - 1])) --begin;
  const std::string_view digits = text.substr(begin);
  if (digits.empty() || begin == 0 || (text[begin - 1] != '+' && text[begin - 1] != '-')) {
    return std::nullopt;
  }
  Offset offset{text.substr(begin - 1), 0};
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), offset.steps);
  if (error != std::errc()) fail(fmt::format("{} steps are more than can be", digits));
  if (text[begin - 1] == '-') offset.steps = -offset.steps;
  return offset;
}

void Resolver::fail_unknown(std::string_view name) const {
  std::vector<std::string_view> names = {"heads", "head", "base"};
  for (const Revision& revision : graph_.revisions()) {
    names.emplace_back(revision.id);
    names.insert(names.end(), revision.branch_labels.begin(), revision.branch_labels.end());
  }
  fail(fmt::format("no revision or branch answers to '{}'{}", name, did_you_mean(name, names)),
       std::string(kUnderstood));
}

int Resolver::find_prefix(std::string_view name, const Mask* lineage) const {
  std::vector<std::string> keys;
  int found = kBase;
  const auto consider = [&](const std::string& key, int position) {
    if (key.size() < kShortestCandidate || !key.starts_with(name)) return;
    if (lineage != nullptr && (*lineage)[static_cast<std::size_t>(position)] == 0) return;
    keys.push_back(key);
    found = position;
  };
  const auto& revisions = graph_.revisions();
  for (std::size_t i = 0; i < revisions.size(); ++i) {
    consider(revisions[i].id, static_cast<int>(i));
    for (const std::string& label : revisions[i].branch_labels) {
      consider(label, static_cast<int>(i));
    }
  }
  if (keys.empty()) fail_unknown(name);
  if (keys.size() > 1) {
    std::sort(keys.begin(), keys.end());
    fail(fmt::format("'{}' is ambiguous: it begins {}", name, quoted_list(keys)),
         "write more characters of the one you mean");
  }
  return found;
}

int Resolver::find_name(std::string_view name, const Mask* lineage) const {
  std::optional<int> position = graph_.position(name);
  if (const auto labelled = graph_.labelled(name); !position && labelled) {
    position = graph_.position(*labelled);
  }
  if (!position) return find_prefix(name, lineage);
  if (lineage != nullptr && (*lineage)[static_cast<std::size_t>(*position)] == 0) {
    fail(fmt::format("Revision {} is not a member of branch '{}'", id(*position),
                     text_.substr(0, text_.find('@'))));
  }
  return *position;
}

std::optional<int> Resolver::branch_of(const Parts& parts) const {
  if (!parts.branch) return std::nullopt;
  return find_name(*parts.branch, nullptr);
}

Mask Resolver::lineage_of(int position) const {
  Mask result = graph_.reach({position}, Edges::Parents);
  const Mask above = graph_.reach({position}, Edges::Children);
  for (std::size_t i = 0; i < result.size(); ++i) result[i] = result[i] | above[i];
  return result;
}

// Revisions without any edge of a kind: Children gives the heads, Parents the bases.
Positions Resolver::all(Edges without, const Mask* lineage) const {
  Positions result;
  for (int i = 0; i < static_cast<int>(graph_.size()); ++i) {
    if (!graph_.edges(without, i).empty()) continue;
    if (lineage == nullptr || (*lineage)[static_cast<std::size_t>(i)] != 0) result.push_back(i);
  }
  return result;
}

Positions Resolver::resolve_many(const Parts& parts, const Mask* lineage) const {
  if (parts.symbol == "base") return {};
  if (parts.symbol == "heads")
    return all(lineage != nullptr ? Edges::Children : Edges::Above, lineage);
  if (parts.symbol == "head") {
    Positions heads = all(Edges::Children, lineage);
    if (heads.size() > 1) {
      throw Error(Reason::MultipleHeads,
                  fmt::format("target '{}': Multiple heads are present: {}", text_,
                              quoted_list(ids(heads), 20)),
                  "name one of them, say BRANCH@head, use heads for all, or merge them");
    }
    return heads;
  }
  return {find_name(parts.symbol, lineage)};
}

int Resolver::resolve_one(const Parts& parts, const Mask* lineage) const {
  const Positions found = resolve_many(parts, lineage);
  if (found.size() > 1) {
    throw Error(Reason::MultipleHeads,
                fmt::format("target '{}': Multiple heads are present: {}, and one is needed here",
                            text_, quoted_list(ids(found), 20)),
                "name one of them, or say BRANCH@head");
  }
  return found.empty() ? kBase : found.front();
}

std::optional<int> Resolver::walk_up(int start, int steps, const Mask* lineage) const {
  int position = start;
  for (int step = 0; step < steps; ++step) {
    Positions next =
        position == kBase ? all(Edges::Parents, nullptr) : graph_.edges(Edges::Children, position);
    if (lineage != nullptr) {
      std::erase_if(next, [&](int p) { return (*lineage)[static_cast<std::size_t>(p)] == 0; });
    }
    if (next.empty()) return std::nullopt;
    if (next.size() > 1) {
      fail(fmt::format("Ambiguous walk: {} leads to {}",
                       position == kBase ? "base" : fmt::format("'{}'", id(position)),
                       quoted_list(ids(next), 20)),
           "name the branch, as in BRANCH@+1, or the revision itself");
    }
    position = next.front();
  }
  return position;
}

std::optional<int> Resolver::walk_down(int start, int steps) const {
  int position = start;
  for (int step = 0; step < steps; ++step) {
    if (position == kBase) return std::nullopt;
    const Positions& next = graph_.edges(Edges::Parents, position);
    if (next.size() > 1) {
      fail(fmt::format("Ambiguous walk: '{}' is a merge of {}", id(position),
                       quoted_list(ids(next), 20)),
           "name the revision itself");
    }
    position = next.empty() ? kBase : next.front();
  }
  return position;
}

Positions Resolver::rows_within(const Mask* lineage) const {
  Positions rows = graph_.positions(current_);
  if (lineage != nullptr) {
    std::erase_if(rows, [&](int p) { return (*lineage)[static_cast<std::size_t>(p)] == 0; });
  }
  return rows;
}

// Members on which no other member stands, along `above`.
Positions Resolver::tips(const Mask& members, Edges above) const {
  Positions result;
  for (int i = 0; i < static_cast<int>(members.size()); ++i) {
    if (members[static_cast<std::size_t>(i)] == 0) continue;
    const Positions& users = graph_.edges(above, i);
    if (std::none_of(users.begin(), users.end(),
                     [&](int p) { return members[static_cast<std::size_t>(p)] != 0; })) {
      result.push_back(i);
    }
  }
  return result;
}

// Where the branch has no row it may be applied beneath another one's, or not at all.
int Resolver::upgrade_start(const Mask* lineage) const {
  Positions rows = rows_within(lineage);
  if (rows.empty() && lineage != nullptr) {
    Mask active = graph_.reach(graph_.positions(current_), Edges::Below);
    for (std::size_t i = 0; i < active.size(); ++i) active[i] = active[i] & (*lineage)[i];
    rows = tips(active, Edges::Above);
  }
  if (rows.size() > 1) {
    fail(fmt::format("Ambiguous upgrade from multiple current revisions: {}",
                     quoted_list(ids(rows), 20)),
         "name the branch, as in BRANCH@+1, or the revision itself");
  }
  return rows.empty() ? kBase : rows.front();
}

int Resolver::relative_upgrade(const Parts& parts, const Mask* lineage) const {
  const Offset& offset = *parts.offset;
  const bool from_current = parts.symbol.empty();
  if (from_current && offset.steps <= 0) fail_too_far(offset);
  std::optional<int> found;
  if (offset.steps > 0) {
    // Alembic looks the symbol up without the branch here.
    found = walk_up(from_current ? upgrade_start(lineage) : resolve_one(parts, nullptr),
                    offset.steps, lineage);
  } else {
    found = walk_down(resolve_one(parts, lineage), -offset.steps);
  }
  if (!found || *found == kBase) fail_too_far(offset);
  return *found;
}

int Resolver::downgrade_start(const Parts& parts, const Mask* lineage) const {
  if (!parts.symbol.empty()) return resolve_one(parts, lineage);
  Positions rows = rows_within(lineage);
  if (rows.empty() && lineage != nullptr) {
    rows = tips(graph_.reach(graph_.positions(current_), Edges::Below), Edges::Children);
    std::erase_if(rows, [&](int p) { return (*lineage)[static_cast<std::size_t>(p)] == 0; });
  }
  if (rows.empty()) fail_too_far(*parts.offset);
  if (rows.size() == 1) return rows.front();
  const std::optional<int> first = graph_.position(first_row_);
  if (lineage == nullptr && first) return *first;
  fail(fmt::format("the database is at several revisions: {}", quoted_list(ids(rows), 20)),
       "name the branch, as in BRANCH@-1, or the revision itself");
}

Target Resolver::make(const Positions& positions, std::optional<int> branch) const {
  Target target{std::string(text_), {}, {}};
  for (const int position : positions) {
    if (position != kBase) target.revisions.insert(id(position));
  }
  if (branch) target.branch = id(*branch);
  return target;
}

Target Resolver::upgrade() const {
  const Parts parts = parse();
  const std::optional<int> branch = branch_of(parts);
  const Mask members = branch ? lineage_of(*branch) : Mask{};
  const Mask* lineage = branch ? &members : nullptr;
  if (parts.offset) return make({relative_upgrade(parts, lineage)}, branch);
  return make(resolve_many(parts, lineage), branch);
}

Target Resolver::downgrade() const {
  const Parts parts = parse();
  std::optional<int> branch = branch_of(parts);
  const Mask members = branch ? lineage_of(*branch) : Mask{};
  const Mask* lineage = branch ? &members : nullptr;
  // As in Alembic the branch does not narrow what the revision is looked up in, only what is
  // dropped.
  if (!parts.offset) return make({resolve_one(parts, nullptr)}, branch);
  const Offset& offset = *parts.offset;
  if (parts.symbol.empty() && offset.steps >= 0) fail_too_far(offset);
  std::optional<int> found;
  if (offset.steps >= 0) {
    found = walk_up(resolve_one(parts, nullptr), offset.steps, lineage);
  } else {
    const int start = downgrade_start(parts, lineage);
    if (parts.symbol.empty() && !branch) branch = start;
    found = walk_down(start, -offset.steps);
  }
  if (!found) fail_too_far(offset);
  return make({*found}, branch);
}

}  // namespace

void require_known(const RevisionGraph& graph, const RevisionSet& current) {
  std::vector<std::string> unknown;
  for (const RevisionId& id : current) {
    if (!graph.contains(id)) unknown.push_back(id);
  }
  if (unknown.empty()) return;
  throw Error(Reason::UnknownRevision,
              fmt::format("the version table holds {}, which none of the {} scripts has",
                          quoted_list(unknown, 20), graph.size()),
              "either newer scripts were applied before and an older image or checkout runs now: "
              "run the newer one; or the version table belongs to another project: check the "
              "database URL and the name of the version table");
}

Target resolve_upgrade_target(const RevisionGraph& graph, std::string_view text,
                              const RevisionSet& current) {
  require_known(graph, current);
  return Resolver(graph, text, current).upgrade();
}

Target resolve_downgrade_target(const RevisionGraph& graph, std::string_view text,
                                const RevisionSet& current, std::string_view first_row) {
  require_known(graph, current);
  return Resolver(graph, text, current, first_row).downgrade();
}

}  // namespace engine
