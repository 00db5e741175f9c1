// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/bundle.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "engine/core/error.h"

namespace engine {
namespace {

namespace fs = std::filesystem;

// Prefixes that have bin and lib too, but hold a whole system.
constexpr std::array<std::string_view, 3> kSystemPrefixes = {"/", "/usr", "/usr/local"};

bool is_loader(const fs::path& file) {
  const std::string name = file.filename().string();
  return name == "ld.so" || name.starts_with("ld-");
}

bool has_loader(const fs::path& libraries) {
  std::error_code error;
  const fs::directory_iterator entries(libraries, error);
  return !error && std::any_of(begin(entries), end(entries), [](const fs::directory_entry& entry) {
    return is_loader(entry.path());
  });
}

[[noreturn]] void fail(const fs::path& path, const std::error_code& error) {
  throw Error(Reason::InvalidUsage,
              fmt::format("cannot copy the program to {}: {}", path.string(), error.message()));
}

// A running program cannot be written to, but it can be replaced.
void replace_with_copy(const fs::path& from, const fs::path& to) {
  const fs::path unfinished = to.string() + ".unfinished";
  std::error_code error;
  fs::remove(unfinished, error);
  fs::copy(from, unfinished, fs::copy_options::copy_symlinks, error);
  if (!error) fs::rename(unfinished, to, error);
  if (error) {
    std::error_code ignored;
    fs::remove(unfinished, ignored);
    fail(to, error);
  }
}

bool is_inside(const fs::path& folder, const fs::path& outer) {
  const auto [in_outer, in_folder] =
      std::mismatch(outer.begin(), outer.end(), folder.begin(), folder.end());
  return in_outer == outer.end();
}

}  // namespace

fs::path find_bundle(const fs::path& executable) {
  const fs::path root = executable.parent_path().parent_path();
  const bool is_system = std::ranges::find(kSystemPrefixes, root.string()) != kSystemPrefixes.end();
  std::error_code ignored;
  if (is_system || !fs::is_regular_file(root / "bin" / "stillhead", ignored) ||
      !has_loader(root / "lib")) {
    throw Error(Reason::InvalidUsage,
                fmt::format("this program is not installed as a bundle: {} does not stand beside "
                            "lib/ with its libraries and loader",
                            executable.string()),
                "run it from the engine image, or from a folder that `stillhead bundle` made");
  }
  return root;
}

BundleSize copy_bundle(const fs::path& bundle, const fs::path& destination) {
  std::error_code error;
  fs::create_directories(destination, error);
  if (error) fail(destination, error);
  const fs::path target = fs::canonical(destination, error);
  if (error) fail(destination, error);
  if (is_inside(target, bundle)) {
    throw Error(Reason::InvalidUsage,
                fmt::format("cannot copy the program into itself: {} is inside {}", target.string(),
                            bundle.string()));
  }
  BundleSize size;
  for (fs::recursive_directory_iterator entry(bundle, error), end; !error && entry != end;
       entry.increment(error)) {
    const fs::path to = target / entry->path().lexically_relative(bundle);
    if (entry->is_symlink(error) || entry->is_regular_file(error)) {
      replace_with_copy(entry->path(), to);
      ++size.files;
      if (entry->is_regular_file(error)) size.bytes += entry->file_size(error);
    } else if (entry->is_directory(error)) {
      fs::create_directories(to, error);
    }
    if (error) fail(to, error);
  }
  if (error) fail(bundle, error);
  return size;
}

}  // namespace engine
