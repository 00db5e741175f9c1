// SPDX-License-Identifier: Apache-2.0
#include "engine/sql/hazards.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "tests/support/places.h"

namespace engine {
namespace {

std::string manual() {
  std::ifstream stream(source_folder() + "/docs/hazards.md");
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

TEST(HazardTableTest, EachHasItsHeadingInTheManualAndTheSameWords) {
  const std::string text = manual();
  ASSERT_FALSE(text.empty());
  std::size_t headings = 0;
  for (std::size_t at = text.find("\n## "); at != std::string::npos;
       at = text.find("\n## ", at + 1)) {
    ++headings;
  }
  EXPECT_EQ(headings, hazard_table().size());
  for (const HazardInfo& info : hazard_table()) {
    std::string section = "\n## ";
    section.append(info.name).append("\n\n").append(name_of(info.severity)).append(": ");
    section.append(info.what).append(".\n\nInstead: ").append(info.instead).append(".\n");
    EXPECT_NE(text.find(section), std::string::npos) << section;
  }
}

}  // namespace
}  // namespace engine
