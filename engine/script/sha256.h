// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace engine {

// 64 lower-case hex digits. Throws Error(Bug) when the crypto library refuses.
std::string sha256_hex(std::string_view bytes);

}  // namespace engine
