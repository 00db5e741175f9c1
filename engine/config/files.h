// SPDX-License-Identifier: Apache-2.0
//
// Finding and reading configuration files, and the folders that they name.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
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

// Throws Error(InvalidScripts) when the location does not exist, and what the settings throw.
ScriptFolders find_script_folders(const Settings&);

// A folder in a Python package, as Alembic names one: "package.sub:folder:folder".
struct PackageFolder {
  std::string package = {};           // "package.sub"
  std::filesystem::path folder = {};  // "folder/folder"
};

// Below the first of `roots` that has all of it, or else the package.
std::optional<std::filesystem::path> find_below(const PackageFolder&,
                                                const std::vector<std::string>& roots);

// Where packages are looked for that are not below prepend_sys_path or the current folder. Without
// a folder, `looked` says where: "in PYTHONPATH, nor ...".
struct FoundPackage {
  std::optional<std::filesystem::path> folder = {};
  std::string looked = {};
};
using FindPackage = std::function<FoundPackage(const PackageFolder&)>;

// Puts folders in the place of packages in script_location and version_locations. One that is
// nowhere becomes an Error(InvalidUsage) that is thrown when the setting is asked for.
void resolve_packages(Settings&, const FindPackage& elsewhere);

}  // namespace engine
