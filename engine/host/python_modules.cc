// SPDX-License-Identifier: Apache-2.0
#include "engine/host/python_modules.h"

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

namespace engine {
namespace {

using Module = std::pair<std::string_view, std::string_view>;  // name, text

// Made by tools/embed_python.cmake.
constexpr std::string_view kBootstrap =
#include "engine/host/python_bootstrap.inc"
    ;
constexpr auto kModules = std::to_array<Module>({
#include "engine/host/python_modules.inc"
});

}  // namespace

std::string_view python_bootstrap() { return kBootstrap; }

const std::string& python_modules() {
  static const std::string kMessage = [] {
    nlohmann::json modules = nlohmann::json::object();
    for (const auto& [name, text] : kModules) modules[std::string(name)] = text;
    return modules.dump();
  }();
  return kMessage;
}

}  // namespace engine
