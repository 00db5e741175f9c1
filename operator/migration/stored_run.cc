// SPDX-License-Identifier: Apache-2.0
#include "operator/migration/stored_run.h"

#include <nlohmann/json.hpp>

#include "operator/migration/job.h"
#include "operator/migration/json_fields.h"

namespace controller {

bool StoredRun::agrees_with(const Run& run) const {
  return job_name == run.job_name && is_final() &&
         (run.phase == RunPhase::Succeeded) == (result == "Succeeded");
}

Run StoredRun::lost() const {
  Run run;
  run.job_name = job_name;
  run.generation = generation;
  run.attempt = attempt;
  run.phase = RunPhase::Lost;
  run.inputs = inputs;
  run.start_time = start_time;
  run.completion_time = completion_time;
  run.ending = "it was deleted before its result was read";
  return run;
}

StoredRun read_stored_run(const DatabaseMigration& migration, const Json& status) {
  const Json& json = value_at(status, {"lastRun"});
  const long generation = number_at(json, {"generation"});
  const long attempt = number_at(json, {"attempt"});
  if (generation < 1 || generation > migration.generation || attempt < 1 ||
      attempt > kMostAttempts) {
    return {};
  }
  const int number = static_cast<int>(attempt);
  const std::string name = text_at(json, {"jobName"});
  if (name != job_name(migration, generation, number)) return {};
  return {.job_name = name,
          .generation = generation,
          .attempt = number,
          .result = text_at(json, {"result"}),
          .inputs = text_at(json, {"inputs"}),
          .start_time = text_at(json, {"startTime"}),
          .completion_time = text_at(json, {"completionTime"})};
}

}  // namespace controller
