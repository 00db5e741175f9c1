// SPDX-License-Identifier: Apache-2.0
//
// One value of a YAML or TOML document, with the line on which it begins.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/contract/report.h"

namespace engine {

struct Node {
  enum class Kind { Null, Scalar, List, Map };

  Kind kind = Kind::Null;
  std::string scalar = {};       // as written, without quotes; Scalar only
  bool quoted = false;           // a string whatever it looks like; Scalar only
  int line = 0;                  // 1-based; 0: unknown; of a YAML block scalar: of its text
  std::vector<Node> items = {};  // List only
  std::vector<std::pair<std::string, Node>> entries = {};  // Map only, in the document's order

  // The entry of a map; nullptr: not there, or no map.
  const Node* find(std::string_view key) const;
};

// Whole documents. Both throw Error(`reason`) whose message begins with "origin:line: " for what is
// not well-formed, for a key that stands twice in one map, and for what nests too deeply.
// An empty YAML document is Null. YAML: no anchors, aliases or tags, one document.
Node parse_yaml(std::string_view text, std::string_view origin, Reason reason);
Node parse_toml(std::string_view text, std::string_view origin, Reason reason);

}  // namespace engine
