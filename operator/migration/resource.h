// SPDX-License-Identifier: Apache-2.0
//
// DatabaseMigration as a value. Field names and rules: crds/databasemigrations.yaml,
// docs/operator.md.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "operator/migration/execution.h"

namespace controller {

using Json = nlohmann::json;

inline constexpr const char* kGroup = "stillhead.dev";
inline constexpr const char* kVersion = "v1alpha1";
inline constexpr const char* kKind = "DatabaseMigration";
inline constexpr const char* kPlural = "databasemigrations";

// On Jobs, Pods and ConfigMaps of ours.
inline constexpr const char* kManagedByLabel = "app.kubernetes.io/managed-by";
inline constexpr const char* kManagedBy = "stillhead-operator";
inline constexpr const char* kMigrationUidLabel = "stillhead.dev/migration-uid";
inline constexpr const char* kMigrationNameAnnotation = "stillhead.dev/migration-name";
inline constexpr const char* kGenerationAnnotation = "stillhead.dev/generation";
inline constexpr const char* kAttemptAnnotation = "stillhead.dev/attempt";
// On a Job that only asks the database how that attempt ended: which one of them it is, from 1.
inline constexpr const char* kProbeAnnotation = "stillhead.dev/probe";
inline constexpr const char* kInputsAnnotation = "stillhead.dev/inputs";
// On a DatabaseMigration while a Job of it may be running.
inline constexpr const char* kFinalizer = "stillhead.dev/running-job";

struct SecretKey {
  std::string name = {};
  std::string key = {};
};

struct ImageSource {
  std::string reference = {};  // by digest, unless allowMutableTag
  std::string path = {};       // of the scripts, inside the image
  std::vector<std::string> pull_secrets = {};
};

struct ConfigMapSource {
  std::string name = {};
  std::string sha256 = {};  // what `stillhead digest` prints
};

struct InlineSource {
  std::map<std::string, std::string> scripts = {};  // file name -> text
};

using Source = std::variant<ImageSource, ConfigMapSource, InlineSource>;

struct Database {
  SecretKey url = {};
  std::string version_table = {};         // empty: the engine's own
  std::string version_table_schema = {};  // empty: where the search path leads
  std::vector<std::string> readers = {};  // roles that may read the history
};

struct Policy {
  bool downgrade = false;   // a run may take revisions back
  bool destructive = true;  // a step may lose data
};

struct Spec {
  Database database = {};
  Source source = {};
  std::string target = "heads";
  Policy policy = {};
  Execution execution = {};
  bool suspend = false;
};

struct DatabaseMigration {
  std::string ns = {};
  std::string name = {};
  std::string uid = {};
  long generation = 0;
  std::string resource_version = {};
  bool deleting = false;
  std::vector<std::string> finalizers = {};
  Spec spec = {};
  // What the spec lacks or has wrong, e.g. "spec.source: exactly one of image, configMapRef, inline
  // is needed". The API server's validation lets none of these through; an older CRD may.
  std::vector<std::string> problems = {};
  std::string status = {};  // JSON text as stored; empty: none
  // Digest of what a run makes of the database: which one, from which scripts, to which target.
  // Where it stays the same, what was reached stays reached.
  std::string inputs = {};

  bool has_finalizer() const;
};

// Throws std::invalid_argument when `object` has no metadata; faults of the spec go to `problems`.
DatabaseMigration read_migration(const Json& object);

}  // namespace controller
