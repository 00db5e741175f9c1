// SPDX-License-Identifier: Apache-2.0
#include "operator/kube/reflector.h"

#include <fmt/core.h>

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <nlohmann/json.hpp>
#include <random>
#include <utility>

#include "operator/kube/api_client.h"

namespace kube {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kListTimeout{60};
constexpr int kShortestWatch = 240;  // seconds that the server is asked for; jitter is added
constexpr int kWatchJitter = 50;
constexpr seconds kIdleMargin{10};
constexpr seconds kHealthy{120};        // after that long a watch the back-off starts anew
constexpr seconds kSuspiciousWatch{1};  // shorter and without an event: something closes them
constexpr milliseconds kSpread{1000};   // so that not everybody comes back at once

void pause_until_stop(milliseconds pause, std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  wake.wait_for(lock, stop, pause, [] { return false; });
}

Json parse(const std::string& text) { return Json::parse(text, nullptr, false); }

Object stored(Json object) {
  object["metadata"].erase("managedFields");
  return std::make_shared<const Json>(std::move(object));
}

bool is_older(const Json& a, const Json& b) {
  const auto order = compare_resource_versions(resource_version_of(a), resource_version_of(b));
  return order && *order < 0;
}

std::string describe(const Refused& refused) {
  std::string text = refused.status == 0 ? "no answer" : std::to_string(refused.status);
  if (!refused.reason.empty()) text += " " + refused.reason;
  if (!refused.message.empty()) text += ": " + refused.message.substr(0, 2048);
  return text;
}

Refused refusal_of(const Response& response) {
  Refused refused = read_refusal(response.status, parse(response.body));
  if (const auto header = retry_after(response)) {
    refused.retry_after = std::max(refused.retry_after, std::min(*header, kLongestRetryAfter));
  }
  if (refused.message.empty()) refused.message = response.body.substr(0, 2048);
  return refused;
}

}  // namespace

// Where the loop is.
struct Reflector::Progress {
  WatchState state = MustList{};
  std::map<Key, Object> pages = {};   // of the list under way
  std::string resource_version = {};  // the last one seen in the watch under way
  bool saw_event = false;             // in the watch under way
  bool short_watch = false;           // the watch that has ended was suspicious
  std::chrono::steady_clock::time_point listed_at = {};
  Backoff backoff = {};
};

Reflector::Surroundings Reflector::real_surroundings() {
  auto engine = std::make_shared<std::minstd_rand>(std::random_device{}());
  return {.now = [] { return std::chrono::steady_clock::now(); },
          .pause = pause_until_stop,
          .random = [engine] { return std::uniform_real_distribution<double>(0.0, 1.0)(*engine); }};
}

Reflector::Reflector(HttpTransport& transport, Collection collection, OnChange on_change,
                     OnTrouble on_trouble, Surroundings surroundings)
    : transport_(transport),
      collection_(std::move(collection)),
      on_change_(std::move(on_change)),
      on_trouble_(std::move(on_trouble)),
      surroundings_(std::move(surroundings)) {}

void Reflector::run(std::stop_token stop) {
  Progress progress;
  while (!stop.stop_requested()) {
    const bool listing = std::holds_alternative<MustList>(progress.state);
    const Outcome outcome = attempt(progress, stop);
    if (stop.stop_requested()) return;

    const Next next = after(progress.state, outcome);
    progress.state = next.state;
    if (!listing && !next.back_off &&
        surroundings_.now() - progress.listed_at >= surroundings_.resync) {
      progress.state = MustList{};
    }
    const auto* list = std::get_if<MustList>(&progress.state);
    if (list && list->continue_token.empty()) progress.pages.clear();

    if (next.back_off || progress.short_watch) {
      const auto* refused = std::get_if<Refused>(&outcome);
      const milliseconds asked = refused ? refused->retry_after : seconds(0);
      surroundings_.pause(std::max(asked, progress.backoff.next(surroundings_.random())), stop);
    } else if (!listing) {
      surroundings_.pause(
          std::chrono::duration_cast<milliseconds>(kSpread * surroundings_.random()), stop);
    }
  }
}

// Whatever goes wrong, the thread goes on.
Outcome Reflector::attempt(Progress& progress, const std::stop_token& stop) {
  try {
    const bool listing = std::holds_alternative<MustList>(progress.state);
    return listing ? list_page(progress, stop) : watch(progress, stop);
  } catch (const std::exception& error) {
    tell("list or watch failed", error.what());
    return Malformed{};
  }
}

Outcome Reflector::list_page(Progress& progress, std::stop_token stop) {
  progress.short_watch = false;
  Response response;
  try {
    response = transport_.send(next_request(progress.state, collection_, 0), kListTimeout, stop);
  } catch (const TransportError& lost) {
    if (!stop.stop_requested()) tell("list failed", lost.what());
    return Refused{.message = lost.what()};
  }
  if (response.status != 200) {
    Refused refused = refusal_of(response);
    tell("list refused", describe(refused));
    return refused;
  }
  Json document = parse(response.body);
  std::optional<Page> page = read_page(document);
  if (!page) {
    tell("list is malformed", "an answer 200 is not a complete list");
    return Malformed{};
  }
  for (Json& item : page->items) {
    const Key key = key_of(item);
    progress.pages[key] = stored(std::move(item));
  }
  if (page->done.continue_token.empty()) {
    progress.listed_at = surroundings_.now();
    replace(std::exchange(progress.pages, {}));
  }
  return page->done;
}

Outcome Reflector::watch(Progress& progress, std::stop_token stop) {
  const auto until_resync =
      std::chrono::ceil<seconds>(surroundings_.resync - (surroundings_.now() - progress.listed_at));
  const seconds open_for =
      std::clamp(seconds(kShortestWatch + static_cast<int>(kWatchJitter * surroundings_.random())),
                 seconds(1), std::max(until_resync, seconds(1)));
  const Request request =
      next_request(progress.state, collection_, static_cast<int>(open_for.count()));
  progress.resource_version = std::get<MustWatch>(progress.state).resource_version;
  progress.saw_event = false;
  progress.short_watch = false;

  const auto started = surroundings_.now();
  LineDecoder lines;
  std::optional<Outcome> end;  // an event that ends the watch
  const auto on_bytes = [&](std::string_view bytes) {
    for (const std::string& line : lines.feed(bytes)) {
      if (!end) end = take_line(line, progress);
    }
    if (end) throw TransportError("the watch is over");
  };
  Response response;
  std::string cut;
  try {
    response = transport_.stream(request, on_bytes, open_for + kIdleMargin, stop);
    if (lines.has_rest()) cut = "it ended in the middle of an event";
  } catch (const TransportError& lost) {
    cut = lost.what();
  }
  if (stop.stop_requested()) return WatchEnded{progress.resource_version};
  if (end) return *end;
  if (response.status != 0 && response.status != 200) {
    Refused refused = refusal_of(response);
    refused.resource_version = progress.resource_version;
    tell("watch refused", describe(refused));
    return refused;
  }
  const auto lasted = surroundings_.now() - started;
  if (lasted >= kHealthy) progress.backoff.reset();
  progress.short_watch = lasted < kSuspiciousWatch && !progress.saw_event;
  if (!cut.empty()) {
    tell("watch lost", cut);
  } else if (progress.short_watch) {
    tell("watch lost", "it ended at once");
  }
  return WatchEnded{progress.resource_version};
}

// Empty: the watch goes on.
std::optional<Outcome> Reflector::take_line(const std::string& line, Progress& progress) {
  Json document = parse(line);
  Message message = read_event(document);
  if (std::holds_alternative<Malformed>(message)) {
    tell("watch is malformed", line.substr(0, 256));
    return Malformed{};
  }
  if (auto* refused = std::get_if<Refused>(&message)) {
    refused->resource_version = progress.resource_version;
    tell("watch refused", describe(*refused));
    return *refused;
  }
  const Event& event = std::get<Event>(message);
  progress.saw_event = true;
  // The place to resume from never goes back.
  const std::string version = resource_version_of(*event.object);
  if (compare_resource_versions(version, progress.resource_version).value_or(1) > 0)
    progress.resource_version = version;
  if (event.type != Event::Type::Bookmark) apply(event);
  return {};
}

void Reflector::apply(const Event& event) {
  const Key key = key_of(*event.object);
  const Object object = stored(std::move(*event.object));
  {
    const std::lock_guard lock(mutex_);
    const auto known = objects_.find(key);
    if (known != objects_.end() && is_older(*object, *known->second)) return;
    if (event.type == Event::Type::Deleted) {
      if (known == objects_.end()) return;
      objects_.erase(known);
    } else {
      if (known != objects_.end() && *known->second == *object) return;
      objects_[key] = object;
    }
  }
  if (on_change_) on_change_(key, *object);
}

// The list is the truth, whatever the versions say: a restored etcd goes back in time.
void Reflector::replace(const std::map<Key, Object>& listed) {
  std::map<Key, Object> before;
  {
    const std::lock_guard lock(mutex_);
    before = std::exchange(objects_, listed);
    synced_ = true;
  }
  if (!on_change_) return;
  for (const auto& [key, object] : listed) {
    const auto known = before.find(key);
    if (known == before.end() || *known->second != *object) on_change_(key, *object);
  }
  for (const auto& [key, object] : before)
    if (!listed.contains(key)) on_change_(key, *object);
}

void Reflector::tell(const char* what, const std::string& detail) const {
  if (on_trouble_) on_trouble_(what, fmt::format("{}: {}", collection_.kind.plural, detail));
}

bool Reflector::synced() const {
  const std::lock_guard lock(mutex_);
  return synced_;
}

Object Reflector::find(const Key& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = objects_.find(key);
  return found == objects_.end() ? nullptr : found->second;
}

std::vector<Object> Reflector::list() const {
  const std::lock_guard lock(mutex_);
  std::vector<Object> objects;
  objects.reserve(objects_.size());
  for (const auto& [key, object] : objects_) objects.push_back(object);
  return objects;
}

std::size_t Reflector::size() const {
  const std::lock_guard lock(mutex_);
  return objects_.size();
}

}  // namespace kube
