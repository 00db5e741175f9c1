// SPDX-License-Identifier: Apache-2.0
//
// docs/configuration.md says what the program does.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <stdexcept>

#include "engine/config/settings.h"
#include "tests/support/places.h"

namespace engine {
namespace {

std::string manual() {
  std::ifstream file(source_folder() + "/docs/configuration.md");
  return {std::istreambuf_iterator<char>(file), {}};
}

// The one block of the manual that is marked ```language.
std::string example(std::string_view language) {
  const std::string text = manual();
  const std::string mark = fmt::format("\n```{}\n", language);
  const std::size_t begin = text.find(mark);
  if (begin == std::string::npos) throw std::runtime_error("no example of " + mark);
  const std::size_t end = text.find("\n```\n", begin + 1);
  return text.substr(begin + mark.size(), end + 1 - begin - mark.size());
}

std::string code(std::string_view text) {
  return text.empty() ? std::string() : fmt::format("`{}`", text);
}

TEST(ConfigurationManualTest, ListsEveryKeyWithItsVariableDefaultAndMeaning) {
  const std::string text = manual();
  for (const KeyInfo& key : key_table()) {
    const std::vector<std::string> names = variables(key);
    std::string own = code(key.name);
    if (key.scope == Scope::AlembicFiles) own.clear();
    if (key.scope == Scope::Run) own = fmt::format("only `--{}`", flag_name(key));
    std::string shown_names = names.empty() ? "" : code(names.back());
    if (names.size() > 1) shown_names += ", " + code(names.front());
    const std::string beginning =
        fmt::format("\n| {} | {} | {} | ", own, code(key.alembic_name), shown_names);
    const std::size_t at = text.find(beginning);
    ASSERT_NE(at, std::string::npos) << beginning;
    const std::string row = text.substr(at + 1, text.find('\n', at + 1) - at - 1);
    EXPECT_TRUE(row.ends_with(fmt::format("| {} | {} |", code(key.default_text), key.help))) << row;
  }
}

TEST(ConfigurationManualTest, ShowsFilesThatAreUnderstood) {
  ConfigSources sources;
  sources.yaml = {"stillhead.yaml", "/project", example("yaml"), false};
  Settings settings(sources);
  EXPECT_EQ(settings.script_location(), "/project/migrations");
  EXPECT_EQ(settings.list(Key::VersionLocations).at(1), "/project/migrations/billing");
  EXPECT_EQ(settings.text(Key::Transaction), "single");
  EXPECT_EQ(*settings.post_write_hooks().at(0).find("executable"), "sqlfluff");

  sources = {};
  sources.ini = {"alembic.ini", "/project", example("ini"), false};
  sources.environment = {{"DB_USER", "u"}, {"DB_HOST", "h"}};
  settings = Settings(sources);
  EXPECT_EQ(settings.list(Key::VersionLocations).at(1), "/project/migrations/billing");
  EXPECT_EQ(settings.text(Key::FileTemplate), "%(year)d_%(month).2d_%(day).2d_%(rev)s_%(slug)s");
  EXPECT_EQ(settings.text(Key::DatabaseUrl), "postgresql://u@h/app");
  EXPECT_EQ(*settings.post_write_hooks().at(0).find("options"), "-l 79 REVISION_SCRIPT_FILENAME");

  sources = {};
  sources.pyproject = {"pyproject.toml", "/project", example("toml"), false};
  settings = Settings(sources);
  EXPECT_EQ(settings.list(Key::VersionLocations).at(1), "/project/migrations/billing");
  EXPECT_TRUE(settings.flag(Key::RecursiveVersionLocations));
  EXPECT_EQ(*settings.post_write_hooks().at(0).find("module"), "ruff");
}

}  // namespace
}  // namespace engine
