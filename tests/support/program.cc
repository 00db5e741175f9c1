// SPDX-License-Identifier: Apache-2.0
#include "tests/support/program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <thread>

namespace test {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kPatience = std::chrono::seconds(60);

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

}  // namespace

RunningProgram::RunningProgram(const std::string& program, std::vector<std::string> arguments,
                               std::map<std::string, std::string> environment)
    : started_(Clock::now()) {
  const char* path = std::getenv("PATH");
  environment.emplace("PATH", path == nullptr ? "/usr/bin:/bin" : path);
  std::vector<std::string> variables;
  for (const auto& [name, value] : environment)
    variables.push_back(fmt::format("{}={}", name, value));
  arguments.insert(arguments.begin(), program);

  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, (output_ / "out").c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_addopen(&files, STDERR_FILENO, (output_ / "err").c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0600);
  std::vector<char*> argv = pointers(arguments);
  std::vector<char*> envp = pointers(variables);
  const int error = posix_spawn(&pid_, program.c_str(), &files, nullptr, argv.data(), envp.data());
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) throw std::runtime_error("cannot start " + program + ": " + strerror(error));
}

RunningProgram::~RunningProgram() {
  if (ended_) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

std::string RunningProgram::command_line() const {
  std::ifstream file("/proc/" + std::to_string(pid_) + "/cmdline", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void RunningProgram::send(int signal) {
  started_ = Clock::now();
  kill(pid_, signal);
}

ProgramEnd RunningProgram::wait() {
  int status = 0;
  const auto deadline = Clock::now() + kPatience;
  while (waitpid(pid_, &status, WNOHANG) == 0) {
    if (Clock::now() > deadline) {
      throw std::runtime_error("the program does not end; it has printed:\n" + out() + err());
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  ended_ = true;
  ProgramEnd end;
  end.duration = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - started_);
  end.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  end.out = out();
  end.err = err();
  return end;
}

ProgramEnd run_program(const std::string& program, std::vector<std::string> arguments,
                       std::map<std::string, std::string> environment) {
  return RunningProgram(program, std::move(arguments), std::move(environment)).wait();
}

}  // namespace test
