// SPDX-License-Identifier: Apache-2.0
//
// The part of a file name that says what a revision is about, made of its message as Alembic does.
#pragma once

#include <string>
#include <string_view>

namespace engine {

inline constexpr int kDefaultSlugLength = 40;

// The words (letters, digits and `_` of any script) joined by `_`, in small letters. Longer than
// `truncate_length` characters (0: kDefaultSlugLength): cut, back to the last `_`, and a `_`.
// Throws Error(InvalidUsage) when the message is not UTF-8.
std::string slug_of(std::string_view message, int truncate_length = kDefaultSlugLength);

// The first `characters` characters of valid UTF-8.
std::string_view first_characters(std::string_view text, std::size_t characters);

}  // namespace engine
