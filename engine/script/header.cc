// SPDX-License-Identifier: Apache-2.0
#include "engine/script/header.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "engine/core/error.h"
#include "engine/syntax/encoding.h"

namespace engine {

NameFault check_name(std::string_view what, std::string_view name, std::string_view illegal) {
  if (name.empty()) return {fmt::format("{} has an empty entry", what), "write a name"};
  std::set<std::string> found;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    const bool refused = illegal.find(c) != std::string_view::npos;
    if (refused && (c == ' ' || c == '\t')) {
      found.insert("white space");
    } else if (byte < 0x20 || byte == 0x7F) {
      found.insert(fmt::format("0x{:02x}", byte));
    } else if (refused) {
      found.insert(fmt::format("'{}'", c));
    }
  }
  if (!found.empty()) {
    return {
        fmt::format("Character(s) {} not allowed in {} '{}'", fmt::join(found, ", "), what, name),
        "write plain names, without quotes or brackets, separated by commas where several are "
        "allowed"};
  }
  if (name == "head" || name == "heads" || name == "base" || name == "None") {
    return {fmt::format("{} '{}' is a word with a meaning of its own", what, name),
            "write the id of a revision, or choose another name"};
  }
  return {};
}

std::string first_paragraph(std::string_view doc) {
  constexpr std::string_view kSpaces = " \t\n";
  std::string_view rest = doc.substr(0, doc.find("\n\n"));
  std::string text;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    line = line.substr(0, line.find_last_not_of(kSpaces) + 1);  // npos + 1 is 0
    if (!text.empty() && !line.empty()) text += ' ';
    text += line;
    rest.remove_prefix(std::min(rest.find_first_not_of(kSpaces, end), rest.size()));
  }
  return text;
}

void check_encoding(std::string_view text, int line, std::string_view origin,
                    std::vector<std::string>& faults) {
  const std::size_t bad = find_bad_byte(text);
  if (bad == std::string_view::npos) return;
  const auto end = text.begin() + static_cast<std::ptrdiff_t>(bad);
  line += static_cast<int>(std::count(text.begin(), end, '\n'));
  faults.push_back(
      fmt::format("{}:{}: {}; save the script as UTF-8 text", origin, line,
                  text[bad] == '\0' ? "the line holds a NUL byte" : "the line is not valid UTF-8"));
}

void throw_faults(const std::vector<std::string>& faults, ScriptFormat format) {
  if (faults.empty()) return;
  const std::string_view example = format == ScriptFormat::Sql    ? kExampleScript
                                   : format == ScriptFormat::Yaml ? kExampleYamlScript
                                                                  : "";
  throw Error(Reason::InvalidScripts, fmt::format("{}", fmt::join(faults, "\n")),
              example.empty() ? "" : fmt::format("a script begins like this:\n{}", example));
}

}  // namespace engine
