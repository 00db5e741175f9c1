// SPDX-License-Identifier: Apache-2.0
//
// What the program does with its history: what happened meanwhile, scripts that were changed or are
// gone, attempts that were left behind, readers.
#include <filesystem>

#include "tests/database/history_layouts.h"
#include "tests/database/program_fixture.h"
#include "tests/database/scratch_database.h"

namespace {

using engine::Reason;
using engine::SqlFlavour;
using test::PostgresServer;
using Strings = std::vector<std::string>;

class HistoryProgramTest : public test::ProgramTest,
                           public testing::WithParamInterface<SqlFlavour> {
 protected:
  HistoryProgramTest() {
    url_ = on_postgres() ? PostgresServer::instance().url(database_.name())
                         : "sqlite:///" + database_.folder() + "/test.db";
  }
  bool on_postgres() const { return GetParam() == SqlFlavour::PostgreSql; }
  std::string prefix() const { return on_postgres() ? "stillhead." : ""; }

  // "upgrade a1 succeeded" ..., oldest first.
  Strings history() const {
    return database_.column("SELECT direction || ' ' || revision || ' ' || result FROM " +
                            prefix() + "stillhead_history ORDER BY id");
  }
  // As another tool does it.
  void execute(const std::string& sql) const { database_.connect()->execute(sql); }
  void edit(const std::string& id, const std::string& old_text, const std::string& new_text) {
    std::string text = folder_.read("migrations/" + id + ".sql");
    const std::size_t at = text.find(old_text);
    ASSERT_NE(at, std::string::npos) << text;
    folder_.write("migrations/" + id + ".sql", text.replace(at, old_text.size(), new_text));
  }
  void remove(const std::string& id) const {
    std::filesystem::remove(scripts() + "/" + id + ".sql");
  }
  nlohmann::json json_of(Words arguments) const {
    arguments.emplace_back("--json");
    return nlohmann::json::parse(run(std::move(arguments)).out);
  }

  test::ScratchDatabase database_{GetParam()};
};
ON_BOTH_DATABASES(HistoryProgramTest);

// --- what happened meanwhile ---------------------------------------------------------------------

TEST_P(HistoryProgramTest, AFreshDatabaseHasOneRowARevision) {
  three_tables();
  EXPECT_EQ(run({"upgrade", "heads"}).exit_code, 0);
  EXPECT_EQ(history(),
            (Strings{"upgrade a1 succeeded", "upgrade b2 succeeded", "upgrade c3 succeeded"}));
  EXPECT_EQ(database_.column("SELECT file FROM " + prefix() + "stillhead_history ORDER BY id"),
            (Strings{"a1.sql", "b2.sql", "c3.sql"}));
  EXPECT_EQ(database_.column("SELECT source FROM " + prefix() + "stillhead_history ORDER BY id")[1],
            folder_.read("migrations/b2.sql"));
  EXPECT_EQ(database_.column("SELECT count(*) FROM " + prefix() +
                             "stillhead_history WHERE length(meaning) = 64"),
            Strings{"3"});
}

TEST_P(HistoryProgramTest, WhatAnotherToolHasAppliedIsAdopted) {
  three_tables();
  EXPECT_EQ(run({"upgrade", "a1"}).exit_code, 0);
  execute("UPDATE alembic_version SET version_num = 'b2'");
  EXPECT_EQ(run({"upgrade", "b2"}).exit_code, 0);
  EXPECT_EQ(history(), Strings{"upgrade a1 succeeded"}) << "nothing to do: nothing is written";
  EXPECT_EQ(run({"upgrade", "c3", "--owner", "me"}).exit_code, 0);
  EXPECT_EQ(history(),
            (Strings{"upgrade a1 succeeded", "upgrade b2 adopted", "upgrade c3 succeeded"}));
  EXPECT_EQ(
      database_.column("SELECT owner FROM " + prefix() + "stillhead_history WHERE revision = 'b2'"),
      Strings{"me"});
  EXPECT_EQ(database_.column("SELECT source FROM " + prefix() +
                             "stillhead_history WHERE revision = 'b2'"),
            Strings{folder_.read("migrations/b2.sql")});
}

TEST_P(HistoryProgramTest, AWholeProjectIsAdopted) {
  three_tables();
  execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)");
  execute("INSERT INTO alembic_version VALUES ('b2')");
  EXPECT_EQ(run({"upgrade", "heads"}).exit_code, 0);
  EXPECT_EQ(history(),
            (Strings{"upgrade a1 adopted", "upgrade b2 adopted", "upgrade c3 succeeded"}));
}

TEST_P(HistoryProgramTest, WhatAnotherToolHasTakenBackIsAdopted) {
  three_tables();
  EXPECT_EQ(run({"upgrade", "heads"}).exit_code, 0);
  execute("UPDATE alembic_version SET version_num = 'a1'");
  execute("DROP TABLE t_b2");
  execute("DROP TABLE t_c3");
  EXPECT_EQ(run({"upgrade", "b2"}).exit_code, 0);
  EXPECT_EQ(history(),
            (Strings{"upgrade a1 succeeded", "upgrade b2 succeeded", "upgrade c3 succeeded",
                     "downgrade b2 adopted", "downgrade c3 adopted", "upgrade b2 succeeded"}));
  EXPECT_EQ(run({"upgrade", "c3"}).exit_code, 0);
  EXPECT_EQ(history().size(), 7U) << "nothing is adopted twice";
}

TEST_P(HistoryProgramTest, StampsAreWritten) {
  three_tables();
  EXPECT_EQ(run({"stamp", "b2"}).exit_code, 0);
  EXPECT_EQ(history(), (Strings{"upgrade a1 stamped", "upgrade b2 stamped"}));
  EXPECT_EQ(run({"stamp", "a1"}).exit_code, 0);
  EXPECT_EQ(history().back(), "downgrade b2 stamped");
  EXPECT_EQ(run({"stamp", "a1"}).exit_code, 0);
  EXPECT_EQ(history().size(), 3U);
  execute("UPDATE alembic_version SET version_num = 'unknown'");
  EXPECT_EQ(run({"stamp", "--purge", "c3"}).exit_code, 0);
  EXPECT_EQ(history(), (Strings{"upgrade a1 stamped", "upgrade b2 stamped", "downgrade b2 stamped",
                                "upgrade b2 stamped", "upgrade c3 stamped"}));
}

TEST_P(HistoryProgramTest, LayoutTwoIsBroughtUpByARun) {
  three_tables();
  EXPECT_EQ(run({"upgrade", "b2"}).exit_code, 0);
  test::take_history_back_to(2, *database_.connect());
  edit("b2", "CREATE TABLE", "CREATE  TABLE");
  const test::ProgramEnd end = run({"upgrade", "c3"});
  EXPECT_EQ(end.exit_code, 0) << end.err;
  EXPECT_NE(end.err.find("1 applied script was edited, and whether the meaning has changed is not "
                         "known: b2 (b2.sql) (`stillhead repair` shows them)"),
            std::string::npos)
      << end.err;
  EXPECT_EQ(history().size(), 3U);
}

// --- scripts that were changed -------------------------------------------------------------------

TEST_P(HistoryProgramTest, RewrittenScriptsAreToldOnce) {
  three_tables();
  EXPECT_EQ(run({"upgrade", "b2"}).exit_code, 0);
  edit("a1", "CREATE TABLE t_a1 (id integer)", "create table T_A1(id INTEGER) -- the first");
  const test::ProgramEnd end = run({"upgrade", "c3"});
  EXPECT_EQ(end.exit_code, 0) << end.err;
  EXPECT_NE(end.err.find("1 applied script was edited without a change of meaning: a1 (a1.sql) "
                         "(`stillhead repair` shows them)"),
            std::string::npos)
      << end.err;
  EXPECT_EQ(run({"upgrade", "c3"}).err.find("edited"), std::string::npos) << "nothing to do";
}

TEST_P(HistoryProgramTest, AChangedMeaningStopsTheRun) {
  three_tables();
  EXPECT_EQ(run({"upgrade", "b2"}).exit_code, 0);
  edit("b2", "id integer", "id bigint");
  edit("a1", "DROP TABLE t_a1;", "SELECT 1;\nDROP TABLE t_a1;");
  const test::ProgramEnd end = run_with_report({"upgrade", "c3"});
  EXPECT_EQ(report_.reason, Reason::ChecksumMismatch);
  EXPECT_EQ(report_.message,
            scripts() +
                "/a1.sql: the script of revision a1 was changed after it was run: "
                "statement 1 of its downgrade section differs; so were b2 (b2.sql)");
  EXPECT_EQ(
      report_.hint,
      "put the script back and write a new revision for the change; or, if the database is as "
      "the script says now, `stillhead repair a1 --yes`");
  ASSERT_TRUE(report_.failure.has_value());
  EXPECT_EQ(report_.failure->revision, "a1");
  EXPECT_EQ(report_.failure->file, "a1.sql");
  EXPECT_EQ(report_.failure->statement, 1);
  EXPECT_EQ(history().size(), 2U);
  EXPECT_EQ(run({"upgrade", "b2"}).exit_code, 0) << "where nothing is to be done no body is read";
}

TEST_P(HistoryProgramTest, WithoutTheOldSourceTheStatementIsNotKnown) {
  three_tables();
  EXPECT_EQ(run({"upgrade", "a1"}).exit_code, 0);
  execute("UPDATE " + prefix() + "stillhead_history SET source = NULL");
  edit("a1", "id integer", "id bigint");
  run_with_report({"upgrade", "b2"});
  EXPECT_EQ(report_.message,
            scripts() +
                "/a1.sql: the script of revision a1 was changed after it was run: its meaning "
                "differs, and what it was then is not stored");
}

TEST_P(HistoryProgramTest, RepairShowsAndChangesNothing) {
  three_tables();
  EXPECT_EQ(run({"repair"}).out,
            on_postgres() ? "there is no history to compare the scripts with\n" : "");
  EXPECT_EQ(run({"upgrade", "heads"}).exit_code, 0);
  EXPECT_EQ(run({"repair"}).out, "every applied script is as it was run\n");
  const Strings before =
      database_.column("SELECT checksum FROM " + prefix() + "stillhead_history ORDER BY id");
  edit("b2", "id integer", "id bigint");
  edit("c3", "CREATE", "create");
  const test::ProgramEnd end = run_with_report({"repair"});
  EXPECT_EQ(report_.reason, Reason::NotUpToDate);
  EXPECT_EQ(report_.message, "2 applied scripts are not as they were run");
  EXPECT_EQ(report_.hint,
            "put the scripts back, or say `stillhead repair --yes` if the database is as they say "
            "now");
  EXPECT_NE(end.out.find("b2 (" + scripts() +
                         "/b2.sql): statement 1 of its upgrade section differs\n"
                         "  checksum when it was run  " +
                         before[1] + "\n  checksum now              "),
            std::string::npos)
      << end.out;
  EXPECT_NE(end.out.find("/c3.sql): only comments, white space or spelling differ\n"),
            std::string::npos)
      << end.out;
  EXPECT_EQ(history().size(), 3U);
  const nlohmann::json document = json_of({"repair", "c3"});
  ASSERT_EQ(document["scripts"].size(), 1U) << document;
  EXPECT_EQ(document["scripts"][0]["revision"], "c3");
  EXPECT_EQ(document["scripts"][0]["change"], "writing");
  EXPECT_EQ(document["scripts"][0]["checksumThen"], before[2]);
  EXPECT_FALSE(document["repaired"]);
}

TEST_P(HistoryProgramTest, RepairTakesTheScriptsAsTheyAre) {
  three_tables();
  EXPECT_EQ(run({"upgrade", "b2"}).exit_code, 0);
  edit("a1", "id integer", "id bigint");
  edit("b2", "id integer", "id bigint");
  EXPECT_EQ(run({"repair", "a1", "--yes"}).exit_code, 0);
  EXPECT_EQ(history().back(), "upgrade a1 repaired");
  run_with_report({"upgrade", "c3"});
  EXPECT_EQ(report_.reason, Reason::ChecksumMismatch) << "b2 is still another one";
  const test::ProgramEnd end = run({"repair", "--yes"});
  EXPECT_EQ(end.exit_code, 0);
  EXPECT_EQ(result_of(end), "repaired: the history takes 1 applied script as it is now\n");
  EXPECT_EQ(run({"upgrade", "c3"}).exit_code, 0);
  EXPECT_EQ(run({"repair", "--yes"}).exit_code, 0) << "nothing differs";
  EXPECT_EQ(history().size(), 5U);
}

TEST_P(HistoryProgramTest, RepairOfWhatIsNotAppliedIsRefused) {
  three_tables();
  EXPECT_EQ(run({"upgrade", "b2"}).exit_code, 0);
  run_with_report({"repair", "c3"});
  EXPECT_EQ(report_.reason, Reason::InvalidTarget);
  EXPECT_EQ(report_.message, "cannot repair revision c3: it is not in the applied history");
  EXPECT_EQ(report_.hint, "`stillhead history --applied` lists what is");
}

// --- scripts that are gone -----------------------------------------------------------------------

TEST_P(HistoryProgramTest, RevisionsWithoutFilesAreTakenBack) {
  three_tables();
  EXPECT_EQ(run({"upgrade", "heads"}).exit_code, 0);
  remove("b2");
  remove("c3");
  for (const Words& refused : {Words{"upgrade", "heads"}, Words{"apply", "heads"}}) {
    run_with_report(refused);
    EXPECT_EQ(report_.reason, Reason::UnknownRevision) << refused[0];
  }
  const test::ProgramEnd plan = run({"plan", "heads", "--downgrade", "allow"});
  EXPECT_EQ(plan.exit_code, 0) << plan.err;
  const test::ProgramEnd end = run({"apply", "heads", "--downgrade", "allow"});
  EXPECT_EQ(end.exit_code, 0) << end.err;
  EXPECT_NE(
      end.err.find("no script here has b2 (b2.sql), c3 (c3.sql); what the history has kept of "
                   "them is used"),
      std::string::npos)
      << end.err;
  EXPECT_EQ(run({"current"}).out, "a1 (head)\n");
  EXPECT_EQ(history().back(), "downgrade b2 succeeded");
  EXPECT_EQ(database_.column("SELECT count(*) FROM " + prefix() +
                             "stillhead_history WHERE direction = 'downgrade' AND source LIKE "
                             "'%DROP TABLE t_b2%' AND file = 'b2.sql'"),
            Strings{"1"});
  execute("CREATE TABLE t_b2 (id integer)");  // it was gone
}

TEST_P(HistoryProgramTest, DowngradeUsesStoredScriptsToo) {
  three_tables();
  EXPECT_EQ(run({"upgrade", "heads"}).exit_code, 0);
  remove("c3");
  EXPECT_EQ(run({"downgrade", "-1"}).exit_code, 0);
  EXPECT_EQ(run({"current"}).out, "b2 (head)\n");
  table_script("c3", "b2");
  EXPECT_EQ(run({"upgrade", "heads"}).exit_code, 0);
  remove("c3");
  EXPECT_EQ(run({"downgrade", "head"}).exit_code, 0) << "of the scripts";
  EXPECT_EQ(run({"current"}).out, "b2 (head)\n");
  EXPECT_EQ(run({"downgrade", "base"}).exit_code, 0);
}

TEST_P(HistoryProgramTest, WithoutASourceTheRevisionIsUnknown) {
  three_tables();
  EXPECT_EQ(run({"upgrade", "heads"}).exit_code, 0);
  remove("c3");
  execute("UPDATE " + prefix() + "stillhead_history SET source = NULL");
  run_with_report({"downgrade", "b2"});
  EXPECT_EQ(report_.reason, Reason::UnknownRevision);
  run_with_report({"apply", "b2", "--downgrade", "allow"});
  EXPECT_EQ(report_.reason, Reason::UnknownRevision);
}

TEST_P(HistoryProgramTest, StoredPythonIsRefused) {
  three_tables();
  folder_.write("migrations/d4.py", "revision = 'd4'\ndown_revision = 'c3'\n");
  EXPECT_EQ(run({"upgrade", "c3"}).exit_code, 0);
  EXPECT_EQ(run({"stamp", "d4"}).exit_code, 0);
  std::filesystem::remove(scripts() + "/d4.py");
  run_with_report({"downgrade", "b2"});
  EXPECT_EQ(report_.reason, Reason::InvalidScripts);
  EXPECT_NE(report_.message.find("cannot run revision d4: d4.py is a Python script"),
            std::string::npos)
      << report_.message;
}

// --- attempts ------------------------------------------------------------------------------------

TEST_P(HistoryProgramTest, AnAttemptThatWasLeftBehindIsRefused) {
  three_tables();
  const auto up = [](const std::string& target, const std::string& generation,
                     const std::string& attempt) {
    return Words{"upgrade",      target,     "--owner",   "uid-1",
                 "--generation", generation, "--attempt", attempt};
  };
  EXPECT_EQ(run(up("a1", "2", "1")).exit_code, 0);
  EXPECT_EQ(run(up("b2", "2", "1")).exit_code, 0) << "the same once more";
  run_with_report(up("c3", "1", "9"));
  EXPECT_EQ(report_.reason, Reason::StaleAttempt);
  EXPECT_EQ(engine::exit_code_of(report_.reason), 4);
  EXPECT_EQ(report_.generation, 1);
  EXPECT_EQ(report_.attempt, 9);
  EXPECT_EQ(report_.stored_generation, 2);
  EXPECT_EQ(report_.stored_attempt, 1);
  EXPECT_EQ(report_.message,
            "this run is generation 1, attempt 9 of owner 'uid-1', and generation 2, attempt 1 has "
            "already begun");
  EXPECT_EQ(
      report_.hint,
      "leave the work to the newer attempt; to run once more, give a number that was not used "
      "yet");
  EXPECT_EQ(history().size(), 2U);
  run_with_report({"stamp", "c3", "--owner", "uid-1", "--generation", "1"});
  EXPECT_EQ(report_.reason, Reason::StaleAttempt);
  EXPECT_EQ(run(up("b2", "1", "1")).exit_code, 0) << "nothing to do: nothing to fence";
  Words other = up("c3", "1", "1");
  other[3] = "uid-2";
  EXPECT_EQ(run(other).exit_code, 0) << "of another owner";
  EXPECT_EQ(run({"downgrade", "-1", "--owner", "uid-1", "--attempt", "1"}).exit_code, 0)
      << "without a generation there is no order";
}

// --- history --applied ---------------------------------------------------------------------------

TEST_P(HistoryProgramTest, AppliedHistoryIsListedNewestFirst) {
  three_tables();
  execute("CREATE TABLE other (i integer)");
  EXPECT_EQ(run({"history", "--applied"}).out,
            "there is no history, or this role may not read it\n");
  EXPECT_EQ(json_of({"history", "--applied"})["found"], false);
  EXPECT_EQ(
      run({"upgrade", "b2", "--owner", "me", "--attempt", "3", "--run-id", "0123456789abcdef"})
          .exit_code,
      0);
  EXPECT_EQ(run({"stamp", "c3"}).exit_code, 0);
  folder_.write("migrations/broken.sql", "-- no header");  // no script is read
  const std::string out = run({"history", "--applied"}).out;
  EXPECT_NE(out.find("Z upgrade   c3 stamped, run "), std::string::npos) << out;
  EXPECT_NE(out.find("Z upgrade   b2 succeeded in "), std::string::npos) << out;
  EXPECT_NE(out.find(", run 0123456789abcdef, by me, attempt 3\n"), std::string::npos) << out;
  EXPECT_LT(out.find(" c3 "), out.find(" b2 "));
  EXPECT_LT(out.find(" b2 "), out.find(" a1 "));
  const std::string more = run({"history", "--applied", "-v"}).out;
  EXPECT_NE(more.find("    File:     b2.sql\n"), std::string::npos) << more;
  EXPECT_NE(more.find("    Checksum: "), std::string::npos) << more;
  const nlohmann::json document = json_of({"history", "--applied"});
  ASSERT_EQ(document["history"].size(), 3U) << document;
  EXPECT_EQ(document["history"][0]["result"], "stamped");
  EXPECT_TRUE(document["history"][0]["durationMs"].is_null());
  EXPECT_EQ(document["history"][1]["revision"], "b2");
  EXPECT_EQ(document["history"][1]["owner"], "me");
  EXPECT_GE(document["history"][1]["durationMs"].get<long>(), 0);
  EXPECT_EQ(document["history"][2]["file"], "a1.sql");
  const test::ProgramEnd wrong = run({"history", "--applied", "-i"});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_EQ(
      wrong.err,
      "stillhead: history --applied lists what was run; --rev-range and --indicate-current are "
      "for the list of scripts\n");
}

// --- readers -------------------------------------------------------------------------------------

class ReadersTest : public test::ProgramTest {
 protected:
  ReadersTest() {
    url_ = PostgresServer::instance().url(database_.name());
    connection_->execute("CREATE ROLE " + quoted_ + " LOGIN");
    connection_->execute("REVOKE ALL ON SCHEMA public FROM PUBLIC");
  }
  ~ReadersTest() override {
    connection_->execute("DROP OWNED BY " + quoted_);
    connection_->execute("DROP ROLE " + quoted_);
  }
  // What the role may read of the tables that the program has made.
  Strings readable() const {
    return database_.column(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE "
        "c.relkind = 'r' AND (c.relname LIKE 'stillhead%' OR c.relname = 'alembic_version') AND "
        "has_schema_privilege('" +
        role_ + "', n.oid, 'USAGE') AND has_table_privilege('" + role_ +
        "', c.oid, 'SELECT') ORDER BY 1");
  }
  const Strings all_{"alembic_version", "stillhead_history", "stillhead_journal", "stillhead_owner",
                     "stillhead_schema_version"};
  test::ScratchDatabase database_{SqlFlavour::PostgreSql};
  std::string role_ = "Reader \"x\" " + database_.name();
  std::string quoted_ = engine::postgres_dialect().quote_identifier(role_);
  std::unique_ptr<engine::Connection> connection_ = database_.connect();
};

TEST_F(ReadersTest, ReadersMayReadWhatWasMade) {
  three_tables();
  folder_.write("stillhead.yaml", "history_readers: ['" + role_ + "']\n");
  const Words config{"-c", folder_ / "stillhead.yaml"};
  const auto up = [&](const std::string& target) {
    Words words{"upgrade", target};
    words.insert(words.end(), config.begin(), config.end());
    return run(words);
  };
  EXPECT_EQ(up("a1").exit_code, 0);
  EXPECT_EQ(readable(), all_);
  connection_->execute("REVOKE SELECT ON stillhead.stillhead_history FROM " + quoted_);
  EXPECT_EQ(up("b2").exit_code, 0);
  EXPECT_EQ(readable(), all_) << "granted again";
}

TEST_F(ReadersTest, ReadersThatAreNotThereStopTheRun) {
  three_tables();
  run_with_report({"upgrade", "heads", "--history-readers", "nobody:" + role_ + ":it's"});
  EXPECT_EQ(report_.reason, Reason::InvalidUsage);
  EXPECT_EQ(report_.message, "history_readers names roles that are not there: 'it's', 'nobody'");
  EXPECT_EQ(report_.hint,
            "create the role (CREATE ROLE), or correct the setting; names are written as they are "
            "in pg_roles, without quotes");
  EXPECT_TRUE(database_.column("SELECT 1 FROM pg_tables WHERE tablename LIKE 't_%'").empty());
}

TEST_F(ReadersTest, ARoleThatMayNotGrantIsToldWhatToDo) {
  three_tables();
  EXPECT_EQ(run({"upgrade", "a1"}).exit_code, 0);
  const std::string guest = "guest_" + database_.name();
  connection_->execute("CREATE ROLE " + guest + " LOGIN");
  connection_->execute("GRANT USAGE, CREATE ON SCHEMA public TO " + guest);
  connection_->execute("GRANT ALL ON SCHEMA stillhead TO " + guest);
  connection_->execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO " + guest);
  connection_->execute("GRANT ALL ON ALL TABLES IN SCHEMA stillhead TO " + guest);
  connection_->execute("GRANT USAGE ON SCHEMA public, stillhead TO " + quoted_);
  url_ = PostgresServer::instance().url(database_.name(), guest);
  run_with_report({"upgrade", "heads", "--history-readers", role_});
  EXPECT_EQ(report_.reason, Reason::InvalidUsage);
  EXPECT_EQ(
      report_.message,
      "cannot let a role of history_readers read the history: this role has the right, and may "
      "not grant it");
  EXPECT_EQ(report_.hint,
            "let the owner execute: GRANT SELECT ON TABLE public.alembic_version TO " + quoted_);
  connection_->execute("REVOKE ALL ON stillhead.stillhead_owner FROM " + guest);
  run_with_report({"upgrade", "heads", "--history-readers", role_});
  EXPECT_EQ(report_.message,
            "cannot let a role of history_readers read the history: permission denied for table "
            "stillhead_owner (42501)");
  EXPECT_EQ(report_.hint,
            "let the owner execute: GRANT SELECT ON TABLE stillhead.stillhead_owner TO " + quoted_);
  EXPECT_EQ(run({"current"}).out, "a1\n");
  connection_->execute("DROP OWNED BY " + guest);
  connection_->execute("DROP ROLE " + guest);
}

TEST_F(ReadersTest, SqliteHasNoRoles) {
  three_tables();
  url_ = "sqlite:///" + (folder_ / "test.db");
  EXPECT_EQ(run({"upgrade", "heads", "--history-readers", "nobody"}).exit_code, 0);
}

}  // namespace
