// SPDX-License-Identifier: Apache-2.0
//
// A folder of scripts -> revisions. Formats: docs/scripts.md.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/operation.h"
#include "engine/core/revision.h"

namespace engine {

// `location` itself, or its subfolder `versions` when there is one (Alembic's layout).
// Throws Error(InvalidScripts) when `location` is no folder.
std::filesystem::path versions_folder(const std::filesystem::path& location);

// Where scripts are. Folders in the order in which they are read.
struct ScriptLocations {
  std::vector<std::filesystem::path> folders = {};
  bool recursive = false;     // their subfolders too, but no symbolic links to folders
  bool may_be_empty = false;  // no script at all, or folders that do not exist, are no fault
};

// Headers of all scripts, in Alembic's order: by location, in each the files of a folder sorted by
// name, then its subfolders. Scripts are *.py (unless the name begins with ".#" or "__init__", or
// is env.py) and *.sql, *.yaml, *.yml (unless it begins with '.' or '_', or is stillhead.yaml); a
// file that is reached a second time is ignored. Nothing is run, bodies are not looked at. Throws
// Error(InvalidScripts) that lists every faulty header with file, line and what to write instead,
// or says that there is no script.
std::vector<Revision> read_scripts(const ScriptLocations& locations);
// versions_folder(location) alone.
std::vector<Revision> read_scripts(const std::filesystem::path& location);

// The file of a revision that read_scripts returned, as it is. Throws Error(InvalidScripts).
std::string read_source(const Revision&);
// The body in such a text. Throws Error(InvalidScripts): also when it is another revision's, and
// for Python always: this version does not run it.
ScriptBody parse_body(const Revision&, std::string_view source);
// Throws Error(InvalidScripts) for Python.
void refuse_python(const Revision&);
// Reads and parses.
ScriptBody read_body(const Revision&);
// The header of a whole script, whose format its file's name tells. Throws Error(InvalidScripts).
Revision parse_header(std::string_view source, const std::string& file);
// The text is UTF-8 without NUL bytes, as every .sql and .yaml script is.
bool is_text(std::string_view source);

// SHA-256 of what `(cd DIR && LC_ALL=C sha256sum -- *)` prints, 64 hex digits;
// DIR = versions_folder(location). A line "<hex>  <name>\n" for each regular file and each symbolic
// link to one, sorted by name; names beginning with '.' and folders are passed over. Throws
// Error(InvalidScripts).
std::string folder_digest(const std::filesystem::path& location);

// Header and body of one annotated .sql text; `origin` names it in errors. Throws
// Error(InvalidScripts).
Revision parse_sql_header(std::string_view text, std::string_view origin);
ScriptBody parse_sql_body(std::string_view text, std::string_view origin);

}  // namespace engine
