// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/drop_in.h"

#include <gtest/gtest.h>

namespace engine {
namespace {

TEST(AlembicExitCodeTest, IsAlembicsOwn) {
  EXPECT_EQ(alembic_exit_code(Reason::Succeeded, true), 0);
  EXPECT_EQ(alembic_exit_code(Reason::InvalidTarget, true), 255);
  EXPECT_EQ(alembic_exit_code(Reason::NotUpToDate, true), 255);
  EXPECT_EQ(alembic_exit_code(Reason::MigrationFailed, true), 1);
  EXPECT_EQ(alembic_exit_code(Reason::DatabaseUnreachable, true), 1);
  EXPECT_EQ(alembic_exit_code(Reason::DatabaseAhead, true), 0) << "it is told, and nothing is done";
  EXPECT_EQ(alembic_exit_code(Reason::InvalidUsage, true), 255);
  EXPECT_EQ(alembic_exit_code(Reason::InvalidUsage, false), 2) << "argparse's";
}

}  // namespace
}  // namespace engine
