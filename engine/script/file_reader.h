// SPDX-License-Identifier: Apache-2.0
//
// Folders and files as the engine needs them: thin over POSIX, because thousands of headers are to
// be read within milliseconds.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace engine {

inline constexpr std::size_t kLargestScript = std::size_t{64} << 20;

// An open folder; closed by the destructor.
class Folder {
 public:
  // Throws Error(InvalidScripts): missing, not a folder, unreadable.
  explicit Folder(std::filesystem::path path);
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  // Names of regular files and of links to some, sorted by byte; those that begin with '.' are left
  // out. Throws Error(InvalidScripts) for a link that leads nowhere and for sockets, pipes and
  // devices. `wanted` is asked first.
  std::vector<std::string> files(const std::function<bool(std::string_view)>& wanted) const;

  // The beginning of a file: read in growing pieces until `enough` says so of what is there, or the
  // file ends. Throws Error(InvalidScripts): unreadable, larger than kLargestScript.
  std::string read_until(const std::string& name,
                         const std::function<bool(std::string_view)>& enough) const;
  std::string read(const std::string& name) const;

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
};

}  // namespace engine
