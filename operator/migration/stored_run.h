// SPDX-License-Identifier: Apache-2.0
//
// What status.lastRun keeps of a run. People and restored backups write there, too: what no run of
// this resource can have left reads as nothing. Pure.
#pragma once

#include <optional>
#include <string>

#include "operator/migration/resource.h"
#include "operator/migration/run.h"

namespace controller {

struct StoredRun {
  std::string job_name = {};
  long generation = 0;
  int attempt = 0;          // 0: nothing is stored
  std::string result = {};  // Running, Succeeded, Failed, Unknown
  std::string inputs = {};
  std::string start_time = {};
  std::string completion_time = {};

  bool is_final() const { return result == "Succeeded" || result == "Failed"; }
  // Whether its result can be that of this Job, whose report is not there any more.
  bool agrees_with(const Run&) const;
  // Of a Job that has gone.
  Run lost() const;
};

StoredRun read_stored_run(const DatabaseMigration&, const Json& status);

}  // namespace controller
