// SPDX-License-Identifier: Apache-2.0
//
// The list/watch protocol as a pure state machine: no socket, no clock, no thread. What the states do to
// requests, and what each kind of end leads to (docs/decisions/002-list-watch.md has the table).
#pragma once

#include <chrono>
#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "operator/kube/http.h"
#include "operator/kube/resource_kind.h"

namespace kube {

using Json = nlohmann::json;

// Bytes -> lines. A rest without '\n' at the end of a stream is a cut, never a line.
class LineDecoder {
 public:
  explicit LineDecoder(std::size_t longest_line = 8u << 20) : longest_line_(longest_line) {}
  // Complete lines, without '\n'; empty lines are passed over. Throws TransportError past the bound.
  std::vector<std::string> feed(std::string_view bytes);
  bool has_rest() const { return !rest_.empty(); }

 private:
  std::size_t longest_line_;
  std::string rest_;
};

struct Collection {
  ResourceKind kind = {};
  std::string ns = {};              // empty: all namespaces
  std::string label_selector = {};  // empty: everything
};

// resourceVersion order (KEP-5504): decimal strings of any length. Empty result: not comparable.
std::optional<int> compare_resource_versions(std::string_view a, std::string_view b);

struct Event {
  enum class Type { Added, Modified, Deleted, Bookmark };
  Type type = Type::Added;
  Json* object = nullptr;  // valid during the call
};

// States. MustList: the next request is a page of a list. MustWatch: a watch from `resource_version`.
struct MustList {
  std::string continue_token = {};    // empty: first page
  std::string not_older_than = {};    // empty: consistent read
};
struct MustWatch {
  std::string resource_version = {};
};
using WatchState = std::variant<MustList, MustWatch>;

// `timeout_seconds`: what the server is asked to keep a watch open for (jitter is the caller's).
Request next_request(const WatchState&, const Collection&, int timeout_seconds);

// How a list page or a watch went.
struct PageDone { std::string resource_version = {}, continue_token = {}; };
struct WatchEnded { std::string resource_version = {}; };                 // properly, or cut: same
struct Refused { int status = 0; std::string reason = {}; std::string resource_version = {}; };
struct Malformed {};                                                      // not a watch event
using Outcome = std::variant<PageDone, WatchEnded, Refused, Malformed>;

struct Next {
  WatchState state = MustList{};
  bool back_off = false;          // wait before the next request
};
Next after(const WatchState&, const Outcome&);

// 0.8 s doubling to 30 s, times 1..2 by `jitter` in [0,1); reset after a healthy 120 s is the caller's.
class Backoff {
 public:
  std::chrono::milliseconds next(double jitter);
  void reset() { step_ = 0; }

 private:
  int step_ = 0;
};

}  // namespace kube
