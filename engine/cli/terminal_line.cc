// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/terminal_line.h"

namespace engine {
namespace {

constexpr std::string_view kClear = "\r\033[K";

}  // namespace

void TerminalLine::draw(const std::string& text) {
  const std::lock_guard lock(mutex_);
  if (text == drawn_) return;
  write_(std::string(kClear) + text);
  drawn_ = text;
}

void TerminalLine::clear() {
  const std::lock_guard lock(mutex_);
  clear_locked();
}

std::unique_lock<std::mutex> TerminalLine::make_room() {
  std::unique_lock lock(mutex_);
  clear_locked();
  return lock;
}

void TerminalLine::clear_locked() {
  if (!drawn_.empty()) write_(kClear);
  drawn_.clear();
}

std::string shortened_to(std::string text, std::size_t width) {
  std::size_t characters = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool goes_on = (static_cast<unsigned char>(text[i]) & 0xC0U) == 0x80U;
    if (!goes_on && ++characters > width) {
      text.resize(i);
      break;
    }
  }
  return text;
}

}  // namespace engine
