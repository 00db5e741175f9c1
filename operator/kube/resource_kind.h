// SPDX-License-Identifier: Apache-2.0
//
// Names of kinds and objects on the API server, and the paths made of them.
#pragma once

#include <compare>
#include <string>
#include <string_view>

namespace kube {

struct ResourceKind {
  std::string group = {};  // empty: core
  std::string version = {};
  std::string plural = {};
  std::string kind = {};
};

// An object of a kind that everybody in the context knows.
struct Key {
  std::string ns = {};
  std::string name = {};
  friend auto operator<=>(const Key&, const Key&) = default;
};

// "/apis/batch/v1/namespaces/shop/jobs"; `ns` empty: over all namespaces.
std::string collection_path(const ResourceKind&, const std::string& ns);
std::string object_path(const ResourceKind&, const Key&, const std::string& subresource = {});

// Everything but letters, digits and -._~ as %XX: one path segment, or one name or value of a
// query.
std::string percent_encode(std::string_view);

}  // namespace kube
