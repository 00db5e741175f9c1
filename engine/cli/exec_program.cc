// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/exec_program.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "engine/host/child_process.h"

namespace engine {
namespace {

namespace fs = std::filesystem;

constexpr int kNotFound = 127;
constexpr int kNoProgram = 126;

CannotExec cannot(int exit_code, const std::string& program, const std::string& cause,
                  std::string hint = {}) {
  return {exit_code, fmt::format("cannot start {}: {}", program, cause), std::move(hint)};
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

// A file of that name in PATH that is no program; empty: there is none.
std::string useless_file(const std::string& name, const Environment& environment) {
  const auto path = environment.find("PATH");
  if (path == environment.end()) return {};
  std::size_t begin = 0;
  while (begin <= path->second.size()) {
    const std::size_t end = std::min(path->second.find(':', begin), path->second.size());
    const fs::path file = fs::path(path->second.substr(begin, end - begin)) / name;
    std::error_code ignored;
    if (fs::is_regular_file(file, ignored)) return file.string();
    begin = end + 1;
  }
  return {};
}

}  // namespace

std::optional<CannotExec> check_program(const std::string& program,
                                        const Environment& environment) {
  std::error_code error;
  if (program.find('/') == std::string::npos) {
    if (!find_program(program, environment).empty()) return {};
    const std::string file = useless_file(program, environment);
    if (!file.empty()) return cannot(kNoProgram, file, std::strerror(EACCES));
    return cannot(kNotFound, program, "it is not in any folder of PATH");
  }
  if (::access(program.c_str(), F_OK) != 0) {
    return cannot(errno == EACCES ? kNoProgram : kNotFound, program, std::strerror(errno));
  }
  if (fs::is_directory(program, error)) return cannot(kNoProgram, program, std::strerror(EISDIR));
  if (::access(program.c_str(), X_OK) != 0) {
    return cannot(kNoProgram, program, std::strerror(errno));
  }
  return {};
}

CannotExec exec_program(const std::vector<std::string>& words, const Environment& environment) {
  std::vector<std::string> arguments = words;
  std::vector<std::string> variables;
  for (const auto& [name, value] : environment) variables.push_back(name + "=" + value);
  ::execvpe(words.front().c_str(), pointers(arguments).data(), pointers(variables).data());
  const int error = errno;
  return cannot(error == ENOENT ? kNotFound : kNoProgram, words.front(), std::strerror(error));
}

}  // namespace engine
