// SPDX-License-Identifier: Apache-2.0
#include "engine/core/spelling.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <tuple>

namespace engine {
namespace {

std::size_t common_prefix(std::string_view a, std::string_view b) {
  return static_cast<std::size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first -
                                  a.begin());
}

struct Candidate {
  std::size_t distance = 0;
  std::size_t prefix = 0;
  std::string_view word = {};
};

bool better(const Candidate& a, const Candidate& b) {
  return std::tuple(a.distance, b.prefix, a.word) < std::tuple(b.distance, a.prefix, b.word);
}

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit) {
  if (a.size() > b.size()) std::swap(a, b);
  if (b.size() - a.size() > limit) return limit + 1;
  std::vector<std::size_t> row(a.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t j = 1; j <= b.size(); ++j) {
    std::size_t diagonal = row[0];
    row[0] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
      const std::size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[i];
      row[i] = std::min({row[i] + 1, row[i - 1] + 1, substituted});
    }
    if (*std::min_element(row.begin(), row.end()) > limit) return limit + 1;
  }
  return std::min(row.back(), limit + 1);
}

std::vector<std::string> nearest(std::string_view word,
                                 const std::vector<std::string_view>& words) {
  constexpr std::size_t kMost = 3;
  const std::size_t limit = word.size() <= 5 ? 1 : 2;
  std::vector<Candidate> candidates;
  for (const std::string_view other : words) {
    const std::size_t distance = edit_distance(word, other, limit);
    const std::size_t prefix = common_prefix(word, other);
    if (distance <= limit || (prefix >= 4 && prefix * 2 >= word.size())) {
      candidates.push_back({distance, prefix, other});
    }
  }
  std::sort(candidates.begin(), candidates.end(), better);
  std::vector<std::string> result;
  for (const Candidate& candidate : candidates) {
    if (result.size() == kMost) break;
    if (result.empty() || result.back() != candidate.word) result.emplace_back(candidate.word);
  }
  return result;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string_view>& words) {
  const std::vector<std::string> near = nearest(word, words);
  if (near.empty()) return {};
  std::string text = "; did you mean ";
  for (std::size_t i = 0; i < near.size(); ++i) {
    if (i > 0) text += i + 1 == near.size() ? " or " : ", ";
    text += fmt::format("'{}'", near[i]);
  }
  return text + "?";
}

std::string quoted_list(const std::vector<std::string>& names, std::size_t limit) {
  const std::size_t shown = limit == 0 ? names.size() : std::min(limit, names.size());
  std::string text;
  for (std::size_t i = 0; i < shown; ++i)
    text += fmt::format("{}'{}'", i > 0 ? ", " : "", names[i]);
  if (shown < names.size()) text += fmt::format(" and {} more", names.size() - shown);
  return text;
}

}  // namespace engine
