// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/inputs.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "engine/core/error.h"
#include "engine/script/script_dir.h"
#include "tests/support/temporary_folder.h"

namespace engine {
namespace {

Error error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& e) {
    return e;
  }
  ADD_FAILURE() << "no error";
  return {Reason::Succeeded, "no error"};
}

// What `stillhead current` is told by these words.
Options told(std::vector<std::string> words) {
  words.insert(words.begin(), "current");
  return parse_options(words, {});
}

Options with_url_file(const std::string& file) { return told({"--database-url-file", file}); }

TEST(FindDatabaseTest, ReadsAFileAndTrimsIt) {
  const test::TemporaryFolder folder;
  Options options = with_url_file(folder.write("url", "\n  sqlite:///x.db \r\n"));
  EXPECT_EQ(find_database(options).conninfo, "x.db");
}

TEST(FindDatabaseTest, SaysWhyAFileDoesNotHelp) {
  const test::TemporaryFolder folder;
  Options options = with_url_file(folder / "missing");
  EXPECT_EQ(
      error_of([&] { find_database(options); }).message(),
      "cannot read the database URL from " + (folder / "missing") + ": No such file or directory");
  options = with_url_file("postgresql://me:secret@h/d");
  EXPECT_EQ(error_of([&] { find_database(options); }).message(),
            "cannot read the database URL: a URL stands where the path of a file with the URL is "
            "wanted");
  options = with_url_file(folder.write("empty", " \n"));
  EXPECT_EQ(error_of([&] { find_database(options); }).message(),
            "cannot read the database URL: " + (folder / "empty") + " is empty");
  options = with_url_file(folder.path());
  EXPECT_EQ(error_of([&] { find_database(options); }).message(),
            "cannot read the database URL: " + folder.path().string() + " is a folder");
  const std::string url = "sqlite:///x.db";
  options = with_url_file(folder.write("full", url + std::string(65'536 - url.size(), ' ')));
  EXPECT_EQ(find_database(options).conninfo, "x.db");
  options = with_url_file(folder.write("long", url + std::string(65'537 - url.size(), ' ')));
  EXPECT_EQ(error_of([&] { find_database(options); }).message(),
            "cannot read the database URL: " + (folder / "long") + " is longer than 64 KiB");
  options = with_url_file("/dev/zero");  // has no end
  const Error endless = error_of([&] { find_database(options); });
  EXPECT_EQ(endless.reason(), Reason::InvalidUsage);
  EXPECT_EQ(endless.message(), "cannot read the database URL: /dev/zero is longer than 64 KiB");
  EXPECT_EQ(endless.hint(),
            "check the path and the rights: the file holds the URL and nothing else");
}

// As a shell makes it of <(command).
TEST(FindDatabaseTest, ReadsAPipe) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ASSERT_EQ(write(ends[1], "sqlite:///x.db\n", 15), 15);
  close(ends[1]);
  Options options = with_url_file("/dev/fd/" + std::to_string(ends[0]));
  EXPECT_EQ(find_database(options).conninfo, "x.db");
  close(ends[0]);
}

TEST(FindDatabaseTest, RefusesAVersionTableWhoseNameWouldBeCutShort) {
  const std::string fits(63, 'v');
  const std::string cut = fits + "v";
  Options options = told({"-d", "postgresql://h/d"});
  options.version_table = {fits, fits};
  find_database(options);
  for (const VersionTableName& name : {VersionTableName{"", cut}, VersionTableName{cut, "v"}}) {
    options.version_table = name;
    const Error error = error_of([&] { find_database(options); });
    EXPECT_EQ(error.reason(), Reason::InvalidUsage);
    EXPECT_EQ(error.message(), "the version table cannot be '" +
                                   (name.schema.empty() ? cut : cut + ".v") + "': the name '" +
                                   cut + "' has 64 bytes, and PostgreSQL keeps 63");
    EXPECT_EQ(error.hint(), "choose a shorter name for --version-table or --version-table-schema");
  }
  const VersionTableName long_one = options.version_table;
  options = told({"-d", "sqlite:///x.db"});
  options.version_table = long_one;
  find_database(options);
}

TEST(FindDatabaseTest, WithoutAUrlNamesEveryWayToGiveOne) {
  Options options;
  options.command_name = "current";
  const Error error = error_of([&] { find_database(options); });
  EXPECT_EQ(error.reason(), Reason::InvalidUsage);
  EXPECT_EQ(error.message(), "`stillhead current` needs a database URL, and none is given");
  EXPECT_EQ(error.hint(),
            "give --database-url URL or --database-url-file FILE, set the environment variable "
            "STILLHEAD_DATABASE_URL or DATABASE_URL, or write sqlalchemy.url into alembic.ini or "
            "database_url into stillhead.yaml");
}

TEST(ConnectOptionsTest, OtherUsersOfAFileAreWaitedForAsForTheLockAndTold) {
  class Recorder : public Observer {
   public:
    std::string holder = {};
    void waiting_for_lock(const std::string& who) override { holder = who; }
  };
  Options options;
  options.lock_wait = std::chrono::seconds(7);
  options.connect_timeout = std::chrono::seconds(3);
  Recorder recorder;
  const ConnectOptions result = connect_options(options, &recorder);
  EXPECT_EQ(result.busy_patience, std::chrono::seconds(7));
  EXPECT_EQ(result.timeout, std::chrono::seconds(3));
  result.on_busy("process 1");
  EXPECT_EQ(recorder.holder, "process 1");
  EXPECT_FALSE(connect_options(options).on_busy);
}

TEST(VerifyScriptsTest, NamesBothDigests) {
  const test::TemporaryFolder folder;
  folder.write("a.sql", "-- revision: a\n");
  Options options = told({"--script-location", folder.path().string()});
  RunReport report;
  verify_scripts(options);
  options.scripts_sha256 = folder_digest(folder.path());
  verify_scripts(options);
  EXPECT_EQ(read_graph(options, report).size(), 1U);
  EXPECT_EQ(report.source_heads, std::vector<std::string>{"a"});
  EXPECT_EQ(report.source_revisions, 1);

  const std::string expected = options.scripts_sha256;
  folder.write("a.sql", "-- revision: b\n");
  const Error error = error_of([&] { read_graph(options, report); });
  EXPECT_EQ(error.reason(), Reason::InvalidScripts);
  EXPECT_EQ(error.message(), "the scripts in " + folder.path().string() +
                                 " are not the expected ones: their digest is " +
                                 folder_digest(folder.path()) + ", expected is " + expected);
}

}  // namespace
}  // namespace engine
