// SPDX-License-Identifier: Apache-2.0
//
// Lines to a reader that may be slow or gone: writing never waits for it.
#pragma once

#include <chrono>
#include <string>

namespace engine {

class EventPipe {
 public:
  // An open descriptor that was handed to us; programs that are started do not inherit it, unless
  // it is a standard stream. Throws Error(InvalidUsage) "--events N: ..." when it is not open for
  // writing.
  explicit EventPipe(int descriptor);
  ~EventPipe();
  EventPipe(const EventPipe&) = delete;
  EventPipe& operator=(const EventPipe&) = delete;

  // Without its line end. What the reader does not take now is kept, up to 256 KiB, and goes out
  // with later calls. False: there was no room, and the line is dropped.
  bool write(const std::string& line);
  // Hands out what is kept; waits for the reader for `patience` at most.
  void finish(std::chrono::milliseconds patience);
  // The reader has gone, or the file cannot be written: from then on nothing is. Says why.
  const std::string& fault() const { return fault_; }

 private:
  void flush();
  bool is_ready(std::chrono::milliseconds patience) const;

  int descriptor_;
  int own_ = -1;  // another open file description of it, which is ours to make non-blocking
  bool is_socket_ = false;
  std::string kept_ = {};
  std::string fault_ = {};
};

}  // namespace engine
