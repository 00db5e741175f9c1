// SPDX-License-Identifier: Apache-2.0
#include "engine/host/child_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "engine/core/error.h"

namespace engine {
namespace {

namespace fs = std::filesystem;

constexpr std::array<const char*, 3> kLoaderVariables = {"LD_LIBRARY_PATH", "LD_PRELOAD",
                                                         "LD_AUDIT"};

std::string value_of(const Environment& environment, const std::string& name) {
  const auto found = environment.find(name);
  return found == environment.end() ? std::string() : found->second;
}

bool is_program(const std::string& path) {
  std::error_code ignored;
  return ::access(path.c_str(), X_OK) == 0 && fs::is_regular_file(path, ignored);
}

class SpawnActions {
 public:
  SpawnActions(const ChildProcess& child, const ChildStreams& streams) {
    posix_spawn_file_actions_init(&actions_);
    if (!child.folder.empty()) {
      posix_spawn_file_actions_addchdir_np(&actions_, child.folder.c_str());
    }
    if (streams.socket >= 0) {
      posix_spawn_file_actions_adddup2(&actions_, streams.socket, kChildSocket);
    }
    if (streams.in >= 0) posix_spawn_file_actions_adddup2(&actions_, streams.in, STDIN_FILENO);
    if (streams.out >= 0) {
      for (const int stream : {STDOUT_FILENO, STDERR_FILENO}) {
        posix_spawn_file_actions_adddup2(&actions_, streams.out, stream);
      }
    } else if (child.output == ChildProcess::Output::ToStandardError) {
      posix_spawn_file_actions_adddup2(&actions_, STDERR_FILENO, STDOUT_FILENO);
    } else if (child.output == ChildProcess::Output::Nowhere) {
      for (const int stream : {STDOUT_FILENO, STDERR_FILENO}) {
        posix_spawn_file_actions_addopen(&actions_, stream, "/dev/null", O_WRONLY, 0);
      }
    }
  }
  ~SpawnActions() { posix_spawn_file_actions_destroy(&actions_); }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_ = {};
};

// StopSignals blocks signals in every thread of ours; a child must not inherit that.
class SpawnAttributes {
 public:
  explicit SpawnAttributes(bool own_group) {
    posix_spawnattr_init(&attributes_);
    sigset_t signals;
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes_, &signals);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT})
      sigaddset(&signals, signal);
    posix_spawnattr_setsigdefault(&attributes_, &signals);
    const int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    posix_spawnattr_setflags(&attributes_,
                             static_cast<short>(own_group ? flags | POSIX_SPAWN_SETPGROUP : flags));
  }
  ~SpawnAttributes() { posix_spawnattr_destroy(&attributes_); }
  SpawnAttributes(const SpawnAttributes&) = delete;
  SpawnAttributes& operator=(const SpawnAttributes&) = delete;
  const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_ = {};
};

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> result;
  for (std::string& word : words) result.push_back(word.data());
  result.push_back(nullptr);
  return result;
}

// False: with WNOHANG, it still runs.
bool wait_for(pid_t child, int options, ChildEnd& end) {
  int status = 0;
  pid_t waited = 0;
  while ((waited = ::waitpid(child, &status, options)) < 0) {
    if (errno != EINTR) return true;  // somebody else has waited for all children
  }
  if (waited == 0) return false;
  end = WIFSIGNALED(status) ? ChildEnd{128 + WTERMSIG(status), WTERMSIG(status)}
                            : ChildEnd{WEXITSTATUS(status), 0};
  return true;
}

// Throws Error(InvalidUsage).
pid_t spawn(const ChildProcess& child, const ChildStreams& streams,
            const SpawnAttributes& attributes, const Environment& environment) {
  const std::string path = find_program(child.program, environment);
  std::vector<std::string> words = {child.program};
  words.insert(words.end(), child.arguments.begin(), child.arguments.end());
  std::vector<std::string> variables;
  for (const auto& [name, value] : environment) variables.push_back(name + "=" + value);
  const SpawnActions actions(child, streams);
  pid_t pid = -1;
  const int error = path.empty()
                        ? ENOENT
                        : ::posix_spawn(&pid, path.c_str(), actions.get(), attributes.get(),
                                        pointers(words).data(), pointers(variables).data());
  if (error != 0) {
    throw Error(
        Reason::InvalidUsage,
        fmt::format("cannot run {}{}: {}", child.program,
                    child.folder.empty() ? "" : " in " + child.folder, std::strerror(error)),
        path.empty() ? "it is not in any folder of PATH" : "");
  }
  return pid;
}

bool is_inside(const fs::path& file, const fs::path& folder) {
  const fs::path path = file.lexically_normal();
  return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first ==
         folder.end();
}

// Lists of the loader are separated by colons, and by spaces in LD_PRELOAD.
std::string without_folder(const std::string& list, const fs::path& folder) {
  std::string kept;
  std::size_t begin = 0;
  while (begin <= list.size()) {
    const std::size_t end = std::min(list.find_first_of(": ", begin), list.size());
    const std::string entry = list.substr(begin, end - begin);
    if (!entry.empty() && !is_inside(entry, folder)) kept += (kept.empty() ? "" : ":") + entry;
    begin = end + 1;
  }
  return kept;
}

class WordSplitter {
 public:
  WordSplitter(std::string_view text, std::string_view what) : text_(text), what_(what) {}

  std::vector<std::string> split() {
    while (position_ < text_.size()) {
      const char c = text_[position_++];
      if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
        end_word();
        continue;
      }
      inside_ = true;
      if (c == '\'' || c == '"') {
        read_quoted(c);
      } else if (c == '\\') {
        word_ += next("No escaped character");
      } else {
        word_ += c;
      }
    }
    end_word();
    return std::move(words_);
  }

 private:
  char next(std::string_view fault) {
    if (position_ == text_.size()) {
      throw Error(Reason::InvalidUsage, fmt::format("{}: {}", what_, fault),
                  "quotes and backslashes are read as a shell reads them");
    }
    return text_[position_++];
  }

  void read_quoted(char quote) {
    for (char c = next("No closing quotation"); c != quote; c = next("No closing quotation")) {
      if (c == '\\' && quote == '"') {
        c = next("No escaped character");
        if (c != '"' && c != '\\') word_ += '\\';
      }
      word_ += c;
    }
  }

  void end_word() {
    if (inside_) words_.push_back(std::exchange(word_, {}));
    inside_ = false;
  }

  std::string_view text_;
  std::string_view what_;
  std::size_t position_ = 0;
  bool inside_ = false;
  std::string word_ = {};
  std::vector<std::string> words_ = {};
};

}  // namespace

std::string find_program(const std::string& name, const Environment& environment) {
  if (name.find('/') != std::string::npos) return name;
  const std::string path = value_of(environment, "PATH");
  std::size_t begin = 0;
  while (!name.empty() && begin <= path.size()) {
    const std::size_t end = std::min(path.find(':', begin), path.size());
    const std::string candidate = (fs::path(path.substr(begin, end - begin)) / name).string();
    if (is_program(candidate)) return candidate;
    begin = end + 1;
  }
  return {};
}

bool has_ended(pid_t child, ChildEnd& end) { return wait_for(child, WNOHANG, end); }

pid_t start_child(const ChildProcess& child, const ChildStreams& streams,
                  const Environment& environment) {
  return spawn(child, streams, SpawnAttributes(true), environment);
}

ChildEnd run_child(const ChildProcess& child, const Environment& environment) {
  ChildEnd end;
  wait_for(spawn(child, {}, SpawnAttributes(false), environment), 0, end);
  return end;
}

Environment child_environment(const Environment& environment, const fs::path& executable) {
  const fs::path root = executable.parent_path().parent_path();
  Environment result = environment;
  result.erase(kHostSocketVariable);
  if (root.empty() || root == "/" || root == "/usr" || root == "/usr/local") return result;
  for (const char* name : kLoaderVariables) {
    const auto found = result.find(name);
    if (found == result.end()) continue;
    found->second = without_folder(found->second, root / "lib");
    if (found->second.empty()) result.erase(found);
  }
  return result;
}

std::vector<std::string> split_words(std::string_view text, std::string_view what) {
  return WordSplitter(text, what).split();
}

}  // namespace engine
