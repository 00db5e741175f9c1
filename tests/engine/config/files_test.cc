// SPDX-License-Identifier: Apache-2.0
#include "engine/config/files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "tests/engine/core/error_of.h"
#include "tests/support/temporary_folder.h"

namespace engine {
namespace {

// The current folder is the test's own.
class ConfigFilesTest : public testing::Test {
 protected:
  ConfigFilesTest() { std::filesystem::current_path(folder_.path()); }
  ~ConfigFilesTest() override { std::filesystem::current_path(before_); }

  static std::string names(const ConfigSources& sources) {
    std::string text;
    for (const auto& file : {sources.pyproject, sources.ini, sources.yaml}) {
      if (file) text += file->name + (file->named ? "! " : " ");
    }
    return text;
  }

  std::filesystem::path before_ = std::filesystem::current_path();
  test::TemporaryFolder folder_;
};

TEST_F(ConfigFilesTest, FindsTheThreeFilesOfTheCurrentFolder) {
  EXPECT_EQ(names(read_config_files({}, {})), "");
  folder_.write("alembic.ini", "[alembic]\n");
  folder_.write("pyproject.toml", "");
  folder_.write("stillhead.yaml", "");
  EXPECT_EQ(names(read_config_files({}, {})), "pyproject.toml alembic.ini stillhead.yaml ");
  const ConfigSources sources = read_config_files({{}, "two", false}, {{"A", "b"}});
  EXPECT_EQ(sources.ini->text, "[alembic]\n");
  EXPECT_EQ(sources.ini->folder, std::filesystem::current_path());
  EXPECT_EQ(sources.section, "two");
  EXPECT_EQ(sources.environment.at("A"), "b");
}

TEST_F(ConfigFilesTest, ReadsTheFilesThatAreNamedInstead) {
  folder_.write("alembic.ini", "");
  folder_.write("pyproject.toml", "");
  folder_.write("db/other.cfg", "");
  folder_.write("db/pyproject.toml", "");
  folder_.write("db/x.yml", "");
  EXPECT_EQ(names(read_config_files({{"db/other.cfg"}}, {})), "pyproject.toml db/other.cfg! ");
  EXPECT_EQ(names(read_config_files({{"db/x.yml", "db/pyproject.toml"}}, {})),
            "db/pyproject.toml! alembic.ini db/x.yml! ");
  EXPECT_EQ(names(read_config_files({}, {{"ALEMBIC_CONFIG", "db/other.cfg"}})),
            "pyproject.toml db/other.cfg! ");
  EXPECT_EQ(names(read_config_files({}, {{"ALEMBIC_CONFIG", "db/pyproject.toml"}})),
            "db/pyproject.toml! alembic.ini ");
  EXPECT_EQ(names(read_config_files({}, {{"ALEMBIC_CONFIG", ""}})), "pyproject.toml alembic.ini ");
  EXPECT_EQ(names(read_config_files({{"alembic.ini"}}, {{"ALEMBIC_CONFIG", "db/other.cfg"}})),
            "pyproject.toml alembic.ini! ");
}

TEST_F(ConfigFilesTest, KnowsTheFolderOfAFile) {
  folder_.write("db/x.ini", "");
  const std::string here = std::filesystem::current_path().string();
  const struct {
    std::string name;
    std::string folder;
  } cases[] = {{"db/x.ini", here + "/db"},
               {"./db//x.ini", here + "/db"},
               {"db/../db/x.ini", here + "/db/../db"},
               {here + "/db/x.ini", here + "/db"}};
  for (const auto& c : cases) {
    EXPECT_EQ(read_config_files({{c.name}}, {}).ini->folder, c.folder) << c.name;
  }
}

TEST_F(ConfigFilesTest, SaysWhatIsWrongWithAFile) {
  folder_.write("a/pyproject.toml", "");
  folder_.write("folder.ini/x", "");
  folder_.write("big.ini", std::string((1 << 20) + 1, '\n'));
  ASSERT_EQ(mkfifo("pipe.ini", 0600), 0);
  const struct {
    std::vector<std::string> names;
    std::string_view message;
    std::string_view hint;
  } cases[] = {
      {{"x.ini"},
       "No config file 'x.ini' found, or file has no '[alembic]' section",
       "-c names it; correct the name, or leave it out"},
      {{"x/pyproject.toml"},
       "No config file 'x/pyproject.toml' found, or file has no '[tool.alembic]' section",
       "-c names it; correct the name, or leave it out"},
      {{"x.yaml"},
       "No config file 'x.yaml' found",
       "-c names it; correct the name, or leave it out"},
      {{"a.ini", "b.ini"},
       "only one ini file may be indicated",
       "-c names a.ini and b.ini; leave one out"},
      {{"pyproject.toml", "a/pyproject.toml"},
       "pyproject.toml indicated more than once",
       "-c names pyproject.toml and a/pyproject.toml; leave one out"},
      {{"a.yaml", "b.yml"},
       "only one yaml file may be indicated",
       "-c names a.yaml and b.yml; leave one out"},
      {{"folder.ini"},
       "cannot read the configuration in folder.ini: it is a folder",
       "correct the file or its rights, or name another one with -c"},
      {{"pipe.ini"},
       "cannot read the configuration in pipe.ini: it is not a regular file",
       "correct the file or its rights, or name another one with -c"},
      {{"big.ini"},
       "cannot read the configuration in big.ini: it is larger than 1 MiB",
       "correct the file or its rights, or name another one with -c"},
      {{""}, "option --config needs a value", ""},
  };
  for (const auto& c : cases) {
    const Error error = error_of([&] { read_config_files({c.names}, {}); });
    EXPECT_EQ(error.message(), c.message);
    EXPECT_EQ(error.hint(), c.hint);
    EXPECT_EQ(error.reason(), Reason::InvalidUsage);
  }
  EXPECT_EQ(error_of([] {
              read_config_files({}, {{"ALEMBIC_CONFIG", "x.ini"}});
            }).hint(),
            "ALEMBIC_CONFIG names it; correct the name, or leave it out");
}

TEST_F(ConfigFilesTest, LetsInitNameAFileThatItWillWrite) {
  EXPECT_EQ(names(read_config_files({{"new.ini"}, "alembic", true}, {})), "");
}

class ScriptFoldersTest : public ConfigFilesTest {
 protected:
  ScriptFolders find(const std::string& text) {
    ConfigSources sources;
    sources.ini = {"alembic.ini", std::filesystem::current_path().string(), "[alembic]\n" + text,
                   false};
    Settings settings(sources);
    resolve_packages(settings, [&](const PackageFolder& wanted) {
      asked_.push_back(wanted.package + " " + wanted.folder.string());
      return elsewhere_;
    });
    return find_script_folders(settings);
  }
  FoundPackage elsewhere_ = {};
  std::vector<std::string> asked_ = {};
};

TEST_F(ScriptFoldersTest, AreThoseOfTheSettings) {
  folder_.write("db/versions/a.sql", "");
  EXPECT_EQ(find("script_location = db\n").location, "db");
  EXPECT_TRUE(find("script_location = db\n").versions.empty());
  EXPECT_EQ(find("script_location = %(here)s/db\n").location,
            std::filesystem::current_path() / "db");
  const ScriptFolders folders =
      find("script_location = db\nversion_locations = a b\nrecursive_version_locations = true\n");
  EXPECT_EQ(folders.versions, (std::vector<std::filesystem::path>{"a", "b"}));
  EXPECT_TRUE(folders.recursive);
}

TEST_F(ScriptFoldersTest, MayLieInPackages) {
  folder_.write("src/app/core/migrations/x", "");
  const std::string sys_path = "prepend_sys_path = lib:src\npath_separator = os\n";
  EXPECT_EQ(find(sys_path + "script_location = app.core:migrations\n").location,
            "src/app/core/migrations");
  EXPECT_EQ(find(sys_path + "script_location = app:core:migrations\n").location,
            "src/app/core/migrations");
  EXPECT_TRUE(asked_.empty());
}

TEST_F(ScriptFoldersTest, TakeThePackageThatHasTheFolder) {
  folder_.write("lib/app/__init__.py", "");
  folder_.write("src/app/core/migrations/x", "");
  const std::string sys_path = "prepend_sys_path = lib:src\npath_separator = os\n";
  EXPECT_EQ(find(sys_path + "script_location = app:core/migrations\n").location,
            "src/app/core/migrations");
}

TEST_F(ScriptFoldersTest, MayLieInPackagesThatAreElsewhere) {
  folder_.write("site/app/migrations/x", "");
  elsewhere_.folder = folder_.path() / "site/app/migrations";
  const ScriptFolders found =
      find("script_location = .\nversion_locations = db app.core:migrations:old\n");
  EXPECT_EQ(found.versions,
            (std::vector<std::filesystem::path>{"db", folder_.path() / "site/app/migrations"}));
  EXPECT_EQ(asked_, std::vector<std::string>{"app.core migrations/old"});
}

TEST_F(ScriptFoldersTest, SayWhereAPackageWasLookedFor) {
  elsewhere_.looked = ", in PYTHONPATH, or where /venv/bin/python3 (VIRTUAL_ENV) has packages";
  const Error error = error_of([&] { find("script_location = app:migrations\n"); });
  EXPECT_EQ(error.reason(), Reason::InvalidUsage);
  EXPECT_EQ(error.message(),
            "script_location (alembic.ini:2) names a folder in a Python package, "
            "'app:migrations', and no such package is below prepend_sys_path or the current "
            "folder, in PYTHONPATH, or where /venv/bin/python3 (VIRTUAL_ENV) has packages");
  EXPECT_EQ(error.hint(),
            "name the folder itself, such as %(here)s/migrations; or add the folder that holds "
            "the package to prepend_sys_path; or name the interpreter that has it: `python: PATH` "
            "in stillhead.yaml");
}

TEST_F(ScriptFoldersTest, MustBeThere) {
  const Error error = error_of([&] { find("script_location = nodir\n"); });
  EXPECT_EQ(error.reason(), Reason::InvalidScripts);
  EXPECT_EQ(error.message(),
            "Path doesn't exist: nodir.  Please use the 'init' command to create a new scripts "
            "folder.");
  EXPECT_EQ(error.hint(), "script_location comes from alembic.ini:2");
  EXPECT_EQ(error_of([] { find_script_folders(Settings()); }).hint(),
            "script_location comes from its default");
}

}  // namespace
}  // namespace engine
