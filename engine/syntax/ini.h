// SPDX-License-Identifier: Apache-2.0
//
// Python's configparser format as Alembic reads it: sections of `key = value` or `key: value`,
// values continued on deeper indented lines, `#` and `;` comments on lines of their own (nothing is
// cut off a line that holds more), keys without regard to case, [DEFAULT] behind every section.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/contract/report.h"

namespace engine {

struct IniOption {
  std::string name = {};   // lower case
  std::string value = {};  // as written, lines joined by '\n'; `%` not yet interpreted
  int line = 0;            // 1-based, where the option begins
};

struct IniSection {
  std::string name = {};
  int line = 0;
  std::vector<IniOption> options = {};  // in the file's order
};

struct IniDocument {
  std::string origin = {};   // what errors call the text
  IniSection defaults = {};  // [DEFAULT]
  std::vector<IniSection> sections = {};

  // nullptr: not there. The name's case counts.
  const IniSection* find_section(std::string_view name) const;
  // Of the section, else of [DEFAULT]; nullptr: not there, or there is no such section.
  const IniOption* find(std::string_view section, std::string_view lower_case_name) const;
  // Of the section and of [DEFAULT], those that find() returns. Empty: there is no such section.
  std::vector<const IniOption*> options_of(std::string_view section) const;
};

// Throws Error(`reason`) that names every fault as "origin:line: what; what to do", one a line: no
// section before the first option, a line that is neither section nor option, a section or an
// option that stands twice, text that is not UTF-8. A byte order mark and any line ends are
// understood.
IniDocument parse_ini(std::string_view text, std::string_view origin, Reason reason);

// Names that the file itself does not define, spelt as in the reference; nullopt: unknown. What it
// returns is taken as it is.
using IniVariables = std::function<std::optional<std::string>(std::string_view name)>;

// The outcome of an interpolation. A fault begins with where it is, and never holds the value.
struct Interpolated {
  std::string text = {};   // empty if there is a fault
  std::string fault = {};  // "origin:line: 'key' what; what to do"; empty: none
};

// The value of `option`, which find() has returned for `section`, with `%%` as `%` and `%(name)s`
// as the value of that name: of the section, of [DEFAULT], of `variables`. Values refer to values,
// up to ten deep. Faults: unknown name, circle, `%` before anything else, more than 1 MiB.
Interpolated interpolate(const IniDocument&, std::string_view section, const IniOption& option,
                         const IniVariables& variables);

// The same for one text that has no section: names are those of `variables` only. `where` begins
// the fault.
Interpolated interpolate_text(std::string_view text, std::string_view where,
                              const IniVariables& variables);

}  // namespace engine
