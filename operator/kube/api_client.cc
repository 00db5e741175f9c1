// SPDX-License-Identifier: Apache-2.0
#include "operator/kube/api_client.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "operator/kube/json_fields.h"

namespace kube {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kWholeCall{30'000};
constexpr std::chrono::seconds kLongestPause{60};  // that a server may ask all writes for
constexpr std::size_t kLongestText = 2048;

// metav1.Status, as far as there is one.
struct ServerStatus {
  std::string reason = {};
  std::string message = {};
};

ServerStatus status_of(const Response& response) {
  const Json body = Json::parse(response.body, nullptr, false);
  if (text_at(body, "kind") != "Status") return {};
  return {.reason = text_at(body, "reason"), .message = text_at(body, "message")};
}

// One line of text of at most kLongestText bytes, cut between characters.
std::string one_line(std::string text) {
  if (text.size() > kLongestText) {
    std::size_t end = kLongestText;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    text.resize(end);
    text += " ...";
  }
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

std::string intent_of(const Request& request) { return request.method + " " + request.path; }

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

bool is_success(const Response& response) {
  return response.status >= 200 && response.status < 300;
}

// The object is not there. A 404 without a Status means that the server does not know the kind, or
// is not the API server at all: never to be taken for "deleted".
bool says_not_found(const Response& response) {
  return response.status == 404 && status_of(response).reason == "NotFound";
}

Write write_outcome(const Request& request, const Response& response) {
  if (is_success(response)) return Write::Written;
  if (says_not_found(response)) return Write::NotFound;
  if (response.status == 409 && status_of(response).reason == "Conflict") return Write::Conflict;
  throw error_of(response, intent_of(request));
}

Request merge_patch_request(std::string path, const Json& patch) {
  return {.method = "PATCH",
          .path = std::move(path),
          .query = {},
          .content_type = "application/merge-patch+json",
          .body = dump(patch)};
}

}  // namespace

std::optional<std::chrono::seconds> retry_after(const Response& response) {
  const auto header = response.headers.find("retry-after");
  if (header == response.headers.end()) return {};
  const std::string& text = header->second;
  int seconds = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (fault != std::errc{} || end != text.data() + text.size() || seconds < 0) return {};
  return std::chrono::seconds(seconds);
}

ApiError::ApiError(int status, std::string reason, std::string message,
                   std::optional<std::chrono::seconds> retry_after)
    : status_(status),
      reason_(std::move(reason)),
      message_(std::move(message)),
      retry_after_(retry_after) {}

bool ApiError::retryable() const {
  if (status_ == 409) return reason_ == "Conflict";
  return status_ == 0 || status_ == 408 || status_ == 429 || status_ >= 500;
}

ApiError error_of(const Response& response, const std::string& intent) {
  const ServerStatus status = status_of(response);
  std::string cause = status.message.empty() ? response.body : status.message;
  std::string message = fmt::format("{}: {}", intent, response.status);
  if (!status.reason.empty()) message += " " + one_line(status.reason);
  cause = one_line(std::move(cause));
  if (!cause.empty()) message += ": " + cause;
  return {response.status, status.reason, std::move(message), retry_after(response)};
}

std::optional<Json> ApiClient::get(const ResourceKind& kind, const Key& key) {
  const Request request{.path = object_path(kind, key)};
  const Response response = send(request);
  if (says_not_found(response)) return {};
  if (!is_success(response)) throw error_of(response, intent_of(request));
  Json object = Json::parse(response.body, nullptr, false);
  if (!object.is_object())
    throw ApiError(0, "", intent_of(request) + ": the answer is not a JSON object");
  return object;
}

std::vector<Json> ApiClient::list(const Collection& collection) {
  const Request request = next_request(MustList{.whole = true}, collection, 0);
  const Response response = send(request);
  if (!is_success(response)) throw error_of(response, intent_of(request));
  Json document = Json::parse(response.body, nullptr, false);
  std::optional<Page> page = read_page(document);
  if (!page || !page->done.continue_token.empty())
    throw ApiError(0, "", intent_of(request) + ": the answer is not a complete list");
  return std::move(page->items);
}

Create ApiClient::create(const ResourceKind& kind, const std::string& ns, const Json& object) {
  const Request request{.method = "POST",
                        .path = collection_path(kind, ns),
                        .query = {},
                        .content_type = "application/json",
                        .body = dump(object)};
  const Response response = send(request);
  if (is_success(response)) return Create::Created;
  if (response.status == 409 && status_of(response).reason == "AlreadyExists")
    return Create::AlreadyExists;
  throw error_of(response, intent_of(request));
}

Write ApiClient::merge_patch(const ResourceKind& kind, const Key& key, const Json& patch) {
  const Request request = merge_patch_request(object_path(kind, key), patch);
  return write_outcome(request, send(request));
}

Write ApiClient::merge_patch_status(const ResourceKind& kind, const Key& key, const Json& patch) {
  const Request request = merge_patch_request(object_path(kind, key, "status"), patch);
  return write_outcome(request, send(request));
}

Write ApiClient::remove(const ResourceKind& kind, const Key& key, const DeleteOptions& options) {
  const Json body = {
      {"apiVersion", "v1"},
      {"kind", "DeleteOptions"},
      {"preconditions", {{"uid", options.uid}}},
      {"propagationPolicy",
       options.propagation == Propagation::Background ? "Background" : "Foreground"}};
  const Request request{.method = "DELETE",
                        .path = object_path(kind, key),
                        .query = {},
                        .content_type = "application/json",
                        .body = dump(body)};
  return write_outcome(request, send(request));
}

// Events bring a resource back at once, whatever an answer about it has asked for.
void ApiClient::wait_as_told(const Request& request) {
  const std::lock_guard lock(mutex_);
  const auto left = std::chrono::ceil<std::chrono::seconds>(not_before_ - Clock::now());
  if (left.count() <= 0) return;
  throw ApiError(
      429, "TooManyRequests",
      fmt::format("{}: not sent: the API server has asked for a pause", intent_of(request)), left);
}

void ApiClient::note_pause(const Response& response) {
  if (response.status != 429 && response.status != 503) return;
  const auto asked = retry_after(response);
  if (!asked) return;
  const std::lock_guard lock(mutex_);
  not_before_ = std::max(not_before_, Clock::now() + std::min(*asked, kLongestPause));
}

Response ApiClient::send(const Request& request) {
  if (request.method != "GET") wait_as_told(request);
  const auto deadline = Clock::now() + kWholeCall;
  for (int attempt = 1;; ++attempt) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    try {
      Response response = transport_.send(request, left, stop_);
      if (request.method != "GET") note_pause(response);
      return response;
    } catch (const TransportError& lost) {
      const bool again = request.method == "GET" && attempt == 1 && !stop_.stop_requested() &&
                         Clock::now() < deadline;
      if (!again) throw ApiError(0, "", lost.what());
    }
  }
}

}  // namespace kube
