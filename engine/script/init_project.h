// SPDX-License-Identifier: Apache-2.0
//
// `init` and `list_templates`: a folder for scripts and the file of settings that names it.
#pragma once

#include <filesystem>
#include <string>

#include "engine/script/status.h"

namespace engine {

inline constexpr const char* kDefaultProjectTemplate = "sql";

struct InitRequest {
  std::filesystem::path directory = {};
  std::filesystem::path config_file = "alembic.ini";  // what --config says
  std::string project_template = kDefaultProjectTemplate;
  bool package = false;  // __init__.py in both folders
};

// Returns what remains to be said, a line or two, each with its end. Throws Error(InvalidUsage)
// before anything is made: "Directory D already exists and is not empty", "No such template T".
std::string init_project(const InitRequest&, const Status&);

// `program`: the name that the example has.
std::string list_templates_text(const std::string& program);

}  // namespace engine
