// SPDX-License-Identifier: Apache-2.0
//
// Observe, decide, act, write the status. May be called at any time and any number of times.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "operator/kube/api_client.h"
#include "operator/kube/reflector.h"
#include "operator/migration/decide.h"
#include "operator/migration/job.h"

namespace controller {

class Controller {
 public:
  struct Caches {
    const kube::Reflector& migrations;
    const kube::Reflector& jobs;
    const kube::Reflector& pods;
  };
  using Clock = std::function<WallTime()>;

  Controller(Caches, kube::ApiClient&, JobSettings, Clock);

  // Returns when to look again; 0: the caches turn out to be behind. Throws kube::ApiError:
  // a status that could not be written is a failure.
  std::optional<std::chrono::milliseconds> reconcile(const kube::Key&);

 private:
  // The resource is not what the caches say: nothing was done.
  struct Stale {};
  struct Done {};
  using Result = std::variant<Done, Stale, Refusal>;

  std::optional<Observed> observe(const kube::Key&);
  static void read_runs(Observed&, const std::vector<kube::Object>& jobs,
                        const std::vector<kube::Object>& pods);
  bool is_at_rest(Observed&);
  std::vector<kube::Object> live_children(const kube::ResourceKind&, const DatabaseMigration&);
  bool source_is_missing(const DatabaseMigration&);
  std::optional<std::chrono::milliseconds> carry_out(const Decision&, Observed&);
  // Takes the resource version along when it learns a newer one.
  Result act(const Action&, Observed&);
  Result create_job(const Json& job, DatabaseMigration&);
  Result create(const kube::ResourceKind&, const Json& object, const DatabaseMigration&);
  Result add_finalizer(const DatabaseMigration&);
  Result remove_finalizer(const DatabaseMigration&);
  Result delete_job(const DeleteJob&, const Observed&);
  bool is_still_unstarted(const DeleteJob&, const Observed&);
  Result delete_scripts(const DeleteScripts&, const DatabaseMigration&);
  void remove(const kube::ResourceKind&, const std::string& name, const kube::DeleteOptions&,
              const DatabaseMigration&);
  static bool is_stale(const Result&);
  Result write_status(DatabaseMigration&, const Json& status);

  Caches caches_;
  kube::ApiClient& client_;
  JobSettings settings_;
  Clock clock_;
};

}  // namespace controller
