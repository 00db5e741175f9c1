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
  struct File {
    std::string name = {};
    bool is_link = false;  // symbolic, to a regular file
  };
  struct Content {
    std::vector<File> files = {};
    std::vector<std::string> folders = {};  // no links to some
  };
  // Regular files and links to some, and folders, each sorted by byte; only files that are
  // `wanted`. Throws Error(InvalidScripts) for a wanted link that leads nowhere and for wanted
  // sockets, pipes and devices.
  Content list(const std::function<bool(std::string_view)>& wanted) const;

  // The beginning of a file, read into `buffer` (which grows, and is to be used again) in growing
  // pieces until `enough` says so of what is there, or the file ends. The result is a part of
  // `buffer`. Throws Error(InvalidScripts): unreadable, larger than kLargestScript.
  std::string_view read_until(const std::string& name,
                              const std::function<bool(std::string_view)>& enough,
                              std::string& buffer) const;
  std::string read(const std::string& name) const;

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
};

}  // namespace engine
