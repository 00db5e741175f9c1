// SPDX-License-Identifier: Apache-2.0
//
// Where the project's interpreter has a package installed.
#pragma once

#include "engine/config/files.h"
#include "engine/config/settings.h"

namespace engine {

// Looks for files first: in PYTHONPATH, then in the folders for packages of the interpreter
// (find_interpreter). Where these have nothing, as after `pip install --editable`, the interpreter
// is asked; it imports the package's parents, and what these print is on standard error.
FoundPackage find_installed_package(const PackageFolder&, const Settings&, const Environment&);

}  // namespace engine
