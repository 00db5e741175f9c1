// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/exec_program.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "tests/support/temporary_folder.h"

namespace engine {
namespace {

class CheckProgramTest : public testing::Test {
 protected:
  CheckProgramTest() {
    std::filesystem::permissions(folder_.write("good", "#!/bin/sh\n"),
                                 std::filesystem::perms::owner_all);
    folder_.write("plain", "text");
    std::filesystem::create_directory(folder_ / "folder");
  }

  // "127 cannot start x: ..."; empty: it can be started.
  std::string fault(const std::string& program) const {
    const auto found = check_program(program, {{"PATH", "/usr/bin:" + folder_.path().string()}});
    return found ? std::to_string(found->exit_code) + " " + found->message : "";
  }

  test::TemporaryFolder folder_ = {};
};

TEST_F(CheckProgramTest, SaysWhatAShellWould) {
  const std::string folder = folder_.path().string();
  EXPECT_EQ(fault("sh"), "");
  EXPECT_EQ(fault("good"), "");
  EXPECT_EQ(fault(folder + "/good"), "");
  EXPECT_EQ(fault("nosuch"), "127 cannot start nosuch: it is not in any folder of PATH");
  EXPECT_EQ(fault("folder"), "127 cannot start folder: it is not in any folder of PATH");
  EXPECT_EQ(fault("plain"), "126 cannot start " + folder + "/plain: Permission denied");
  EXPECT_EQ(fault(folder + "/plain"), "126 cannot start " + folder + "/plain: Permission denied");
  EXPECT_EQ(fault(folder + "/no"), "127 cannot start " + folder + "/no: No such file or directory");
  EXPECT_EQ(fault(folder + "/folder"), "126 cannot start " + folder + "/folder: Is a directory");
}

// A script whose interpreter is not there cannot be told before it is tried.
TEST_F(CheckProgramTest, ExecReturnsOnlyWithAFault) {
  const std::string file = folder_.write("broken", "#!/nowhere/interpreter\n");
  std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  EXPECT_EQ(fault(file), "");
  const CannotExec found = exec_program({file}, {});
  EXPECT_EQ(found.exit_code, 127);
  EXPECT_EQ(found.message, "cannot start " + file + ": No such file or directory");
}

}  // namespace
}  // namespace engine
