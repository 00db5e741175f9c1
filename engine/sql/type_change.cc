// SPDX-License-Identifier: Apache-2.0
#include "engine/sql/type_change.h"

#include <algorithm>
#include <array>
#include <utility>

namespace engine {
namespace {

using Change = std::pair<std::string_view, std::string_view>;

// The bytes mean the same: casts without a function in pg_cast.
constexpr std::array kSameBytes = {Change{"character varying", "text"},
                                   Change{"text", "character varying"},
                                   Change{"cidr", "inet"},
                                   Change{"xml", "text"},
                                   Change{"xml", "character varying"},
                                   Change{"bit", "bit varying"},
                                   Change{"integer", "oid"}};

// A domain is what stands under it; its constraints are looked at elsewhere.
TypeShape beneath(TypeShape type, const Catalog& catalog) {
  for (int depth = 0; depth < 32 && !type.is_array; ++depth) {
    const auto found = catalog.types.find(type.name);
    if (found == catalog.types.end() || !found->second.is_domain) break;
    type = found->second.base;
  }
  return type;
}

bool has_constraints(const TypeShape& type, const Catalog& catalog) {
  const auto found = catalog.types.find(type.name);
  return found != catalog.types.end() && found->second.is_domain && found->second.has_constraints;
}

bool counts_fractions(const std::string& type) {
  return type.starts_with("timestamp") || type.starts_with("time ") || type == "interval";
}

// Whether all values of `from` are values of `to`, by their modifiers alone.
bool widens(const std::string& type, const std::vector<int>& from, const std::vector<int>& to) {
  if (from == to || to.empty()) return true;
  if (counts_fractions(type)) {
    constexpr int kFinest = 6;
    return to.front() >= (from.empty() ? kFinest : from.front());
  }
  if (from.empty()) return false;
  if (type == "character varying" || type == "bit varying") return to.front() >= from.front();
  if (type == "numeric" && from.size() == 2 && to.size() == 2) {
    return to[1] == from[1] && to[0] >= from[0];
  }
  return false;
}

bool same_bytes(const std::string& from, const std::string& to) {
  return std::ranges::find(kSameBytes, Change{from, to}) != kSameBytes.end();
}

bool only_moves_time_zone(const std::string& from, const std::string& to) {
  return (from == "timestamp without time zone" && to == "timestamp with time zone") ||
         (from == "timestamp with time zone" && to == "timestamp without time zone");
}

// USING column, or USING column::type: as if there were none.
bool says_nothing_new(const Expression& value, const ColumnFacts& column, const TypeShape& type) {
  if (value.empty()) return true;
  SqlWords words(value.text);
  if (words.take_name() != column.name) return false;
  if (words.at_end()) return true;
  return words.take_symbol(":") && words.take_symbol(":") && take_type(words) == type &&
         words.at_end();
}

}  // namespace

TypeChange type_change(const ColumnFacts& column, const Action& action, const Catalog& catalog) {
  const TypeShape& wanted = action.column.type;
  if (!says_nothing_new(action.using_value, column, wanted)) return TypeChange::Rewrites;
  if (column.type != wanted && has_constraints(wanted, catalog)) return TypeChange::Rewrites;
  const TypeShape from = beneath(column.type, catalog);
  const TypeShape to = beneath(wanted, catalog);
  const bool same_collation =
      action.column.collation.empty()
          ? column.collation.empty() || column.collation == "default"
          : action.column.collation == column.collation ||
                (column.collation.empty() && action.column.collation == "default");
  const TypeChange least = same_collation ? TypeChange::Free : TypeChange::RebuildsIndexes;
  if (from.is_array || to.is_array) return from == to ? least : TypeChange::Rewrites;
  if (from.name == to.name) {
    return widens(from.name, from.modifiers, to.modifiers) ? least : TypeChange::Rewrites;
  }
  if (only_moves_time_zone(from.name, to.name)) {
    const bool free = catalog.utc && widens(from.name, from.modifiers, to.modifiers);
    return free ? TypeChange::RebuildsIndexes : TypeChange::Rewrites;
  }
  if (!same_bytes(from.name, to.name)) return TypeChange::Rewrites;
  return to.modifiers.empty() ||
                 (from.name == "bit" && widens("bit varying", from.modifiers, to.modifiers))
             ? least
             : TypeChange::Rewrites;
}

}  // namespace engine
