// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/report_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "engine/core/error.h"
#include "tests/support/temporary_folder.h"

namespace engine {
namespace {

namespace fs = std::filesystem;

std::size_t files_in(const fs::path& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

std::string check_error(const std::string& file) {
  try {
    check_report_file(file);
  } catch (const Error& e) {
    EXPECT_EQ(e.reason(), Reason::InvalidUsage);
    return e.message();
  }
  return "no error";
}

TEST(ReportFileTest, ReplacesTheFileAndLeavesNothingBeside) {
  const test::TemporaryFolder folder;
  const std::string file = folder.write("report.json", "old, and longer than the new one");
  struct stat before {};
  ASSERT_EQ(stat(file.c_str(), &before), 0);
  check_report_file(file);
  write_report_file(file, "new");
  EXPECT_EQ(folder.read("report.json"), "new");
  EXPECT_EQ(files_in(folder.path()), 1U);
  struct stat after {};
  ASSERT_EQ(stat(file.c_str(), &after), 0);
  EXPECT_NE(before.st_ino, after.st_ino) << "written in place: a reader could see half of it";
  EXPECT_EQ(
      after.st_mode & 0777, 0644U & ~[] {
        const mode_t mask = umask(0);
        umask(mask);
        return mask;
      }());
}

TEST(ReportFileTest, WritesThroughALink) {
  const test::TemporaryFolder folder;
  folder.write("target", "old text");
  fs::create_symlink("target", folder / "link");
  write_report_file(folder / "link", "new");
  EXPECT_TRUE(fs::is_symlink(folder / "link"));
  EXPECT_EQ(folder.read("target"), "new");
}

TEST(ReportFileTest, WritesIntoAPipe) {
  const test::TemporaryFolder folder;
  const std::string pipe = folder / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  std::string seen(3, ' ');
  std::thread reader([&] {
    const int descriptor = open(pipe.c_str(), O_RDONLY | O_CLOEXEC);
    EXPECT_EQ(read(descriptor, seen.data(), 3), 3);
    close(descriptor);
  });
  write_report_file(pipe, "new");
  reader.join();
  EXPECT_EQ(seen, "new");
}

// As a file that is mounted into a container: it can be written to, but not replaced.
TEST(ReportFileTest, WritesInPlaceWhereTheTemporaryFileCannotBe) {
  const test::TemporaryFolder folder;
  const std::string file = folder.write("report.json", "old, and longer than the new one");
  folder.write("report.json." + std::to_string(getpid()) + ".tmp/in_the_way", "");
  write_report_file(file, "new");
  EXPECT_EQ(folder.read("report.json"), "new");
}

TEST(ReportFileTest, SaysBeforehandWhyAFileCannotBeWritten) {
  const test::TemporaryFolder folder;
  EXPECT_EQ(check_error(folder / "new.json"), "no error");
  EXPECT_FALSE(folder.has("new.json")) << "only asked";
  EXPECT_EQ(check_error(folder / "missing/report.json"), "cannot write the report to " +
                                                             (folder / "missing/report.json") +
                                                             ": No such file or directory");
  EXPECT_EQ(check_error(folder.path().string()),
            "cannot write the report to " + folder.path().string() + ": it is a folder");
}

// The program prints a message once when it comes twice.
TEST(ReportFileTest, SaysOfAFolderTheSameBeforeAndAfter) {
  const test::TemporaryFolder folder;
  try {
    write_report_file(folder.path(), "new");
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.message(), check_error(folder.path().string()));
  }
}

TEST(ReportFileTest, SaysWhyAFileWasNotWritten) {
  try {
    write_report_file("/dev/full", "new");
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.message(), "cannot write the report to /dev/full: No space left on device");
    EXPECT_EQ(e.hint(), "the folder must exist, be writable and have free space");
  }
}

}  // namespace
}  // namespace engine
