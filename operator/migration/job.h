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
std::string job_name(const DatabaseMigration&, int attempt);
// Of the ConfigMap that carries inline scripts; a function of uid and generation.
std::string scripts_name(const DatabaseMigration&);

Json build_job(const DatabaseMigration&, int attempt, const JobSettings&);
// The immutable ConfigMap with the inline scripts. Precondition: the source is inline.
Json build_scripts(const DatabaseMigration&);
// What `stillhead digest` prints for these files.
std::string scripts_digest(const std::map<std::string, std::string>& files);

}  // namespace controller
