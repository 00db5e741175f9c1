// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/paint.h"

#include <fmt/format.h>

namespace engine {

std::string Paint::revision(std::string_view id) const { return colored(kYellow, id); }

std::string Paint::label(std::string_view text) const { return colored(kCyan, text); }

std::string Paint::mark(std::string_view text) const { return colored(kGreen, text); }

std::string Paint::foreign(std::string_view text) const {
  return medium_ == Medium::Pipe ? std::string(text) : printable(text);
}

std::string Paint::colored(std::string_view color, std::string_view text) const {
  if (medium_ != Medium::ColorTerminal || text.empty()) return foreign(text);
  return fmt::format("{}{}{}", color, printable(text), kPlain);
}

std::string printable(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const bool control = static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
    if (control && c != '\n' && c != '\t') {
      result += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      result += c;
    }
  }
  return result;
}

}  // namespace engine
