// SPDX-License-Identifier: Apache-2.0
#include "operator/migration/job.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <functional>
#include <nlohmann/json.hpp>
#include <string_view>
#include <type_traits>
#include <utility>

#include "operator/migration/containers.h"
#include "operator/migration/sha256.h"

namespace controller {
namespace {

constexpr int kUser = 65532;        // "nonroot" of the usual minimal images; needs no passwd entry
constexpr int kProbeSeconds = 300;  // it asks a few questions; its image may have to come
constexpr std::size_t kReportLimit = 4096;  // what the kubelet keeps of a termination message
constexpr std::size_t kHashLength = 10;
constexpr std::size_t kLongestName = 63;  // a Job's name becomes the value of a label

constexpr const char* kReportFile = "/dev/termination-log";
constexpr const char* kScriptsFolder = "/migrations";
constexpr const char* kEngineFolder = "/stillhead";

// <name of the migration, cut>-<hash of `identity`>: a DNS label.
std::string child_name(const std::string& migration, const std::string& identity) {
  std::string name = migration.substr(0, kLongestName - kHashLength - 1);
  std::ranges::replace(name, '.', '-');
  while (!name.empty() && name.back() == '-') name.pop_back();
  return name + "-" + sha256_hex(identity).substr(0, kHashLength);
}

// Of the scripts, where they can be compared with what the resource says.
std::string wanted_digest(const Source& source) {
  if (const auto* config_map = std::get_if<ConfigMapSource>(&source)) return config_map->sha256;
  if (const auto* texts = std::get_if<InlineSource>(&source)) return scripts_digest(texts->scripts);
  return {};
}

Json labels(const DatabaseMigration& migration) {
  return {{kManagedByLabel, kManagedBy}, {kMigrationUidLabel, migration.uid}};
}

Json annotations(const DatabaseMigration& migration) {
  return {{kMigrationNameAnnotation, migration.name},
          {kGenerationAnnotation, std::to_string(migration.generation)},
          {kInputsAnnotation, migration.inputs}};
}

Json owner_references(const DatabaseMigration& migration) {
  return Json::array({{{"apiVersion", fmt::format("{}/{}", kGroup, kVersion)},
                       {"kind", kKind},
                       {"name", migration.name},
                       {"uid", migration.uid},
                       {"controller", true},
                       {"blockOwnerDeletion", true}}});
}

// What the engine is told to do, given the folder of the scripts.
using Arguments = std::function<Json(const std::string& script_location)>;

// Without a value, the engine's own holds.
void add_option(Json& arguments, const char* option, const std::string& value) {
  if (value.empty()) return;
  arguments.push_back(option);
  arguments.push_back(value);
}

Json common_arguments(const DatabaseMigration& migration, const std::string& script_location) {
  Json arguments = {"--script-location",
                    script_location,
                    "--report",
                    kReportFile,
                    "--report-limit",
                    std::to_string(kReportLimit),
                    "--report-without-data",  // whoever may see pods reads the termination message
                    "--log-format",
                    "json"};
  add_option(arguments, "--scripts-sha256", wanted_digest(migration.spec.source));
  add_option(arguments, "--version-table", migration.spec.database.version_table);
  add_option(arguments, "--version-table-schema", migration.spec.database.version_table_schema);
  return arguments;
}

Arguments run_arguments(const DatabaseMigration& migration, int attempt) {
  return [&migration, attempt](const std::string& script_location) {
    const Spec& spec = migration.spec;
    Json arguments = {"apply",
                      spec.target,
                      spec.policy.downgrade ? "--downgrade=allow" : "--downgrade=forbid",
                      "--owner",
                      migration.uid,
                      "--generation",
                      std::to_string(migration.generation),
                      "--attempt",
                      std::to_string(attempt),
                      "--lock-wait",
                      spec.execution.advisory_lock_timeout,
                      "--transaction",
                      spec.execution.transaction == "Single" ? "single" : "per_revision"};
    if (!spec.policy.destructive) arguments.push_back("--no-destructive");
    const Execution& execution = spec.execution;
    add_option(arguments, "--lock-timeout", execution.lock_timeout);
    add_option(arguments, "--statement-timeout", execution.statement_timeout);
    add_option(arguments, "--lock-retries",
               execution.lock_retries < 0 ? "" : std::to_string(execution.lock_retries));
    add_option(arguments, "--history-readers",
               fmt::format("{}", fmt::join(spec.database.readers, ":")));
    const Json more = common_arguments(migration, script_location);
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  };
}

// Where the database has gone past the target, that is no error, but an answer.
Arguments probe_arguments(const DatabaseMigration& migration) {
  return [&migration](const std::string& script_location) {
    Json arguments = {"plan", migration.spec.target, "--downgrade=allow"};
    const Json more = common_arguments(migration, script_location);
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  };
}

Json database_environment(const SecretKey& secret) {
  return Json::array(
      {{{"name", "STILLHEAD_DATABASE_URL"},
        {"valueFrom", {{"secretKeyRef", {{"name", secret.name}, {"key", secret.key}}}}}}});
}

Json container_security() {
  return {{"allowPrivilegeEscalation", false},
          {"capabilities", {{"drop", {"ALL"}}}},
          {"readOnlyRootFilesystem", true},
          {"runAsNonRoot", true}};
}

Json pod_security() {
  return {{"runAsNonRoot", true},
          {"runAsUser", kUser},
          {"runAsGroup", kUser},
          {"fsGroup", kUser},
          {"seccompProfile", {{"type", "RuntimeDefault"}}}};
}

Json resources(const Execution& execution) {
  if (!execution.resources.empty()) return Json::parse(execution.resources);
  return {{"requests", {{"cpu", "50m"}, {"memory", "64Mi"}}}, {"limits", {{"memory", "256Mi"}}}};
}

Json mount(const char* volume, const char* path, bool read_only) {
  Json result = {{"name", volume}, {"mountPath", path}};
  if (read_only) result["readOnly"] = true;
  return result;
}

Json empty_dir(const char* name, const char* size_limit) {
  return {{"name", name}, {"emptyDir", {{"sizeLimit", size_limit}}}};
}

const std::string& engine_image(const DatabaseMigration& migration, const JobSettings& settings) {
  const std::string& own = migration.spec.execution.engine_image;
  return own.empty() ? settings.engine_image : own;
}

// What both kinds of pods have in common; the rest depends on where the scripts are.
Json base_container(const DatabaseMigration& migration) {
  return {{"name", kEngineContainer},
          {"env", database_environment(migration.spec.database.url)},
          {"resources", resources(migration.spec.execution)},
          {"securityContext", container_security()},
          {"terminationMessagePath", kReportFile},
          {"terminationMessagePolicy", "File"},
          {"volumeMounts", Json::array({mount("tmp", "/tmp", false)})}};
}

Json base_pod(const DatabaseMigration& migration) {
  const Execution& execution = migration.spec.execution;
  Json pod = {{"restartPolicy", "Never"},
              {"automountServiceAccountToken", false},
              {"enableServiceLinks", false},
              {"terminationGracePeriodSeconds", execution.grace_period_seconds},
              {"securityContext", pod_security()},
              {"volumes", Json::array({empty_dir("tmp", "64Mi")})}};
  const std::string& account = execution.service_account_name;
  if (!account.empty()) pod["serviceAccountName"] = account;
  if (!execution.node_selector.empty()) pod["nodeSelector"] = Json::parse(execution.node_selector);
  if (!execution.tolerations.empty()) pod["tolerations"] = Json::parse(execution.tolerations);
  return pod;
}

// Scripts in a ConfigMap: our image, the scripts mounted into it.
Json pod_with_config_map(const DatabaseMigration& migration, const Arguments& arguments,
                         const JobSettings& settings, const std::string& config_map) {
  Json container = base_container(migration);
  container["image"] = engine_image(migration, settings);
  container["imagePullPolicy"] = settings.image_pull_policy;
  container["args"] = arguments(kScriptsFolder);
  container["volumeMounts"].push_back(mount("scripts", kScriptsFolder, true));
  Json pod = base_pod(migration);
  pod["containers"] = Json::array({std::move(container)});
  pod["volumes"].push_back(
      {{"name", "scripts"}, {"configMap", {{"name", config_map}, {"defaultMode", 0444}}}});
  return pod;
}

// Scripts in an image of the user's: it may hold nothing but the scripts, so the engine comes along
// with its own loader and libraries.
Json pod_with_image(const DatabaseMigration& migration, const Arguments& arguments,
                    const JobSettings& settings, const ImageSource& source) {
  Json bundle = {{"name", kBundleContainer},
                 {"image", engine_image(migration, settings)},
                 {"imagePullPolicy", settings.image_pull_policy},
                 {"args", {"bundle", kEngineFolder}},
                 {"resources", resources(migration.spec.execution)},
                 {"securityContext", container_security()},
                 {"volumeMounts", Json::array({mount("engine", kEngineFolder, false)})}};
  Json container = base_container(migration);
  container["image"] = source.reference;
  container["command"] = {"/stillhead/lib/ld.so", "--library-path", "/stillhead/lib",
                          "/stillhead/bin/stillhead"};
  container["args"] = arguments(source.path);
  container["volumeMounts"].push_back(mount("engine", kEngineFolder, true));
  Json pod = base_pod(migration);
  pod["initContainers"] = Json::array({std::move(bundle)});
  pod["containers"] = Json::array({std::move(container)});
  pod["volumes"].push_back(empty_dir("engine", "256Mi"));
  for (const std::string& secret : source.pull_secrets) {
    pod["imagePullSecrets"].push_back({{"name", secret}});
  }
  return pod;
}

Json build_pod(const DatabaseMigration& migration, const Arguments& arguments,
               const JobSettings& settings) {
  return std::visit(
      [&](const auto& source) {
        using Kind = std::decay_t<decltype(source)>;
        if constexpr (std::is_same_v<Kind, ImageSource>) {
          return pod_with_image(migration, arguments, settings, source);
        } else if constexpr (std::is_same_v<Kind, ConfigMapSource>) {
          return pod_with_config_map(migration, arguments, settings, source.name);
        } else {
          return pod_with_config_map(migration, arguments, settings, scripts_name(migration));
        }
      },
      migration.spec.source);
}

// A pod that an answer of the engine ended is the end of the Job; a pod that the cluster took away
// is made again. The first rule that matches counts.
Json pod_failure_policy() {
  return {{"rules", Json::array({{{"action", "FailJob"},
                                  {"onExitCodes",
                                   {{"containerName", kEngineContainer},
                                    {"operator", "In"},
                                    {"values", {1, 2, 3, 4, 6, 70}}}}},
                                 {{"action", "Ignore"},
                                  {"onPodConditions", Json::array({{{"type", "DisruptionTarget"},
                                                                    {"status", "True"}}})}}})}};
}

Json job_around(const DatabaseMigration& migration, const std::string& name, const Json& notes,
                const Json& pod) {
  return {
      {"apiVersion", "batch/v1"},
      {"kind", "Job"},
      {"metadata",
       {{"name", name},
        {"namespace", migration.ns},
        {"labels", labels(migration)},
        {"annotations", notes},
        {"ownerReferences", owner_references(migration)}}},
      {"spec",
       {{"backoffLimit", 0},
        {"completions", 1},
        {"parallelism", 1},
        {"podReplacementPolicy", "Failed"},
        {"podFailurePolicy", pod_failure_policy()},
        {"template",
         {{"metadata", {{"labels", labels(migration)}, {"annotations", notes}}}, {"spec", pod}}}}}};
}

}  // namespace

std::string job_name(const DatabaseMigration& migration, long generation, int attempt) {
  return child_name(migration.name, fmt::format("{}/{}/{}", migration.uid, generation, attempt));
}

std::string job_name(const DatabaseMigration& migration, int attempt) {
  return job_name(migration, migration.generation, attempt);
}

std::string probe_name(const DatabaseMigration& migration, long generation, int attempt,
                       int probe) {
  return child_name(migration.name,
                    fmt::format("{}/{}/{}/probe/{}", migration.uid, generation, attempt, probe));
}

std::string scripts_name(const DatabaseMigration& migration, long generation) {
  return child_name(migration.name, fmt::format("{}/{}/scripts", migration.uid, generation));
}

std::string scripts_name(const DatabaseMigration& migration) {
  return scripts_name(migration, migration.generation);
}

Json build_job(const DatabaseMigration& migration, int attempt, const JobSettings& settings) {
  Json notes = annotations(migration);
  notes[kAttemptAnnotation] = std::to_string(attempt);
  Json job = job_around(migration, job_name(migration, attempt), notes,
                        build_pod(migration, run_arguments(migration, attempt), settings));
  if (const auto deadline = migration.spec.execution.active_deadline_seconds) {
    job["spec"]["activeDeadlineSeconds"] = *deadline;
  }
  return job;
}

Json build_probe(const DatabaseMigration& migration, int attempt, int probe,
                 const JobSettings& settings) {
  Json notes = annotations(migration);
  notes[kAttemptAnnotation] = std::to_string(attempt);
  notes[kProbeAnnotation] = std::to_string(probe);
  Json job = job_around(migration, probe_name(migration, migration.generation, attempt, probe),
                        notes, build_pod(migration, probe_arguments(migration), settings));
  job["spec"]["activeDeadlineSeconds"] = kProbeSeconds;
  return job;
}

Json build_scripts(const DatabaseMigration& migration) {
  return {{"apiVersion", "v1"},
          {"kind", "ConfigMap"},
          {"metadata",
           {{"name", scripts_name(migration)},
            {"namespace", migration.ns},
            {"labels", labels(migration)},
            {"annotations", annotations(migration)},
            {"ownerReferences", owner_references(migration)}}},
          {"immutable", true},
          {"data", std::get<InlineSource>(migration.spec.source).scripts}};
}

std::string scripts_digest(const std::map<std::string, std::string>& files) {
  std::string listing;
  for (const auto& [name, text] : files) {
    if (name.starts_with('.')) continue;
    listing += fmt::format("{}  {}\n", sha256_hex(text), name);
  }
  return sha256_hex(listing);
}

}  // namespace controller
