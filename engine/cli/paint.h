// SPDX-License-Identifier: Apache-2.0
//
// Text for people, dressed for where it goes. In a pipe it is left as it is: other programs read
// it.
#pragma once

#include <string>
#include <string_view>

namespace engine {

enum class Medium { Pipe, Terminal, ColorTerminal };

class Paint {
 public:
  explicit Paint(Medium medium) : medium_(medium) {}

  std::string revision(std::string_view id) const;
  std::string label(std::string_view text) const;
  std::string mark(std::string_view text) const;  // " (head)", " (current)"
  // From a script or a database: on a terminal it is made printable().
  std::string foreign(std::string_view text) const;

 private:
  std::string colored(std::string_view color, std::string_view text) const;

  Medium medium_;
};

// Control characters but line end and tab as "\x1b" or "\u009b": nothing foreign may move the
// cursor.
std::string printable(std::string_view);

inline constexpr std::string_view kRed = "\033[31m";
inline constexpr std::string_view kGreen = "\033[32m";
inline constexpr std::string_view kYellow = "\033[33m";
inline constexpr std::string_view kCyan = "\033[36m";
inline constexpr std::string_view kPlain = "\033[0m";

}  // namespace engine
