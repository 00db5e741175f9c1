// SPDX-License-Identifier: Apache-2.0
#include "engine/host/interpreter.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "engine/core/error.h"
#include "tests/engine/core/error_of.h"
#include "tests/support/temporary_folder.h"

namespace engine {
namespace {

namespace fs = std::filesystem;

class InterpreterTest : public testing::Test {
 protected:
  // Something that can be run.
  std::string program(const std::string& name, const std::string& text = "#!/bin/sh\n") {
    folder_.write(name, text);
    const fs::path path = folder_.path() / name;
    fs::permissions(path, fs::perms::owner_all);
    return path.string();
  }
  std::string found(const Environment& environment, const std::string& setting = "") {
    ConfigSources sources;
    if (!setting.empty()) sources.flags["python"] = setting;
    return find_interpreter(Settings(sources), environment).path;
  }
  test::TemporaryFolder folder_ = {};
};

TEST_F(InterpreterTest, WhatIsNearestToTheProjectWins) {
  const std::string venv = program("venv/bin/python3");
  const std::string other = program("other/bin/python3.12");
  program("path/alembic", "#!" + other + "\n");
  const std::string plain = program("plain/python3");
  const std::string path = (folder_.path() / "path").string();
  const std::string plain_path = (folder_.path() / "plain").string();
  EXPECT_EQ(found({{"PATH", plain_path}}), plain);
  EXPECT_EQ(found({{"PATH", path + ":" + plain_path}}), other);
  const std::string active = (folder_.path() / "venv").string();
  EXPECT_EQ(found({{"PATH", path}, {"VIRTUAL_ENV", active}}), venv);
  EXPECT_EQ(found({{"PATH", path}, {"VIRTUAL_ENV", active}}, "/opt/python"), "/opt/python");
}

TEST_F(InterpreterTest, ALongPathStandsInTheSecondLine) {
  const std::string python = program("a b/bin/python");
  program("path/alembic", "#!/bin/sh\n'''exec' \"" + python + "\" \"$0\" \"$@\"\n' '''\n");
  EXPECT_EQ(found({{"PATH", (folder_.path() / "path").string()}}), python);
}

TEST_F(InterpreterTest, WithoutAnyItSaysWhatToDo) {
  const Error error = error_of([&] { found({{"PATH", folder_.path().string()}}); });
  EXPECT_EQ(error.reason(), Reason::InvalidUsage);
  EXPECT_EQ(error.message(), "no Python was found to run the project's scripts");
  EXPECT_EQ(error.hint(),
            "name the interpreter of the project: `python: PATH` in stillhead.yaml, or "
            "STILLHEAD_PYTHON");
}

}  // namespace
}  // namespace engine
