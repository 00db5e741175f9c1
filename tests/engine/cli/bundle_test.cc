// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/bundle.h"

#include <gtest/gtest.h>

#include "engine/core/error.h"
#include "tests/support/temporary_folder.h"

namespace engine {
namespace {

namespace fs = std::filesystem;

class BundleTest : public testing::Test {
 protected:
  BundleTest() {
    program_ = folder_.write("engine/bin/stillhead", "program");
    fs::permissions(program_, fs::perms::owner_all);
    loader_ = folder_.write("engine/lib/ld-linux-x86-64.so.2", "loader");
    folder_.write("engine/lib/libpq.so.5.15", "library");
    fs::create_symlink("libpq.so.5.15", folder_ / "engine/lib/libpq.so.5");
  }

  test::TemporaryFolder folder_ = {};
  std::string program_ = {};
  std::string loader_ = {};
};

TEST_F(BundleTest, IsFoundFromTheProgramAndFromTheLoader) {
  EXPECT_EQ(find_bundle(program_), folder_ / "engine");
  EXPECT_EQ(find_bundle(loader_), folder_ / "engine");
}

TEST_F(BundleTest, IsNotFoundWithoutALoader) {
  fs::remove(loader_);
  try {
    find_bundle(program_);
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.reason(), Reason::InvalidUsage);
    EXPECT_EQ(e.message(), "this program is not installed as a bundle: " + program_ +
                               " does not stand beside lib/ with its libraries and loader");
    EXPECT_EQ(e.hint(),
              "run it from the engine image, or from a folder that `stillhead bundle` made");
  }
}

TEST_F(BundleTest, AWholeSystemIsNoBundle) {
  EXPECT_THROW(find_bundle("/usr/bin/stillhead"), Error);
  EXPECT_THROW(find_bundle("/bin/stillhead"), Error);
}

TEST_F(BundleTest, IsCopiedWithLinksAndPermissions) {
  const BundleSize size = copy_bundle(folder_ / "engine", folder_ / "to/here");
  EXPECT_EQ(size.files, 4);
  EXPECT_EQ(size.bytes, 7U + 6U + 7U + 7U);
  EXPECT_EQ(folder_.read("to/here/bin/stillhead"), "program");
  EXPECT_NE(fs::status(folder_ / "to/here/bin/stillhead").permissions() & fs::perms::owner_exec,
            fs::perms::none);
  EXPECT_TRUE(fs::is_symlink(folder_ / "to/here/lib/libpq.so.5"));
  EXPECT_EQ(folder_.read("to/here/lib/libpq.so.5"), "library");
}

TEST_F(BundleTest, ACopyIsABundleAgain) {
  copy_bundle(folder_ / "engine", folder_ / "copy");
  EXPECT_EQ(find_bundle(folder_ / "copy/bin/stillhead"), folder_ / "copy");
}

TEST_F(BundleTest, AnOlderCopyIsReplaced) {
  folder_.write("copy/bin/stillhead", "an older program");
  folder_.write("copy/lib/libpq.so.5.15", "an older library");
  copy_bundle(folder_ / "engine", folder_ / "copy");
  EXPECT_EQ(folder_.read("copy/bin/stillhead"), "program");
  EXPECT_EQ(folder_.read("copy/lib/libpq.so.5.15"), "library");
}

TEST_F(BundleTest, IsNotCopiedIntoItself) {
  EXPECT_THROW(copy_bundle(folder_ / "engine", folder_ / "engine/copy"), Error);
}

TEST_F(BundleTest, SaysWhereACopyFailed) {
  folder_.write("file", "");
  try {
    copy_bundle(folder_ / "engine", folder_ / "file/copy");
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.message(),
              "cannot copy the program to " + (folder_ / "file/copy") + ": Not a directory");
  }
}

}  // namespace
}  // namespace engine
