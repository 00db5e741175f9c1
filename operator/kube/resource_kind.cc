// SPDX-License-Identifier: Apache-2.0
#include "operator/kube/resource_kind.h"

namespace kube {

std::string percent_encode(std::string_view text) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    }
  }
  return out;
}

std::string collection_path(const ResourceKind& kind, const std::string& ns) {
  std::string path = kind.group.empty() ? "/api/" : "/apis/" + percent_encode(kind.group) + "/";
  path += percent_encode(kind.version);
  if (!ns.empty()) path += "/namespaces/" + percent_encode(ns);
  return path + "/" + percent_encode(kind.plural);
}

std::string object_path(const ResourceKind& kind, const Key& key, const std::string& subresource) {
  std::string path = collection_path(kind, key.ns) + "/" + percent_encode(key.name);
  if (!subresource.empty()) path += "/" + percent_encode(subresource);
  return path;
}

}  // namespace kube
