// SPDX-License-Identifier: Apache-2.0
//
// Projects whose scripts are Python, as `init -t NAME` begins them where the project's own Alembic
// cannot be asked for its templates: the same files, keys and behaviour, in our words.
#pragma once

#include <string>
#include <vector>

namespace engine {

struct PythonTemplate {
  std::string name = {};    // of Alembic's template: "generic"
  std::string readme = {};  // the first line says what it is for
  std::string env_py = {};
  std::string script = {};     // script.py.mako
  std::string ini = {};        // with ${script_location}
  std::string pyproject = {};  // [tool.alembic], with ${script_location}; empty: none
};

const std::vector<PythonTemplate>& python_templates();

}  // namespace engine
