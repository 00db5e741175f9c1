// SPDX-License-Identifier: Apache-2.0
#include "engine/core/lookup.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <span>

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
constexpr std::size_t kNamesInHint = 20;
constexpr std::size_t kShortName = 4;  // Alembic's advice

std::size_t at(int position) { return static_cast<std::size_t>(position); }

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// \w of Alembic's pattern; bytes of UTF-8 count as letters.
bool is_word(char c) {
  return is_digit(c) || c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         static_cast<unsigned char>(c) >= 0x80;
}

// The number of `digits`, with the nearest int for one that is too large.
int steps_of(std::string_view digits) {
  int steps = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), steps);
  return error == std::errc() ? steps : std::numeric_limits<int>::max();
}

// "-3" -> 3; empty: something else.
std::optional<int> steps_down(std::string_view name) {
  if (name.size() < 2 || name[0] != '-' || !std::all_of(name.begin() + 1, name.end(), is_digit)) {
    return std::nullopt;
  }
  const int steps = steps_of(name.substr(1));
  if (steps == 0) return std::nullopt;
  return steps;
}

}  // namespace

std::optional<RelativeTarget> Lookup::relative(std::string_view text) const {
  RelativeTarget result;
  if (exact(text)) return std::nullopt;
  std::string_view rest = text;
  if (const auto sign = text.rfind('@'); sign != std::string_view::npos) {
    if (sign == 0) return std::nullopt;
    result.branch = text.substr(0, sign);
    rest = text.substr(sign + 1);
    if (exact(rest)) return std::nullopt;
  }
  std::size_t digits = rest.size();
  while (digits > 0 && is_digit(rest[digits - 1])) --digits;
  if (digits == rest.size() || digits == 0) return std::nullopt;
  const std::string_view symbol = rest.substr(0, digits - 1);
  result.sign = rest.substr(digits - 1, 1);
  if (result.sign != "+" && result.sign != "-") return std::nullopt;
  if (!std::all_of(symbol.begin(), symbol.end(), is_word)) return std::nullopt;
  result.symbol = symbol;
  result.digits = rest.substr(digits);
  result.steps = steps_of(result.digits) * (result.sign == "-" ? -1 : 1);
  return result;
}

Lookup::Symbol Lookup::symbol(std::string_view text) const {
  Symbol result;
  if (const auto sign = text.find('@'); sign != std::string_view::npos) {
    result.branch = text.substr(0, sign);
    text = text.substr(sign + 1);
  }
  result.are_heads = text == "head" || text == "heads";
  if (text == "head") {
    result.names = head_names(result.branch);
    if (result.names.size() > 1) {
      fail_several(result.names,
                   result.branch.empty() ? "head" : fmt::format("{}@head", result.branch));
    }
  } else if (text == "heads" && result.branch.empty()) {
    for (const int head : graph_.effective_head_positions()) {
      result.names.emplace_back(graph_.revisions()[at(head)].id);
    }
  } else if (text == "heads") {
    result.names = head_names(result.branch);
  } else if (text != "base") {
    result.names = {text};
  }
  return result;
}

// Heads by down_revision, in load order.
std::vector<std::string_view> Lookup::head_names(std::string_view branch) const {
  Positions heads = graph_.head_positions();
  if (!branch.empty() && heads.size() == 1) {
    // Everything is below the only head: a name only has to exist.
    for (const std::string_view name : symbol(branch).names) named(name);
  } else if (!branch.empty()) {
    heads = in_lineage(heads, branch);
  }
  std::vector<std::string_view> names;
  for (const int head : heads) names.emplace_back(graph_.revisions()[at(head)].id);
  return names;
}

std::optional<int> Lookup::exact(std::string_view name) const {
  if (const auto position = graph_.position(name)) return position;
  return graph_.label_position(name);
}

int Lookup::branch(std::string_view name) const {
  if (const auto found = exact(name)) return *found;
  const auto keys = graph_.keys_starting_with(name);
  if (keys.empty()) {
    fail_not_found(name, fmt::format("No such branch: '{}'", name),
                   fmt::format("there is no branch '{}'; {}", name, spelling_hint(name)));
  }
  return named(name);
}

int Lookup::named(std::string_view name, std::string_view branch_name) const {
  const int branch_position = branch_name.empty() ? kBase : branch(branch_name);
  std::optional<int> found = exact(name);
  if (!found) {
    auto keys = graph_.keys_starting_with(name);
    if (!branch_name.empty()) {
      std::erase_if(keys, [&](const RevisionGraph::Key& key) {
        return in_lineage({key.position}, branch_name).empty();
      });
    }
    if (keys.empty()) fail_unknown(name);
    if (keys.size() > 1) {
      std::vector<std::string> names;
      for (const auto& key : keys) names.emplace_back(key.name);
      fail_ambiguous(name, std::move(names));
    }
    found = keys.front().position;
  }
  const RevisionId& id = graph_.revisions()[at(*found)].id;
  if (branch_position == kBase ||
      graph_.share_lineage(id, graph_.revisions()[at(branch_position)].id)) {
    return *found;
  }
  const std::string text =
      fmt::format("Revision {} is not a member of branch '{}'", id, branch_name);
  fail_not_found(name, text, text);
}

// Heads were looked for on their branch.
std::string_view Lookup::branch_to_check(const Symbol& parts) {
  return parts.are_heads ? std::string_view() : parts.branch;
}

int Lookup::one(std::string_view text) const {
  const Symbol parts = symbol(text);
  if (parts.names.size() > 1) fail_several(parts.names, text);
  if (!parts.names.empty()) return named(parts.names.front(), branch_to_check(parts));
  if (!parts.branch.empty()) branch(parts.branch);
  return kBase;
}

std::vector<std::optional<int>> Lookup::many(std::string_view text) const {
  const Symbol parts = symbol(text);
  if (parts.names.size() == 1) {
    if (const auto steps = steps_down(parts.names.front()))
      return below_heads(*steps, parts.branch);
  }
  std::vector<std::optional<int>> result;
  for (const std::string_view name : parts.names) {
    result.emplace_back(named(name, branch_to_check(parts)));
  }
  return result;
}

std::vector<std::optional<int>> Lookup::below_heads(int steps, std::string_view label) const {
  std::vector<std::optional<int>> result;
  for (const int head : graph_.effective_head_positions()) {
    if (!label.empty()) {
      const std::vector<std::string> labels = graph_.labels(graph_.revisions()[at(head)].id);
      if (std::find(labels.begin(), labels.end(), label) == labels.end()) continue;
    }
    result.push_back(walk(head, -steps, {}));
  }
  return result;
}

Positions Lookup::revisions(std::string_view text) const {
  Positions result;
  for (const std::optional<int> position : many(text)) {
    if (!position || *position == kBase) {
      const std::string_view digits = text.substr(text.find_last_not_of("0123456789") + 1);
      fail_too_far({{}, {}, 0, "-", std::string(digits)});
    }
    result.push_back(*position);
  }
  return result;
}

Positions Lookup::in_lineage(const Positions& targets, std::string_view text,
                             bool with_dependencies) const {
  const Symbol against = symbol(text);
  Positions shares;
  if ((against.names.empty() && against.branch.empty()) || targets.empty()) return targets;
  if (!against.branch.empty()) shares.push_back(named(against.branch));
  for (const std::string_view name : against.names) shares.push_back(named(name));
  const Mask above = graph_.reach(shares, with_dependencies ? Edges::Above : Edges::Children);
  const auto is_above = [&](int target) { return above[at(target)] != 0; };
  if (std::all_of(targets.begin(), targets.end(), is_above)) return targets;
  const Mask below = graph_.reach(shares, with_dependencies ? Edges::Below : Edges::Parents);
  Positions result;
  std::copy_if(targets.begin(), targets.end(), std::back_inserter(result),
               [&](int target) { return is_above(target) || below[at(target)] != 0; });
  return result;
}

Positions Lookup::list(Edges kind, int position) const {
  const std::span<const int> nodes = graph_.edges(kind, position);
  return {nodes.begin(), nodes.end()};
}

std::optional<int> Lookup::walk(int start, int steps, std::string_view branch_name,
                                TooFar too_far) const {
  int position = start;
  bool at_base = false;  // walked down to
  for (long step = 0; step < std::abs(static_cast<long>(steps)); ++step) {
    Positions next;
    if (steps > 0) {
      next = position == kBase ? graph_.base_positions() : list(Edges::Children, position);
      if (!branch_name.empty()) next = in_lineage(next, branch_name);
    } else if (!at_base) {
      // Below base come the heads: Alembic's way of reading `base-1`.
      next = position == kBase ? graph_.head_positions() : list(Edges::Parents, position);
      if (next.empty()) {
        at_base = true;
        position = kBase;
        continue;
      }
    }
    if (next.empty()) {
      return too_far == TooFar::IsNowhere ? std::nullopt : std::optional<int>(position);
    }
    if (next.size() > 1) {
      throw Error(
          Reason::InvalidTarget, "Ambiguous walk",
          fmt::format(
              "{} leads to {}; name the branch, as in BRANCH@+1, or the revision "
              "itself",
              position == kBase ? "base" : fmt::format("'{}'", graph_.revisions()[at(position)].id),
              quoted_list(ids(next), kNamesInHint)));
    }
    position = next.front();
  }
  return position;
}

void Lookup::fail_too_far(const RelativeTarget& target) const {
  const auto first = target.digits.find_first_not_of('0');
  const std::string number = first == std::string::npos ? "0" : target.digits.substr(first);
  throw Error(Reason::InvalidTarget,
              fmt::format("Relative revision {}{} didn't produce {} migrations", target.sign,
                          target.digits, number),
              "the history ends before so many steps");
}

void Lookup::fail_not_found(std::string_view name, const std::string& library_text,
                            const std::string& hint) const {
  throw Error(Reason::InvalidTarget,
              wording_.layer == Wording::Layer::Library
                  ? library_text
                  : fmt::format("Can't locate revision identified by '{}'", name),
              hint);
}

void Lookup::fail_unknown(std::string_view name) const {
  fail_not_found(name,
                 fmt::format("No such revision or branch '{}'{}", name,
                             name.size() < kShortName
                                 ? "; please ensure at least four characters are present for "
                                   "partial revision identifier matches"
                                 : ""),
                 spelling_hint(name));
}

std::string Lookup::spelling_hint(std::string_view name) const {
  if (name.empty()) return std::string(kUnderstood);
  std::vector<std::string_view> names = {"heads", "head", "base"};
  for (const Revision& revision : graph_.revisions()) {
    names.emplace_back(revision.id);
    names.insert(names.end(), revision.branch_labels.begin(), revision.branch_labels.end());
  }
  const std::string near = did_you_mean(name, names);  // "; did you mean 'x'?"
  return near.empty() ? std::string(kUnderstood)
                      : fmt::format("{} {}", near.substr(2), kUnderstood);
}

void Lookup::fail_ambiguous(std::string_view name, std::vector<std::string> keys) const {
  std::sort(keys.begin(), keys.end());
  throw Error(Reason::InvalidTarget,
              fmt::format("Multiple revisions start with '{}': {}; the identifier is ambiguous",
                          name, quoted_list(keys)),
              "write more characters of the one you mean");
}

void Lookup::fail_several(const std::vector<std::string_view>& heads,
                          std::string_view argument) const {
  const std::vector<std::string> names(heads.begin(), heads.end());
  const std::string_view shown = wording_.argument.empty() ? argument : wording_.argument;
  std::string message = wording_.multiple_heads;
  if (wording_.layer == Wording::Layer::Library) {
    message = fmt::format("Multiple heads are present for given argument '{}'; {}", argument,
                          fmt::join(names, ", "));
  } else if (message.empty()) {
    message = fmt::format(
        "Multiple head revisions are present for given argument '{0}'; please specify a specific "
        "target revision, '<branchname>@{0}' to narrow to a specific head, or 'heads' for all "
        "heads",
        shown);
  }
  throw Error(Reason::MultipleHeads, message,
              fmt::format("the heads are {}; name one of them, say BRANCH@head, use heads for all, "
                          "or merge them",
                          quoted_list(names, kNamesInHint)));
}

std::vector<std::string> Lookup::ids(const Positions& positions) const {
  std::vector<std::string> result;
  for (const int position : positions) result.push_back(graph_.revisions()[at(position)].id);
  return result;
}

}  // namespace engine
