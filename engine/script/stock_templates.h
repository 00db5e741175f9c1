// SPDX-License-Identifier: Apache-2.0
//
// The files that projects get from us: what `init` writes, and what a new script is made of where
// the project has no template.
#pragma once

#include <string_view>

#include "engine/core/revision.h"

namespace engine {

std::string_view stock_script_template(ScriptFormat);
// The name of a project's own template: script.py.mako, script.sql, script.yaml.
std::string_view template_file_name(ScriptFormat);
// With ${script_location}.
std::string_view stock_ini_template();
// The first line says what the template is for; `list_templates` shows it.
std::string_view stock_readme();

}  // namespace engine
