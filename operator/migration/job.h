// SPDX-License-Identifier: Apache-2.0
//
// DatabaseMigration -> the Job that runs it. Pure.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "operator/migration/resource.h"

namespace controller {

// What the operator was started with.
struct JobSettings {
  std::string engine_image = {};
  std::string image_pull_policy = "IfNotPresent";
};

// <name, cut>-<10 hex digits of SHA-256 over uid, generation and attempt>, at most 63 characters.
// Never reused: re-creating a Job under an old name can leave it without pods.
std::string job_name(const DatabaseMigration&, long generation, int attempt);
std::string job_name(const DatabaseMigration&, int attempt);  // of its own generation
// Of the Job that asks how an attempt ended; `probe` from 1.
std::string probe_name(const DatabaseMigration&, long generation, int attempt, int probe);
// Of the ConfigMap that carries inline scripts; a function of uid and generation.
std::string scripts_name(const DatabaseMigration&, long generation);
std::string scripts_name(const DatabaseMigration&);  // of its own generation

Json build_job(const DatabaseMigration&, int attempt, const JobSettings&);
// Changes nothing in the database: `stillhead plan`.
Json build_probe(const DatabaseMigration&, int attempt, int probe, const JobSettings&);
// The immutable ConfigMap with the inline scripts. Precondition: the source is inline.
Json build_scripts(const DatabaseMigration&);
// What `stillhead digest` prints for these files.
std::string scripts_digest(const std::map<std::string, std::string>& files);

}  // namespace controller
