// SPDX-License-Identifier: Apache-2.0
#include "operator/migration/resource.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "tests/operator/migration/builders.h"

namespace controller {
namespace {

using testing::config_map_source;
using testing::image_source;
using testing::inline_source;
using testing::kDigest;
using testing::migration;
using testing::migration_object;

std::vector<std::string> problems_with(const Json& spec) { return migration(spec).problems; }

TEST(ResourceTest, ReadsWhoItIs) {
  Json object = migration_object();
  object["metadata"]["finalizers"] = {"example.com/other", kFinalizer};
  object["metadata"]["deletionTimestamp"] = "2026-11-20T08:00:00Z";
  const DatabaseMigration read = read_migration(object);
  EXPECT_EQ(read.ns, "shop");
  EXPECT_EQ(read.name, "orders");
  EXPECT_EQ(read.uid, testing::kUid);
  EXPECT_EQ(read.generation, 3);
  EXPECT_EQ(read.resource_version, "100");
  EXPECT_TRUE(read.deleting);
  EXPECT_TRUE(read.has_finalizer());
  EXPECT_EQ(read.status, R"({"observedGeneration":-1})");
  EXPECT_TRUE(read.problems.empty());
  EXPECT_FALSE(migration().has_finalizer());
  EXPECT_FALSE(migration().deleting);
}

TEST(ResourceTest, ReadsEverySource) {
  const auto image = std::get<ImageSource>(
      migration({{"source",
                  {{"image",
                    {{"reference", "registry.example.com/orders:1"},
                     {"path", "/app/migrations"},
                     {"allowMutableTag", true},
                     {"pullSecrets", {{{"name", "one"}}, {{"name", "two"}}}}}}}}})
          .spec.source);
  EXPECT_EQ(image.reference, "registry.example.com/orders:1");
  EXPECT_EQ(image.path, "/app/migrations");
  EXPECT_EQ(image.pull_secrets, (std::vector<std::string>{"one", "two"}));
  const auto config_map =
      std::get<ConfigMapSource>(migration({{"source", config_map_source()}}).spec.source);
  EXPECT_EQ(config_map.name, "orders-scripts");
  EXPECT_EQ(config_map.sha256, kDigest);
  const auto texts =
      std::get<InlineSource>(migration({{"source", inline_source("x")}}).spec.source);
  EXPECT_EQ(texts.scripts, (std::map<std::string, std::string>{{"a1_first.sql", "x"}}));
}

TEST(ResourceTest, FillsInWhatIsNotSaid) {
  const DatabaseMigration read = migration(
      {{"target", nullptr}, {"policy", nullptr}, {"execution", nullptr}, {"suspend", nullptr}});
  EXPECT_TRUE(read.problems.empty());
  EXPECT_EQ(read.spec.target, "heads");
  EXPECT_FALSE(read.spec.policy.downgrade);
  EXPECT_EQ(read.spec.execution.advisory_lock_timeout, "5m");
  EXPECT_FALSE(read.spec.execution.active_deadline_seconds.has_value());
  EXPECT_FALSE(read.spec.suspend);
}

TEST(ResourceTest, ReadsHowToRun) {
  const DatabaseMigration read = migration({{"target", {{"revision", "base"}}},
                                            {"policy", {{"downgrade", "Allow"}}},
                                            {"suspend", true},
                                            {"execution",
                                             {{"advisoryLockTimeout", "90s"},
                                              {"activeDeadline", "1h30m"},
                                              {"serviceAccountName", "migrator"},
                                              {"resources", {{"limits", {{"memory", "1Gi"}}}}}}}});
  EXPECT_TRUE(read.problems.empty());
  EXPECT_TRUE(read.spec.policy.downgrade);
  EXPECT_TRUE(read.spec.suspend);
  EXPECT_EQ(read.spec.execution.advisory_lock_timeout, "90s");
  EXPECT_EQ(read.spec.execution.active_deadline_seconds, 5400);
  EXPECT_EQ(read.spec.execution.service_account_name, "migrator");
  EXPECT_EQ(read.spec.execution.resources, R"({"limits":{"memory":"1Gi"}})");
}

TEST(ResourceTest, ReadsEveryFieldOfTheExecution) {
  const DatabaseMigration read =
      migration({{"database",
                  {{"urlFrom", {{"secretKeyRef", {{"name", "db"}, {"key", "url"}}}}},
                   {"versionTable", {{"name", "versions"}, {"schema", "meta"}}},
                   {"readers", {"ada", "bob"}}}},
                 {"policy", {{"destructive", "Block"}}},
                 {"execution",
                  {{"transaction", "Single"},
                   {"lockTimeout", "5s"},
                   {"lockRetries", 0},
                   {"statementTimeout", "1h"},
                   {"terminationGracePeriod", "10m"},
                   {"retry", {{"limit", 2}, {"initialBackoff", "1s"}, {"maxBackoff", "1m"}}},
                   {"history", {{"succeeded", 2}, {"failed", 5}}},
                   {"engineImage", "stillhead:2"},
                   {"nodeSelector", {{"disk", "ssd"}}},
                   {"tolerations", {{{"key", "db"}, {"operator", "Exists"}}}}}}});
  EXPECT_EQ(read.problems, std::vector<std::string>());
  EXPECT_EQ(read.spec.database.version_table, "versions");
  EXPECT_EQ(read.spec.database.version_table_schema, "meta");
  EXPECT_EQ(read.spec.database.readers, (std::vector<std::string>{"ada", "bob"}));
  EXPECT_FALSE(read.spec.policy.destructive);
  const Execution& execution = read.spec.execution;
  EXPECT_EQ(execution.transaction, "Single");
  EXPECT_EQ(execution.lock_timeout, "5s");
  EXPECT_EQ(execution.lock_retries, 0);
  EXPECT_EQ(execution.statement_timeout, "1h");
  EXPECT_EQ(execution.grace_period_seconds, 600);
  EXPECT_EQ(execution.retry.limit, 2);
  EXPECT_EQ(execution.retry.initial_backoff, std::chrono::seconds(1));
  EXPECT_EQ(execution.retry.max_backoff, std::chrono::minutes(1));
  EXPECT_EQ(execution.history.succeeded, 2);
  EXPECT_EQ(execution.history.failed, 5);
  EXPECT_EQ(execution.engine_image, "stillhead:2");
  EXPECT_EQ(execution.node_selector, R"({"disk":"ssd"})");
  EXPECT_EQ(execution.tolerations, R"([{"key":"db","operator":"Exists"}])");
}

// A run is needed again only for what it would do to the database.
TEST(ResourceTest, InputsAreWhatChangesTheDatabase) {
  const std::string inputs = migration().inputs;
  EXPECT_EQ(migration({{"suspend", true}}).inputs, inputs);
  EXPECT_EQ(migration({{"execution", {{"transaction", "Single"}}}}).inputs, inputs);
  EXPECT_NE(migration({{"target", {{"revision", "a1"}}}}).inputs, inputs);
  EXPECT_NE(migration({{"source", inline_source("-- other")}}).inputs, inputs);
  EXPECT_NE(migration({{"database",
                        {{"urlFrom", {{"secretKeyRef", {{"name", "other"}, {"key", "url"}}}}}}}})
                .inputs,
            inputs);
}

// What an API server with our CRD never lets through.
TEST(ResourceTest, NamesEachProblemOfTheSpec) {
  struct Case {
    const char* name = "";
    Json spec = {};
    std::vector<std::string> problems = {};
  };
  const Case cases[] = {
      {"no database",
       {{"database", nullptr}},
       {"spec.database.urlFrom.secretKeyRef.name: is missing",
        "spec.database.urlFrom.secretKeyRef.key: is missing"}},
      {"a text for a database",
       {{"database", "postgresql://ada:secret@host/orders"}},
       {"spec.database: must be an object", "spec.database.urlFrom.secretKeyRef.name: is missing",
        "spec.database.urlFrom.secretKeyRef.key: is missing"}},
      {"no source",
       {{"source", Json::object()}},
       {"spec.source: exactly one of image, configMapRef, inline is needed"}},
      {"two sources",
       {{"source", {{"inline", inline_source()["inline"]}, {"image", image_source()["image"]}}}},
       {"spec.source: exactly one of image, configMapRef, inline is needed"}},
      {"image by tag",
       {{"source", {{"image", {{"reference", "example.com/a:1"}, {"path", "/m"}}}}}},
       {"spec.source.image.reference: must name the image by digest (name@sha256:...), or set "
        "allowMutableTag"}},
      {"half a digest",
       {{"source", {{"image", {{"reference", "example.com/a@sha256:abc"}, {"path", "/m"}}}}}},
       {"spec.source.image.reference: must name the image by digest (name@sha256:...), or set "
        "allowMutableTag"}},
      {"relative path",
       {{"source", {{"image", {{"reference", "example.com/a@sha256:" + kDigest}, {"path", "m"}}}}}},
       {"spec.source.image.path: must be an absolute path inside the image"}},
      {"pull secret without name",
       {{"source",
         {{"image",
           {{"reference", "example.com/a@sha256:" + kDigest},
            {"path", "/m"},
            {"pullSecrets", {Json::object()}}}}}}},
       {"spec.source.image.pullSecrets: an entry lacks its name"}},
      {"sha256 missing",
       {{"source", {{"configMapRef", {{"name", "x"}}}}}},
       {"spec.source.configMapRef.sha256: is missing"}},
      {"sha256 in capitals",
       {{"source", {{"configMapRef", {{"name", "x"}, {"sha256", std::string(64, 'A')}}}}}},
       {"spec.source.configMapRef.sha256: must be 64 hex digits, as `stillhead digest` prints "
        "them"}},
      {"no scripts",
       {{"source", {{"inline", {{"scripts", Json::object()}}}}}},
       {"spec.source.inline.scripts: must map at least one file name to its text"}},
      {"script in a folder",
       {{"source", {{"inline", {{"scripts", {{"../a.sql", ""}}}}}}}},
       {"spec.source.inline.scripts: \"../a.sql\" is no name for a script: letters, digits, '_', "
        "'.', '-', ending in .sql, at most 128 characters"}},
      {"script that is a number",
       {{"source", {{"inline", {{"scripts", {{"a.sql", 1}}}}}}}},
       {"spec.source.inline.scripts.a.sql: must be a text"}},
      {"too many scripts",
       {{"source", {{"inline", {{"scripts", {{"a.sql", std::string(1000000, ' ')}}}}}}}},
       {"spec.source.inline.scripts: 1000005 bytes are more than the 921600 that fit; put the "
        "scripts into an image"}},
      {"relative target",
       {{"target", {{"revision", "+1"}}}},
       {"spec.target.revision: \"+1\" is neither heads, base, a revision nor branch@head; relative "
        "targets are refused"}},
      {"base without Allow",
       {{"target", {{"revision", "base"}}}},
       {"spec.target.revision: \"base\" needs spec.policy.downgrade: Allow"}},
      {"unknown policy",
       {{"policy", {{"downgrade", "Ask"}}}},
       {"spec.policy.downgrade: \"Ask\" is none of Forbid, Allow"}},
      {"duration without unit",
       {{"execution", {{"advisoryLockTimeout", "90"}}}},
       {"spec.execution.advisoryLockTimeout: \"90\" is not a duration of at least 0 s and at most "
        "a year (8760h), such as 90s or 1h30m"}},
      {"no time at all",
       {{"execution", {{"activeDeadline", "0s"}}}},
       {"spec.execution.activeDeadline: \"0s\" is not a duration of at least 1 s and at most a "
        "year (8760h), such as 90s or 1h30m"}},
      {"longer than the engine waits",
       {{"execution", {{"advisoryLockTimeout", "8760h1s"}}}},
       {"spec.execution.advisoryLockTimeout: \"8760h1s\" is not a duration of at least 0 s and at "
        "most a year (8760h), such as 90s or 1h30m"}},
      {"resources as text",
       {{"execution", {{"resources", "1Gi"}}}},
       {"spec.execution.resources: must be an object"}},
      {"suspend as text", {{"suspend", "yes"}}, {"spec.suspend: must be true or false"}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(problems_with(c.spec), c.problems);
  }
}

TEST(ResourceTest, TellsAbsoluteTargetsFromRelativeOnes) {
  for (const char* target :
       {"heads", "head", "ae1027a6acf", "ae10", "1_0.2", "billing@head", "billing-2@heads", "_x"}) {
    EXPECT_TRUE(problems_with({{"target", {{"revision", target}}}}).empty()) << target;
  }
  for (const char* target : {"", "-1", "+2", "ae10-1", "ae10+1", "billing@base", "@head", "a b",
                             "-x@head", "head@", "--sql"}) {
    EXPECT_FALSE(problems_with({{"target", {{"revision", target}}}}).empty()) << target;
  }
}

TEST(ResourceTest, RefusesAnObjectWithoutIdentity) {
  EXPECT_THROW(read_migration(Json::object()), std::invalid_argument);
  EXPECT_THROW(read_migration(Json::array()), std::invalid_argument);
  EXPECT_THROW(read_migration({{"metadata", {{"name", "orders"}}}}), std::invalid_argument);
}

TEST(ResourceTest, ReadsDurationsLikeGo) {
  const std::pair<const char*, std::optional<long>> cases[] = {
      {"90s", 90},
      {"5m", 300},
      {"1h30m", 5400},
      {"1h0m1s", 3601},
      {"0s", 0},
      {"1.5h", 5400},
      {"300ms", 1},
      {"1s1ns", 2},
      {"1000ms", 1},
      {"", {}},
      {"90", {}},
      {"s", {}},
      {"-5s", {}},
      {"5 m", {}},
      {"5d", {}},
      {"1h30", {}},
      {"99999999999999h", {}},
      {"8760h", 31536000},
      {"8760h1s", {}},
      {"8760h1ms", {}},
      {"87600h", {}},
  };
  for (const auto& [text, seconds] : cases) EXPECT_EQ(duration_seconds(text), seconds) << text;
}

}  // namespace
}  // namespace controller
