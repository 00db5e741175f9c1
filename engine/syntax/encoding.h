// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

namespace engine {

inline constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// Position of the first NUL byte or byte that is not UTF-8 (RFC 3629); npos: none.
std::size_t find_bad_byte(std::string_view text);

}  // namespace engine
