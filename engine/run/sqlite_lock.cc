// SPDX-License-Identifier: Apache-2.0
//
// A lock of the open file description (OFD) on one byte of the database file, beyond the bytes that
// SQLite itself locks (0x40000000 to +511). The system frees it when its owner dies.
//
// Closing any descriptor of a file drops the POSIX locks which this process holds on it, SQLite's
// included. So our descriptors are never closed: a released one is unlocked and kept for the next
// lock of that file. Locks and connections may therefore be destroyed in any order.
//
// Other programs do not know this lock. That none of them is at work is seen by an empty exclusive
// transaction of SQLite, which also waits for readers: they would keep the first COMMIT from its
// end.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <system_error>
#include <utility>
#include <vector>

#include "engine/db/sqlite_file.h"
#include "engine/run/lock.h"
#include "engine/run/lock_poll.h"

namespace engine {
namespace {

constexpr off_t kLockByte = 0x40000000 + 4096;

struct FileIdentity {
  dev_t device = 0;
  ino_t inode = 0;
  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

FileIdentity identity_of(const struct stat& status) { return {status.st_dev, status.st_ino}; }

class IdleDescriptors {
 public:
  // -1: none for this file.
  int take(const FileIdentity& file) {
    const std::lock_guard lock(mutex_);
    for (auto it = idle_.begin(); it != idle_.end(); ++it) {
      if (it->first != file) continue;
      const int descriptor = it->second;
      idle_.erase(it);
      return descriptor;
    }
    return -1;
  }
  void give(const FileIdentity& file, int descriptor) {
    const std::lock_guard lock(mutex_);
    idle_.emplace_back(file, descriptor);
  }

 private:
  std::mutex mutex_;
  std::vector<std::pair<FileIdentity, int>> idle_;
};

IdleDescriptors& idle_descriptors() {
  static auto& instance = *new IdleDescriptors;  // outlives every lock
  return instance;
}

struct flock range(short type) {
  struct flock range {};
  range.l_type = type;
  range.l_whence = SEEK_SET;
  range.l_start = kLockByte;
  range.l_len = 1;
  return range;
}

[[noreturn]] void fail(const DatabaseUrl& url, int error) {
  throw Error(
      Reason::DatabaseUnreachable,
      fmt::format("cannot lock {}: {}", url.display, std::generic_category().message(error)),
      "check that the directory exists, the rights of the file, and that its file system knows "
      "locks");
}

class LockFile {
 public:
  explicit LockFile(const DatabaseUrl& url) : url_(url) {
    struct stat status {};
    if (stat(url.conninfo.c_str(), &status) == 0)
      descriptor_ = idle_descriptors().take(identity_of(status));
    if (descriptor_ < 0)
      descriptor_ = open(url.conninfo.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (descriptor_ < 0 || fstat(descriptor_, &status) != 0) fail(url, errno);
    file_ = identity_of(status);
  }
  ~LockFile() {
    struct flock unlock = range(F_UNLCK);
    fcntl(descriptor_, F_OFD_SETLK, &unlock);
    idle_descriptors().give(file_, descriptor_);
  }
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;

  bool try_lock() {
    struct flock lock = range(F_WRLCK);
    if (fcntl(descriptor_, F_OFD_SETLK, &lock) == 0) return true;
    if (errno != EAGAIN && errno != EACCES) fail(url_, errno);
    return false;
  }
  // The path still leads to the file that is locked.
  bool in_place() const noexcept {
    struct stat status {};
    return stat(url_.conninfo.c_str(), &status) == 0 && identity_of(status) == file_;
  }
  ino_t inode() const { return file_.inode; }

 private:
  DatabaseUrl url_;
  int descriptor_ = -1;
  FileIdentity file_ = {};
};

bool shows_lock(const std::filesystem::path& fdinfo, const std::string& inode) {
  std::ifstream file(fdinfo);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("lock:") && line.find("OFDLCK") != std::string::npos &&
        line.find(inode) != std::string::npos) {
      return true;
    }
  }
  return false;
}

// The kernel does not tell who holds such a lock, but each process shows its own in /proc.
LockHolder find_holder(ino_t inode) {
  namespace fs = std::filesystem;
  const std::string wanted = fmt::format(":{} {} {}", inode, kLockByte, kLockByte);
  std::error_code error;
  for (fs::directory_iterator process("/proc", error), last; !error && process != last;
       process.increment(error)) {
    const std::string pid = process->path().filename().string();
    if (pid.find_first_not_of("0123456789") != std::string::npos) continue;
    std::error_code hidden;  // most processes are other people's
    for (fs::directory_iterator it(process->path() / "fdinfo", hidden), end; !hidden && it != end;
         it.increment(hidden)) {
      if (shows_lock(it->path(), wanted)) return {"process " + pid, ""};
    }
  }
  return {};
}

class SqliteLock : public MigrationLock {
 public:
  explicit SqliteLock(std::unique_ptr<LockFile> file) : file_(std::move(file)) {}
  bool held() noexcept override { return !file_ || file_->in_place(); }

 private:
  std::unique_ptr<LockFile> file_;  // empty: in memory, where nobody else can come
};

}  // namespace

std::unique_ptr<MigrationLock> acquire_sqlite_lock(const DatabaseUrl& url,
                                                   const LockOptions& options, Observer& observer,
                                                   std::stop_token stop) {
  if (url.conninfo == ":memory:") return std::make_unique<SqliteLock>(nullptr);
  auto file = std::make_unique<LockFile>(url);
  bool locked = false;
  LockOptions waiting = options;
  if (options.has_write_lock) waiting.patience = std::chrono::milliseconds(0);
  poll_for_lock(
      fmt::format("the migration lock of {}", url.display), waiting, observer, stop,
      [&] {
        locked = locked || file->try_lock();
        return locked && (options.has_write_lock || sqlite_file_is_idle(url, stop));
      },
      [&] {
        return locked ? LockHolder{sqlite_lock_holder(url), ""} : find_holder(file->inode());
      });
  return std::make_unique<SqliteLock>(std::move(file));
}

}  // namespace engine
