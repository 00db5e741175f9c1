// SPDX-License-Identifier: Apache-2.0
#include "engine/config/settings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "tests/engine/core/error_of.h"

namespace engine {
namespace {

// `text` below [alembic].
ConfigSources ini(std::string_view text) {
  ConfigSources sources;
  sources.ini = {"alembic.ini", "/project", "[alembic]\n" + std::string(text), false};
  return sources;
}

// `text` below [tool.alembic].
ConfigSources toml(std::string_view text) {
  ConfigSources sources;
  sources.pyproject = {"pyproject.toml", "/project", "[tool.alembic]\n" + std::string(text), false};
  return sources;
}

ConfigSources yaml(std::string_view text) {
  ConfigSources sources;
  sources.yaml = {"stillhead.yaml", "/project", std::string(text), false};
  return sources;
}

ConfigSources environment(Environment values) {
  ConfigSources sources;
  sources.environment = std::move(values);
  return sources;
}

ConfigSources flags(std::map<std::string, std::string> values) {
  ConfigSources sources;
  sources.flags = std::move(values);
  return sources;
}

std::string value_of(const Settings& settings, Key key) {
  if (info(key).type != ValueType::List) return settings.text(key);
  return fmt::format("{}", fmt::join(settings.list(key), "|"));
}

struct ValueCase {
  ConfigSources sources = {};
  Key key = {};
  std::string_view value = {};
  std::string_view origin = {};
};

void expect_values(const std::vector<ValueCase>& cases) {
  for (const ValueCase& c : cases) {
    const Settings settings(c.sources);
    EXPECT_EQ(value_of(settings, c.key), c.value) << info(c.key).name;
    EXPECT_EQ(settings.origin(c.key), c.origin) << info(c.key).name << " = " << c.value;
    EXPECT_EQ(settings.is_set(c.key), c.origin != "default");
  }
}

struct FaultCase {
  ConfigSources sources = {};
  Key key = {};
  std::string_view message = {};
  std::string_view hint = {};
};

// The settings are read, and the one value refused when it is asked for.
void expect_faults(const std::vector<FaultCase>& cases) {
  for (const FaultCase& c : cases) {
    const Settings settings(c.sources);
    const Error error = error_of([&] { value_of(settings, c.key); });
    EXPECT_EQ(error.message(), c.message);
    EXPECT_EQ(error.hint(), c.hint) << c.message;
    EXPECT_EQ(error.reason(), Reason::InvalidUsage) << c.message;
  }
}

void expect_refused(const ConfigSources& sources, std::string_view message,
                    std::string_view hint = "") {
  const Error error = error_of([&] { const Settings settings(sources); });
  EXPECT_EQ(error.message(), message);
  EXPECT_EQ(error.hint(), hint) << message;
  EXPECT_EQ(error.reason(), Reason::InvalidUsage) << message;
}

TEST(SettingsTest, HasDefaults) {
  const Settings settings;
  EXPECT_EQ(settings.script_location(), "migrations");
  EXPECT_EQ(settings.text(Key::FileTemplate), "%(rev)s_%(slug)s");
  EXPECT_EQ(settings.number(Key::TruncateSlugLength), 40U);
  EXPECT_EQ(settings.number(Key::ReportLimit), 0U);
  EXPECT_EQ(settings.duration(Key::LockWait), std::chrono::minutes{5});
  EXPECT_TRUE(settings.flag(Key::VersionTablePk));
  EXPECT_FALSE(settings.flag(Key::TransactionalDdl));
  EXPECT_FALSE(settings.is_set(Key::TransactionalDdl));
  EXPECT_TRUE(settings.list(Key::VersionLocations).empty());
  EXPECT_EQ(settings.text(Key::DatabaseUrl), "");
  EXPECT_TRUE(settings.post_write_hooks().empty());
  EXPECT_EQ(error_of([&] { settings.text(Key::VersionLocations); }).reason(), Reason::Bug);
  EXPECT_EQ(error_of([&] { settings.list(Key::Timezone); }).reason(), Reason::Bug);
  EXPECT_EQ(error_of([&] { settings.duration(Key::Timezone); }).reason(), Reason::Bug);
}

TEST(SettingsTest, TakesTheLastSource) {
  ConfigSources sources;
  const std::vector<std::string_view> origins = {
      "default",          "pyproject.toml:2",   "alembic.ini:2",
      "stillhead.yaml:1", "STILLHEAD_TIMEZONE", "--timezone"};
  std::vector<std::string> seen;
  const auto look = [&] {
    const Settings settings(sources);
    seen.push_back(settings.origin(Key::Timezone));
    EXPECT_EQ(settings.text(Key::Timezone), std::string(seen.size() - 1, 'x'));
  };
  look();
  sources.pyproject = toml("timezone = 'x'\n").pyproject;
  look();
  sources.ini = ini("timezone = xx\n").ini;
  look();
  sources.yaml = yaml("timezone: xxx\n").yaml;
  look();
  sources.environment = {{"STILLHEAD_TIMEZONE", "xxxx"}};
  look();
  sources.flags = {{"timezone", "xxxxx"}};
  look();
  EXPECT_EQ(seen, (std::vector<std::string>{origins.begin(), origins.end()}));
}

TEST(SettingsTest, ReadsAlembicIniAsAlembicDoes) {
  ConfigSources multi =
      ini("timezone = one\n[other]\ntimezone = two\n[DEFAULT]\nscript_location=d\n");
  multi.section = "other";
  ConfigSources with_environment = ini("sqlalchemy.url = postgresql://%(USER)s:%(db_pass)s@h/d\n");
  with_environment.environment = {{"USER", "u"}, {"DB_PASS", "50%"}};
  ConfigSources emptied = ini("timezone =\nversion_locations =\n");
  emptied.pyproject = toml("timezone = 'UTC'\nversion_locations = ['a', 'b']\n").pyproject;
  expect_values({
      {ini("script_location = %(here)s/db\n"), Key::ScriptLocation, "/project/db", "alembic.ini:2"},
      {ini("script_location = a\n  b\n"), Key::ScriptLocation, "a\nb", "alembic.ini:2"},
      {ini("\nfile_template = %%(year)d_%%(rev)s\n"), Key::FileTemplate, "%(year)d_%(rev)s",
       "alembic.ini:3"},
      {ini("TimeZone = UTC\n"), Key::Timezone, "UTC", "alembic.ini:2"},
      {multi, Key::Timezone, "two", "alembic.ini:4"},
      {multi, Key::ScriptLocation, "d", "alembic.ini:6"},
      {with_environment, Key::DatabaseUrl, "postgresql://u:50%@h/d", "alembic.ini:2"},
      {ini("sqlalchemy.url = driver://user:pass@localhost/dbname\n"), Key::DatabaseUrl, "",
       "default"},
      {ini("sqlalchemy.url =\n"), Key::DatabaseUrl, "", "default"},
      // Alembic compares with `true`, and asks SQLAlchemy about the last one.
      {ini("recursive_version_locations = true\n"), Key::RecursiveVersionLocations, "true",
       "alembic.ini:2"},
      {ini("recursive_version_locations = True\n"), Key::RecursiveVersionLocations, "false",
       "alembic.ini:2"},
      {ini("sourceless = yes\n"), Key::Sourceless, "false", "alembic.ini:2"},
      {ini("revision_environment = Yes\n"), Key::RevisionEnvironment, "true", "alembic.ini:2"},
      {ini("revision_environment = 0\n"), Key::RevisionEnvironment, "false", "alembic.ini:2"},
      {ini("truncate_slug_length = 60\n"), Key::TruncateSlugLength, "60", "alembic.ini:2"},
      {ini("truncate_slug_length = 0\n"), Key::TruncateSlugLength, "40", "alembic.ini:2"},
      {emptied, Key::Timezone, "", "alembic.ini:2"},
      {emptied, Key::VersionLocations, "a|b", "pyproject.toml:3"},
      // Not keys of Alembic's files.
      {ini("version_table = x\nlock_wait = nonsense\nmine = 1\n"), Key::VersionTable,
       "alembic_version", "default"},
  });
}

TEST(SettingsTest, SplitsPathsOfAlembicIniAsAlembicDoes) {
  const struct {
    std::string_view text;
    std::string_view versions;
    std::string_view sys_path;
  } cases[] = {
      {"version_locations = a b,c, d\nprepend_sys_path = a:b c\n", "a|b|c|d", "a|b|c"},
      {"version_locations = a:b\n", "a:b", ""},
      {"path_separator = os\nversion_locations = a:b c\nprepend_sys_path = .:..\n", "a|b c",
       ".|.."},
      {"path_separator = :\nversion_locations = a : b:\n", "a|b", ""},
      {"path_separator = ;\nversion_locations = a;b:c\n", "a|b:c", ""},
      {"path_separator = space\nversion_locations = a  b,c\n", "a|b,c", ""},
      {"path_separator = newline\nversion_locations =\n  a a\n  b\n", "a a|b", ""},
      {"version_path_separator = ;\nversion_locations = a;b\nprepend_sys_path = x;y z\n", "a|b",
       "x;y|z"},
      {"version_path_separator = ;\npath_separator = :\nversion_locations = a;b:c\n", "a;b|c", ""},
  };
  for (const auto& c : cases) {
    const Settings settings(ini(c.text));
    EXPECT_EQ(value_of(settings, Key::VersionLocations), c.versions) << c.text;
    EXPECT_EQ(value_of(settings, Key::PrependSysPath), c.sys_path) << c.text;
  }
}

TEST(SettingsTest, RefusesAFaultyValueOfAlembicIniWhenItIsNeeded) {
  expect_faults({
      {ini("\nsqlalchemy.url = postgresql://%(NOBODY)s\n"), Key::DatabaseUrl,
       "alembic.ini:3: 'sqlalchemy.url' refers to %(NOBODY)s, which neither the file nor the "
       "environment defines; define it, or write %% for a plain percent sign"},
      {ini("sqlalchemy.url = postgresql://u:p%40@h\n"), Key::DatabaseUrl,
       "alembic.ini:2: 'sqlalchemy.url' has a '%' at byte 17 that begins neither %(name)s nor %%; "
       "write %% for a plain percent sign"},
      {ini("truncate_slug_length = many\n"), Key::TruncateSlugLength,
       "alembic.ini:2: truncate_slug_length takes a number from 1, not \"many\""},
      {ini("revision_environment = maybe\n"), Key::RevisionEnvironment,
       "String is not true/false: 'maybe'",
       "write true or false in alembic.ini:2, at revision_environment"},
      {ini("path_separator = ,\nversion_locations = a\n"), Key::VersionLocations,
       "',' is not a valid value for path_separator; expected 'space', 'newline', 'os', ':', ';'",
       "correct it in alembic.ini:2"},
      {ini("version_path_separator = x\nversion_locations = a\n"), Key::VersionLocations,
       "'x' is not a valid value for version_path_separator; expected 'space', 'newline', 'os', "
       "':', ';'",
       "correct it in alembic.ini:2"},
  });
}

TEST(SettingsTest, ReadsPyprojectAsAlembicDoes) {
  ConfigSources other;
  other.pyproject = {"pyproject.toml", "/project", "[tool.black]\nscript_location = 1\n", false};
  expect_values({
      {toml("script_location = '%(here)s/db'\n"), Key::ScriptLocation, "/project/db",
       "pyproject.toml:2"},
      {toml("file_template = '%%(rev)s'\n"), Key::FileTemplate, "%(rev)s", "pyproject.toml:2"},
      {toml("version_locations = [\n '%(here)s/a',\n 'b c:d']\n"), Key::VersionLocations,
       "/project/a|b c:d", "pyproject.toml:2"},
      {toml("version_locations = 'one'\n"), Key::VersionLocations, "one", "pyproject.toml:2"},
      {toml("recursive_version_locations = true\n"), Key::RecursiveVersionLocations, "true",
       "pyproject.toml:2"},
      {toml("truncate_slug_length = 60\n"), Key::TruncateSlugLength, "60", "pyproject.toml:2"},
      {toml("truncate_slug_length = '60'\n"), Key::TruncateSlugLength, "60", "pyproject.toml:2"},
      {toml("'sqlalchemy.url' = 'x'\nlock_wait = 5\nunknown = {a = 1}\n"), Key::DatabaseUrl, "",
       "default"},
      {other, Key::ScriptLocation, "migrations", "default"},
  });
}

TEST(SettingsTest, RefusesAFaultyValueOfPyprojectWhenItIsNeeded) {
  expect_faults({
      {toml("recursive_version_locations = 'true'\n"), Key::RecursiveVersionLocations,
       "boolean value expected for TOML parameter 'recursive_version_locations'",
       "correct it in pyproject.toml:2"},
      {toml("timezone = 1.5\n"), Key::Timezone, "unsupported TOML value type for key: 'timezone'",
       "correct it in pyproject.toml:2"},
      {toml("version_locations = ['a',\n 1]\n"), Key::VersionLocations,
       "unsupported TOML value type for key: 'version_locations'",
       "correct it in pyproject.toml:3"},
      {toml("timezone = '%(no)s'\n"), Key::Timezone,
       "pyproject.toml:2: 'timezone' refers to %(no)s, which neither the file nor the environment "
       "defines; define it, or write %% for a plain percent sign"},
      {toml("truncate_slug_length = 'x'\n"), Key::TruncateSlugLength,
       "pyproject.toml:2: truncate_slug_length takes a number from 1, not \"x\""},
  });
  ConfigSources wrong;
  wrong.pyproject = {"pyproject.toml", "/project", "[tool]\nalembic = 1\n", false};
  expect_refused(wrong, "Incorrect TOML format", "correct it in pyproject.toml:2");
}

TEST(SettingsTest, ReadsStillheadYaml) {
  expect_values({
      {yaml(""), Key::ScriptLocation, "migrations", "default"},
      {yaml("# nothing\n"), Key::ScriptLocation, "migrations", "default"},
      {yaml("timezone:\n"), Key::Timezone, "", "default"},
      {yaml("script_location: \"%(here)s/db\"\n"), Key::ScriptLocation, "/project/db",
       "stillhead.yaml:1"},
      {yaml("\nversion_locations:\n  - a:b\n  - \"%(here)s/c\"\n"), Key::VersionLocations,
       "a:b|/project/c", "stillhead.yaml:3"},  // where the value begins
      {yaml("version_locations: one\n"), Key::VersionLocations, "one", "stillhead.yaml:1"},
      {yaml("file_template: \"%(year)d_%(rev)s\"\n"), Key::FileTemplate, "%(year)d_%(rev)s",
       "stillhead.yaml:1"},
      {yaml("database_url: sqlite:///%(here)s/a.db\n"), Key::DatabaseUrl, "sqlite:////project/a.db",
       "stillhead.yaml:1"},
      {yaml("version_table: 5\n"), Key::VersionTable, "5", "stillhead.yaml:1"},
      {yaml("transactional_ddl: false\n"), Key::TransactionalDdl, "false", "stillhead.yaml:1"},
      {yaml("transaction: single\n"), Key::Transaction, "single", "stillhead.yaml:1"},
      {yaml("lock_wait: 0s\n"), Key::LockWait, "0s", "stillhead.yaml:1"},
  });
}

TEST(SettingsTest, ReadsHooksOfRuns) {
  const Settings settings(
      yaml("hooks:\n  before_run: \"%(here)s/notify --token=canary\"\n  after_run: [./notify, a b, "
           "'%(here)s']\n  before_revision:\n  timeout: 1m30s\n"));
  const HookSettings& hooks = settings.run_hooks();
  EXPECT_EQ(hooks.before_run.words,
            (std::vector<std::string>{"sh", "-c", "/project/notify --token=canary"}));
  EXPECT_EQ(hooks.before_run.origin, "stillhead.yaml:2");
  EXPECT_EQ(hooks.after_run.words, (std::vector<std::string>{"./notify", "a b", "/project"}));
  EXPECT_TRUE(hooks.before_revision.words.empty());
  EXPECT_EQ(hooks.timeout, std::chrono::milliseconds(90'000));
  std::string shown;
  for (const ShownSetting& setting : settings.shown([](const std::string& url) { return url; })) {
    if (setting.name.starts_with("hooks.")) {
      shown += setting.name + "=" + setting.value + " " + setting.origin + "\n";
    }
  }
  EXPECT_EQ(shown,
            "hooks.before_run=sh ... stillhead.yaml:2\n"
            "hooks.after_run=./notify ... stillhead.yaml:3\n"
            "hooks.before_revision= default\n"
            "hooks.after_revision= default\n"
            "hooks.timeout=1m30s stillhead.yaml:5\n");
  EXPECT_EQ(Settings().run_hooks().timeout, std::chrono::minutes(5));
}

TEST(SettingsTest, RefusesWhatStillheadYamlSaysWrongly) {
  const struct {
    std::string_view text;
    std::string_view message;
  } cases[] = {
      {"script-location: a\n",
       "stillhead.yaml:1: unknown key 'script-location'; did you mean 'script_location'?"},
      {"a: 1\n", "stillhead.yaml:1: unknown key 'a'; `stillhead config` shows the keys"},
      {"\nlock_wait: 5\n",
       "stillhead.yaml:2: lock_wait takes a duration such as 500ms, 30s or 5m, not \"5\""},
      {"lock_wait: [5s]\n", "stillhead.yaml:1: lock_wait takes one value, not a list"},
      {"owner: me\n",
       "stillhead.yaml:1: 'owner' belongs to one run; give it as --owner or STILLHEAD_OWNER"},
      {"sourceless: true\n",
       "stillhead.yaml:1: 'sourceless' is a key of alembic.ini; remove it here"},
      {"version_locations: {a: b}\n", "stillhead.yaml:1: version_locations takes a list of paths"},
      {"history_readers: {a: b}\n", "stillhead.yaml:1: history_readers takes a list of roles"},
      {"version_locations:\n  - a\n  - [b]\n",
       "stillhead.yaml:3: version_locations takes a list of paths"},
      {"- a\n", "stillhead.yaml:1: settings are written `key: value`"},
      {"database_url: a\ndatabase_url_file: b\n",
       "stillhead.yaml:2: database_url and database_url_file are both given; use one of them"},
      {"post_write_hooks: x\n",
       "stillhead.yaml:1: post_write_hooks takes a list: `- {name: ..., type: ..., ...}`"},
      {"post_write_hooks:\n  - type: exec\n",
       "stillhead.yaml:2: a post-write hook has no name; give it one"},
      {"hooks: ./x\n",
       "stillhead.yaml:1: hooks takes a map: `before_run: [PROGRAM, ARGUMENT]` and the like"},
      {"hooks:\n  before_rum: x\n",
       "stillhead.yaml:2: unknown key 'hooks.before_rum'; did you mean 'before_run' or "
       "'before_revision'?"},
      {"hooks:\n  after_run: []\n",
       "stillhead.yaml:2: hooks.after_run takes a command: a list of words, or one text for `sh "
       "-c`"},
      {"hooks:\n  after_run: [a, [b]]\n",
       "stillhead.yaml:2: hooks.after_run takes a command: a list of words, or one text for `sh "
       "-c`"},
      {"hooks:\n  timeout: 5\n",
       "stillhead.yaml:2: hooks.timeout takes a duration such as 500ms, 30s or 5m, not \"5\""},
      {"hook: x\n", "stillhead.yaml:1: unknown key 'hook'; did you mean 'hooks'?"},
      {"post_write_hooks:\n  - name: a\n    options: [b]\n",
       "stillhead.yaml:3: 'options' of a post-write hook takes one value"},
  };
  for (const auto& c : cases) expect_refused(yaml(c.text), c.message);
}

TEST(SettingsTest, ReadsEnvironmentAndFlags) {
  expect_values({
      {environment({{"STILLHEAD_TIMEZONE", ""}}), Key::Timezone, "", "default"},
      {environment({{"STILLHEAD_VERSION_LOCATIONS", "a:b c:"}}), Key::VersionLocations, "a|b c",
       "STILLHEAD_VERSION_LOCATIONS"},
      {environment({{"STILLHEAD_SOURCELESS", "true"}}), Key::Sourceless, "false", "default"},
      {environment({{"STILLHEAD_ATTEMPT", "3"}}), Key::Attempt, "3", "STILLHEAD_ATTEMPT"},
      {flags({{"version-locations", "a:b"}}), Key::VersionLocations, "a|b", "--version-locations"},
      {flags({{"recursive-version-locations", ""}}), Key::RecursiveVersionLocations, "true",
       "--recursive-version-locations"},
      {flags({{"recursive-version-locations", "false"}}), Key::RecursiveVersionLocations, "false",
       "--recursive-version-locations"},
      {flags({{"verbose", ""}, {"script-location", "a"}}), Key::ScriptLocation, "a",
       "--script-location"},
  });
  expect_refused(environment({{"STILLHEAD_LOCK_WAIT", "5"}}),
                 "STILLHEAD_LOCK_WAIT takes a duration such as 500ms, 30s or 5m, not \"5\"");
  expect_refused(flags({{"attempt", "x"}}), "--attempt takes a number from 1, not \"x\"");
  expect_refused(flags({{"script-location", ""}}), "option --script-location needs a value");
  expect_refused(flags({{"database-url", "a"}, {"database-url-file", "b"}}),
                 "--database-url and --database-url-file are both given; use one of them");
}

// "origin of the URL / origin of the file with the URL"
std::string database_of(const ConfigSources& sources) {
  const Settings settings(sources);
  EXPECT_EQ(settings.is_set(Key::DatabaseUrl), !settings.text(Key::DatabaseUrl).empty());
  EXPECT_EQ(settings.is_set(Key::DatabaseUrlFile), !settings.text(Key::DatabaseUrlFile).empty());
  return settings.origin(Key::DatabaseUrl) + " / " + settings.origin(Key::DatabaseUrlFile);
}

TEST(SettingsTest, TakesTheUrlOrTheFileWhicheverIsNearest) {
  ConfigSources sources = ini("sqlalchemy.url = sqlite:///a\n");
  EXPECT_EQ(database_of(sources), "alembic.ini:2 / default");
  sources.yaml = yaml("database_url_file: b\n").yaml;
  EXPECT_EQ(database_of(sources), "default / stillhead.yaml:1");
  sources.environment["DATABASE_URL"] = "c";
  EXPECT_EQ(database_of(sources), "DATABASE_URL / default");
  sources.environment["STILLHEAD_DATABASE_URL_FILE"] = "d";
  EXPECT_EQ(database_of(sources), "default / STILLHEAD_DATABASE_URL_FILE");
  sources.environment["STILLHEAD_DATABASE_URL"] = "e";
  EXPECT_EQ(database_of(sources), "STILLHEAD_DATABASE_URL / default");
  sources.flags["database-url-file"] = "f";
  EXPECT_EQ(database_of(sources), "default / --database-url-file");
}

TEST(SettingsTest, MissesTheScriptLocationOnlyWhereAlembicDoes) {
  const std::string missing = "No 'script_location' key found in configuration.";
  const auto message_of = [](const ConfigSources& sources) {
    return error_of([&] { Settings(sources).script_location(); }).message();
  };
  EXPECT_EQ(message_of(ini("")), missing);
  EXPECT_EQ(message_of(toml("")), missing);
  ConfigSources sources = ini("timezone = UTC\n");
  EXPECT_EQ(message_of(sources), missing);
  EXPECT_EQ(Settings(sources).shown([](const std::string& url) { return url; })[0].fault, missing);
  sources.pyproject = toml("script_location = 'a'\n").pyproject;
  EXPECT_EQ(Settings(sources).script_location(), "a");
  sources = ini("");
  sources.flags["script-location"] = "b";
  EXPECT_EQ(Settings(sources).script_location(), "b");

  sources = {};
  sources.pyproject = {"pyproject.toml", "/project", "[project]\n", false};
  EXPECT_EQ(Settings(sources).script_location(), "migrations");
  sources.pyproject->named = true;
  EXPECT_EQ(message_of(sources), missing);

  sources = {};
  sources.ini = {"db/x.ini", "/project/db", "[loggers]\nkeys = a\n", false};
  EXPECT_EQ(message_of(sources), missing);
  sources.ini->named = true;
  EXPECT_EQ(message_of(sources),
            "No config file 'db/x.ini' found, or file has no '[alembic]' section");
}

TEST(SettingsTest, RefusesASectionThatIsNotThere) {
  ConfigSources sources = ini("");
  sources.section = "two";
  expect_refused(sources, "No config file 'alembic.ini' found, or file has no '[two]' section",
                 "write [two] into the file, or name another section with -n");
  sources.ini.reset();
  expect_refused(sources, "No config file 'alembic.ini' found, or file has no '[two]' section",
                 "write [two] into the file, or name another section with -n");
}

TEST(SettingsTest, RefusesCompiledScriptsAndFilesThatAreNotWellFormed) {
  expect_refused(
      ini("sourceless = true\n"),
      "alembic.ini:2: sourceless is true, but stillhead reads no compiled scripts (.pyc)",
      "remove the key, and ship the source of the scripts");
  expect_refused(toml("sourceless = true\n"),
                 "pyproject.toml:2: sourceless is true, but stillhead reads no compiled scripts "
                 "(.pyc)",
                 "remove the key, and ship the source of the scripts");
  expect_refused(ini("a\n"),
                 "alembic.ini:2: neither a [section] nor `key = value`; write it so, or indent it "
                 "to go on with the value above");
  EXPECT_TRUE(error_of([] { const Settings settings(toml("a = \n")); })
                  .message()
                  .starts_with("pyproject.toml:2: "));
  EXPECT_TRUE(error_of([] { const Settings settings(yaml("a: [\n")); })
                  .message()
                  .starts_with("stillhead.yaml:"));
}

// "name(option=value option=value) ..."
std::string hooks_of(const ConfigSources& sources) {
  std::string text;
  const Settings settings(sources);
  for (const PostWriteHook& hook : settings.post_write_hooks()) {
    std::vector<std::string> options;
    for (const auto& [name, value] : hook.options) options.push_back(name + "=" + value);
    text += fmt::format("{}({}) ", hook.name, fmt::join(options, ", "));
  }
  return text;
}

constexpr std::string_view kIniHooks =
    "[post_write_hooks]\n"
    "hooks = black, ruff\n"
    "black.type = console_scripts\n"
    "black.entrypoint = black\n"
    "ruff.type = exec\n"
    "ruff.executable = %(here)s/ruff\n"
    "ruffian.type = other\n";

TEST(PostWriteHooksTest, AreReadFromEveryFile) {
  EXPECT_EQ(hooks_of(ini(kIniHooks)),
            "black(type=console_scripts, entrypoint=black) "
            "ruff(type=exec, executable=/project/ruff) ");
  EXPECT_EQ(hooks_of(toml("[[tool.alembic.post_write_hooks]]\nname = 'a'\ntype = 'exec'\n"
                          "executable = '%(here)s/x'\n[[tool.alembic.post_write_hooks]]\n"
                          "name = 'b'\n")),
            "a(type=exec, executable=/project/x) b() ");
  EXPECT_EQ(hooks_of(yaml("post_write_hooks:\n  - name: a\n    type: module\n    module: b\n")),
            "a(type=module, module=b) ");
}

TEST(PostWriteHooksTest, ComeFromOneFileOnly) {
  ConfigSources sources = toml("[[tool.alembic.post_write_hooks]]\nname = 'a'\n");
  EXPECT_EQ(hooks_of(sources), "a() ");
  sources.ini = ini("[post_write_hooks]\n").ini;
  EXPECT_EQ(hooks_of(sources), "");
  sources.ini = ini(kIniHooks).ini;
  sources.yaml = yaml("post_write_hooks: [{name: c}]\n").yaml;
  EXPECT_EQ(hooks_of(sources), "c() ");
  EXPECT_EQ(Settings(sources).post_write_hooks().at(0).origin, "stillhead.yaml:1");
  EXPECT_EQ(Settings(sources).post_write_hooks().at(0).find("type"), nullptr);
}

TEST(PostWriteHooksTest, AreRefusedWhenTheyAreNeeded) {
  const struct {
    ConfigSources sources;
    std::string_view message;
  } cases[] = {
      {ini("[post_write_hooks]\nhooks = a\na.type = %(x)s\n"),
       "alembic.ini:4: 'a.type' refers to %(x)s, which neither the file nor the environment "
       "defines; define it, or write %% for a plain percent sign"},
      {toml("[[tool.alembic.post_write_hooks]]\ntype = 'exec'\n"),
       "pyproject.toml:2: a post-write hook has no name; give it one: name = ..."},
      {toml("[[tool.alembic.post_write_hooks]]\nname = 'a'\noptions = 1\n"),
       "pyproject.toml:4: 'options' of a post-write hook takes a string"},
      {toml("post_write_hooks = 'a'\n"),
       "pyproject.toml:2: post_write_hooks is a list of tables: "
       "[[tool.alembic.post_write_hooks]]"},
  };
  for (const auto& c : cases) {
    const Settings settings(c.sources);
    EXPECT_EQ(error_of([&] { settings.post_write_hooks(); }).message(), c.message);
  }
}

TEST(SettingsTest, ShowsEverythingButSecrets) {
  ConfigSources sources =
      ini("sqlalchemy.url = postgresql://u:secret@h/d\nversion_locations = a b\n"
          "truncate_slug_length = x\n" +
          std::string(kIniHooks));
  sources.environment = {{"STILLHEAD_LOCK_WAIT", "1m"}};
  const auto shown = Settings(sources).shown([](const std::string& url) {
    EXPECT_EQ(url, "postgresql://u:secret@h/d");
    return std::string("masked");
  });
  ASSERT_EQ(shown.size(), kKeyCount + 6) << "and post_write_hooks and hooks";
  std::string text;
  for (const ShownSetting& setting : shown) {
    if (setting.origin == "default") continue;
    text += fmt::format("{}={} ({}){}{}\n", setting.name, setting.value, setting.origin,
                        setting.fault.empty() ? "" : " ", setting.fault);
  }
  EXPECT_EQ(text,
            "version_locations=a, b (alembic.ini:3)\n"
            "truncate_slug_length= (alembic.ini:4) alembic.ini:4: truncate_slug_length takes a "
            "number from 1, not \"x\"\n"
            "database_url=masked (alembic.ini:2)\n"
            "lock_wait=1m (STILLHEAD_LOCK_WAIT)\n"
            "post_write_hooks=black, ruff (alembic.ini:5)\n");
}

}  // namespace
}  // namespace engine
