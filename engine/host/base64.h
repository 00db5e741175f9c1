// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace engine {

// RFC 4648, section 4, with padding.
std::string to_base64(std::string_view bytes);
// What is no digit is passed over; padding may be missing.
std::string from_base64(std::string_view text);

}  // namespace engine
