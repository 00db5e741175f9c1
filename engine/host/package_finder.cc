// SPDX-License-Identifier: Apache-2.0
#include "engine/host/package_finder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "engine/host/child_process.h"
#include "engine/host/interpreter.h"

namespace engine {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kPatience{30'000};
constexpr milliseconds kLook{5};

// A package may lie in several folders; each is told on a line of its own.
constexpr const char* kQuestion =
    "import importlib.util, os, sys\n"
    "sys.path[:1] = []\n"
    "try:\n"
    "    spec = importlib.util.find_spec(sys.argv[1])\n"
    "except ImportError:\n"
    "    spec = None\n"
    "found = list(spec.submodule_search_locations or ()) if spec else []\n"
    "os.write(int(sys.argv[2]), ''.join(path + '\\n' for path in found).encode())\n";

std::vector<std::string> python_path(const Environment& environment) {
  std::vector<std::string> roots;
  const auto variable = environment.find("PYTHONPATH");
  if (variable == environment.end()) return roots;
  const std::string& text = variable->second;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(':', begin), text.size());
    if (end > begin) roots.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return roots;
}

// lib/python3.11/site-packages of a virtual environment or a build of one's own, Debian's folders.
std::vector<std::string> package_folders(const Interpreter& interpreter) {
  std::vector<std::string> roots;
  const fs::path prefix = fs::path(interpreter.path).parent_path().parent_path();
  for (const fs::path& library : {prefix / "lib", prefix / "local/lib"}) {
    std::error_code error;
    for (fs::directory_iterator it(library, error), end; !error && it != end; it.increment(error)) {
      if (!it->path().filename().string().starts_with("python3")) continue;
      for (const char* name : {"site-packages", "dist-packages"}) {
        std::error_code ignored;
        if (fs::is_directory(it->path() / name, ignored)) roots.push_back(it->path() / name);
      }
    }
  }
  return roots;
}

// Only where there is no choice: which version of Python it is, only the interpreter knows.
std::optional<fs::path> find_only(const PackageFolder& wanted,
                                  const std::vector<std::string>& roots) {
  std::optional<fs::path> found;
  for (const std::string& root : roots) {
    const auto here = find_below(wanted, {root});
    if (!here) continue;
    if (found) return std::nullopt;
    found = here;
  }
  return found;
}

std::string read_all(int descriptor) {
  const auto give_up_at = Clock::now() + kPatience;
  std::string text;
  std::array<char, 4'096> buffer{};
  for (;;) {
    const auto left = std::chrono::duration_cast<milliseconds>(give_up_at - Clock::now());
    pollfd waiting{descriptor, POLLIN, 0};
    if (left.count() <= 0) return {};
    if (::poll(&waiting, 1, static_cast<int>(left.count())) <= 0) continue;
    const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

void wait_for_end(pid_t child) {
  const auto give_up_at = Clock::now() + kPatience;
  ChildEnd end;
  while (!has_ended(child, end)) {
    if (Clock::now() >= give_up_at) ::kill(-child, SIGKILL);
    std::this_thread::sleep_for(kLook);
  }
}

std::optional<fs::path> ask(const Interpreter& interpreter, const PackageFolder& wanted,
                            const Environment& environment) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return std::nullopt;
  const ChildProcess child{interpreter.path,
                           {"-c", kQuestion, wanted.package, fmt::format("{}", kChildSocket)},
                           {},
                           ChildProcess::Output::ToStandardError};
  pid_t pid = -1;
  try {
    pid = start_child(child, {.socket = ends[1]}, environment);
  } catch (const Error&) {
    for (const int end : ends) ::close(end);
    throw;
  }
  ::close(ends[1]);
  const std::string told = read_all(ends[0]);
  ::close(ends[0]);
  wait_for_end(pid);
  std::optional<fs::path> nearest;
  for (std::size_t begin = 0; begin < told.size();) {
    const std::size_t end = std::min(told.find('\n', begin), told.size());
    const fs::path folder = fs::path(told.substr(begin, end - begin)) / wanted.folder;
    std::error_code ignored;
    if (fs::is_directory(folder, ignored)) return folder;
    if (!nearest) nearest = folder;
    begin = end + 1;
  }
  return nearest;
}

}  // namespace

FoundPackage find_installed_package(const PackageFolder& wanted, const Settings& settings,
                                    const Environment& environment) {
  if (auto found = find_below(wanted, python_path(environment))) return {found, {}};
  try {
    const Interpreter interpreter = find_interpreter(settings, environment);
    if (auto found = find_only(wanted, package_folders(interpreter))) return {found, {}};
    return {ask(interpreter, wanted, environment),
            fmt::format(", in PYTHONPATH, or where {} ({}) has packages", interpreter.path,
                        interpreter.origin)};
  } catch (const Error& error) {
    return {{}, fmt::format(", or in PYTHONPATH; {}", error.message())};
  }
}

}  // namespace engine
