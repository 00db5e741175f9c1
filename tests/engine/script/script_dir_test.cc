// SPDX-License-Identifier: Apache-2.0
#include "engine/script/script_dir.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "engine/script/sha256.h"
#include "tests/engine/core/error_of.h"

namespace engine {
namespace {

namespace fs = std::filesystem;

class ScriptDirTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "stillhead_script_dir_XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
  }
  void TearDown() override { fs::remove_all(root_); }

  void write(const fs::path& name, std::string_view text) const {
    fs::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name, std::ios::binary) << text;
  }

  Error refused() const {
    const Error error = error_of([&] { read_scripts(root_); });
    EXPECT_EQ(error.reason(), Reason::InvalidScripts);
    return error;
  }

  fs::path root_ = {};
};

TEST_F(ScriptDirTest, ReadsScriptsInTheOrderOfTheirNames) {
  write("0002_b.sql", "-- revision: b\n-- down_revision: a\n");
  write("0001_a.sql", "-- revision: a\n");
  write("B.sql", "-- revision: c\n");
  const std::vector<Revision> revisions = read_scripts(root_);
  ASSERT_EQ(revisions.size(), 3u);
  EXPECT_EQ(revisions[0].id, "a");
  EXPECT_EQ(revisions[0].file, (root_ / "0001_a.sql").string());
  EXPECT_EQ(revisions[1].id, "b");
  EXPECT_EQ(revisions[2].id, "c");
}

TEST_F(ScriptDirTest, PassesOverOtherFiles) {
  write("a.sql", "-- revision: a\n");
  for (const char* name :
       {".hidden.sql", "_draft.sql", "README.md", "a.sql.bak", "sub.sql/x.sql", "sub/b.sql",
        "__init__.py", "__init__x.py", ".#a.py", "env.py", "script.py.mako", "a.pyc", ".b.yaml",
        "_c.yml", "stillhead.yaml", "__pycache__/a.py"}) {
    write(name, "no header");
  }
  EXPECT_EQ(read_scripts(root_).size(), 1u);
}

TEST_F(ScriptDirTest, MixesTheFormats) {
  write("1.yml", "revision: a\nmessage: first\nupgrade: [{execute: A}]\n");
  write("2.sql", "-- revision: b\n-- down_revision: a\n-- message: second\n");
  write("3.py", "'third'\nrevision = 'c'\ndown_revision = 'b'\n");
  write("4.yaml", "revision: d\ndown_revision: c\nupgrade: []\n");
  const std::vector<Revision> revisions = read_scripts(root_);
  ASSERT_EQ(revisions.size(), 4u);
  std::string text;
  for (const Revision& revision : revisions) {
    text += revision.id + " " + revision.message + (revision.doc == revision.message ? "; " : "?");
  }
  EXPECT_EQ(text, "a first; b second; c third; d ; ");
  EXPECT_EQ(revisions[0].format, ScriptFormat::Yaml);
  EXPECT_EQ(revisions[1].format, ScriptFormat::Sql);
  EXPECT_EQ(revisions[2].format, ScriptFormat::Python);
  EXPECT_EQ(read_body(revisions[0]).upgrade.size(), 1u);
  EXPECT_TRUE(read_body(revisions[3]).upgrade.empty());
}

// Names with a dot or an underscore in front are revisions to Alembic.
TEST_F(ScriptDirTest, TakesPythonFilesAsAlembicDoes) {
  write("_a.py", "revision = 'a'\ndown_revision = None\n");
  write(".b.py", "revision = 'b'\ndown_revision = 'a'\n");
  EXPECT_EQ(read_scripts(root_).size(), 2u);
}

TEST_F(ScriptDirTest, SaysWhatPythonNeeds) {
  write("a.py", "revision = 'a'\ndown_revision = None\n");
  const Error error = error_of([&] { read_body(read_scripts(root_).front()); });
  EXPECT_EQ(error.reason(), Reason::InvalidScripts);
  EXPECT_EQ(error.message(), "cannot run revision a: " + (root_ / "a.py").string() +
                                 " is a Python script, which needs its project: env.py, beside "
                                 "the folder of the scripts");
  EXPECT_EQ(error.hint(),
            "run it where the project is, or write the revision as .sql or .yaml with the same id");
}

std::string ids_of(const std::vector<Revision>& revisions) {
  std::string text;
  for (const Revision& revision : revisions) text += revision.id;
  return text;
}

TEST_F(ScriptDirTest, ReadsSeveralFoldersInTheirOrder) {
  write("y/2.sql", "-- revision: a\n");
  write("x/1.sql", "-- revision: b\n");
  write("x/sub/1.sql", "-- revision: c\n");
  EXPECT_EQ(ids_of(read_scripts(ScriptLocations{.folders = {root_ / "y", root_ / "x"}})), "ab");
}

// As os.walk of Python does it with sorted names: the files of a folder before its subfolders.
TEST_F(ScriptDirTest, ReadsSubfoldersWhenAskedTo) {
  write("z.sql", "-- revision: a\n");
  write("b/1.sql", "-- revision: c\n");
  write("a/2.sql", "-- revision: b\n");
  write("b/0/1.py", "revision = 'd'\ndown_revision = None\n");
  write("__pycache__/1.sql", "no header");
  fs::create_directory_symlink("b", root_ / "link");
  EXPECT_EQ(ids_of(read_scripts(ScriptLocations{.folders = {root_}, .recursive = true})), "abcd");
}

TEST_F(ScriptDirTest, IgnoresAFileThatIsReachedTwice) {
  write("a.sql", "-- revision: a\n");
  write("x/b.sql", "-- revision: b\n");
  fs::create_symlink("a.sql", root_ / "c.sql");
  EXPECT_EQ(ids_of(read_scripts(root_)), "a");
  fs::create_directory_symlink("x", root_ / "y");
  const ScriptLocations locations{.folders = {root_ / "y", root_, root_ / "x"}, .recursive = true};
  EXPECT_EQ(ids_of(read_scripts(locations)), "ba");
}

TEST_F(ScriptDirTest, MayBeEmptyWhenThatIsNoFault) {
  const ScriptLocations strict{.folders = {root_, root_}};
  EXPECT_EQ(error_of([&] { read_scripts(strict); }).message(),
            root_.string() + ", " + root_.string() +
                ": the folders hold no script (*.sql, *.yaml or *.py)");
  const ScriptLocations lax{.folders = {root_, root_ / "none"}, .may_be_empty = true};
  EXPECT_TRUE(read_scripts(lax).empty());
}

TEST_F(ScriptDirTest, ListsTheFaultsOfAllFormats) {
  write("a.py", "revision = f()\n");
  write("b.yaml", "revision: a b\n");
  EXPECT_EQ(
      refused().message(),
      (root_ / "a.py").string() +
          ":1: revision is no literal, but `f()`; headers are read without running Python: "
          "write revision = \"4f1c2a9b0d3e\" at the beginning of a line\n" +
          (root_ / "b.yaml").string() +
          ":1: Character(s) white space not allowed in revision identifier 'a b'; write plain "
          "names; several as a list: [a1, b2]");
}

TEST_F(ScriptDirTest, PrefersASubfolderCalledVersions) {
  write("versions/a.sql", "-- revision: a\n");
  write("b.sql", "-- revision: b\n");
  EXPECT_EQ(versions_folder(root_), root_ / "versions");
  EXPECT_EQ(versions_folder(root_ / "versions"), root_ / "versions");
  const std::vector<Revision> revisions = read_scripts(root_);
  ASSERT_EQ(revisions.size(), 1u);
  EXPECT_EQ(revisions[0].file, (root_ / "versions" / "a.sql").string());
}

TEST_F(ScriptDirTest, FollowsLinksAsAMountedVolumeHasThem) {
  write("..2024/a.sql", "-- revision: a\nSELECT 1;\n");
  fs::create_directory_symlink("..2024", root_ / "..data");
  fs::create_symlink("..data/a.sql", root_ / "a.sql");
  const std::vector<Revision> revisions = read_scripts(root_);
  ASSERT_EQ(revisions.size(), 1u);
  EXPECT_EQ(read_body(revisions[0]).upgrade.size(), 1u);
}

// The header may be longer than the first piece that is read, and cut anywhere.
TEST_F(ScriptDirTest, ReadsHeadersOfAnyLength) {
  for (const std::size_t length : {16'358u, 16'368u, 16'373u, 16'378u, 16'384u, 80'000u}) {
    SCOPED_TRACE(length);
    write("a.sql", "-- " + std::string(length, 'x') +
                       "\xC3\xA4\n-- revision: a\n-- message: \xC3\xA4" + std::string(5000, 'y') +
                       "\nSELECT 1;\n");
    const std::vector<Revision> revisions = read_scripts(root_);
    EXPECT_EQ(revisions[0].id, "a");
    EXPECT_EQ(revisions[0].message.size(), 5002u);
  }
}

TEST_F(ScriptDirTest, ListsTheFaultsOfAllScripts) {
  write("a.sql", "SELECT 1;\n");
  write("b.sql", "-- revision: b\n");
  write("c.sql", "-- revision: c\n-- transactional: no\n");
  EXPECT_EQ(
      refused().message(),
      (root_ / "a.sql").string() +
          ":1: no revision in the header: the comment lines at the top of the script must name "
          "it; add a line such as `-- revision: 4f1c2a9b0d3e`\n" +
          (root_ / "c.sql").string() +
          ":2: 'no' is no value for transactional; write true or false");
}

TEST_F(ScriptDirTest, SaysWhatIsWrongWithTheFolder) {
  const Error empty = refused();
  EXPECT_EQ(empty.message(),
            root_.string() + ": the folder holds no script (*.sql, *.yaml or *.py)");
  EXPECT_EQ(empty.hint().substr(0, 96),
            "name the folder that holds the scripts; to begin, put a file like this into it:\n-- "
            "revision: 4f1");

  write("a.sql", "-- revision: a\n");
  const Error file = error_of([&] { read_scripts(root_ / "a.sql"); });
  EXPECT_EQ(file.reason(), Reason::InvalidScripts);
  EXPECT_EQ(file.message(), (root_ / "a.sql").string() + ": is not a folder");
  EXPECT_EQ(file.hint(), "name the folder that holds the scripts, not a script");

  const Error missing = error_of([&] { versions_folder(root_ / "none"); });
  EXPECT_EQ(missing.reason(), Reason::InvalidScripts);
  EXPECT_EQ(missing.message(),
            (root_ / "none").string() + ": the folder of scripts does not exist");
  EXPECT_EQ(missing.hint(),
            "name the folder that holds the scripts, or its parent when the folder is called "
            "versions");
}

TEST_F(ScriptDirTest, SaysWhichFileCannotBeRead) {
  fs::create_symlink("nowhere", root_ / "a.sql");
  const Error dangling = refused();
  EXPECT_EQ(dangling.message(),
            (root_ / "a.sql").string() + ": cannot look at the file: No such file or directory");
  EXPECT_EQ(dangling.hint(),
            "remove the entry, or mend it if it is a symbolic link that leads nowhere");

  fs::remove(root_ / "a.sql");
  ASSERT_EQ(::mkfifo((root_ / "a.sql").c_str(), 0600), 0);
  EXPECT_EQ(refused().message(), (root_ / "a.sql").string() + ": is not a regular file");
}

TEST_F(ScriptDirTest, SaysWhenTheUserMayNotRead) {
  write("a.sql", "-- revision: a\n");
  fs::permissions(root_ / "a.sql", fs::perms::none);
  if (::geteuid() == 0) {  // root may read everything: step down for the look
    fs::permissions(root_, fs::perms::all);
    ASSERT_EQ(::seteuid(65534), 0);
  }
  const Error file = refused();
  EXPECT_EQ(file.message(),
            (root_ / "a.sql").string() + ": cannot read the script: Permission denied");
  EXPECT_EQ(file.hint(), "let the user who runs stillhead read the file (chmod a+r)");
  ASSERT_EQ(::seteuid(::getuid()), 0);

  fs::permissions(root_, fs::perms::owner_write);
  if (::geteuid() == 0) {
    ASSERT_EQ(::seteuid(65534), 0);
  }
  const Error folder = refused();
  ASSERT_EQ(::seteuid(::getuid()), 0);
  fs::permissions(root_, fs::perms::owner_all);
  EXPECT_EQ(folder.message(),
            root_.string() + ": cannot read the folder of scripts: Permission denied");
  EXPECT_EQ(folder.hint(), "let the user who runs stillhead read the folder (chmod a+rx)");
}

TEST_F(ScriptDirTest, RefusesAScriptOfMoreThan64MiB) {
  write("a.sql", "-- revision: a\nSELECT 1;\n");
  const Revision revision = read_scripts(root_).front();
  fs::resize_file(root_ / "a.sql", (std::uintmax_t{64} << 20) + 1);
  const Error error = error_of([&] { read_body(revision); });
  EXPECT_EQ(error.reason(), Reason::InvalidScripts);
  EXPECT_EQ(error.message(), (root_ / "a.sql").string() + ": the script is larger than 64 MiB");
  EXPECT_EQ(error.hint(),
            "split it into several revisions, or load the data outside of the migration");
}

TEST_F(ScriptDirTest, NoticesAScriptThatChangedItsRevision) {
  write("a.sql", "-- revision: a\n");
  const Revision revision = read_scripts(root_).front();
  write("a.sql", "-- revision: b\n");
  const Error error = error_of([&] { read_body(revision); });
  EXPECT_EQ(error.message(),
            (root_ / "a.sql").string() +
                ": the script was changed while it was about to run: it was revision 'a' a moment "
                "ago");
  EXPECT_EQ(error.hint(), "run again when nobody edits the folder");
}

TEST_F(ScriptDirTest, ReadsTheBodyOfAScriptInTheWorkingFolder) {
  write("a.sql", "-- revision: a\nSELECT 1;\n");
  const fs::path before = fs::current_path();
  fs::current_path(root_);
  Revision revision;
  revision.id = "a";
  revision.file = "a.sql";
  const ScriptBody body = read_body(revision);
  fs::current_path(before);
  EXPECT_EQ(body.checksum, sha256_hex("-- revision: a\nSELECT 1;\n"));
}

// Computed with (cd DIR && LC_ALL=C sha256sum -- *) | sha256sum of coreutils 9.1.
TEST_F(ScriptDirTest, DigestIsThatOfSha256sum) {
  write("b.sql", "b\n");
  write("a.sql", "a\n");
  write("Z", "");
  write("odd\\name\n", "x");
  write(".hidden", "h");
  write("folder/c.sql", "c\n");
  fs::create_symlink("a.sql", root_ / "link.sql");
  EXPECT_EQ(folder_digest(root_),
            "95d3c0a7536651e89446356319687c4655337e673f08406a974cc5746d80bdd5");
}

TEST_F(ScriptDirTest, DigestCoversTheScriptsThatRun) {
  write("versions/a.sql", "a\n");
  const std::string digest = folder_digest(root_);
  EXPECT_EQ(digest, folder_digest(root_ / "versions"));
  write("versions/a.sql", "b\n");
  EXPECT_NE(folder_digest(root_), digest);
}

}  // namespace
}  // namespace engine
