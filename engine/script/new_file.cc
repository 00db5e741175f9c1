// SPDX-License-Identifier: Apache-2.0
#include "engine/script/new_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>

#include "engine/core/error.h"

namespace engine {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kMode = 0666;  // the umask takes away what the user does not want to give

[[noreturn]] void fail(const fs::path& file, int error) {
  if (error == EEXIST) {
    throw Error(Reason::InvalidUsage,
                fmt::format("cannot write {}: it exists already", file.string()),
                "remove or rename that file, or give another message or --rev-id");
  }
  throw Error(Reason::InvalidUsage,
              fmt::format("cannot write {}: {}", file.string(), std::strerror(error)));
}

// Closes at the end of its life.
class Descriptor {
 public:
  Descriptor(const std::string& name, int flags)
      : value_(::open(name.c_str(), flags | O_CLOEXEC, kMode)) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  bool is_open() const { return value_ >= 0; }
  bool write(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t written = ::write(value_, text.data(), text.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return false;
      text.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
  }
  bool sync() const { return ::fsync(value_) == 0; }
  bool close() {
    if (value_ < 0) return true;
    const int value = value_;
    value_ = -1;
    return ::close(value) == 0;
  }

 private:
  int value_;
};

// 0, or errno.
int write_whole(const std::string& name, std::string_view text) {
  Descriptor file(name, O_WRONLY | O_CREAT | O_EXCL);
  if (!file.is_open() || !file.write(text) || !file.sync() || !file.close()) return errno;
  return 0;
}

// A name of its own, if it is free: 0, or errno. Some file systems know only one of the two ways.
int give_name(const std::string& temporary, const std::string& name) {
  if (::renameat2(AT_FDCWD, temporary.c_str(), AT_FDCWD, name.c_str(), RENAME_NOREPLACE) == 0) {
    return 0;
  }
  if (errno == EEXIST) return EEXIST;
  if (::link(temporary.c_str(), name.c_str()) != 0) return errno;
  ::unlink(temporary.c_str());
  return 0;
}

// Names that begin with a dot are passed over by whoever reads the folder meanwhile.
fs::path temporary_beside(const fs::path& file) {
  std::random_device random;
  return file.parent_path() / fmt::format(".stillhead.{:08x}{:08x}.tmp", random(), random());
}

void finish(const fs::path& temporary, const fs::path& file, int error) {
  if (error != 0) {
    ::unlink(temporary.c_str());
    fail(file, error);
  }
  const Descriptor folder(file.has_parent_path() ? file.parent_path().string() : ".",
                          O_RDONLY | O_DIRECTORY);
  if (folder.is_open()) folder.sync();  // not every file system can
}

}  // namespace

fs::path absolute_path(const fs::path& path) {
  std::error_code error;
  const fs::path absolute = fs::absolute(path, error);
  fs::path result;
  for (const fs::path& part : error ? path : absolute) {
    if (part != "." && !part.empty()) result /= part;
  }
  return result;
}

void write_new_file(const fs::path& file, std::string_view text) {
  const fs::path temporary = temporary_beside(file);
  int error = write_whole(temporary.string(), text);
  if (error == 0) error = give_name(temporary.string(), file.string());
  finish(temporary, file, error);
}

void append_to_file(const fs::path& file, std::string_view text) {
  const fs::path temporary = temporary_beside(file);
  int error = write_whole(temporary.string(), read_text_file(file) + std::string(text));
  std::error_code ignored;
  fs::permissions(temporary, fs::status(file, ignored).permissions(), ignored);
  if (error == 0 && ::rename(temporary.c_str(), file.c_str()) != 0) error = errno;
  finish(temporary, file, error);
}

void ensure_folder(const fs::path& folder, const Status& status) {
  const fs::path path = absolute_path(folder);
  std::error_code error;
  if (fs::is_directory(path, error)) return;
  status(fmt::format("Creating directory {}", path.string()), [&] {
    std::error_code failure;
    fs::create_directories(path, failure);
    if (failure) {
      throw Error(Reason::InvalidUsage,
                  fmt::format("cannot make the folder {}: {}", path.string(), failure.message()));
    }
  });
}

std::string read_text_file(const fs::path& file) {
  std::error_code ignored;
  errno = 0;
  std::ifstream stream(file, std::ios::binary);
  if (!stream || fs::is_directory(file, ignored)) {
    throw Error(Reason::InvalidUsage,
                fmt::format("cannot read {}: {}", file.string(),
                            stream ? "it is a folder" : std::strerror(errno)));
  }
  return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace engine
