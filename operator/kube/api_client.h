// SPDX-License-Identifier: Apache-2.0
//
// Single requests to the API server. Planned-for answers are values; everything else is an
// ApiError.
#pragma once

#include <chrono>
#include <exception>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "operator/kube/http.h"
#include "operator/kube/resource_kind.h"
#include "operator/kube/watch.h"

namespace kube {

// The server refused, or did not answer (status 0: whether it acted is unknown).
class ApiError : public std::exception {
 public:
  ApiError(int status, std::string reason, std::string message,
           std::optional<std::chrono::seconds> retry_after = {});
  int status() const { return status_; }
  const std::string& reason() const { return reason_; }  // of metav1.Status; empty: none was sent
  std::optional<std::chrono::seconds> retry_after() const { return retry_after_; }
  bool retryable() const;  // 0, 408, 429, 5xx, and 409 Conflict
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  int status_;
  std::string reason_, message_;
  std::optional<std::chrono::seconds> retry_after_;
};

// Header Retry-After in seconds; empty: there is none.
std::optional<std::chrono::seconds> retry_after(const Response&);

enum class Create { Created, AlreadyExists };
enum class Write { Written, Conflict, NotFound };  // Conflict: precondition failed or stale version
enum class Propagation { Background, Foreground };

// What may be deleted: exactly the object with this uid.
struct DeleteOptions {
  std::string uid = {};  // never empty
  Propagation propagation = Propagation::Background;
};

// Thread-safe. Each call is bounded (30 s as a whole); a GET is tried again once after a lost
// connection, a write never; while the server has asked for a pause (429, 503 with Retry-After), a
// write is not sent: ApiError(429). `stop` ends a call at once with ApiError(0). "Not found" is a
// 404 whose Status says NotFound: a 404 without it (unknown kind, a proxy) is an ApiError.
class ApiClient {
 public:
  ApiClient(HttpTransport& transport, std::stop_token stop) : transport_(transport), stop_(stop) {}

  std::optional<Json> get(const ResourceKind&, const Key&);  // empty: not found
  // All of them, as they are now: no server answers this from a cache that is behind. For a few
  // objects: it is not paged.
  std::vector<Json> list(const Collection&);
  Create create(const ResourceKind&, const std::string& ns, const Json& object);
  // JSON merge patch. With metadata.resourceVersion in `patch` it is a precondition.
  Write merge_patch(const ResourceKind&, const Key&, const Json& patch);
  Write merge_patch_status(const ResourceKind&, const Key&, const Json& patch);
  Write remove(const ResourceKind&, const Key&, const DeleteOptions&);

 private:
  Response send(const Request&);
  void wait_as_told(const Request&);
  void note_pause(const Response&);

  HttpTransport& transport_;
  std::stop_token stop_;
  std::mutex mutex_;
  std::chrono::steady_clock::time_point not_before_ = {};  // of writes; guarded by mutex_
};

// Text of an answer that is not the wanted one, at most 2 kB, with the server's own message when it
// sent a metav1.Status.
ApiError error_of(const Response&, const std::string& intent);

}  // namespace kube
