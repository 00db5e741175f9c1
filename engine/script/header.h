// SPDX-License-Identifier: Apache-2.0
//
// What the headers of all script formats have in common. Internal to engine/script.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/core/operation.h"
#include "engine/core/revision.h"

namespace engine {

inline constexpr std::string_view kExampleScript =
    "-- revision: 4f1c2a9b0d3e\n"
    "-- down_revision: None\n"
    "-- message: create users\n"
    "\n"
    "-- stillhead:upgrade\n"
    "CREATE TABLE users (id integer PRIMARY KEY);\n"
    "\n"
    "-- stillhead:downgrade\n"
    "DROP TABLE users;\n";

inline constexpr std::string_view kExampleYamlScript =
    "revision: 4f1c2a9b0d3e\n"
    "down_revision: null\n"
    "message: create users\n"
    "upgrade:\n"
    "  - execute: CREATE TABLE users (id integer PRIMARY KEY)\n"
    "downgrade:\n"
    "  - execute: DROP TABLE users\n";

struct HeaderReading {
  Revision revision = {};
  std::vector<std::string> faults = {};  // "origin:line: what; what to do"
};

// Characters that are not allowed in .sql and .yaml: Alembic's four and what people copy from
// Python lists.
inline constexpr std::string_view kIllegalInIds = " \t@-+:,;'\"`()[]{}\\";
inline constexpr std::string_view kIllegalInLabels = " \t@:,;'\"`()[]{}\\";

// What is wrong with an id or a label; empty: nothing. Control characters are never allowed.
// `what`: "revision identifier", or the key.
struct NameFault {
  std::string what = {};
  std::string remedy = {};
};
NameFault check_name(std::string_view what, std::string_view name, std::string_view illegal);

// The first paragraph as one line (Alembic's `doc`).
std::string first_paragraph(std::string_view doc);

// Adds a fault for the first line of `text` that holds a NUL byte or is not UTF-8; `line` is the
// number of the line that `text` begins with.
void check_encoding(std::string_view text, int line, std::string_view origin,
                    std::vector<std::string>& faults);

// Throws Error(InvalidScripts) with all faults, one a line, and an example of the format; does
// nothing when there are none.
void throw_faults(const std::vector<std::string>& faults, ScriptFormat format);

// Headers and bodies by format; `origin` names the text in errors. A header's text may be cut off
// behind the header, but for Python, whose text is whole.
HeaderReading read_python_header(std::string_view text, std::string_view origin);
HeaderReading read_yaml_header(std::string_view text, std::string_view origin);
ScriptBody parse_yaml_body(std::string_view text, std::string_view origin);

}  // namespace engine
