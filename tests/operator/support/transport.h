// SPDX-License-Identifier: Apache-2.0
//
// A transport of ours and a TlsServer brought together, for tests.
#pragma once

#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>

#include "operator/kube/http.h"
#include "tests/operator/support/tls_server.h"

namespace testing_support {

inline constexpr std::chrono::seconds kPatience{
    20};  // of the test; nothing waits that long when all is well

inline const CertificateAuthority& authority() {
  static const CertificateAuthority kAuthority;
  return kAuthority;
}

inline Certificate good_certificate() {
  return authority().issue("server", "IP:127.0.0.1,DNS:localhost");
}

inline kube::ClusterConfig config_for(const TlsServer& server,
                                      const std::string& host = "127.0.0.1") {
  kube::ClusterConfig config;
  config.server = "https://" + host + ":" + std::to_string(server.port());
  config.ca_pem = authority().pem();
  return config;
}

// Answers each request of each connection with what `answer` makes of it.
inline TlsServer::Handler answering(const std::function<std::string(const std::string&)>& answer) {
  return [answer](TlsServer::Connection& connection) {
    while (const auto request = connection.read_request())
      if (!connection.write(answer(*request))) return;
  };
}

// Sends `bytes` as the answer to one request, then ends the connection in a certain way.
enum class End { KeepOpen, Close, Cut, Reset };
inline TlsServer::Handler sending(const std::string& bytes, End end) {
  return [bytes, end](TlsServer::Connection& connection) {
    if (!connection.read_request()) return;
    connection.write(bytes);
    if (end == End::Close) connection.close();
    if (end == End::Cut) connection.cut();
    if (end == End::Reset) connection.reset();
    if (end == End::KeepOpen) connection.read_request();
  };
}

inline kube::Request get(const std::string& path) { return {.path = path}; }

inline std::string error_of_send(kube::HttpTransport& transport,
                                 const kube::Request& request = get("/x"),
                                 std::chrono::milliseconds timeout = kPatience) {
  try {
    transport.send(request, timeout, {});
  } catch (const kube::TransportError& fault) {
    return fault.what();
  }
  return "";
}

inline bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "http_test.XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    path_ = name;
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::string write(const std::string& name, const std::string& text) const {
    const auto file = path_ / name;
    std::ofstream(file, std::ios::trunc) << text;
    return file.string();
  }

 private:
  std::filesystem::path path_;
};

}  // namespace testing_support
