// SPDX-License-Identifier: Apache-2.0
//
// The list/watch protocol as a pure state machine: no socket, no clock, no thread. What the states
// do to requests, and what each kind of end leads to (docs/decisions/002-list-watch.md has the
// table).
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
  // Complete lines, without '\n'; empty lines are passed over. Throws TransportError past the
  // bound.
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
  Json* object = nullptr;  // inside the document that was read; has a resourceVersion
};

// States. MustList: the next request is a page of a list. MustWatch: a watch from
// `resource_version`.
inline constexpr int kPageSize = 500;
inline constexpr int kSmallestPage = 20;
struct MustList {
  std::string continue_token = {};  // empty: first page
  std::string not_older_than = {};  // empty: consistent read; else unpaged
  bool whole = false;               // unpaged: the continue token has expired once
  int page_size = kPageSize;  // smaller after pages that did not arrive: they may be too large
  friend bool operator==(const MustList&, const MustList&) = default;
};
struct MustWatch {
  std::string resource_version = {};
  friend bool operator==(const MustWatch&, const MustWatch&) = default;
};
using WatchState = std::variant<MustList, MustWatch>;

// `timeout_seconds`: what the server is asked to keep a watch open for (jitter is the caller's).
Request next_request(const WatchState&, const Collection&, int timeout_seconds);

// How a list page or a watch went.
struct PageDone {
  std::string resource_version = {};
  std::string continue_token = {};
};
// Properly, or cut: same.
struct WatchEnded {
  std::string resource_version = {};
};
// Status 0: no answer. `reason` is that of the Status, or of its cause ResourceVersionTooLarge.
struct Refused {
  int status = 0;
  std::string reason = {};
  std::string resource_version = {};    // the last one seen
  std::string message = {};             // for people
  std::chrono::seconds retry_after{0};  // what the server asks for, at most kLongestRetryAfter
};
inline constexpr std::chrono::seconds kLongestRetryAfter{300};
// Neither a list nor a watch event; or an ERROR event that trying again at the same place may
// repeat.
struct Malformed {};
using Outcome = std::variant<PageDone, WatchEnded, Refused, Malformed>;

// One line of a watch. Malformed: anything that is not exactly an event.
using Message = std::variant<Event, Refused, Malformed>;
Message read_event(Json& document);

struct Page {
  // Each with name and resourceVersion. No `= {}`: clang wants the complete type for that.
  std::vector<Json> items;
  PageDone done = {};
};
std::optional<Page> read_page(Json& document);  // moves the items out; empty: not a complete list

// A Status (or anything else) as the answer `status`. Takes over details.retryAfterSeconds.
Refused read_refusal(int status, const Json& document);

// Of an object that read_event or read_page has let through; else empty strings.
Key key_of(const Json& object);
std::string resource_version_of(const Json& object);

struct Next {
  WatchState state = MustList{};
  bool back_off = false;  // wait before the next request
};
Next after(const WatchState&, const Outcome&);

// 0.8 s doubling to 30 s, times 1..2 by `jitter` in [0,1); reset after a healthy 120 s is the
// caller's.
class Backoff {
 public:
  std::chrono::milliseconds next(double jitter);
  void reset() { step_ = 0; }

 private:
  int step_ = 0;
};

}  // namespace kube
