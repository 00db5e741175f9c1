// SPDX-License-Identifier: Apache-2.0
#include "operator/controller.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "operator/kinds.h"
#include "operator/log.h"
#include "operator/migration/json_fields.h"

namespace controller {
namespace {

using std::chrono::milliseconds;

// For the watch to bring what a live look has shown already: again, each time a little later.
constexpr milliseconds kCachePause{0};
// How often a name that somebody else holds is looked at.
constexpr std::chrono::seconds kConflictPause{60};
// How often an object that was called invalid is sent again: what the cluster admits may change.
constexpr std::chrono::minutes kInvalidPause{5};

kube::Key key_of(const DatabaseMigration& migration) { return {migration.ns, migration.name}; }

Json json_of(const std::string& text) { return Json::parse(text, nullptr, false); }

bool is_owned_by(const Json& object, const std::string& uid) {
  return std::ranges::any_of(list_at(object, {"metadata", "ownerReferences"}),
                             [&](const Json& owner) { return text_at(owner, {"uid"}) == uid; });
}

// A label anybody can set; what we have made names the resource as its owner, too, and is called as
// we call it.
bool is_ours(const Run& run, const Json& job, const DatabaseMigration& migration) {
  const std::string name = run.probe > 0
                               ? probe_name(migration, run.generation, run.attempt, run.probe)
                               : job_name(migration, run.generation, run.attempt);
  return run.job_name == name && is_owned_by(job, migration.uid);
}

bool is_labelled(const Json& object, const DatabaseMigration& migration) {
  return text_at(object, {"metadata", "namespace"}) == migration.ns &&
         text_at(object, {"metadata", "labels", kMigrationUidLabel}) == migration.uid;
}

std::string selector_of(const DatabaseMigration& migration) {
  return fmt::format("{}={},{}={}", kManagedByLabel, kManagedBy, kMigrationUidLabel, migration.uid);
}

void log_child(const char* what, const kube::ResourceKind& kind, const std::string& name,
               const DatabaseMigration& migration) {
  log(LogLevel::Info, what,
      {{"namespace", migration.ns},
       {"name", migration.name},
       {"generation", migration.generation},
       {"kind", kind.kind},
       {"object", name}});
}

bool is_after_status(const Action& action) {
  return std::holds_alternative<DeleteJob>(action) ||
         std::holds_alternative<DeleteScripts>(action) ||
         std::holds_alternative<RemoveFinalizer>(action);
}

template <typename Kind>
bool has(const Decision& decision) {
  return std::ranges::any_of(
      decision.actions, [](const Action& action) { return std::holds_alternative<Kind>(action); });
}

// Done only where no Job is active.
bool relies_on_rest(const Decision& decision) {
  return has<CreateJob>(decision) || has<CreateProbe>(decision) || has<RemoveFinalizer>(decision);
}

// Whether a decision made for `migration` still holds for `live`.
bool is_unchanged(const Json& live, const DatabaseMigration& migration) {
  const Json stored = json_of(migration.status);
  const Json& status = value_at(live, {"status"});
  return text_at(live, {"metadata", "uid"}) == migration.uid &&
         number_at(live, {"metadata", "generation"}) == migration.generation &&
         text_at(live, {"metadata", "deletionTimestamp"}).empty() != migration.deleting &&
         (stored.is_object() ? status == stored : !status.is_object());
}

Refusal told(const kube::ApiError& error) {
  const bool invalid = error.status() == 400 || error.status() == 422;
  const milliseconds pause = invalid ? milliseconds(kInvalidPause) : milliseconds(kRefusalPause);
  return {.verdict = {.health = invalid ? Health::Stalled : Health::Reconciling,
                      .reason = invalid ? "InvalidSpec" : "BackingOff",
                      .message = error.what()},
          .pause =
              std::max<milliseconds>(pause, error.retry_after().value_or(std::chrono::seconds(0)))};
}

std::string reason_of(const Json& status) {
  for (const Json& condition : list_at(status, {"conditions"})) {
    if (text_at(condition, {"type"}) == "Ready") return text_at(condition, {"reason"});
  }
  return {};
}

std::string message_of(const Json& status) {
  for (const Json& condition : list_at(status, {"conditions"})) {
    if (text_at(condition, {"type"}) == "Ready") return text_at(condition, {"message"});
  }
  return {};
}

}  // namespace

Controller::Controller(Caches caches, kube::ApiClient& client, JobSettings settings, Clock clock)
    : caches_(caches), client_(client), settings_(std::move(settings)), clock_(std::move(clock)) {}

std::optional<milliseconds> Controller::reconcile(const kube::Key& key) {
  std::optional<Observed> observed = observe(key);
  if (!observed) return {};
  Decision decision = decide(*observed);
  if (relies_on_rest(decision)) {
    if (!is_at_rest(*observed)) return kCachePause;
    decision = decide(*observed);
  }
  const bool creates = has<CreateJob>(decision) || has<CreateProbe>(decision);
  if (creates && source_is_missing(observed->migration)) {
    observed->source = SourceState::Missing;
    decision = decide(*observed);
  }
  return carry_out(decision, *observed);
}

std::optional<milliseconds> Controller::carry_out(const Decision& decision, Observed& observed) {
  DatabaseMigration& migration = observed.migration;
  for (const Action& action : decision.actions) {
    if (is_after_status(action)) continue;
    const Result result = act(action, observed);
    if (is_stale(result)) return kCachePause;
    if (const auto* refusal = std::get_if<Refusal>(&result)) {
      observed.now = clock_();
      return carry_out(decide_after(observed, *refusal), observed);
    }
  }
  if (!decision.status.empty() && is_stale(write_status(migration, json_of(decision.status)))) {
    return kCachePause;
  }
  for (const Action& action : decision.actions) {
    if (is_after_status(action) && is_stale(act(action, observed))) return kCachePause;
  }
  return decision.look_again;
}

bool Controller::is_stale(const Result& result) { return std::holds_alternative<Stale>(result); }

// --- observe -------------------------------------------------------------------------------------

std::optional<Observed> Controller::observe(const kube::Key& key) {
  const kube::Object object = caches_.migrations.find(key);
  if (!object) return {};
  Observed observed{.migration = read_migration(*object), .now = clock_()};
  const DatabaseMigration& migration = observed.migration;
  std::vector<kube::Object> jobs;
  for (kube::Object& job : caches_.jobs.list()) {
    if (is_labelled(*job, migration)) jobs.push_back(std::move(job));
  }
  // The Job that we made a moment ago may not have reached the cache yet.
  const Json last_run = value_at(json_of(migration.status), {"lastRun"});
  const std::string name = text_at(last_run, {"jobName"});
  const bool seen = std::ranges::any_of(jobs, [&](const kube::Object& job) {
    return text_at(*job, {"metadata", "name"}) == name;
  });
  if (text_at(last_run, {"result"}) == "Running" && !name.empty() && !seen) {
    if (auto job = client_.get(kJobs, {migration.ns, name})) {
      jobs.push_back(std::make_shared<const Json>(std::move(*job)));
    }
  }
  std::vector<kube::Object> pods;
  for (kube::Object& pod : caches_.pods.list()) {
    if (is_labelled(*pod, migration)) pods.push_back(std::move(pod));
  }
  read_runs(observed, jobs, pods);
  return observed;
}

// Jobs and pods of the resource -> its runs.
void Controller::read_runs(Observed& observed, const std::vector<kube::Object>& jobs,
                           const std::vector<kube::Object>& pods) {
  std::set<const Json*> taken;
  for (const kube::Object& job : jobs) {
    std::vector<const Json*> own;
    for (const kube::Object& pod : pods) {
      if (is_owned_by(*pod, text_at(*job, {"metadata", "uid"}))) own.push_back(pod.get());
    }
    auto run = read_run(*job, own, observed.now);
    if (!run || !is_ours(*run, *job, observed.migration)) continue;
    taken.insert(own.begin(), own.end());
    observed.runs.push_back(std::move(*run));
  }
  for (const kube::Object& pod : pods) {
    if (taken.contains(pod.get()) || is_over(*pod)) continue;
    observed.strays.push_back(text_at(*pod, {"metadata", "name"}));
  }
}

// Of a Job whose name no status has kept, since it could not be written, nothing else tells; nor of
// a pod that the cache does not show yet. False: there is more than the caches know, so that it is
// better to wait for them.
bool Controller::is_at_rest(Observed& observed) {
  const DatabaseMigration& migration = observed.migration;
  Observed seen{.migration = migration, .now = observed.now};
  const std::vector<kube::Object> jobs = live_children(kJobs, migration);
  read_runs(seen, jobs, live_children(kPods, migration));
  const auto is_known = [&](const Run& run) {
    return std::ranges::find(observed.runs, run.job_uid, &Run::job_uid) != observed.runs.end();
  };
  const auto is_news = [&](const Run& run) {
    return !is_known(run) && run.phase != RunPhase::Active;
  };
  if (std::ranges::any_of(seen.runs, is_news)) return false;
  for (const Run& run : seen.runs) {
    if (!is_known(run)) observed.runs.push_back(run);
  }
  observed.strays = seen.strays;
  return true;
}

// As they are now, whatever the caches show.
std::vector<kube::Object> Controller::live_children(const kube::ResourceKind& kind,
                                                    const DatabaseMigration& migration) {
  std::vector<kube::Object> objects;
  for (Json& object : client_.list({kind, migration.ns, selector_of(migration)})) {
    objects.push_back(std::make_shared<const Json>(std::move(object)));
  }
  return objects;
}

bool Controller::source_is_missing(const DatabaseMigration& migration) {
  const auto* source = std::get_if<ConfigMapSource>(&migration.spec.source);
  return source != nullptr && !client_.get(kConfigMaps, {migration.ns, source->name});
}

// --- act -----------------------------------------------------------------------------------------

Controller::Result Controller::act(const Action& action, Observed& observed) {
  DatabaseMigration& migration = observed.migration;
  if (std::holds_alternative<AddFinalizer>(action)) return add_finalizer(migration);
  if (std::holds_alternative<RemoveFinalizer>(action)) return remove_finalizer(migration);
  if (const auto* job = std::get_if<DeleteJob>(&action)) return delete_job(*job, observed);
  if (const auto* scripts = std::get_if<DeleteScripts>(&action)) {
    return delete_scripts(*scripts, migration);
  }
  if (std::holds_alternative<CreateScripts>(action)) {
    return create(kConfigMaps, build_scripts(migration), migration);
  }
  if (const auto* probe = std::get_if<CreateProbe>(&action)) {
    return create_job(build_probe(migration, probe->attempt, probe->number, settings_), migration);
  }
  const int attempt = std::get<CreateJob>(action).attempt;
  return create_job(build_job(migration, attempt, settings_), migration);
}

Controller::Result Controller::add_finalizer(const DatabaseMigration& migration) {
  std::vector<std::string> finalizers = migration.finalizers;
  finalizers.emplace_back(kFinalizer);
  const Json patch = {
      {"metadata", {{"resourceVersion", migration.resource_version}, {"finalizers", finalizers}}}};
  const kube::Write result = client_.merge_patch(kMigrations, key_of(migration), patch);
  if (result != kube::Write::Written) return Stale{};
  return Done{};
}

// A Job must not come of what a cache remembers: one more look at the resource itself.
Controller::Result Controller::create_job(const Json& job, DatabaseMigration& migration) {
  const auto live = client_.get(kMigrations, key_of(migration));
  if (!live || !is_unchanged(*live, migration)) return Stale{};
  migration.resource_version = text_at(*live, {"metadata", "resourceVersion"});
  return create(kJobs, job, migration);
}

Controller::Result Controller::create(const kube::ResourceKind& kind, const Json& object,
                                      const DatabaseMigration& migration) {
  const std::string name = text_at(object, {"metadata", "name"});
  try {
    if (client_.create(kind, migration.ns, object) == kube::Create::Created) {
      log_child("object created", kind, name, migration);
      return Done{};
    }
  } catch (const kube::ApiError& refusal) {
    // An answer about this object, to be shown to those who can act on it; no failure of ours.
    if (refusal.retryable() || refusal.status() == 401) throw;
    return told(refusal);
  }
  const auto existing = client_.get(kind, {migration.ns, name});
  if (!existing) return Stale{};
  if (is_owned_by(*existing, migration.uid)) return Done{};
  return Refusal{.verdict = {.health = Health::Stalled,
                             .reason = "Conflict",
                             .message = fmt::format("{} {} exists and belongs to somebody else; it "
                                                    "was left as it is",
                                                    kind.kind, name)},
                 .pause = kConflictPause};
}

// Whether it is as it was when it was given up: a cache may be behind, and its pod work by now.
bool Controller::is_still_unstarted(const DeleteJob& job, const Observed& observed) {
  Observed live{.migration = observed.migration, .now = observed.now};
  const auto object = client_.get(kJobs, {observed.migration.ns, job.name});
  if (!object) return false;
  read_runs(live, {std::make_shared<const Json>(*object)},
            live_children(kPods, observed.migration));
  return !live.runs.empty() && live.runs.front().phase == RunPhase::Active &&
         !live.runs.front().may_have_worked &&
         (live.runs.front().problem || !live.runs.front().has_pod);
}

Controller::Result Controller::delete_job(const DeleteJob& job, const Observed& observed) {
  if (job.only_if_unstarted && !is_still_unstarted(job, observed)) return Stale{};
  // Foreground: the Job stays until its pods are gone, so that none of them goes unseen.
  const kube::DeleteOptions options{.uid = job.uid, .propagation = kube::Propagation::Foreground};
  remove(kJobs, job.name, options, observed.migration);
  return Done{};  // gone, or of that name by now but another one
}

Controller::Result Controller::delete_scripts(const DeleteScripts& scripts,
                                              const DatabaseMigration& migration) {
  const std::string name = scripts_name(migration, scripts.generation);
  const auto object = client_.get(kConfigMaps, {migration.ns, name});
  if (!object || !is_owned_by(*object, migration.uid)) return Done{};
  remove(
      kConfigMaps, name,
      {.uid = text_at(*object, {"metadata", "uid"}), .propagation = kube::Propagation::Background},
      migration);
  return Done{};
}

void Controller::remove(const kube::ResourceKind& kind, const std::string& name,
                        const kube::DeleteOptions& options, const DatabaseMigration& migration) {
  if (client_.remove(kind, {migration.ns, name}, options) != kube::Write::Written) return;
  log_child("object deleted", kind, name, migration);
}

Controller::Result Controller::remove_finalizer(const DatabaseMigration& migration) {
  const auto live = client_.get(kMigrations, key_of(migration));
  if (!live) return Done{};
  if (!is_unchanged(*live, migration)) return Stale{};
  std::vector<std::string> finalizers = texts_at(*live, {"metadata", "finalizers"});
  if (std::erase(finalizers, kFinalizer) == 0) return Done{};
  const Json patch = {{"metadata",
                       {{"resourceVersion", text_at(*live, {"metadata", "resourceVersion"})},
                        {"finalizers", finalizers}}}};
  const kube::Write result = client_.merge_patch(kMigrations, key_of(migration), patch);
  if (result == kube::Write::Conflict) return Stale{};
  return Done{};
}

// --- the status ----------------------------------------------------------------------------------

Controller::Result Controller::write_status(DatabaseMigration& migration, const Json& status) {
  const Json parsed = json_of(migration.status);
  const Json stored = parsed.is_object() ? parsed : Json::object();
  const auto write = [&] {
    const Json patch = {{"metadata", {{"resourceVersion", migration.resource_version}}},
                        {"status", merge_patch_between(stored, status)}};
    return client_.merge_patch_status(kMigrations, key_of(migration), patch);
  };
  kube::Write result = write();
  if (result == kube::Write::Conflict) {
    // Others may write labels as often as they like: what was decided still holds then.
    const auto live = client_.get(kMigrations, key_of(migration));
    if (!live || !is_unchanged(*live, migration)) return Stale{};
    migration.resource_version = text_at(*live, {"metadata", "resourceVersion"});
    result = write();
  }
  if (result == kube::Write::Conflict) return Stale{};
  if (result == kube::Write::NotFound) return Done{};
  migration.status = status.dump();
  if (reason_of(status) == reason_of(stored)) return Done{};
  log(LogLevel::Info, "state changed",
      {{"namespace", migration.ns},
       {"name", migration.name},
       {"generation", migration.generation},
       {"reason", reason_of(status)},
       {"message", message_of(status)},
       {"job", text_at(status, {"lastRun", "jobName"})},
       {"attempt", number_at(status, {"lastRun", "attempt"})}});
  return Done{};
}

}  // namespace controller
