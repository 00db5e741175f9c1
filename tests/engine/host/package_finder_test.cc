// SPDX-License-Identifier: Apache-2.0
#include "engine/host/package_finder.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/temporary_folder.h"

namespace engine {
namespace {

namespace fs = std::filesystem;

class PackageFinderTest : public testing::Test {
 protected:
  std::string program(const std::string& name, const std::string& text) {
    folder_.write(name, text);
    fs::permissions(folder_.path() / name, fs::perms::owner_all);
    return (folder_.path() / name).string();
  }
  std::string path(const std::string& name) const { return (folder_.path() / name).string(); }
  FoundPackage find(const std::string& python, const Environment& environment = {}) {
    ConfigSources sources;
    sources.flags["python"] = python;
    return find_installed_package({"app.core", "migrations"}, Settings(sources), environment);
  }
  test::TemporaryFolder folder_ = {};
};

constexpr const char* kMustNotBeAsked = "#!/bin/sh\nexit 1\n";

TEST_F(PackageFinderTest, FilesAreEnough) {
  const std::string python = program("venv/bin/python3", kMustNotBeAsked);
  folder_.write("venv/lib/python3.11/site-packages/app/core/migrations/x", "");
  EXPECT_EQ(find(python).folder, path("venv/lib/python3.11/site-packages/app/core/migrations"));
  folder_.write("other/app/core/migrations/x", "");
  EXPECT_EQ(find(python, {{"PYTHONPATH", path("nowhere") + ":" + path("other")}}).folder,
            path("other/app/core/migrations"));
}

TEST_F(PackageFinderTest, DebianHasFoldersOfItsOwn) {
  const std::string python = program("usr/bin/python3", kMustNotBeAsked);
  folder_.write("usr/lib/python3/dist-packages/app/core/migrations/x", "");
  EXPECT_EQ(find(python).folder, path("usr/lib/python3/dist-packages/app/core/migrations"));
}

// The question has the package as its first argument, and goes to descriptor 3.
TEST_F(PackageFinderTest, TheInterpreterIsAskedWhereFilesDoNotTell) {
  folder_.write("checkout/app/core/migrations/x", "");
  const std::string python = program(
      "venv/bin/python3", "#!/bin/sh\necho noise\n[ \"$3\" = app.core ] && printf '" +
                              path("empty") + "\\n" + path("checkout/app/core") + "\\n' >&3\n");
  EXPECT_EQ(find(python).folder, path("checkout/app/core/migrations"));
  // Two versions of Python below one prefix: which of them it is, only it knows.
  folder_.write("venv/lib/python3.9/site-packages/app/core/migrations/x", "");
  EXPECT_EQ(find(python).folder, path("venv/lib/python3.9/site-packages/app/core/migrations"));
  folder_.write("venv/lib/python3.11/site-packages/app/core/migrations/x", "");
  EXPECT_EQ(find(python).folder, path("checkout/app/core/migrations"));
}

TEST_F(PackageFinderTest, RealPythonAnswersTheQuestion) {
  folder_.write("app/core/migrations/x", "");
  folder_.write("app/__init__.py", "");
  folder_.write("app/core/__init__.py", "");
  folder_.write("finder/sitecustomize.py",
                "import sys\nsys.path.append('" + folder_.path().string() + "')\n");
  EXPECT_EQ(find("python3", {{"PATH", "/usr/bin:/bin"}, {"PYTHONPATH", path("finder")}}).folder,
            path("app/core/migrations"));
}

TEST_F(PackageFinderTest, TellsWhereItHasLooked) {
  const std::string python = program("venv/bin/python3", kMustNotBeAsked);
  FoundPackage found = find(python);
  EXPECT_FALSE(found.folder);
  EXPECT_EQ(found.looked, ", in PYTHONPATH, or where " + python + " (--python) has packages");
  found = find(path("missing"));
  EXPECT_FALSE(found.folder);
  EXPECT_EQ(found.looked,
            ", or in PYTHONPATH; cannot run " + path("missing") + ": No such file or directory");
}

}  // namespace
}  // namespace engine
