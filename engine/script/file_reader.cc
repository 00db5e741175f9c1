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

constexpr std::size_t kFirstPiece = 16384;

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

enum class EntryKind { File, Link, Directory, LinkToDirectory };

EntryKind kind_of(int folder, const dirent& entry, const std::filesystem::path& path) {
  if (entry.d_type == DT_REG) return EntryKind::File;
  if (entry.d_type == DT_DIR) return EntryKind::Directory;
  struct stat own {};
  struct stat target {};
  if (::fstatat(folder, entry.d_name, &own, AT_SYMLINK_NOFOLLOW) != 0 ||
      ::fstatat(folder, entry.d_name, &target, 0) != 0) {
    fail(path / entry.d_name, fmt::format("cannot look at the file: {}", reason(errno)),
         "remove the entry, or mend it if it is a symbolic link that leads nowhere");
  }
  const bool link = S_ISLNK(own.st_mode);
  if (S_ISDIR(target.st_mode)) return link ? EntryKind::LinkToDirectory : EntryKind::Directory;
  if (!S_ISREG(target.st_mode)) {
    fail(path / entry.d_name, "is not a regular file", "remove it from the folder of scripts");
  }
  return link ? EntryKind::Link : EntryKind::File;
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

Folder::Content Folder::list(const std::function<bool(std::string_view)>& wanted) const {
  const int copy = ::openat(descriptor_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(copy < 0 ? nullptr : ::fdopendir(copy),
                                                   ::closedir);
  if (!stream) fail(path_, fmt::format("cannot list the folder: {}", reason(errno)), "");
  Content content;
  errno = 0;
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    const bool directory = entry->d_type == DT_DIR && name != "." && name != "..";
    if (directory) {
      content.folders.emplace_back(name);
    } else if (wanted(name)) {
      const EntryKind kind = kind_of(descriptor_, *entry, path_);
      if (kind == EntryKind::Directory) content.folders.emplace_back(name);
      if (kind == EntryKind::File || kind == EntryKind::Link) {
        content.files.push_back({std::string(name), kind == EntryKind::Link});
      }
    }
    errno = 0;
  }
  if (errno != 0) fail(path_, fmt::format("cannot list the folder: {}", reason(errno)), "");
  std::ranges::sort(content.files, {}, &File::name);
  std::ranges::sort(content.folders);
  return content;
}

std::string_view Folder::read_until(const std::string& name,
                                    const std::function<bool(std::string_view)>& enough,
                                    std::string& buffer) const {
  const Descriptor file(
      ::openat(descriptor_, name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (file.get() < 0) fail_open(path_ / name, errno);
  std::size_t filled = 0;
  while (true) {
    if (filled == buffer.size()) buffer.resize(std::max(kFirstPiece, filled * 4));
    const std::size_t room = buffer.size() - filled;
    const ssize_t count = ::read(file.get(), buffer.data() + filled, room);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail_open(path_ / name, errno);
    filled += static_cast<std::size_t>(count);
    if (filled > kLargestScript) {
      fail(path_ / name, "the script is larger than 64 MiB",
           "split it into several revisions, or load the data outside of the migration");
    }
    const std::string_view text = std::string_view(buffer).substr(0, filled);
    // A regular file gives less than asked for only at its end.
    if (static_cast<std::size_t>(count) < room || enough(text)) return text;
  }
}

std::string Folder::read(const std::string& name) const {
  std::string buffer;
  const std::size_t size = read_until(
                               name, [](std::string_view) { return false; }, buffer)
                               .size();
  buffer.resize(size);
  return buffer;
}

}  // namespace engine
