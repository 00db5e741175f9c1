// SPDX-License-Identifier: Apache-2.0
//
// The one seam to the API server. Implementations: http_cpprest.cc, and scripted fakes in tests.
#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "operator/kube/config.h"

namespace kube {

struct Request {
  std::string method = "GET";
  std::string path = {};                          // "/api/v1/...", each segment already encoded
  std::map<std::string, std::string> query = {};  // not encoded
  std::string content_type = {};                  // of `body`
  std::string body = {};
};

struct Response {
  int status = 0;
  std::map<std::string, std::string> headers = {};  // names in lower case
  std::string body = {};                            // empty after a stream that was delivered
};

// No answer, or half of one: whether the server acted on the request is unknown.
class TransportError : public std::exception {
 public:
  explicit TransportError(std::string message) : message_(std::move(message)) {}
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  std::string message_;
};

// Thread-safe. Never follows redirects, never re-sends anything but what the library re-sends by
// itself (a POST on a reused connection: so every create has a deterministic name).
class HttpTransport {
 public:
  virtual ~HttpTransport() = default;
  // Throws TransportError; also when `stop` is requested (at once) and after `timeout` as a whole.
  virtual Response send(const Request&, std::chrono::milliseconds timeout,
                        std::stop_token stop) = 0;
  // Hands the body over piece by piece on the caller's thread, with back-pressure; returns when it
  // ended properly. A status other than 200 is returned with its body (at most 64 KiB) and nothing
  // is handed over. Throws TransportError when the body was cut, after `idle_timeout` without a
  // byte, or on stop. What `on_bytes` throws passes through.
  virtual Response stream(const Request&, const std::function<void(std::string_view)>& on_bytes,
                          std::chrono::milliseconds idle_timeout, std::stop_token stop) = 0;
};

// cpprestsdk behind the counter-measures of docs/decisions/001-cpprestsdk.md. Call
// initialize_http_threads() first thing in main, before there are threads: it sets SSL_CERT_FILE
// unless it is set. make_cpprest_transport throws ConfigError when CA, client certificate or key
// cannot be used.
void initialize_http_threads(int threads);
std::unique_ptr<HttpTransport> make_cpprest_transport(const ClusterConfig&);

}  // namespace kube
