// SPDX-License-Identifier: Apache-2.0
//
// Settings of a connection in libpq's names. Pure.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace engine {

class Keywords {
 public:
  const std::vector<std::pair<std::string, std::string>>& entries() const { return entries_; }
  std::string_view get(std::string_view name) const;  // empty: not set
  void set(std::string_view name, std::string value);
  void set_default(std::string_view name, std::string value);

  // Takes one host out of the lists `host` and `port`. False: it is the only one, or not in the
  // list.
  bool drop_host(const std::string& host, const std::string& port);

 private:
  std::vector<std::pair<std::string, std::string>> entries_ = {};
};

struct Patience {
  std::chrono::milliseconds total{0};
  std::chrono::milliseconds each{0};  // for one of several hosts
};

// connect_timeout is libpq's, for each host; its non-blocking calls leave it to the caller.
Patience patience_of(const Keywords&, std::chrono::milliseconds timeout);

}  // namespace engine
