// SPDX-License-Identifier: Apache-2.0
//
// Programs of the user: editors, hooks, interpreters. Started without a shell.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "engine/config/settings.h"

namespace engine {

struct ChildProcess {
  std::string program = {};  // a path, or a name to be looked for in PATH
  std::vector<std::string> arguments = {};
  std::string folder = {};  // where it runs; empty: here
  enum class Output { Inherit, ToStandardError, Nowhere } output = Output::Inherit;
};

struct ChildEnd {
  int exit_code = 0;
  int signal = 0;  // not 0: what killed it
};

// Streams that take the place of ours; -1: as ChildProcess::output says.
struct ChildStreams {
  int in = -1;
  int out = -1;     // also standard error
  int socket = -1;  // becomes the child's descriptor kChildSocket; -1: it has none
};
inline constexpr int kChildSocket = 3;

// Names the end of a socket that leads to a program which runs scripts itself; no child gets it.
inline constexpr const char* kHostSocketVariable = "STILLHEAD_HOST_FD";

// Begins it in a process group of its own. Throws what run_child throws.
pid_t start_child(const ChildProcess&, const ChildStreams&, const Environment&);
// False: it still runs.
bool has_ended(pid_t child, ChildEnd&);

// The child has the default signals and standard streams of ours. Throws Error(InvalidUsage)
// "cannot run PROGRAM: cause".
ChildEnd run_child(const ChildProcess&, const Environment&);

// Where PATH has `name`; a name with a slash stays as it is. Empty: nowhere.
std::string find_program(const std::string& name, const Environment&);

// What children get. `executable`: what /proc/self/exe points to; the libraries of a bundle that
// holds it are taken out of LD_LIBRARY_PATH, LD_PRELOAD and LD_AUDIT: they are of another system
// than the child's. Without kHostSocketVariable.
Environment child_environment(const Environment&, const std::filesystem::path& executable);

// Words as a POSIX shell splits them, quotes and backslashes obeyed, nothing expanded (Python's
// shlex.split). Throws Error(InvalidUsage): "WHAT: No closing quotation", "WHAT: No escaped
// character".
std::vector<std::string> split_words(std::string_view text, std::string_view what);

}  // namespace engine
