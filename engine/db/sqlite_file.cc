// SPDX-License-Identifier: Apache-2.0
#include "engine/db/sqlite_file.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <system_error>

#include "engine/core/error.h"

namespace engine {
namespace {

constexpr const char* kMemory = ":memory:";

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

}  // namespace engine
