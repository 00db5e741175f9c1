// SPDX-License-Identifier: Apache-2.0
//
// The last line of a terminal, which is drawn again and again, and makes room for lines that stay.
// For any thread.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <string_view>

namespace engine {

class TerminalLine {
 public:
  // `write` gets text with control sequences.
  explicit TerminalLine(std::function<void(std::string_view)> write) : write_(std::move(write)) {}
  ~TerminalLine() { clear(); }
  TerminalLine(const TerminalLine&) = delete;
  TerminalLine& operator=(const TerminalLine&) = delete;

  // Takes the place of what is drawn. One line, no wider than the terminal.
  void draw(const std::string& text);
  void clear();
  // Clears the line, and keeps others from drawing while the result lives.
  std::unique_lock<std::mutex> make_room();

 private:
  void clear_locked();

  std::function<void(std::string_view)> write_;
  std::mutex mutex_ = {};
  std::string drawn_ = {};
};

// The first so many characters of `text`, counting those of UTF-8 as one each.
std::string shortened_to(std::string text, std::size_t width);

}  // namespace engine
