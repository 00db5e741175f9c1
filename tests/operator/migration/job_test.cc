// SPDX-License-Identifier: Apache-2.0
//
// Golden files: UPDATE_GOLDEN=1 writes them anew; read the difference before you keep it.
#include "operator/migration/job.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "tests/operator/migration/builders.h"
#include "tests/support/places.h"

namespace controller {
namespace {

using testing::config_map_source;
using testing::image_source;
using testing::inline_source;
using testing::migration;
using testing::migration_object;

const JobSettings kSettings{.engine_image =
                                "registry.example.com/stillhead@sha256:" + std::string(64, 'e')};

void expect_golden(const std::string& name, const Json& actual) {
  const std::string path = source_folder() + "/tests/operator/golden/jobs/" + name + ".json";
  const std::string text = actual.dump(2) + "\n";
  if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(path) << text;
  std::ifstream file(path);
  ASSERT_TRUE(file) << path << " is missing; UPDATE_GOLDEN=1 writes it";
  std::ostringstream golden;
  golden << file.rdbuf();
  EXPECT_EQ(text, golden.str()) << path;
}

TEST(JobTest, LooksAsInTheGoldenFiles) {
  expect_golden("inline", build_job(migration(), 1, kSettings));
  expect_golden("inline_scripts", build_scripts(migration()));
  expect_golden("config_map",
                build_job(migration({{"source", config_map_source()}}), 2, kSettings));
  expect_golden("image", build_job(migration({{"source", image_source()}}), 1, kSettings));
  Json source = image_source();
  source["image"]["pullSecrets"] = {{{"name", "registry"}}};
  expect_golden(
      "image_with_all_options",
      build_job(migration({{"source", source},
                           {"target", {{"revision", "base"}}},
                           {"policy", {{"downgrade", "Allow"}, {"destructive", "Block"}}},
                           {"database",
                            {{"urlFrom", {{"secretKeyRef", {{"name", "db"}, {"key", "url"}}}}},
                             {"versionTable", {{"name", "versions"}, {"schema", "meta"}}},
                             {"readers", {"ada", "bob"}}}},
                           {"execution",
                            {{"advisoryLockTimeout", "90s"},
                             {"transaction", "Single"},
                             {"lockTimeout", "5s"},
                             {"lockRetries", 0},
                             {"statementTimeout", "1h"},
                             {"terminationGracePeriod", "10m"},
                             {"engineImage", "stillhead:2"},
                             {"nodeSelector", {{"disk", "ssd"}}},
                             {"tolerations", {{{"key", "db"}, {"operator", "Exists"}}}},
                             {"activeDeadline", "2h"},
                             {"serviceAccountName", "migrator"},
                             {"resources",
                              {{"requests", {{"cpu", 1}}}, {"limits", {{"memory", "1Gi"}}}}}}}}),
                7, {.engine_image = "stillhead:1", .image_pull_policy = "Never"}));
  expect_golden("probe", build_probe(migration({{"source", image_source()}}), 2, 1, kSettings));
}

// The whole of spec.database is a reference; nothing else of the Job may name the Secret or its
// key.
TEST(JobTest, PassesTheSecretOnAsAReferenceOnly) {
  const Json job = build_job(
      migration(
          {{"database",
            {{"urlFrom", {{"secretKeyRef", {{"name", "the-secret"}, {"key", "the-key"}}}}}}}}),
      1, kSettings);
  const Json& container = job["spec"]["template"]["spec"]["containers"][0];
  EXPECT_EQ(container["env"],
            Json::array({{{"name", "STILLHEAD_DATABASE_URL"},
                          {"valueFrom",
                           {{"secretKeyRef", {{"name", "the-secret"}, {"key", "the-key"}}}}}}}));
  EXPECT_EQ(container["args"].dump().find("the-secret"), std::string::npos);
  EXPECT_EQ(job["metadata"].dump().find("the-secret"), std::string::npos);
}

// Pod Security "restricted", for every container of every kind of source.
TEST(JobTest, IsRestricted) {
  for (const Json& source : {inline_source(), config_map_source(), image_source()}) {
    const Json job = build_job(migration({{"source", source}}), 1, kSettings);
    const Json& pod = job["spec"]["template"]["spec"];
    EXPECT_EQ(pod["securityContext"]["runAsNonRoot"], true);
    EXPECT_GT(pod["securityContext"]["runAsUser"], 0);
    EXPECT_EQ(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
    EXPECT_EQ(pod["automountServiceAccountToken"], false);
    for (const char* list : {"initContainers", "containers"}) {
      for (const Json& container : pod.value(list, Json::array())) {
        const Json& context = container["securityContext"];
        EXPECT_EQ(context["allowPrivilegeEscalation"], false);
        EXPECT_EQ(context["readOnlyRootFilesystem"], true);
        EXPECT_EQ(context["capabilities"]["drop"], Json::array({"ALL"}));
        EXPECT_TRUE(container["resources"]["limits"].contains("memory"));
      }
    }
  }
}

TEST(JobTest, NamesAreLabelsAndDifferByUidGenerationAndAttempt) {
  std::set<std::string> names;
  Json object = migration_object();
  for (const char* uid : {"u1", "u2"}) {
    object["metadata"]["uid"] = uid;
    for (const int generation : {1, 2, 12}) {
      object["metadata"]["generation"] = generation;
      const DatabaseMigration one = read_migration(object);
      for (const int attempt : {1, 2, 21}) names.insert(job_name(one, attempt));
      names.insert(scripts_name(one));
      EXPECT_EQ(job_name(one, 1), job_name(one, 1));
    }
  }
  EXPECT_EQ(names.size(), 2u * 3u * 4u);
}

TEST(JobTest, NamesOfLongOrDottedMigrationsAreCut) {
  Json object = migration_object();
  const std::pair<std::string, std::string> cases[] = {
      {"orders", "orders-"},
      {"shop.orders.v1", "shop-orders-v1-"},
      {std::string(253, 'x'), std::string(52, 'x') + "-"},
      {std::string(51, 'x') + ".yy", std::string(51, 'x') + "-"},
  };
  for (const auto& [name, beginning] : cases) {
    object["metadata"]["name"] = name;
    const std::string job = job_name(read_migration(object), 1);
    EXPECT_TRUE(job.starts_with(beginning)) << job;
    EXPECT_EQ(job.size(), beginning.size() + 10) << job;
    EXPECT_LE(job.size(), 63u);
    EXPECT_EQ(job.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-"), std::string::npos);
  }
}

// `cd DIR && sha256sum -- * | sha256sum` for a.sql = "one\n" and b.sql = "two\n".
TEST(JobTest, DigestIsThatOfSha256sum) {
  EXPECT_EQ(scripts_digest({{"a.sql", "one\n"}, {"b.sql", "two\n"}}),
            "1f8a2f61fc23b16b12735ab50ce9a268f1ae75b416f9e2b645df8405bb6a3750");
  EXPECT_EQ(scripts_digest({{"a.sql", "one\n"}, {"b.sql", "two\n"}, {".hidden", "x"}}),
            scripts_digest({{"b.sql", "two\n"}, {"a.sql", "one\n"}}));
  EXPECT_NE(scripts_digest({{"a.sql", "one\n"}}), scripts_digest({{"b.sql", "one\n"}}));
}

TEST(JobTest, ScriptsCannotChangeAndBelongToTheMigration) {
  const Json scripts = build_scripts(migration());
  EXPECT_EQ(scripts["immutable"], true);
  EXPECT_EQ(scripts["metadata"]["ownerReferences"][0]["uid"], testing::kUid);
  EXPECT_EQ(scripts["data"].size(), 1u);
}

}  // namespace
}  // namespace controller
