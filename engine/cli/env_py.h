// SPDX-License-Identifier: Apache-2.0
//
// Commands that run no revision, in projects where env.py has the say: it is run once to learn
// where the database is, or the project's own Alembic runs the whole command.
#pragma once

#include <stop_token>

#include "engine/cli/commands.h"
#include "engine/cli/options.h"
#include "engine/core/revision_graph.h"

namespace engine {

// The command looks at a database, or changes it without running scripts.
bool only_needs_database(const Command&);

struct ToldByEnvPy {
  Options options = {};  // with the URL and the version table that env.py gives to configure()
  bool is_first_of_several = false;  // databases
};
// Throws what ScriptHost::run() throws.
ToldByEnvPy as_env_py_says(const Options&, const CommandContext&, const RevisionGraph&);

// Only Python can do it: `check`, `revision --autogenerate`, `--sql` with Python scripts, a new
// script whose template holds Python.
bool is_for_alembic(const Options&, const RevisionGraph&);
// Runs it; what it prints is printed. Throws what ScriptHost::run() throws; Error(NotUpToDate) when
// `check` has found something to do.
void run_in_alembic(const Options&, const CommandContext&, const RevisionGraph&);

}  // namespace engine
