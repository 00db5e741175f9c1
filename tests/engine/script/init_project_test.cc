// SPDX-License-Identifier: Apache-2.0
#include "engine/script/init_project.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/engine/core/error_of.h"
#include "tests/support/temporary_folder.h"

namespace engine {
namespace {

namespace fs = std::filesystem;

// In a folder of its own, so that relative names mean something.
class InitProjectTest : public ::testing::Test {
 protected:
  InitProjectTest() : before_(fs::current_path()) { fs::current_path(folder_.path()); }
  ~InitProjectTest() override { fs::current_path(before_); }

  std::string init(const InitRequest& request) {
    return init_project(request,
                        [this](const std::string& doing, const std::function<void()>& action) {
                          told_.push_back(doing);
                          action();
                        });
  }
  std::string ini_line(const std::string& file = "alembic.ini") const {
    const std::string text = folder_.read(file);
    const auto begin = text.find("\nscript_location");
    return text.substr(begin + 1, text.find('\n', begin + 1) - begin - 1);
  }

  test::TemporaryFolder folder_ = {};
  std::vector<std::string> told_ = {};

 private:
  fs::path before_;
};

TEST_F(InitProjectTest, MakesAProjectInAlembicsWords) {
  EXPECT_EQ(init({"./migrations/", "alembic.ini", "sql", false}),
            "Please edit configuration/connection/logging settings in " +
                (folder_ / "alembic.ini") + " before proceeding.\n");
  EXPECT_EQ(told_, (std::vector<std::string>{
                       "Creating directory " + (folder_ / "migrations"),
                       "Creating directory " + (folder_ / "migrations/versions"),
                       "Generating " + (folder_ / "alembic.ini"),
                       "Generating " + (folder_ / "migrations/README"),
                       "Generating " + (folder_ / "migrations/script.sql"),
                   }));
  EXPECT_EQ(ini_line(), "script_location = %(here)s/migrations");
  EXPECT_TRUE(folder_.has("migrations/versions"));
  EXPECT_EQ(folder_.read("migrations/script.sql").substr(0, 28), "-- revision: ${up_revision}\n");
}

TEST_F(InitProjectTest, SaysTheLocationAsSeenFromTheFileOfSettings) {
  struct Case {
    std::string directory = {};
    std::string config_file = {};
    std::string line = {};
  };
  const Case cases[] = {
      {"a/b", "one.ini", "script_location = %(here)s/a/b"},
      {"c", "conf/two.ini", "script_location = %(here)s/../c"},
      {"conf/d", "conf/three.ini", "script_location = %(here)s/d"},
      {"50%", "four.ini", "script_location = %(here)s/50%%"},
      {folder_ / "e", "five.ini", "script_location = " + (folder_ / "e")},
  };
  fs::create_directory("conf");
  for (const auto& [directory, config_file, line] : cases) {
    init({directory, config_file, "sql", false});
    EXPECT_EQ(ini_line(config_file), line);
  }
}

TEST_F(InitProjectTest, LeavesSettingsThatAreThere) {
  folder_.write("alembic.ini", "mine");
  EXPECT_EQ(init({"m", "alembic.ini", "sql", false}),
            "File " + (folder_ / "alembic.ini") +
                " already exists, skipping\n"
                "Please edit configuration/connection/logging settings in " +
                (folder_ / "alembic.ini") + " before proceeding.\n");
  EXPECT_EQ(folder_.read("alembic.ini"), "mine");
}

TEST_F(InitProjectTest, TakesAFolderThatIsEmpty) {
  fs::create_directory("m");
  init({"m", "alembic.ini", "sql", false});
  EXPECT_EQ(told_.front(), "Creating directory " + (folder_ / "m/versions"));
}

TEST_F(InitProjectTest, MakesAPackageWhenAsked) {
  init({"m", "alembic.ini", "sql", true});
  EXPECT_EQ(told_[told_.size() - 2], "Adding " + (folder_ / "m/__init__.py"));
  EXPECT_EQ(told_.back(), "Adding " + (folder_ / "m/versions/__init__.py"));
  EXPECT_EQ(folder_.read("m/versions/__init__.py"), "");
}

TEST_F(InitProjectTest, MakesProjectsOfPythonScripts) {
  for (const char* name : {"generic", "async", "multidb"}) {
    const std::string ini = std::string(name) + ".ini";
    init({name, ini, name, false});
    EXPECT_EQ(ini_line(ini), "script_location = %(here)s/" + std::string(name));
    const std::string folder = std::string(name) + "/";
    EXPECT_TRUE(folder_.has(folder + "versions"));
    EXPECT_NE(folder_.read(folder + "env.py").find("run_migrations_offline()\nelse:"),
              std::string::npos);
    EXPECT_NE(folder_.read(folder + "script.py.mako").find("Revises: ${down_revision"),
              std::string::npos);
  }
  EXPECT_NE(folder_.read("multidb.ini").find("\ndatabases = engine1, engine2\n"),
            std::string::npos);
}

TEST_F(InitProjectTest, KeepsThePyprojectThatIsThere) {
  folder_.write("pyproject.toml", "[project]\nname = \"x\"\n");
  const std::string rest = init({"m", "alembic.ini", "pyproject", false});
  EXPECT_NE(rest.find("settings in " + (folder_ / "pyproject.toml") + " and "), std::string::npos);
  const std::string text = folder_.read("pyproject.toml");
  EXPECT_TRUE(text.starts_with("[project]\nname = \"x\"\n\n[tool.alembic]\n")) << text;
  EXPECT_NE(text.find("\nscript_location = \"%(here)s/m\"\n"), std::string::npos);
  EXPECT_EQ(folder_.read("alembic.ini").find("\nscript_location"), std::string::npos);
  EXPECT_EQ(init({"n", "alembic.ini", "pyproject_async", false})
                .find("File " + (folder_ / "alembic.ini") + " already exists, skipping\nFile " +
                      (folder_ / "pyproject.toml") +
                      " already exists and already has a [tool.alembic] section, skipping\n"),
            0U);
  EXPECT_EQ(folder_.read("pyproject.toml"), text);
}

TEST_F(InitProjectTest, RefusesBeforeItMakesAnything) {
  folder_.write("full/x", "");
  folder_.write("file", "");
  struct Case {
    InitRequest request = {};
    std::string message = {};
  };
  const Case cases[] = {
      {{"./full/", "alembic.ini", "sql", false}, "Directory full already exists and is not empty"},
      {{"file", "alembic.ini", "sql", false}, "cannot make the folder file: it is a file"},
      {{"m", "alembic.ini", "special", false}, "No such template special"},
  };
  for (const auto& [request, message] : cases) {
    const Error error = error_of([&, given = request] { init(given); });
    EXPECT_EQ(error.reason(), Reason::InvalidUsage);
    EXPECT_EQ(error.message(), message);
    EXPECT_NE(error.hint(), "");
  }
  EXPECT_TRUE(told_.empty());
  EXPECT_FALSE(folder_.has("m"));
  EXPECT_FALSE(folder_.has("alembic.ini"));
}

TEST(ListTemplatesTest, ListsThemInAlembicsForm) {
  EXPECT_EQ(list_templates_text("stillhead"),
            "Available templates:\n"
            "\n"
            "sql - Plain SQL scripts, no Python needed.\n"
            "generic - Python scripts for one database.\n"
            "async - Python scripts for one database, with an asynchronous driver.\n"
            "multidb - Python scripts for several databases.\n"
            "pyproject - Python scripts for one database, with the settings in pyproject.toml.\n"
            "pyproject_async - Python scripts for one database, with an asynchronous driver and "
            "pyproject.toml.\n"
            "\n"
            "Templates are used via the 'init' command, e.g.:\n"
            "\n"
            "  stillhead init --template generic ./scripts\n");
}

}  // namespace
}  // namespace engine
