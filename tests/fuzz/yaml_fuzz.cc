// SPDX-License-Identifier: Apache-2.0
//
// Any text is read as a YAML document or refused with the reason that was asked for.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>

#include "engine/core/error.h"
#include "engine/syntax/node.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check(const engine::Node& node, int lines) {
  using Kind = engine::Node::Kind;
  require(node.line >= 0 && node.line <= lines);
  require(node.kind == Kind::Scalar || (node.scalar.empty() && !node.quoted));
  require(node.kind == Kind::List || node.items.empty());
  require(node.kind == Kind::Map || node.entries.empty());
  for (const engine::Node& item : node.items) check(item, lines);
  std::set<std::string> keys;
  for (const auto& [key, value] : node.entries) {
    require(keys.insert(key).second);
    check(value, lines);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  int lines = 2;  // a block scalar may have its text, which is empty, behind the last line
  for (const char c : text) lines += c == '\n' || c == '\r' ? 1 : 0;
  try {
    check(engine::parse_yaml(text, "fuzz.yaml", engine::Reason::InvalidUsage), lines);
  } catch (const engine::Error& error) {
    require(error.reason() == engine::Reason::InvalidUsage);
    require(error.message().starts_with("fuzz.yaml:"));
  }
  return 0;
}
