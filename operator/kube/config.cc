// SPDX-License-Identifier: Apache-2.0
//
// The only includer of yaml-cpp in the operator. yaml-cpp accepts duplicate keys, self-referential
// aliases and alias bombs: `check_tree` refuses them before anything is read.
#include "operator/kube/config.h"

#include <fmt/core.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <utility>
#include <vector>

namespace kube {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLargestFile = 4u << 20;
constexpr int kDeepest = 32;
constexpr int kMostNodes = 100'000;
constexpr std::chrono::seconds kTokenAge{60};
constexpr const char* kPlugInHint =
    "this program runs no credential plug-ins; use a service account's token (`token` or "
    "`tokenFile`) or "
    "a client certificate, or run `kubectl proxy` and name http://127.0.0.1:8001 as the server";

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::optional<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return {};
  std::string text(kLargestFile + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return {};
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.empty() && !fs::is_regular_file(path))
    return {};  // a directory opens, but cannot be read
  if (text.size() > kLargestFile) return {};
  return text;
}

std::string must_read(const std::string& path, const std::string& what) {
  auto text = read_file(path);
  if (!text) {
    throw ConfigError(
        fmt::format("{}: cannot read {} (missing, not allowed, or larger than 4 MiB)", what, path));
  }
  return std::move(*text);
}

// Header values are made of it: visible ASCII only.
bool is_token(const std::string& text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7F; });
}

std::optional<std::string> decode_base64(const std::string& text) {
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  bool padding = false;
  for (const char c : text) {
    if (c == '\n' || c == '\r' || c == ' ') continue;
    std::uint32_t value = 0;
    if (c == '=') {
      padding = true;
      continue;
    }
    if (padding) return {};
    if (c >= 'A' && c <= 'Z') {
      value = static_cast<std::uint32_t>(c - 'A');
    } else if (c >= 'a' && c <= 'z') {
      value = static_cast<std::uint32_t>(c - 'a') + 26;
    } else if (c >= '0' && c <= '9') {
      value = static_cast<std::uint32_t>(c - '0') + 52;
    } else if (c == '+' || c == '/') {
      value = c == '+' ? 62 : 63;
    } else {
      return {};
    }
    bits = (bits << 6 | value) & 0xFFFFFF;
    if (++count % 4 != 1) out += static_cast<char>(bits >> (6 - 2 * ((count - 1) % 4)) & 0xFF);
  }
  if (count % 4 == 1) return {};
  return out;
}

// ---- server address

bool is_loopback(const std::string& host) {
  return host == "localhost" || host.starts_with("127.");
}

// https://host[:port][/path] without a trailing slash. `field` is for messages.
std::string checked_server(std::string server, const std::string& field) {
  const auto refuse = [&](const std::string& why) {
    throw ConfigError(fmt::format("{}: {} (got \"{}\")", field, why, server));
  };
  while (server.ends_with('/')) server.pop_back();
  const bool tls = server.starts_with("https://");
  if (!tls && !server.starts_with("http://")) refuse("must start with https://");
  const std::string rest = server.substr(tls ? 8 : 7);
  const std::string authority = rest.substr(0, rest.find('/'));
  if (authority.empty()) refuse("has no host");
  if (authority.find('@') != std::string::npos) {
    server = "...";
    refuse("must not hold a user name or password");
  }
  if (authority.front() == '[')
    refuse(
        "an IPv6 address cannot be used with this program's HTTP library; name the server by DNS "
        "name");
  const auto plain = [](char c) { return c > ' ' && c < 0x7F && c != '?' && c != '#' && c != '"'; };
  if (!std::all_of(rest.begin(), rest.end(), plain))
    refuse("holds characters that do not belong there");
  const auto colon = authority.find(':');
  const std::string host = authority.substr(0, colon);
  if (host.empty()) refuse("has no host");
  if (colon != std::string::npos) {
    const std::string port = authority.substr(colon + 1);
    const bool digits =
        !port.empty() && port.size() <= 5 &&
        std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!digits || std::stoi(port) < 1 || std::stoi(port) > 65535)
      refuse("has a port that is none");
  }
  if (!tls && !is_loopback(host))
    refuse("plain http is possible only to this machine (as `kubectl proxy` offers it)");
  return server;
}

// ---- service account

std::string at(const std::map<std::string, std::string>& map, const std::string& name) {
  const auto found = map.find(name);
  return found == map.end() ? std::string() : found->second;
}

ClusterConfig service_account_config(const std::map<std::string, std::string>& environment,
                                     const std::string& folder) {
  ClusterConfig config;
  std::string host = at(environment, "KUBERNETES_SERVICE_HOST");
  // cpprestsdk cannot connect to IPv6 literals; the name resolves to the same service.
  if (host.find(':') != std::string::npos) host = "kubernetes.default.svc";
  std::string port = at(environment, "KUBERNETES_SERVICE_PORT");
  if (port.empty()) port = "443";
  config.server = checked_server("https://" + host + ":" + port,
                                 "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT");
  config.ca_file = folder + "/ca.crt";
  config.token_file = folder + "/token";
  must_read(config.ca_file, "service account");
  if (const auto ns = read_file(folder + "/namespace")) {
    if (const std::string name = trimmed(*ns); !name.empty()) config.default_namespace = name;
  }
  return config;
}

// ---- kubeconfig

class Kubeconfig {
 public:
  Kubeconfig(const std::string& text, const std::string& origin) : origin_(origin) {
    if (text.size() > kLargestFile) refuse("", "is larger than 4 MiB");
    try {
      root_ = YAML::Load(text);
    } catch (const YAML::Exception& fault) {
      refuse(fault.mark.is_null() ? "" : fmt::format("line {}", fault.mark.line + 1),
             "is not YAML: " + fault.msg);
    }
    int nodes = 0;
    check_tree(root_, 0, nodes);
    if (!root_.IsMap()) refuse("", "is not a kubeconfig (a map is expected)");
  }

  ClusterConfig read(std::string context_name) const {
    if (context_name.empty()) context_name = text_of(root_, "current-context", "");
    if (context_name.empty())
      refuse("current-context", "is not set; set it with `kubectl config use-context`");
    const YAML::Node context = named("contexts", context_name, "context");
    const std::string where = fmt::format("context \"{}\"", context_name);
    const std::string cluster_name = text_of(context, "cluster", where);
    if (cluster_name.empty()) refuse(where + ": cluster", "is not set");

    ClusterConfig config;
    read_cluster(named("clusters", cluster_name, "cluster"),
                 fmt::format("cluster \"{}\"", cluster_name), config);
    const std::string user_name = text_of(context, "user", where);
    if (!user_name.empty())
      read_user(named("users", user_name, "user"), fmt::format("user \"{}\"", user_name), config);
    if (const std::string ns = text_of(context, "namespace", where); !ns.empty())
      config.default_namespace = ns;
    return config;
  }

 private:
  [[noreturn]] void refuse(const std::string& field, const std::string& why) const {
    throw ConfigError(
        fmt::format("kubeconfig {}: {}{}{}", origin_, field, field.empty() ? "" : " ", why));
  }

  static std::string line_of(const YAML::Node& node) {
    return fmt::format("line {}:", node.Mark().line + 1);
  }

  void check_tree(const YAML::Node& node, int depth, int& nodes) const {
    if (depth > kDeepest) refuse(line_of(node), "is nested too deep");
    if (++nodes > kMostNodes) refuse(line_of(node), "too many values (aliases that multiply?)");
    if (node.IsSequence()) {
      for (const YAML::Node& item : node) check_tree(item, depth + 1, nodes);
    }
    if (!node.IsMap()) return;
    std::set<std::string> seen;
    for (const auto& entry : node) {
      if (!entry.first.IsScalar()) refuse(line_of(entry.first), "a key is not text");
      if (!seen.insert(entry.first.Scalar()).second)
        refuse(line_of(entry.first),
               fmt::format("key \"{}\" is there twice", entry.first.Scalar()));
      check_tree(entry.second, depth + 1, nodes);
    }
  }

  // Empty: absent or null. `where` is "" at the top level.
  std::string text_of(const YAML::Node& map, const std::string& field,
                      const std::string& where) const {
    const YAML::Node value = map[field];
    if (!value || value.IsNull()) return {};
    if (!value.IsScalar()) refuse(join(where, field), "is not text");
    return value.Scalar();
  }

  bool flag_of(const YAML::Node& map, const std::string& field, const std::string& where) const {
    const std::string text = text_of(map, field, where);
    if (text.empty() || text == "false") return false;
    if (text != "true") refuse(join(where, field), "must be true or false");
    return true;
  }

  static std::string join(const std::string& where, const std::string& field) {
    return where.empty() ? field : where + ": " + field;
  }

  // The map called `inner` of the entry with this name in the list.
  YAML::Node named(const std::string& list, const std::string& name,
                   const std::string& inner) const {
    const YAML::Node entries = root_[list];
    if (entries && entries.IsSequence()) {
      for (const YAML::Node& entry : entries) {
        if (!entry.IsMap() || text_of(entry, "name", list) != name) continue;
        const YAML::Node value = entry[inner];
        if (!value || !value.IsMap()) refuse(fmt::format("{} \"{}\"", inner, name), "is not a map");
        return value;
      }
    }
    refuse(list, fmt::format("has no entry named \"{}\"", name));
  }

  // Relative paths are relative to the kubeconfig's folder.
  std::string path_of(const std::string& path) const {
    const fs::path given(path);
    if (given.is_absolute()) return path;
    return (fs::path(origin_).parent_path() / given).lexically_normal().string();
  }

  // PEM text out of `field`-data (base64, wins) or the file that `field` names. Empty: neither.
  std::string pem_of(const YAML::Node& map, const std::string& field,
                     const std::string& where) const {
    if (const std::string data = text_of(map, field + "-data", where); !data.empty()) {
      auto pem = decode_base64(data);
      if (!pem) refuse(join(where, field + "-data"), "is not base64");
      return std::move(*pem);
    }
    const std::string path = text_of(map, field, where);
    if (path.empty()) return {};
    return must_read(path_of(path), fmt::format("kubeconfig {}: {}", origin_, join(where, field)));
  }

  void read_cluster(const YAML::Node& cluster, const std::string& where,
                    ClusterConfig& config) const {
    const std::string server = text_of(cluster, "server", where);
    if (server.empty()) refuse(join(where, "server"), "is not set");
    config.server =
        checked_server(server, fmt::format("kubeconfig {}: {}", origin_, join(where, "server")));
    config.insecure_skip_tls_verify = flag_of(cluster, "insecure-skip-tls-verify", where);
    config.tls_server_name = text_of(cluster, "tls-server-name", where);
    if (!text_of(cluster, "proxy-url", where).empty())
      refuse(join(where, "proxy-url"),
             "is not supported; use a server address that needs no proxy");
    if (!text_of(cluster, "certificate-authority-data", where).empty()) {
      config.ca_pem = pem_of(cluster, "certificate-authority", where);
    } else if (!pem_of(cluster, "certificate-authority", where).empty()) {
      config.ca_file = path_of(text_of(cluster, "certificate-authority", where));
    }
    const bool has_ca = !config.ca_pem.empty() || !config.ca_file.empty();
    if (config.insecure_skip_tls_verify && has_ca)
      refuse(join(where, "insecure-skip-tls-verify"), "contradicts certificate-authority");
  }

  void read_user(const YAML::Node& user, const std::string& where, ClusterConfig& config) const {
    for (const char* field : {"exec", "auth-provider"}) {
      if (const YAML::Node plug_in = user[field]; plug_in && !plug_in.IsNull())
        refuse(join(where, field), std::string("is not supported: ") + kPlugInHint);
    }
    for (const char* field : {"username", "password"}) {
      if (!text_of(user, field, where).empty())
        refuse(join(where, field),
               "is not supported: Kubernetes has no basic authentication any more");
    }
    for (const char* field : {"as", "as-uid", "as-groups", "as-user-extra"}) {
      if (const YAML::Node other = user[field]; other && !other.IsNull())
        refuse(join(where, field), "is not supported: use credentials of the user itself");
    }
    config.client_certificate_pem = pem_of(user, "client-certificate", where);
    config.client_key_pem = pem_of(user, "client-key", where);
    if (config.client_certificate_pem.empty() != config.client_key_pem.empty())
      refuse(where + ":", "client-certificate and client-key are needed together");
    if (const std::string file = text_of(user, "tokenFile", where); !file.empty())
      config.token_file = path_of(file);
    config.token = trimmed(text_of(user, "token", where));
    if (!config.token.empty() && !is_token(config.token))
      refuse(join(where, "token"), "holds characters that no token has");
  }

  std::string origin_;
  YAML::Node root_;
};

ClusterConfig read_kubeconfig(const std::string& path, const std::string& source) {
  return parse_kubeconfig(must_read(path, source), path, "");
}

}  // namespace

ClusterConfig parse_kubeconfig(const std::string& text, const std::string& origin,
                               const std::string& context) {
  try {
    return Kubeconfig(text, origin).read(context);
  } catch (const YAML::Exception& fault) {
    throw ConfigError(fmt::format("kubeconfig {}: {}", origin, fault.msg));
  }
}

ClusterConfig load_cluster_config(const std::string& kubeconfig,
                                  const std::map<std::string, std::string>& environment,
                                  const std::string& service_account_folder) {
  if (!kubeconfig.empty()) return read_kubeconfig(kubeconfig, "--kubeconfig");
  if (const std::string path = at(environment, "KUBECONFIG"); !path.empty()) {
    if (path.find(':') != std::string::npos)
      throw ConfigError(
          "KUBECONFIG: names several files, which are not merged here; name one, or write "
          "the merged one with `kubectl config view --flatten`");
    return read_kubeconfig(path, "KUBECONFIG");
  }
  const bool in_pod = !at(environment, "KUBERNETES_SERVICE_HOST").empty();
  if (in_pod && fs::exists(service_account_folder + "/token"))
    return service_account_config(environment, service_account_folder);
  if (const std::string home = at(environment, "HOME"); !home.empty()) {
    const std::string path = home + "/.kube/config";
    if (fs::exists(path)) return read_kubeconfig(path, "~/.kube/config");
  }
  throw ConfigError(fmt::format(
      "no way to the API server: --kubeconfig and KUBECONFIG are not set, {}, and there is no "
      "~/.kube/config",
      in_pod ? "this pod has no service account token (" + service_account_folder + "/token)"
             : "this is not a pod (KUBERNETES_SERVICE_HOST is not set)"));
}

TokenSource::TokenSource(const ClusterConfig& config)
    : file_(config.token_file), token_(config.token_file.empty() ? config.token : std::string()) {}

std::string TokenSource::get(Time now) {
  const std::lock_guard lock(mutex_);
  if (file_.empty()) return token_;
  if (read_at_ && now - *read_at_ < kTokenAge) return token_;
  if (const auto text = read_file(file_)) {
    if (std::string token = trimmed(*text); is_token(token)) {
      token_ = std::move(token);
      read_at_ = now;
    }
  }
  if (token_.empty()) {
    throw ConfigError(fmt::format(
        "token file {}: cannot be read, or does not hold one token on one line", file_));
  }
  return token_;
}

void TokenSource::forget() {
  const std::lock_guard lock(mutex_);
  read_at_.reset();
}

}  // namespace kube
