// SPDX-License-Identifier: Apache-2.0
//
// Where the API server is and who we are there: a pod's own service account, or a kubeconfig.
#pragma once

#include <chrono>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace kube {

struct ClusterConfig {
  // https://host[:port][/path], no trailing slash; http:// only to this machine (kubectl proxy).
  std::string server = {};
  std::string ca_file = {};  // PEM; read again for each connection. Empty: `ca_pem`
  std::string ca_pem = {};
  std::string client_certificate_pem = {};  // chain; empty: none
  std::string client_key_pem = {};          // SECRET
  std::string token = {};                   // SECRET; literal
  std::string token_file = {};              // wins over `token`
  std::string tls_server_name = {};         // empty: the host of `server`
  bool insecure_skip_tls_verify = false;
  std::string default_namespace = "default";
};

inline constexpr const char* kServiceAccountFolder =
    "/var/run/secrets/kubernetes.io/serviceaccount";

// `kubeconfig` (a path) if not empty, else $KUBECONFIG, else the service account's files, else
// ~/.kube/config. `environment` is passed in (name -> value). Throws ConfigError naming file and
// field.
ClusterConfig load_cluster_config(
    const std::string& kubeconfig, const std::map<std::string, std::string>& environment,
    const std::string& service_account_folder = kServiceAccountFolder);
ClusterConfig parse_kubeconfig(const std::string& text, const std::string& origin,
                               const std::string& context);  // context empty: current-context

class ConfigError : public std::exception {
 public:
  explicit ConfigError(std::string message) : message_(std::move(message)) {}
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  std::string message_;
};

// The bearer token, read again when older than 60 s and after a 401. Thread-safe.
class TokenSource {
 public:
  using Time = std::chrono::steady_clock::time_point;
  explicit TokenSource(const ClusterConfig&);
  // Empty: no token is configured. Trimmed; a file with line breaks inside counts as unreadable.
  // When the file cannot be read the last good token is returned; throws ConfigError when there
  // never was one.
  std::string get(Time now);
  void forget();  // after a 401

 private:
  std::mutex mutex_;
  std::string file_, token_;
  std::optional<Time> read_at_;
};

}  // namespace kube
