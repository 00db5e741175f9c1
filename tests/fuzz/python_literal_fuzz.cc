// SPDX-License-Identifier: Apache-2.0
//
// Any text is read as a Python module or refused; what it says does not depend on the spelling of
// its line ends, nor on what is behind the last mention of a name.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "engine/syntax/encoding.h"
#include "engine/syntax/python_literal.h"

namespace {

using engine::PythonModule;
using engine::PythonValue;

constexpr std::array<std::string_view, 4> kNames = {"revision", "down_revision", "branch_labels",
                                                    "depends_on"};

void require(bool holds) {
  if (!holds) std::abort();
}

void check(const PythonModule& module, int lines) {
  require(module.values.size() == kNames.size());
  for (const auto& value : module.values) {
    if (!value) continue;
    require(value->line >= 1 && value->line <= lines);
    require(value->kind == PythonValue::Kind::List || value->items.empty() ||
            value->kind == PythonValue::Kind::NotLiteral);
    require(value->kind != PythonValue::Kind::NotLiteral || !value->text.empty());
    if (!module.faults.empty()) continue;
    require(engine::find_bad_byte(value->text) == std::string_view::npos ||
            value->text.find('\0') != std::string::npos);
  }
  for (const std::string& fault : module.faults) require(fault.starts_with("fuzz.py:"));
}

void require_same(const PythonModule& a, const PythonModule& b) {
  require(a.doc == b.doc && a.faults == b.faults);
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    require(a.values[i].has_value() == b.values[i].has_value());
    if (!a.values[i]) continue;
    require(a.values[i]->kind == b.values[i]->kind && a.values[i]->text == b.values[i]->text);
    require(a.values[i]->items == b.values[i]->items && a.values[i]->line == b.values[i]->line);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const PythonModule module = engine::read_python_module(text, "fuzz.py", kNames);
  const auto lines =
      std::count_if(text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; });
  check(module, static_cast<int>(lines) + 1);
  if (text.find('\r') == std::string::npos) {
    std::string other;
    for (const char c : text) other += c == '\n' ? std::string("\r\n") : std::string(1, c);
    require_same(engine::read_python_module(other, "fuzz.py", kNames), module);
  }
  if (module.faults.empty() && text.ends_with('\n') && !text.ends_with("\\\n")) {
    const std::string more = text + "def f():\n    '''\n    '''\n";
    require_same(engine::read_python_module(more, "fuzz.py", kNames), module);
  }
  return 0;
}
