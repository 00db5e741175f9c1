// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/report_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "engine/core/error.h"

namespace engine {
namespace {

namespace fs = std::filesystem;

// Owner may write, everybody may read: a report holds no secret.
constexpr mode_t kReportMode = 0644;
constexpr mode_t kPlanMode = 0600;

[[noreturn]] void fail(const fs::path& file, const std::string& cause,
                       std::string_view what = "report") {
  throw Error(Reason::InvalidUsage,
              fmt::format("cannot write the {} to {}: {}", what, file.string(), cause),
              "the folder must exist, be writable and have free space");
}

bool write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

bool write_file(const std::string& name, int flags, std::string_view text, mode_t mode) {
  const int descriptor = ::open(name.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, mode);
  if (descriptor < 0) return false;
  const bool written = write_all(descriptor, text);
  const int write_error = errno;
  const bool closed = ::close(descriptor) == 0;
  if (!written) errno = write_error;
  return written && closed;
}

bool replace_file(const fs::path& file, std::string_view text, mode_t mode) {
  std::error_code ignored;
  const fs::file_status status = fs::symlink_status(file, ignored);
  if (fs::exists(status) && !fs::is_regular_file(status)) return false;
  const std::string temporary = fmt::format("{}.{}.tmp", file.string(), ::getpid());
  if (write_file(temporary, O_EXCL, text, mode) &&
      std::rename(temporary.c_str(), file.c_str()) == 0) {
    return true;
  }
  ::unlink(temporary.c_str());
  return false;
}

}  // namespace

void check_report_file(const fs::path& file) {
  if (::access(file.c_str(), W_OK) == 0) {
    std::error_code ignored;
    if (fs::is_directory(file, ignored)) fail(file, "it is a folder");
    return;
  }
  if (errno != ENOENT) fail(file, std::strerror(errno));
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  if (::access(folder.c_str(), W_OK) != 0) fail(file, std::strerror(errno));
}

void write_report_file(const fs::path& file, std::string_view text) {
  if (replace_file(file, text, kReportMode)) return;
  if (write_file(file.string(), O_TRUNC, text, kReportMode)) return;
  fail(file, errno == EISDIR ? "it is a folder" : std::strerror(errno));
}

void write_plan_file(const fs::path& file, std::string_view text) {
  if (replace_file(file, text, kPlanMode)) return;
  if (write_file(file.string(), O_TRUNC, text, kPlanMode)) return;
  fail(file, errno == EISDIR ? "it is a folder" : std::strerror(errno), "plan");
}

}  // namespace engine
