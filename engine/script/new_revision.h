// SPDX-License-Identifier: Apache-2.0
//
// The file of a new revision: its name, its text, its writing. What it stands on was decided before
// (engine/core/new_node.h).
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "engine/core/new_node.h"
#include "engine/core/revision.h"
#include "engine/core/revision_graph.h"
#include "engine/script/status.h"

namespace engine {

struct NewRevision {
  NewNode node = {};
  std::optional<std::string> message =
      {};  // empty: none was given; the script says "empty message"
  std::chrono::system_clock::time_point created = {};
  ScriptFormat format = ScriptFormat::Sql;
};

// The settings of these names.
struct NewFileSettings {
  std::string file_template = "%(rev)s_%(slug)s";
  int truncate_slug_length = 40;
  std::string timezone = {};  // empty: local time
  bool recursive_version_locations = false;
};

struct NewScript {
  std::filesystem::path file = {};  // absolute
  std::string text = {};
};

// The format of the templates in `script_location` (script.py.mako, script.sql, script.yaml, in
// this order); without one, that of the revisions in `parents`, else of the last one of the
// history, else Sql.
ScriptFormat format_of_new_script(const std::filesystem::path& script_location,
                                  const RevisionGraph&, const std::vector<RevisionId>& parents);

// Where a new script belongs: `wanted` (--version-path), else the only one of `locations`, else the
// one that holds the first of `parents`. Throws Error(InvalidUsage): "Path P is not represented in
// current version locations", "Multiple version locations present, please specify --version-path".
std::filesystem::path version_location_of(const std::vector<std::filesystem::path>& locations,
                                          const std::optional<std::filesystem::path>& wanted,
                                          const RevisionGraph&,
                                          const std::vector<RevisionId>& parents);

// The folder's script.py.mako holds what only Python can render, such as a loop. Throws
// Error(InvalidUsage) when it cannot be read.
bool needs_python(const std::filesystem::path& script_location);

// Reads the template, writes nothing. Throws Error: InvalidUsage (file_template, timezone,
// message), InvalidScripts (template; what it makes is no script of this revision).
NewScript make_new_script(const NewRevision&, const std::filesystem::path& script_location,
                          const std::filesystem::path& version_location, const NewFileSettings&);

// Makes missing folders and the file, each under `status` ("Creating directory ...", "Generating
// ..."). Throws Error(InvalidUsage), when the file exists, too.
void write_new_script(const NewScript&, const Status&);

}  // namespace engine
