// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/hook_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "engine/core/error.h"
#include "engine/host/child_process.h"

namespace engine {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kSlice = 20;                   // ms
constexpr std::size_t kLongestLine = 8'192;  // bytes; a longer one is cut into several

class Descriptor {
 public:
  explicit Descriptor(int value = -1) : value_(value) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int value() const { return value_; }
  bool is_open() const { return value_ >= 0; }
  void set(int value) { value_ = value; }
  void close() {
    if (value_ >= 0) ::close(value_);
    value_ = -1;
  }

 private:
  int value_;
};

void open_pipe(Descriptor& reading, Descriptor& writing) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    throw Error(Reason::Bug, std::string("cannot make a pipe: ") + std::strerror(errno));
  }
  reading.set(ends[0]);
  writing.set(ends[1]);
}

void make_non_blocking(const Descriptor& descriptor) {
  ::fcntl(descriptor.value(), F_SETFL, ::fcntl(descriptor.value(), F_GETFL) | O_NONBLOCK);
}

// Text that comes in pieces, as lines.
class Lines {
 public:
  explicit Lines(const std::function<void(const std::string&)>& say) : say_(say) {}
  void add(std::string_view text) {
    for (const char c : text) {
      if (c != '\n') line_ += c;
      if (c == '\n' || line_.size() == kLongestLine) end_line();
    }
  }
  void end() {
    if (!line_.empty()) end_line();
  }

 private:
  void end_line() {
    say_(line_);
    line_.clear();
  }

  const std::function<void(const std::string&)>& say_;
  std::string line_ = {};
};

class Conversation {
 public:
  Conversation(const HookProcess& process, const Environment& environment,
               const std::function<void(const std::string&)>& say)
      : process_(process), lines_(say) {
    Descriptor child_in;
    Descriptor child_out;
    open_pipe(child_in, in_);
    open_pipe(out_, child_out);
    make_non_blocking(in_);
    make_non_blocking(out_);
    pid_ = start_child({process.words.front(), {process.words.begin() + 1, process.words.end()}},
                       {child_in.value(), child_out.value()}, environment);
  }
  // An exception of `say` leaves nobody behind.
  ~Conversation() {
    ChildEnd ignored;
    if (has_ended_ || has_ended(pid_, ignored)) return;
    ::kill(-pid_, SIGKILL);
    while (!has_ended(pid_, ignored)) ::poll(nullptr, 0, 1);
  }
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;

  HookEnd run(const std::stop_token& stop) {
    ChildEnd child;
    while (!has_ended(pid_, child)) {
      wait();
      tell();
      hear();
      end_in_time(stop);
    }
    has_ended_ = true;
    hear();
    lines_.end();
    if (how_ == HookEnd::How::Succeeded && child.exit_code != 0) how_ = HookEnd::How::Failed;
    return {how_, child.exit_code, child.signal};
  }

 private:
  void wait() const {
    std::array<pollfd, 2> streams{{{out_.value(), POLLIN, 0}, {in_.value(), POLLOUT, 0}}};
    // Without standard output there is nothing that would wake us early.
    ::poll(streams.data(), streams.size(), out_.is_open() ? kSlice : 1);
  }

  void tell() {
    if (!in_.is_open()) return;
    const std::string_view left = std::string_view(process_.input).substr(told_);
    const ssize_t written = left.empty() ? 0 : ::write(in_.value(), left.data(), left.size());
    if (written > 0) told_ += static_cast<std::size_t>(written);
    const bool waits = written < 0 && (errno == EAGAIN || errno == EINTR);
    if (told_ == process_.input.size() || (written < 0 && !waits)) in_.close();
  }

  void hear() {
    std::array<char, 4096> buffer{};
    ssize_t got = 1;
    while (out_.is_open() && got > 0) {
      got = ::read(out_.value(), buffer.data(), buffer.size());
      if (got > 0) lines_.add({buffer.data(), static_cast<std::size_t>(got)});
      if (got == 0) out_.close();
    }
  }

  void end_in_time(const std::stop_token& stop) {
    const auto now = Clock::now();
    if (how_ == HookEnd::How::Succeeded) {
      const bool is_late = now - begin_ >= process_.timeout;
      if (!stop.stop_requested() && !is_late) return;
      how_ = stop.stop_requested() ? HookEnd::How::Stopped : HookEnd::How::TimedOut;
      kill_at_ = now + process_.grace;
      ::kill(-pid_, SIGTERM);
    } else if (now >= kill_at_) {
      ::kill(-pid_, SIGKILL);
    }
  }

  const HookProcess& process_;
  Lines lines_;
  Descriptor in_ = Descriptor();
  Descriptor out_ = Descriptor();
  pid_t pid_ = -1;
  bool has_ended_ = false;
  std::size_t told_ = 0;
  HookEnd::How how_ = HookEnd::How::Succeeded;
  Clock::time_point begin_ = Clock::now();
  Clock::time_point kill_at_ = {};
};

}  // namespace

HookEnd run_hook_process(const HookProcess& process, const Environment& environment,
                         const std::stop_token& stop,
                         const std::function<void(const std::string&)>& say) {
  return Conversation(process, environment, say).run(stop);
}

}  // namespace engine
