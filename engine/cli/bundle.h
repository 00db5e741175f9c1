// SPDX-License-Identifier: Apache-2.0
//
// A self-contained engine is a folder with bin/stillhead, and lib/ with its libraries and loader.
// It runs from any place, started through the loader.
#pragma once

#include <cstdint>
#include <filesystem>

namespace engine {

// The folder that holds the running program. `executable`: what /proc/self/exe points to, the
// program or the loader that started it. Throws Error(InvalidUsage) when the program was installed
// otherwise.
std::filesystem::path find_bundle(const std::filesystem::path& executable);

struct BundleSize {
  int files = 0;
  std::uintmax_t bytes = 0;
};

// Copies all of `bundle` into `destination`, which is made when missing; files of earlier copies
// are replaced one by one, so that it may be in use. Throws Error(InvalidUsage).
BundleSize copy_bundle(const std::filesystem::path& bundle,
                       const std::filesystem::path& destination);

}  // namespace engine
