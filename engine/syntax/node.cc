// SPDX-License-Identifier: Apache-2.0
#include "engine/syntax/node.h"

#include <algorithm>

namespace engine {

const Node* Node::find(std::string_view key) const {
  const auto entry =
      std::ranges::find_if(entries, [&](const auto& candidate) { return candidate.first == key; });
  return entry == entries.end() ? nullptr : &entry->second;
}

}  // namespace engine
