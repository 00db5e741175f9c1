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
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto next = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : 0);
    if (byte == 0xC2 && next >= 0x80 && next < 0xA0) {  // U+0080 to U+009F
      result += fmt::format("\\u{:04x}", next);
      ++i;
    } else if ((byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7F) {
      result += fmt::format("\\x{:02x}", byte);
    } else {
      result += text[i];
    }
  }
  return result;
}

}  // namespace engine
