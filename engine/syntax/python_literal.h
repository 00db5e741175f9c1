// SPDX-License-Identifier: Apache-2.0
//
// What a Python module says without being run: its docstring, and the literals that it assigns to
// some names at module level. Python 3.8 to 3.14.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace engine {

struct PythonValue {
  enum class Kind { None, String, List, NotLiteral };

  Kind kind = Kind::NotLiteral;
  std::string text = {};                // String: its characters; NotLiteral: "is" what, for people
  std::vector<std::string> items = {};  // of a tuple, list or set of strings, in written order
  int line = 0;                         // 1-based, where the value begins
};

struct PythonModule {
  std::optional<std::string> doc = {};  // as Python 3.12 has it: not dedented
  // As many as names were asked for, in their order. The last assignment counts.
  std::vector<std::optional<PythonValue>> values = {};
  std::vector<std::string> faults = {};  // "origin:line: what; what to do": not Python
};

// Linear in the length of `text`, which is the whole module. Reading ends where none of `names` is
// mentioned any more; what is behind that is not looked at. An assignment counts when it stands in
// column 0, outside of functions and classes, and is no literal when it stands in another block
// (if, try ...), goes by import, or by an operator such as +=. Text is UTF-8, with or without byte
// order mark; lines may end with LF, CRLF or CR.
PythonModule read_python_module(std::string_view text, std::string_view origin,
                                std::span<const std::string_view> names);

}  // namespace engine
