// SPDX-License-Identifier: Apache-2.0
#include "operator/kube/watch.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "operator/kube/json_fields.h"

namespace kube {
namespace {

constexpr const char* kTooLarge = "ResourceVersionTooLarge";

std::string metadata_text(const Json& object, const char* name) {
  const Json* metadata = member(object, "metadata");
  return metadata ? text_at(*metadata, name) : std::string();
}

bool is_resource_version(std::string_view text) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return !text.empty() && text.front() != '0' && std::all_of(text.begin(), text.end(), digit);
}

bool is_complete(const Json& object) {
  return !metadata_text(object, "name").empty() && !resource_version_of(object).empty();
}

// The API server has no cause code of a fixed name in old versions, but always one of the two.
bool has_cause_too_large(const Json& status) {
  const Json* details = member(status, "details");
  const Json* causes = details ? member(*details, "causes") : nullptr;
  if (causes && causes->is_array()) {
    for (const Json& cause : *causes)
      if (text_at(cause, "reason") == kTooLarge) return true;
  }
  return text_at(status, "message").find("Too large resource version") != std::string::npos;
}

Message read_error_event(const Json& status) {
  const Json* code = member(status, "code");
  if (!code || !code->is_number_integer()) return Malformed{};
  Refused refused = read_refusal(code->get<int>(), status);
  const bool gone = refused.reason == "Expired" || refused.reason == "Gone";
  if (gone || refused.status == 410 || refused.status == 429 || refused.status == 504)
    return refused;
  return Malformed{};
}

bool is_gone(const Refused& refused) {
  return refused.status == 410 || refused.reason == "Expired" || refused.reason == "Gone";
}

Next after_refused_list(const MustList& list, const Refused& refused) {
  if (is_gone(refused)) {
    const bool was_paging = !list.continue_token.empty();
    return {.state = MustList{.whole = was_paging}, .back_off = !was_paging};
  }
  // Too large: this server is behind the one that gave the version. 400, 422: it does not know the
  // parameter, or the token.
  const bool start_over =
      refused.reason == kTooLarge || refused.status == 400 || refused.status == 422;
  if (start_over) return {.state = MustList{}, .back_off = true};
  if (refused.status != 0) return {.state = list, .back_off = true};
  // Without an answer: it may have been too large for us.
  const bool is_paged = list.not_older_than.empty() && !list.whole;
  return {.state = MustList{.continue_token = list.continue_token,
                            .page_size =
                                is_paged ? std::max(list.page_size / 5, kSmallestPage) : kPageSize},
          .back_off = true};
}

Next after_refused_watch(const MustWatch& watch, const Refused& refused) {
  const std::string& last =
      refused.resource_version.empty() ? watch.resource_version : refused.resource_version;
  if (is_gone(refused)) return {.state = MustList{.not_older_than = last}, .back_off = false};
  const bool start_over = refused.reason == kTooLarge || refused.status == 400 ||
                          refused.status == 404 || refused.status == 422;
  if (start_over) return {.state = MustList{}, .back_off = true};
  return {.state = MustWatch{last}, .back_off = true};
}

}  // namespace

std::vector<std::string> LineDecoder::feed(std::string_view bytes) {
  std::vector<std::string> lines;
  while (!bytes.empty()) {
    const auto end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end);
    if (rest_.size() + piece.size() > longest_line_)
      throw TransportError("a line of the answer is longer than " + std::to_string(longest_line_) +
                           " bytes");
    rest_ += piece;
    if (end == std::string_view::npos) break;
    if (!rest_.empty()) lines.push_back(std::exchange(rest_, {}));
    bytes.remove_prefix(end + 1);
  }
  return lines;
}

std::optional<int> compare_resource_versions(std::string_view a, std::string_view b) {
  if (!is_resource_version(a) || !is_resource_version(b)) return {};
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  const int order = a.compare(b);
  return order < 0 ? -1 : (order > 0 ? 1 : 0);
}

Request next_request(const WatchState& state, const Collection& collection, int timeout_seconds) {
  Request request{.path = collection_path(collection.kind, collection.ns)};
  if (!collection.label_selector.empty())
    request.query["labelSelector"] = collection.label_selector;
  if (const auto* watch = std::get_if<MustWatch>(&state)) {
    request.query["watch"] = "1";
    request.query["allowWatchBookmarks"] = "true";
    request.query["resourceVersion"] = watch->resource_version;
    request.query["timeoutSeconds"] = std::to_string(timeout_seconds);
    return request;
  }
  const auto& list = std::get<MustList>(state);
  if (!list.not_older_than.empty()) {
    request.query["resourceVersion"] = list.not_older_than;
    request.query["resourceVersionMatch"] = "NotOlderThan";
  } else if (!list.whole) {
    request.query["limit"] = std::to_string(list.page_size);
    if (!list.continue_token.empty()) request.query["continue"] = list.continue_token;
  }
  return request;
}

Key key_of(const Json& object) {
  return {.ns = metadata_text(object, "namespace"), .name = metadata_text(object, "name")};
}

std::string resource_version_of(const Json& object) {
  return metadata_text(object, "resourceVersion");
}

Message read_event(Json& document) {
  if (!document.is_object()) return Malformed{};
  const std::string type = text_at(document, "type");
  const auto object = document.find("object");
  if (object == document.end() || !object->is_object()) return Malformed{};
  if (type == "ERROR") return read_error_event(*object);
  if (type == "BOOKMARK") {
    if (resource_version_of(*object).empty()) return Malformed{};
    return Event{.type = Event::Type::Bookmark, .object = &*object};
  }
  if (!is_complete(*object)) return Malformed{};
  if (type == "ADDED") return Event{.type = Event::Type::Added, .object = &*object};
  if (type == "MODIFIED") return Event{.type = Event::Type::Modified, .object = &*object};
  if (type == "DELETED") return Event{.type = Event::Type::Deleted, .object = &*object};
  return Malformed{};
}

std::optional<Page> read_page(Json& document) {
  Page page;
  page.done = {.resource_version = resource_version_of(document),
               .continue_token = metadata_text(document, "continue")};
  if (page.done.resource_version.empty()) return {};
  const auto items = document.find("items");
  if (items == document.end() || items->is_null()) return page;  // Go writes an empty list as null
  if (!items->is_array()) return {};
  for (Json& item : *items) {
    if (!is_complete(item)) return {};
    page.items.push_back(std::move(item));
  }
  return page;
}

Refused read_refusal(int status, const Json& document) {
  Refused refused{.status = status,
                  .reason = text_at(document, "reason"),
                  .resource_version = {},
                  .message = text_at(document, "message")};
  if (status == 504 && has_cause_too_large(document)) refused.reason = kTooLarge;
  const Json* details = member(document, "details");
  const Json* seconds = details ? member(*details, "retryAfterSeconds") : nullptr;
  if (seconds && seconds->is_number_unsigned()) {
    refused.retry_after = std::chrono::seconds(
        std::min<std::uint64_t>(seconds->get<std::uint64_t>(), kLongestRetryAfter.count()));
  }
  return refused;
}

Next after(const WatchState& state, const Outcome& outcome) {
  if (std::holds_alternative<Malformed>(outcome)) return {.state = MustList{}, .back_off = true};
  if (const auto* refused = std::get_if<Refused>(&outcome)) {
    if (const auto* list = std::get_if<MustList>(&state))
      return after_refused_list(*list, *refused);
    return after_refused_watch(std::get<MustWatch>(state), *refused);
  }
  if (const auto* page = std::get_if<PageDone>(&outcome)) {
    if (!page->continue_token.empty())
      return {.state = MustList{.continue_token = page->continue_token,
                                .page_size = std::get<MustList>(state).page_size},
              .back_off = false};
    return {.state = MustWatch{page->resource_version}, .back_off = false};
  }
  return {.state = MustWatch{std::get<WatchEnded>(outcome).resource_version}, .back_off = false};
}

std::chrono::milliseconds Backoff::next(double jitter) {
  constexpr double kFirst = 800;
  constexpr double kLongest = 30'000;
  const double pause = std::min(kFirst * std::ldexp(1.0, step_), kLongest);
  if (pause < kLongest) ++step_;
  return std::chrono::milliseconds(static_cast<long>(pause * (1.0 + jitter)));
}

}  // namespace kube
