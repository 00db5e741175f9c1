// SPDX-License-Identifier: Apache-2.0
#include "engine/host/host_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <thread>

#include "engine/core/error.h"
#include "engine/host/python_modules.h"

namespace engine {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kSlice{100};  // how soon a request to stop is seen
constexpr milliseconds kLook{5};
constexpr std::size_t kLongestMessage = std::size_t{1} << 30;  // bytes

}  // namespace

HostProcess::HostProcess(const std::string& python, ChildProcess::Output output,
                         const Environment& environment) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    throw Error(Reason::Bug, fmt::format("cannot make a socket: {}", std::strerror(errno)));
  }
  socket_ = ends[0];
  const ChildProcess child{
      python, {"-c", std::string(python_bootstrap()), fmt::format("{}", kChildSocket)}, {}, output};
  try {
    child_ = start_child(child, {.socket = ends[1]}, environment);
  } catch (const Error&) {
    ::close(ends[1]);
    close_socket();
    throw;
  }
  ::close(ends[1]);
  send(python_modules());
}

HostProcess::HostProcess(int socket) : socket_(socket) {
  if (::fcntl(socket_, F_SETFD, FD_CLOEXEC) != 0) {
    socket_ = -1;
    throw Error(Reason::InvalidUsage, fmt::format("{} names no open file descriptor: {}",
                                                  kHostSocketVariable, std::strerror(errno)));
  }
  send(python_modules());
}

HostProcess::~HostProcess() { end(milliseconds(0)); }

void HostProcess::send(std::string message) {
  message += '\n';
  for (std::size_t sent = 0; sent < message.size();) {
    const ssize_t count =
        ::send(socket_, message.data() + sent, message.size() - sent, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return;
    sent += static_cast<std::size_t>(count);
  }
}

std::optional<std::string> HostProcess::take_line() {
  const std::size_t end = received_.find('\n', searched_);
  if (end == std::string::npos) {
    searched_ = received_.size();
    return std::nullopt;
  }
  std::string line = received_.substr(0, end);
  received_.erase(0, end + 1);
  searched_ = 0;
  return line;
}

std::optional<std::string> HostProcess::receive(const std::stop_token& stop) {
  for (;;) {
    if (auto line = take_line()) return line;
    if (received_.size() > kLongestMessage) {
      throw Error(Reason::MigrationFailed, "a statement or value is larger than 1 GiB");
    }
    if (stop.stop_requested()) {
      throw Error(Reason::Interrupted, "interrupted", "run the same command again");
    }
    pollfd waiting{socket_, POLLIN, 0};
    if (::poll(&waiting, 1, static_cast<int>(kSlice.count())) <= 0) continue;
    const ssize_t count = ::recv(socket_, part_.data(), part_.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return std::nullopt;
    received_.append(part_.data(), static_cast<std::size_t>(count));
  }
}

bool HostProcess::has_hung_up(milliseconds patience) const {
  pollfd waiting{socket_, POLLRDHUP, 0};
  return ::poll(&waiting, 1, static_cast<int>(patience.count())) > 0;
}

void HostProcess::hang_up() { ::shutdown(socket_, SHUT_RDWR); }

bool HostProcess::wait_until_ended(milliseconds patience, ChildEnd& end) {
  const auto give_up_at = Clock::now() + patience;
  while (!has_ended(child_, end)) {
    if (Clock::now() >= give_up_at) return false;
    std::this_thread::sleep_for(kLook);
  }
  return true;
}

ChildEnd HostProcess::end(milliseconds grace) {
  close_socket();
  ChildEnd end;
  if (child_ < 0) return end;
  for (const int signal : {SIGTERM, SIGKILL}) {
    if (wait_until_ended(grace, end)) break;
    ::kill(-child_, signal);
  }
  if (end.signal == 0 && end.exit_code == 0) wait_until_ended(milliseconds(5'000), end);
  child_ = -1;
  return end;
}

void HostProcess::close_socket() {
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
}

}  // namespace engine
