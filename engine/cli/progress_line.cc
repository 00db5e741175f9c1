// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/progress_line.h"

#include <fmt/format.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <condition_variable>

#include "engine/cli/paint.h"
#include "engine/cli/print.h"
#include "engine/cli/progress_words.h"

namespace engine {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPatience{300};  // what ends before is not drawn
constexpr milliseconds kInterval{100};
constexpr std::size_t kUnknownWidth = 80;

std::size_t width_of(int terminal) {
  winsize size{};
  if (ioctl(terminal, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kUnknownWidth;
  return size.ws_col;
}

std::string on_one_line(std::string_view text) {
  std::string result = printable(text);
  std::ranges::replace_if(
      result, [](char c) { return c == '\n' || c == '\t'; }, ' ');
  return result;
}

}  // namespace

void ProgressText::begin(std::string what, TimePoint now) {
  what_ = std::move(what);
  detail_.clear();
  since_ = now;
}

void ProgressText::end() {
  what_.clear();
  detail_.clear();
}

std::string ProgressText::text(TimePoint now) const {
  if (what_.empty() || now - since_ < kPatience) return {};
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - since_).count();
  const std::string elapsed = seconds < 60 ? fmt::format("{} s", seconds)
                                           : fmt::format("{} min {} s", seconds / 60, seconds % 60);
  return on_one_line(
      fmt::format("{}: {}{}{}", what_, elapsed, detail_.empty() ? "" : ", ", detail_));
}

ProgressLine::ProgressLine(TerminalLine& line, int terminal) : line_(line), terminal_(terminal) {
  thread_ = std::jthread([this](const std::stop_token& stop) { draw(stop); });
}

ProgressLine::~ProgressLine() {
  thread_.request_stop();
  thread_.join();
  line_.clear();
}

void ProgressLine::waiting_for_lock(const std::string& holder) {
  const std::lock_guard lock(mutex_);
  if (!in_step_ && !text_.is_going_on()) {
    text_.begin("waiting for another run to end", std::chrono::steady_clock::now());
  }
  text_.add(in_step_ ? fmt::format("waiting for {}", holder.empty() ? "another user" : holder)
                     : holder);
}

void ProgressLine::before_step(const Step& step, const Revision& revision, int number, int count) {
  const std::lock_guard lock(mutex_);
  in_step_ = true;
  text_.begin(fmt::format("[{}/{}] {}{}{}", number, count, step.revision,
                          revision.message.empty() ? "" : ", ", revision.message),
              std::chrono::steady_clock::now());
}

void ProgressLine::step_started(const Step& step, const Revision& revision, int number, int count) {
  before_step(step, revision, number, count);
}

void ProgressLine::retrying(const std::string& /*what*/, int attempt, int attempts,
                            const std::string& blockers, milliseconds pause) {
  const std::lock_guard lock(mutex_);
  text_.add(retry_text(attempt, attempts, blockers, pause));
}

void ProgressLine::progressed(const StatementProgress& progress) {
  const std::lock_guard lock(mutex_);
  text_.add(progress_text(progress));
}

void ProgressLine::step_finished(const Step& /*step*/, const Revision& /*revision*/,
                                 milliseconds /*duration*/) {
  const std::lock_guard lock(mutex_);
  in_step_ = false;
  text_.end();
}

void ProgressLine::draw(const std::stop_token& stop) {
  std::condition_variable_any never;
  std::unique_lock lock(mutex_);
  while (!never.wait_for(lock, stop, kInterval, [&] { return stop.stop_requested(); })) {
    if (stop.stop_requested()) return;
    const std::string text = text_.text(std::chrono::steady_clock::now());
    if (text.empty()) {
      line_.clear();
    } else {
      line_.draw(shortened_to(text, width_of(terminal_) - 1));
    }
  }
}

}  // namespace engine
