// SPDX-License-Identifier: Apache-2.0
#include "engine/db/sqlite_file.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <system_error>

#include "engine/core/error.h"

namespace engine {
namespace {

constexpr const char* kMemory = ":memory:";

// The bytes that SQLite locks: pending, reserved, 510 for readers.
constexpr long kFirstLockByte = 0x40000000;
constexpr long kLastLockByte = kFirstLockByte + 511;

struct Look {
  int error = 0;  // errno; 0: it is there
  bool is_directory = false;
};

Look look_at(const std::string& path) noexcept {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return {errno, false};
  return {0, S_ISDIR(status.st_mode)};
}

[[noreturn]] void fail(const DatabaseUrl& url, const std::string& cause, const char* hint) {
  throw Error(Reason::DatabaseUnreachable, fmt::format("cannot open {}: {}", url.display, cause),
              hint);
}

// The process of a line of /proc/locks, when it is about such a byte of this file:
// "3: POSIX  ADVISORY  WRITE 4242 fe:01:131 1073741824 1073742335". 0: it is not.
pid_t lock_owner(const std::string& line, const std::string& inode) {
  std::istringstream words(line);
  std::string number, kind, mode, access, file;
  pid_t pid = 0;
  long first = 0;
  words >> number >> kind >> mode >> access >> pid >> file >> first;
  const bool is_ours = words && kind == "POSIX" && file.ends_with(":" + inode) &&
                       first >= kFirstLockByte && first <= kLastLockByte;
  return is_ours && pid > 0 && pid != ::getpid() ? pid : 0;
}

}  // namespace

bool sqlite_file_is_missing(const DatabaseUrl& url) noexcept {
  return url.flavour == SqlFlavour::Sqlite && url.conninfo != kMemory &&
         look_at(url.conninfo).error == ENOENT;
}

void check_sqlite_file(const DatabaseUrl& url, bool create) {
  if (url.conninfo == kMemory) return;
  const Look file = look_at(url.conninfo);
  if (file.is_directory) fail(url, "it is a directory", "name the database file");
  if (file.error == 0) return;
  if (file.error != ENOENT) {
    fail(url, std::generic_category().message(file.error),
         "check the rights of the file and of the directories above it, and its name");
  }
  if (!create) fail(url, "no such database file", "a first upgrade creates it");
  const std::string folder = std::filesystem::path(url.conninfo).parent_path().string();
  if (folder.empty() || look_at(folder).error == 0) return;
  fail(url, fmt::format("the directory {} does not exist", folder), "create it");
}

std::string sqlite_lock_holder(const DatabaseUrl& url) {
  struct stat status {};
  pid_t found = 0;  // of several readers always the same
  if (::stat(url.conninfo.c_str(), &status) == 0) {
    std::ifstream locks("/proc/locks");
    for (std::string line; std::getline(locks, line);) {
      const pid_t owner = lock_owner(line, std::to_string(status.st_ino));
      if (owner != 0 && (found == 0 || owner < found)) found = owner;
    }
  }
  return fmt::format("{} with an open transaction",
                     found == 0 ? "another process" : fmt::format("process {}", found));
}

}  // namespace engine
