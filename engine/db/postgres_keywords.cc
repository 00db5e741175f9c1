// SPDX-License-Identifier: Apache-2.0
#include "engine/db/postgres_keywords.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>

namespace engine {
namespace {

using std::chrono::milliseconds;

std::vector<std::string> items_of(std::string_view list) {
  std::vector<std::string> items;
  for (;;) {
    const auto end = list.find(',');
    items.emplace_back(list.substr(0, end));
    if (end == std::string_view::npos) return items;
    list.remove_prefix(end + 1);
  }
}

}  // namespace

std::string_view Keywords::get(std::string_view name) const {
  for (const auto& [key, value] : entries_) {
    if (key == name) return value;
  }
  return {};
}

void Keywords::set(std::string_view name, std::string value) {
  for (auto& [key, old] : entries_) {
    if (key != name) continue;
    old = std::move(value);
    return;
  }
  entries_.emplace_back(name, std::move(value));
}

void Keywords::set_default(std::string_view name, std::string value) {
  if (get(name).empty()) set(name, std::move(value));
}

bool Keywords::drop_host(const std::string& host, const std::string& port) {
  auto hosts = items_of(get("host"));
  auto ports = items_of(get("port"));
  if (hosts.size() < 2 || !get("hostaddr").empty()) return false;
  const bool own_ports = ports.size() == hosts.size();
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    if (hosts[i] != host || (own_ports && !ports[i].empty() && ports[i] != port)) continue;
    hosts.erase(hosts.begin() + static_cast<std::ptrdiff_t>(i));
    if (own_ports) ports.erase(ports.begin() + static_cast<std::ptrdiff_t>(i));
    set("host", fmt::format("{}", fmt::join(hosts, ",")));
    set("port", fmt::format("{}", fmt::join(ports, ",")));
    return true;
  }
  return false;
}

Patience patience_of(const Keywords& keywords, milliseconds timeout) {
  const auto hosts = static_cast<long>(items_of(keywords.get("host")).size());
  const long seconds =
      std::strtol(std::string(keywords.get("connect_timeout")).c_str(), nullptr, 10);
  const bool given = seconds > 0 && seconds <= 86'400;
  const milliseconds each = given ? milliseconds(seconds * 1000) : timeout / hosts;
  return {std::min(timeout, each * hosts), each};
}

}  // namespace engine
