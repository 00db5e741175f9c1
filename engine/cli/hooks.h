// SPDX-License-Identifier: Apache-2.0
//
// Post-write hooks: programs that the settings name, run on each new script.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/cli/status_lines.h"
#include "engine/config/settings.h"
#include "engine/host/child_process.h"

namespace engine {

struct HookCommand {
  std::string name = {};
  ChildProcess child = {};
  // Run before, without output; unless it exits with 0, `missing` is the error.
  ChildProcess probe = {};
  std::string missing = {};
};

// What is to be run on `script`; the hooks' options are type, and executable, entrypoint or module,
// options, cwd. Pure: ask before the script is written. Throws
// Error(InvalidUsage), in Alembic's words: no type, no such type, a missing option.
std::vector<HookCommand> plan_hooks(const std::vector<PostWriteHook>&,
                                    const std::filesystem::path& script);

// Runs them one after the other, each with what Alembic prints ("Running post write hook 'x' ...",
// "  done"); `say` must flush, since the child writes to the same stream. Returns warnings: which
// hook ended with which exit code; as in Alembic that is no error. Throws Error(InvalidUsage) for
// what cannot be started.
std::vector<std::string> run_hooks(const std::vector<HookCommand>&, ChildProcess::Output,
                                   const Environment&, const Say& say);

}  // namespace engine
