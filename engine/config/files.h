// SPDX-License-Identifier: Apache-2.0
//
// Finding and reading configuration files, and the folders that they name.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/config/settings.h"

namespace engine {

// What -c and -n said.
struct ConfigRequest {
  std::vector<std::string> names = {};  // pyproject.toml, *.yaml or *.yml, else an ini file
  std::string section = "alembic";
  bool may_be_missing = false;  // `init` writes the file that -c names
};

// Reads what is there of the files named, and of alembic.ini, pyproject.toml and stillhead.yaml in
// the current folder for each kind that is not named; ALEMBIC_CONFIG takes the place of the default
// name of its kind. The environment is taken over. Throws Error(InvalidUsage): two files of a kind,
// a named file that does not exist, a file that cannot be read or is larger than 1 MiB.
ConfigSources read_config_files(const ConfigRequest&, const Environment&);

struct ScriptFolders {
  std::filesystem::path location = {};  // exists; as configured, relative to the current folder
  // version_locations; empty: the location itself, or its subfolder `versions`.
  std::vector<std::filesystem::path> versions = {};
  bool recursive = false;
};

// Names with a colon are folders in Python packages, "package:folder", looked for below
// prepend_sys_path and the current folder. Throws Error(InvalidScripts) when the location does not
// exist, and what Settings::script_location() throws.
ScriptFolders find_script_folders(const Settings&);

}  // namespace engine
