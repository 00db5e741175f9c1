// SPDX-License-Identifier: Apache-2.0
#include "engine/script/new_revision.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>

#include "engine/script/script_dir.h"
#include "tests/engine/core/error_of.h"
#include "tests/engine/core/history_text.h"
#include "tests/support/temporary_folder.h"

namespace engine {
namespace {

namespace fs = std::filesystem;

// 2026-11-21 13:30:26.000421 UTC
constexpr auto kCreated =
    std::chrono::system_clock::time_point(std::chrono::microseconds(1795267826000421));

NewRevision revision(ScriptFormat format, std::optional<std::string> message = "Add User Table") {
  NewRevision result;
  result.node = {"000000abc000", {"c3c3c3c3c3c3"}, {}, {}};
  result.message = std::move(message);
  result.created = kCreated;
  result.format = format;
  return result;
}

NewFileSettings in_utc() {
  NewFileSettings settings;
  settings.timezone = "UTC";
  return settings;
}

class NewRevisionTest : public ::testing::Test {
 protected:
  NewScript make(const NewRevision& wanted, const NewFileSettings& settings = in_utc()) const {
    return make_new_script(wanted, folder_.path(), folder_.path() / "versions", settings);
  }
  Status telling() {
    return [this](const std::string& doing, const std::function<void()>& action) {
      told_.push_back(doing);
      action();
    };
  }

  test::TemporaryFolder folder_ = {};
  std::vector<std::string> told_ = {};
};

// Case cli0679 of Alembic's recorded output.
TEST_F(NewRevisionTest, WritesAlembicsTextIntoPythonProjects) {
  const NewScript script = make(revision(ScriptFormat::Python));
  EXPECT_EQ(script.file, folder_ / "versions/000000abc000_add_user_table.py");
  EXPECT_EQ(script.text, R"("""Add User Table

Revision ID: 000000abc000
Revises: c3c3c3c3c3c3
Create Date: 2026-11-21 13:30:26.000421+00:00

"""
from typing import Sequence, Union

from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision: str = '000000abc000'
down_revision: Union[str, Sequence[str], None] = 'c3c3c3c3c3c3'
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    """Upgrade schema."""
    pass


def downgrade() -> None:
    """Downgrade schema."""
    pass
)");
}

constexpr const char* kShortTemplate =
    "revision = ${repr(up_revision)}\ndown_revision = ${repr(down_revision)}\n"
    "branch_labels = ${repr(branch_labels)}\ndepends_on = ${repr(depends_on)}\n";

TEST_F(NewRevisionTest, HandsTemplatesWhatAlembicHandsThem) {
  folder_.write("script.py.mako", std::string(kShortTemplate) + "# ${message}");
  struct Case {
    NewNode node = {};
    std::string text = {};
  };
  const Case cases[] = {
      {{"n", {}, {}, {}},
       "revision = 'n'\ndown_revision = None\nbranch_labels = None\ndepends_on = None\n"},
      {{"n", {"a"}, {"x"}, {"l"}},
       "revision = 'n'\ndown_revision = 'a'\nbranch_labels = ('l',)\ndepends_on = 'x'\n"},
      {{"n", {"a", "b"}, {"x", "y"}, {"l", "m"}},
       "revision = 'n'\ndown_revision = ('a', 'b')\nbranch_labels = ('l', 'm')\n"
       "depends_on = ['x', 'y']\n"},
  };
  for (const auto& [node, text] : cases) {
    NewRevision wanted = revision(ScriptFormat::Python, std::nullopt);
    wanted.node = node;
    EXPECT_EQ(make(wanted).text, text + "# empty message");
    EXPECT_EQ(make(wanted).file, folder_ / "versions/n_.py");
  }
}

TEST_F(NewRevisionTest, KeepsDocstringsWhole) {
  folder_.write("script.py.mako", "\"\"\"${message}\n\"\"\"\n" + std::string(kShortTemplate));
  const NewScript script = make(revision(ScriptFormat::Python, "say \"\"\"\" C:\\new"));
  EXPECT_EQ(script.text.substr(0, script.text.find('\n')), "\"\"\"say \"\"\\\"\" C:\\\\new");
  write_new_script(script, telling());
  EXPECT_EQ(read_scripts(folder_.path()).at(0).message, "say \"\"\"\" C:\\new");
}

TEST_F(NewRevisionTest, IsReadAsItWasMeantInEachFormat) {
  const NewNode nodes[] = {{"n1", {}, {}, {}},
                           {"n2", {"p"}, {"d"}, {"l"}},
                           {"n3", {"p1", "p2"}, {"d1", "d2"}, {"l-1", "m"}}};
  for (const ScriptFormat format : {ScriptFormat::Sql, ScriptFormat::Yaml, ScriptFormat::Python}) {
    const test::TemporaryFolder folder;
    for (const NewNode& node : nodes) {
      NewRevision wanted = revision(format, "It's a \"message\": größer # 1");
      wanted.node = node;
      write_new_script(make_new_script(wanted, folder.path(), folder.path(), in_utc()), telling());
    }
    const std::vector<Revision> read = read_scripts(folder.path());
    ASSERT_EQ(read.size(), 3U);
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(read[i].id, nodes[i].id);
      EXPECT_EQ(read[i].down_revisions, nodes[i].down_revisions);
      EXPECT_EQ(read[i].depends_on, nodes[i].depends_on);
      EXPECT_EQ(read[i].branch_labels, nodes[i].branch_labels);
      EXPECT_EQ(read[i].message, "It's a \"message\": größer # 1");
      EXPECT_EQ(read[i].format, format);
      if (format != ScriptFormat::Python) {
        EXPECT_NO_THROW(read_body(read[i]));
      }
    }
  }
}

TEST_F(NewRevisionTest, WritesSqlThatIsReadAsItWasMeant) {
  NewRevision wanted = revision(ScriptFormat::Sql, "two\nlines");
  wanted.node = {"abc", {"p1", "p2"}, {"core", "q"}, {"left"}};
  const NewScript script = make(wanted);
  EXPECT_EQ(script.file, folder_ / "versions/abc_two_lines.sql");
  EXPECT_EQ(script.text,
            "-- revision: abc\n"
            "-- down_revision: p1, p2\n"
            "-- depends_on: core, q\n"
            "-- branch_labels: left\n"
            "-- message: two lines\n"
            "-- Create Date: 2026-11-21 13:30:26.000421+00:00\n"
            "\n"
            "-- stillhead:upgrade\n"
            "\n"
            "\n"
            "-- stillhead:downgrade\n"
            "\n");
  write_new_script(script, telling());
  const std::vector<Revision> read = read_scripts(folder_.path());
  ASSERT_EQ(read.size(), 1U);
  EXPECT_EQ(read[0].id, "abc");
  EXPECT_EQ(text_of(read[0].down_revisions), "p1 p2");
  EXPECT_EQ(text_of(read[0].depends_on), "core q");
  EXPECT_EQ(text_of(read[0].branch_labels), "left");
  EXPECT_EQ(read[0].message, "two lines");
  read_body(read[0]);
}

TEST_F(NewRevisionTest, WritesYaml) {
  NewRevision wanted = revision(ScriptFormat::Yaml, "a \"b\"");
  wanted.node = {"abc", {"p1", "p2"}, {"core"}, {}};
  const NewScript script = make(wanted);
  EXPECT_EQ(script.file, folder_ / "versions/abc_a_b.yaml");
  EXPECT_EQ(script.text,
            "# Create Date: 2026-11-21 13:30:26.000421+00:00\n"
            "revision: \"abc\"\n"
            "down_revision: [\"p1\", \"p2\"]\n"
            "depends_on: \"core\"\n"
            "branch_labels: null\n"
            "message: \"a \\\"b\\\"\"\n"
            "\n"
            "upgrade: []\n"
            "\n"
            "downgrade: []\n");
}

TEST_F(NewRevisionTest, HonoursTheProjectsOwnSqlTemplate) {
  folder_.write("script.sql",
                "-- revision: ${up_revision}\n-- down_revision: ${down_revision}\nSET x = 1;\n");
  EXPECT_EQ(make(revision(ScriptFormat::Sql)).text,
            "-- revision: 000000abc000\n-- down_revision: c3c3c3c3c3c3\nSET x = 1;\n");
}

TEST_F(NewRevisionTest, RefusesATemplateThatSaysAnotherThing) {
  NewRevision wanted = revision(ScriptFormat::Sql, std::nullopt);
  wanted.node = {"abc", {"p1", "p2"}, {"d"}, {"l"}};
  const std::map<std::string, std::string> cases = {
      {"-- revision: fixed\n", "revision: abc"},
      {"-- revision: abc\n-- depends_on: d\n", "down_revision: p1, p2"},
      {"-- revision: abc\n-- down_revision: p1, p2\n", "depends_on: d"},
      {"-- revision: abc\n-- down_revision: p1, p2\n-- depends_on: d\n", "branch_labels: l"},
  };
  for (const auto& [text, missing] : cases) {
    folder_.write("script.sql", text);
    const Error error = error_of([&] { make(wanted); });
    EXPECT_EQ(error.reason(), Reason::InvalidScripts);
    EXPECT_EQ(error.message(), (folder_ / "script.sql") + ": the new script " +
                                   (folder_ / "versions/abc_.sql") + " would not say " + missing);
    EXPECT_EQ(error.hint(),
              "mend " + (folder_ / "script.sql") + ", or remove it to get the built-in template");
  }
}

TEST_F(NewRevisionTest, RefusesAPythonTemplateWithoutBranchLabelsInAlembicsWords) {
  folder_.write("script.py.mako", "revision = ${repr(up_revision)}\ndown_revision = None\n");
  NewRevision wanted = revision(ScriptFormat::Python, std::nullopt);
  wanted.node = {"abc", {}, {}, {"l"}};
  const Error error = error_of([&] { make(wanted); });
  EXPECT_EQ(error.reason(), Reason::InvalidScripts);
  EXPECT_EQ(error.message(),
            "Version abc specified branch_labels l, however the migration file " +
                (folder_ / "versions/abc_.py") +
                " does not have them; have you upgraded your script.py.mako to include the "
                "'branch_labels' section?");
}

TEST_F(NewRevisionTest, RefusesATemplateThatMakesNoScript) {
  folder_.write("script.py.mako", "revision = ${up_revision}\ndown_revision = None\n");
  const Error error = error_of([&] { make(revision(ScriptFormat::Python)); });
  EXPECT_EQ(error.reason(), Reason::InvalidScripts);
  EXPECT_EQ(error.message().substr(0, error.message().find(".py:1: ") + 7),
            (folder_ / "script.py.mako") + ": the new script would be faulty:\n" +
                (folder_ / "versions/000000abc000_add_user_table.py:1: "));
}

TEST_F(NewRevisionTest, NamesTheTemplateThatNeedsPython) {
  folder_.write("script.py.mako", "\n${config.x}\n");
  EXPECT_EQ(error_of([&] { make(revision(ScriptFormat::Python)); }).message(),
            folder_ / "script.py.mako" + ":2: only Python could tell what 'config' is");
}

TEST_F(NewRevisionTest, RefusesControlCharactersInTheMessage) {
  const Error error = error_of([&] { make(revision(ScriptFormat::Sql, "a\x1B[31m")); });
  EXPECT_EQ(error.reason(), Reason::InvalidUsage);
  EXPECT_EQ(error.message(), "the message holds a control character");
}

TEST_F(NewRevisionTest, RefusesNamesThatReadersPassOver) {
  NewFileSettings settings = in_utc();
  settings.file_template = "%(slug)s";
  EXPECT_EQ(error_of([&] { make(revision(ScriptFormat::Sql, "_x"), settings); }).message(),
            "the new script would be called _x.sql, and such names are passed over when scripts "
            "are read");
  EXPECT_EQ(make(revision(ScriptFormat::Python, "_x"), settings).file, folder_ / "versions/_x.py");
  for (const auto& [name, format] :
       {std::pair("env.py", ScriptFormat::Python), std::pair("__init__x.py", ScriptFormat::Python),
        std::pair("stillhead.yaml", ScriptFormat::Yaml)}) {
    settings.file_template = std::filesystem::path(name).stem();
    EXPECT_EQ(error_of([&, f = format] { make(revision(f), settings); }).message(),
              std::string("the new script would be called ") + name +
                  ", and such names are passed over when scripts are read");
  }
  settings.file_template = ".hidden/%(rev)s";
  const Error error = error_of([&] { make(revision(ScriptFormat::Python), settings); });
  EXPECT_EQ(error.message(),
            "the new script would be called .hidden/000000abc000.py, and such names are passed "
            "over when scripts are read");
  EXPECT_EQ(error.hint(), "begin file_template with %(rev)s");
}

TEST_F(NewRevisionTest, RefusesFoldersThatAreNotRead) {
  NewFileSettings settings = in_utc();
  settings.file_template = "%(year)d/%(rev)s";
  const Error error = error_of([&] { make(revision(ScriptFormat::Sql), settings); });
  EXPECT_EQ(error.reason(), Reason::InvalidUsage);
  EXPECT_EQ(error.message(),
            "the new script would be called 2026/000000abc000.sql, and folders below the version "
            "location are not read");
  EXPECT_EQ(error.hint(),
            "set recursive_version_locations = true, or write file_template without /");
}

TEST_F(NewRevisionTest, MakesFoldersOnTheWayAndSaysSo) {
  NewFileSettings settings = in_utc();
  settings.recursive_version_locations = true;
  settings.file_template = "%(year)d/%(month).2d/%(rev)s";
  const NewScript script = make(revision(ScriptFormat::Sql), settings);
  write_new_script(script, telling());
  EXPECT_EQ(folder_.read("versions/2026/11/000000abc000.sql"), script.text);
  EXPECT_EQ(told_, (std::vector<std::string>{"Creating directory " + (folder_ / "versions/2026/11"),
                                             "Generating " + script.file.string()}));
}

TEST_F(NewRevisionTest, NeverWritesOverAFile) {
  const NewScript script = make(revision(ScriptFormat::Sql));
  folder_.write("versions/000000abc000_add_user_table.sql", "mine");
  const Error error = error_of([&] { write_new_script(script, telling()); });
  EXPECT_EQ(error.reason(), Reason::InvalidUsage);
  EXPECT_EQ(error.message(), "cannot write " + script.file.string() + ": it exists already");
  EXPECT_EQ(error.hint(), "remove or rename that file, or give another message or --rev-id");
  EXPECT_EQ(folder_.read("versions/000000abc000_add_user_table.sql"), "mine");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_ / "versions"), {}), 1);
}

TEST_F(NewRevisionTest, LeavesNothingWhereItCannotWrite) {
  NewScript script = make(revision(ScriptFormat::Sql));
  folder_.write("file", "");
  script.file = folder_ / "file/x.sql";
  EXPECT_EQ(error_of([&] { write_new_script(script, telling()); }).message(),
            "cannot make the folder " + (folder_ / "file") + ": Not a directory");
  script.file = folder_ / (std::string(300, 'x') + ".sql");
  EXPECT_EQ(error_of([&] { write_new_script(script, telling()); }).message(),
            "cannot write " + script.file.string() + ": File name too long");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), {}), 1);
}

TEST_F(NewRevisionTest, GivesFilesTheRightsOfTheUmask) {
  const mode_t before = ::umask(027);
  const NewScript script = make(revision(ScriptFormat::Sql));
  write_new_script(script, telling());
  ::umask(before);
  struct stat status {};
  ASSERT_EQ(::stat(script.file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0640U);
}

TEST_F(NewRevisionTest, TakesTheFormatOfTemplatesThenOfParentsThenOfTheLast) {
  std::vector<Revision> revisions = revisions_of("a; b<a; c<a");
  revisions[1].format = ScriptFormat::Python;
  revisions[2].format = ScriptFormat::Yaml;
  const RevisionGraph graph(revisions);
  const auto format = [&](const RevisionGraph& g, const std::vector<RevisionId>& parents) {
    return format_of_new_script(folder_.path(), g, parents);
  };
  EXPECT_EQ(format(RevisionGraph(), {}), ScriptFormat::Sql);
  EXPECT_EQ(format(graph, {"b", "c"}), ScriptFormat::Python);
  EXPECT_EQ(format(graph, {"a"}), ScriptFormat::Sql);
  EXPECT_EQ(format(graph, {}), ScriptFormat::Yaml);
  folder_.write("script.yaml", "");
  EXPECT_EQ(format(graph, {"b"}), ScriptFormat::Yaml);
  folder_.write("script.sql", "");
  EXPECT_EQ(format(graph, {"b"}), ScriptFormat::Sql);
  folder_.write("script.py.mako", "");
  EXPECT_EQ(format(graph, {"a"}), ScriptFormat::Python);
}

TEST_F(NewRevisionTest, FindsTheVersionLocation) {
  std::vector<Revision> revisions = revisions_of("a; b; c");
  revisions[0].file = "/p/one/a.sql";
  revisions[1].file = "/p/two/sub/b.sql";
  revisions[2].file = "/elsewhere/c.sql";
  const RevisionGraph graph(revisions);
  const std::vector<fs::path> both = {"/p/one", "/p/./two"};
  EXPECT_EQ(version_location_of({"/p/one"}, {}, graph, {}), "/p/one");
  EXPECT_EQ(version_location_of(both, {}, graph, {"b"}), "/p/./two");
  EXPECT_EQ(version_location_of(both, {}, graph, {"c", "a"}), "/p/one");
  EXPECT_EQ(version_location_of(both, "/p//two/", graph, {"a"}), "/p/./two");
  const Error none = error_of([&] { version_location_of(both, {}, graph, {}); });
  EXPECT_EQ(none.reason(), Reason::InvalidUsage);
  EXPECT_EQ(none.message(), "Multiple version locations present, please specify --version-path");
  EXPECT_EQ(none.hint(), "a new base has no parent whose folder could be taken");
  const Error unknown = error_of([&] { version_location_of(both, "/nowhere", graph, {"a"}); });
  EXPECT_EQ(unknown.reason(), Reason::InvalidUsage);
  EXPECT_EQ(unknown.message(), "Path /nowhere is not represented in current version locations");
  EXPECT_EQ(unknown.hint(), "the version locations are /p/one, /p/./two");
}

}  // namespace
}  // namespace engine
