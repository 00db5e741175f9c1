// SPDX-License-Identifier: Apache-2.0
//
// "Did you mean": the words nearest to a misspelt one.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace engine {

// Insertions, deletions, substitutions of bytes; `limit` + 1 when there are more than `limit`.
std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit);

// At most three of `words`, best first: within two edits (one for words of up to five bytes), or
// with a common beginning of at least four bytes that is half of `word`. Without repetitions.
std::vector<std::string> nearest(std::string_view word, const std::vector<std::string_view>& words);

// "; did you mean 'a' or 'b'?", empty when nothing is near.
std::string did_you_mean(std::string_view word, const std::vector<std::string_view>& words);

// "'a', 'b', 'c'"; after `limit` names "and 7 more". 0: all.
std::string quoted_list(const std::vector<std::string>& names, std::size_t limit = 0);

}  // namespace engine
