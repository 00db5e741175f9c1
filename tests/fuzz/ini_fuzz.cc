// SPDX-License-Identifier: Apache-2.0
//
// Any text is read as an INI file or refused with its line; each value is put together or refused.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "engine/core/error.h"
#include "engine/syntax/ini.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

std::optional<std::string> variable(std::string_view name) {
  if (name == "here") return "/a%b";
  return std::nullopt;
}

void read_options(const engine::IniDocument& document) {
  for (const engine::IniSection& section : document.sections) {
    require(section.line > 0);
    for (const engine::IniOption* option : document.options_of(section.name)) {
      require(option->line > 0 && !option->name.empty());
      require(document.find(section.name, option->name) == option);
      const engine::Interpolated result =
          engine::interpolate(document, section.name, *option, variable);
      require(result.fault.empty() || result.fault.starts_with("fuzz.ini:"));
      require(result.fault.empty() || result.text.empty());
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    read_options(engine::parse_ini(text, "fuzz.ini", engine::Reason::InvalidUsage));
  } catch (const engine::Error& error) {
    require(error.message().starts_with("fuzz.ini:"));
  }
  return 0;
}
