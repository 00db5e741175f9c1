// SPDX-License-Identifier: Apache-2.0
//
// Any text is read as a TOML document or refused with its line.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "engine/core/error.h"
#include "engine/syntax/node.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check(const engine::Node& node) {
  using Kind = engine::Node::Kind;
  require(node.line >= 0 && node.kind != Kind::Null);
  require(node.items.empty() || node.kind == Kind::List);
  require(node.entries.empty() || node.kind == Kind::Map);
  require(node.kind == Kind::Scalar || node.scalar.empty());
  for (const engine::Node& item : node.items) check(item);
  for (const auto& [key, value] : node.entries) {
    require(node.find(key) == &value);
    check(value);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const engine::Node document =
        engine::parse_toml(text, "fuzz.toml", engine::Reason::InvalidUsage);
    require(document.kind == engine::Node::Kind::Map);
    check(document);
  } catch (const engine::Error& error) {
    require(error.message().starts_with("fuzz.toml:"));
  }
  return 0;
}
