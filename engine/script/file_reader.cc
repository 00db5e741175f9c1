// SPDX-License-Identifier: Apache-2.0
#include "engine/script/file_reader.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <system_error>

#include "engine/core/error.h"

namespace engine {
namespace {

constexpr std::size_t kFirstPiece = 4096;

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return number_; }

 private:
  int number_;
};

std::string reason(int error) { return std::generic_category().message(error); }

[[noreturn]] void fail(const std::filesystem::path& path, std::string_view cause,
                       std::string hint) {
  throw Error(Reason::InvalidScripts, fmt::format("{}: {}", path.string(), cause), std::move(hint));
}

[[noreturn]] void fail_open(const std::filesystem::path& path, int error) {
  fail(path, fmt::format("cannot read the script: {}", reason(error)),
       error == EACCES ? "let the user who runs stillhead read the file (chmod a+r)" : "");
}

// Regular files and links to some; folders are silently something else.
bool is_file(int folder, const dirent& entry, const std::filesystem::path& path) {
  if (entry.d_type == DT_REG) return true;
  if (entry.d_type == DT_DIR) return false;
  struct stat status {};
  if (::fstatat(folder, entry.d_name, &status, 0) != 0) {
    fail(path / entry.d_name, fmt::format("cannot look at the file: {}", reason(errno)),
         "remove the entry, or mend it if it is a symbolic link that leads nowhere");
  }
  if (S_ISDIR(status.st_mode)) return false;
  if (!S_ISREG(status.st_mode)) {
    fail(path / entry.d_name, "is not a regular file", "remove it from the folder of scripts");
  }
  return true;
}

}  // namespace

Folder::Folder(std::filesystem::path path) : path_(std::move(path)) {
  descriptor_ = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor_ >= 0) return;
  if (errno == ENOENT) {
    fail(
        path_, "the folder of scripts does not exist",
        "name the folder that holds the scripts, or its parent when the folder is called versions");
  }
  if (errno == ENOTDIR) {
    fail(path_, "is not a folder", "name the folder that holds the scripts, not a script");
  }
  fail(path_, fmt::format("cannot read the folder of scripts: {}", reason(errno)),
       errno == EACCES ? "let the user who runs stillhead read the folder (chmod a+rx)" : "");
}

Folder::~Folder() { ::close(descriptor_); }

std::vector<std::string> Folder::files(const std::function<bool(std::string_view)>& wanted) const {
  const int copy = ::openat(descriptor_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(copy < 0 ? nullptr : ::fdopendir(copy),
                                                   ::closedir);
  if (!stream) fail(path_, fmt::format("cannot list the folder: {}", reason(errno)), "");
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (name.starts_with('.') || !wanted(name)) continue;
    if (is_file(descriptor_, *entry, path_)) names.emplace_back(name);
    errno = 0;
  }
  if (errno != 0) fail(path_, fmt::format("cannot list the folder: {}", reason(errno)), "");
  std::sort(names.begin(), names.end());
  return names;
}

std::string Folder::read_until(const std::string& name,
                               const std::function<bool(std::string_view)>& enough) const {
  const Descriptor file(
      ::openat(descriptor_, name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (file.get() < 0) fail_open(path_ / name, errno);
  std::string text;
  std::size_t filled = 0;
  while (true) {
    if (filled == text.size()) text.resize(std::max(kFirstPiece, filled * 4));
    const ssize_t count = ::read(file.get(), text.data() + filled, text.size() - filled);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail_open(path_ / name, errno);
    filled += static_cast<std::size_t>(count);
    if (filled > kLargestScript) {
      fail(path_ / name, "the script is larger than 64 MiB",
           "split it into several revisions, or load the data outside of the migration");
    }
    if (count == 0 || enough(std::string_view(text).substr(0, filled))) {
      text.resize(filled);
      return text;
    }
  }
}

std::string Folder::read(const std::string& name) const {
  return read_until(name, [](std::string_view) { return false; });
}

}  // namespace engine
