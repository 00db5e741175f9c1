// SPDX-License-Identifier: Apache-2.0
#include "operator/operator.h"

#include <fmt/format.h>

#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>

#include "operator/kinds.h"
#include "operator/log.h"
#include "operator/migration/json_fields.h"

namespace controller {
namespace {

constexpr std::chrono::milliseconds kSyncPoll{50};

std::string ours() { return fmt::format("{}={}", kManagedByLabel, kManagedBy); }

// An object of ours -> the resource it belongs to.
std::function<void(const kube::Key&, const Json&)> wake_owner(kube::Workers& workers) {
  return [&workers](const kube::Key& key, const Json& object) {
    const std::string name = text_at(object, {"metadata", "annotations", kMigrationNameAnnotation});
    if (!name.empty()) workers.add({key.ns, name});
  };
}

kube::Reflector::OnTrouble log_trouble(const std::string& kind) {
  return [kind](const std::string& what, const std::string& detail) {
    log(LogLevel::Warning, what, {{"kind", kind}, {"detail", detail}});
  };
}

kube::Reflector::Surroundings surroundings(const Options& options) {
  kube::Reflector::Surroundings real = kube::Reflector::real_surroundings();
  real.resync = std::chrono::seconds(options.sync_period);
  return real;
}

void log_failure(const kube::Key& key, const std::string& what) {
  log(LogLevel::Warning, "reconcile failed, it will be tried again",
      {{"namespace", key.ns}, {"name", key.name}, {"error", what}});
}

}  // namespace

Operator::Operator(const Options& options, kube::HttpTransport& transport)
    : workers_([this](const kube::Key& key) { return controller_.reconcile(key); }, log_failure),
      migrations_(
          transport, {kMigrations, options.ns, ""},
          [this](const kube::Key& key, const Json&) { workers_.add(key); },
          log_trouble(kMigrations.plural), surroundings(options)),
      jobs_(transport, {kJobs, options.ns, ours()}, wake_owner(workers_), log_trouble(kJobs.plural),
            surroundings(options)),
      pods_(transport, {kPods, options.ns, ours()}, wake_owner(workers_), log_trouble(kPods.plural),
            surroundings(options)),
      client_(transport, stop_.get_token()),
      controller_(
          {migrations_, jobs_, pods_}, client_, {options.engine_image, options.image_pull_policy},
          [] {
            return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
          }),
      worker_count_(options.workers) {}

// Without it an error between start and stop would wait for ever for threads that nobody ends.
Operator::~Operator() { stop(); }

void Operator::start() {
  for (kube::Reflector* reflector : {&migrations_, &jobs_, &pods_}) {
    threads_.emplace_back([this, reflector] { reflector->run(stop_.get_token()); });
  }
  threads_.emplace_back([this] { work(); });
}

void Operator::stop() {
  stop_.request_stop();
  threads_.clear();
}

// Nothing is decided on half a picture.
void Operator::work() {
  const std::stop_token stop = stop_.get_token();
  while (!(migrations_.synced() && jobs_.synced() && pods_.synced())) {
    if (stop.stop_requested()) return;
    std::this_thread::sleep_for(kSyncPoll);
  }
  log(LogLevel::Info, "caches are complete, working",
      {{"migrations", static_cast<long>(migrations_.size())},
       {"jobs", static_cast<long>(jobs_.size())},
       {"pods", static_cast<long>(pods_.size())}});
  workers_.run(worker_count_, stop);
}

}  // namespace controller
