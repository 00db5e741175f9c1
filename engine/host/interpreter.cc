// SPDX-License-Identifier: Apache-2.0
#include "engine/host/interpreter.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <optional>

#include "engine/host/child_process.h"

namespace engine {
namespace {

namespace fs = std::filesystem;

constexpr std::array<const char*, 2> kNames = {"python3", "python"};

bool can_be_run(const std::string& path) { return ::access(path.c_str(), X_OK) == 0; }

std::string in_environment(const fs::path& folder) {
  for (const char* name : kNames) {
    std::string path = (folder / "bin" / name).string();
    if (can_be_run(path)) return path;
  }
  return {};
}

// "#!/srv/venv/bin/python3", or the `'''exec' "/a long/path/python" "$0" "$@"` below "#!/bin/sh"
// that pip writes for a path which does not fit into the first line.
std::string interpreter_of(const std::string& program) {
  std::ifstream file(program);
  std::string line;
  if (!std::getline(file, line) || !line.starts_with("#!")) return {};
  if (line.find("python") == std::string::npos && !std::getline(file, line)) return {};
  constexpr std::string_view kExec = "'''exec' ";
  std::string path = line.starts_with("#!") ? line.substr(2) : "";
  if (line.starts_with(kExec)) path = line.substr(kExec.size());
  if (path.starts_with("\"")) {
    path = path.substr(1, path.find('"', 1) - 1);
  } else {
    path.erase(0, path.find_first_not_of(" \t"));
    path = path.substr(0, path.find_first_of(" \t\r"));
  }
  const bool is_python = fs::path(path).filename().string().starts_with("python");
  return is_python && can_be_run(path) ? path : "";
}

std::string of_alembic(const Environment& environment) {
  const std::string program = find_program("alembic", environment);
  return program.empty() ? "" : interpreter_of(program);
}

}  // namespace

Interpreter find_interpreter(const Settings& settings, const Environment& environment) {
  if (settings.is_set(Key::Python)) {
    return {settings.text(Key::Python), settings.origin(Key::Python)};
  }
  if (const auto found = environment.find("VIRTUAL_ENV"); found != environment.end()) {
    std::string path = in_environment(found->second);
    if (!path.empty()) return {path, "VIRTUAL_ENV"};
  }
  if (std::string path = of_alembic(environment); !path.empty()) {
    return {path, "the first line of alembic in PATH"};
  }
  if (std::string path = in_environment(".venv"); !path.empty()) return {path, ".venv"};
  if (std::string path = find_program("python3", environment); !path.empty()) {
    return {path, "python3 in PATH"};
  }
  throw Error(Reason::InvalidUsage, "no Python was found to run the project's scripts",
              "name the interpreter of the project: `python: PATH` in stillhead.yaml, or "
              "STILLHEAD_PYTHON");
}

}  // namespace engine
