// SPDX-License-Identifier: Apache-2.0
//
// The Python side of the script host (engine/python), as it was when this program was built.
#pragma once

#include <string>
#include <string_view>

namespace engine {

// For `python3 -c`.
std::string_view python_bootstrap();
// The first message to the child: {"stillhead_host.main":"text",...}.
const std::string& python_modules();

}  // namespace engine
