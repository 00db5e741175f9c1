// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/event_pipe.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include "engine/core/error.h"

namespace engine {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t kMostKept = 256 * 1024;  // bytes

}  // namespace

EventPipe::EventPipe(int descriptor) : descriptor_(descriptor) {
  const int flags = ::fcntl(descriptor, F_GETFL);
  struct stat status {};
  if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY || ::fstat(descriptor, &status) != 0) {
    throw Error(
        Reason::InvalidUsage,
        fmt::format("--events {}: this file descriptor is not open for writing", descriptor),
        "open it where the program is started, such as `--events 3 3>events.jsonl`");
  }
  if (descriptor > STDERR_FILENO) ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  is_socket_ = S_ISSOCK(status.st_mode);
  // To make the one that others have, too, non-blocking would change theirs. A terminal may stop
  // in the middle of a write.
  if (S_ISCHR(status.st_mode)) {
    own_ = ::open(fmt::format("/proc/self/fd/{}", descriptor).c_str(),
                  O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (own_ >= 0) descriptor_ = own_;
  }
}

EventPipe::~EventPipe() {
  if (own_ >= 0) ::close(own_);
}

bool EventPipe::is_ready(milliseconds patience) const {
  pollfd waiting{descriptor_, POLLOUT, 0};
  return ::poll(&waiting, 1, static_cast<int>(patience.count())) > 0;
}

// A pipe that is ready takes PIPE_BUF bytes without waiting.
void EventPipe::flush() {
  while (!kept_.empty() && fault_.empty() && is_ready(milliseconds(0))) {
    const std::size_t size = std::min<std::size_t>(kept_.size(), PIPE_BUF);
    const ssize_t written =
        is_socket_ ? ::send(descriptor_, kept_.data(), size, MSG_DONTWAIT | MSG_NOSIGNAL)
                   : ::write(descriptor_, kept_.data(), size);
    if (written > 0) kept_.erase(0, static_cast<std::size_t>(written));
    if (written >= 0 || errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return;
    fault_ = std::strerror(errno);
    kept_.clear();
  }
}

bool EventPipe::write(const std::string& line) {
  if (!fault_.empty()) return true;
  flush();
  if (kept_.size() + line.size() + 1 > kMostKept) return false;
  kept_ += line;
  kept_ += '\n';
  flush();
  return true;
}

void EventPipe::finish(milliseconds patience) {
  const auto deadline = Clock::now() + patience;
  flush();
  while (!kept_.empty() && fault_.empty()) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
    if (left <= milliseconds(0) || !is_ready(left)) return;
    flush();
  }
}

}  // namespace engine
