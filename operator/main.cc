// SPDX-License-Identifier: Apache-2.0
//
// Wires the parts together: transport, caches, queue, controller; and ends them on SIGTERM.
#include <fmt/format.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "operator/controller.h"
#include "operator/kinds.h"
#include "operator/kube/api_client.h"
#include "operator/kube/config.h"
#include "operator/kube/http.h"
#include "operator/kube/reflector.h"
#include "operator/kube/workers.h"
#include "operator/log.h"
#include "operator/migration/json_fields.h"
#include "operator/options.h"

extern char** environ;

namespace {

using controller::log;
using controller::LogLevel;
using kube::Json;

constexpr int kFailed = 1;
constexpr int kUsage = 2;
constexpr std::chrono::seconds kPatienceAtTheEnd{5};
constexpr std::chrono::milliseconds kSyncPoll{50};

std::map<std::string, std::string> read_environment() {
  std::map<std::string, std::string> result;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string line = *entry;
    if (const auto sign = line.find('='); sign != std::string::npos) {
      result[line.substr(0, sign)] = line.substr(sign + 1);
    }
  }
  return result;
}

// Signals that end the program are for wait_for_end alone: blocked here, and in all threads to
// come.
sigset_t block_end_signals() {
  sigset_t signals = {};
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

// An object of ours -> the resource it belongs to.
std::function<void(const kube::Key&, const Json&)> wake_owner(kube::Workers& workers) {
  return [&workers](const kube::Key& key, const Json& object) {
    const std::string name = controller::text_at(
        object, {"metadata", "annotations", controller::kMigrationNameAnnotation});
    if (!name.empty()) workers.add({key.ns, name});
  };
}

kube::Reflector::OnTrouble log_trouble(const std::string& kind) {
  return [kind](const std::string& what, const std::string& detail) {
    log(LogLevel::Warning, what, {{"kind", kind}, {"detail", detail}});
  };
}

class Operator {
 public:
  Operator(const controller::Options& options, kube::HttpTransport& transport)
      : workers_([this](const kube::Key& key) { return controller_.reconcile(key); }, log_failure),
        migrations_(
            transport, {controller::kMigrations, options.ns, ""},
            [this](const kube::Key& key, const Json&) { workers_.add(key); },
            log_trouble(controller::kMigrations.plural)),
        jobs_(transport, {controller::kJobs, options.ns, ours()}, wake_owner(workers_),
              log_trouble(controller::kJobs.plural)),
        pods_(transport, {controller::kPods, options.ns, ours()}, wake_owner(workers_),
              log_trouble(controller::kPods.plural)),
        client_(transport, stop_.get_token()),
        controller_({migrations_, jobs_, pods_}, client_,
                    {options.engine_image, options.image_pull_policy},
                    [] {
                      return std::chrono::floor<std::chrono::milliseconds>(
                          std::chrono::system_clock::now());
                    }),
        worker_count_(options.workers) {}

  void start() {
    for (kube::Reflector* reflector : {&migrations_, &jobs_, &pods_}) {
      threads_.emplace_back([this, reflector] { reflector->run(stop_.get_token()); });
    }
    threads_.emplace_back([this] { work(); });
  }

  void stop() {
    stop_.request_stop();
    threads_.clear();
  }

 private:
  static std::string ours() {
    return fmt::format("{}={}", controller::kManagedByLabel, controller::kManagedBy);
  }

  static void log_failure(const kube::Key& key, const std::string& what) {
    log(LogLevel::Warning, "reconcile failed, it will be tried again",
        {{"namespace", key.ns}, {"name", key.name}, {"error", what}});
  }

  // Nothing is decided on half a picture.
  void work() {
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

  std::stop_source stop_;
  kube::Workers workers_;
  kube::Reflector migrations_, jobs_, pods_;
  kube::ApiClient client_;
  controller::Controller controller_;
  int worker_count_;
  std::vector<std::jthread> threads_;
};

// The process does not outlive a thread that will not end.
void limit_the_end() {
  std::thread([] {
    std::this_thread::sleep_for(kPatienceAtTheEnd);
    log(LogLevel::Error, "a thread did not end in time; leaving without it");
    std::_Exit(0);
  }).detach();
}

int run(const controller::Options& options, const std::map<std::string, std::string>& environment) {
  const sigset_t end_signals = block_end_signals();
  // Three watches and the workers' requests, each of which may occupy a thread.
  kube::initialize_http_threads(options.workers + 4);
  const kube::ClusterConfig cluster = kube::load_cluster_config(options.kubeconfig, environment);
  const std::unique_ptr<kube::HttpTransport> transport = kube::make_cpprest_transport(cluster);
  log(LogLevel::Info, "starting",
      {{"version", STILLHEAD_VERSION},
       {"server", cluster.server},
       {"watches", options.ns.empty() ? "all namespaces" : options.ns},
       {"engineImage", options.engine_image}});
  Operator the_operator(options, *transport);
  the_operator.start();
  int signal = 0;
  sigwait(&end_signals, &signal);
  log(LogLevel::Info, "stopping", {{"signal", static_cast<long>(signal)}});
  limit_the_end();
  the_operator.stop();
  log(LogLevel::Info, "stopped");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::map<std::string, std::string> environment = read_environment();
  try {
    const controller::Options options =
        controller::parse_options({argv + 1, argv + argc}, environment);
    if (options.help) {
      fmt::print("{}", controller::usage());
      return 0;
    }
    if (options.version) {
      fmt::print("stillhead-operator {}\n", STILLHEAD_VERSION);
      return 0;
    }
    controller::start_log(options.log_level);
    return run(options, environment);
  } catch (const controller::UsageError& error) {
    fmt::print(stderr, "stillhead-operator: {}\nTry 'stillhead-operator --help'.\n", error.what());
    return kUsage;
  } catch (const kube::ConfigError& error) {
    fmt::print(stderr, "stillhead-operator: {}\n", error.what());
    return kUsage;
  } catch (const std::exception& error) {
    fmt::print(stderr, "stillhead-operator: {}\n", error.what());
    return kFailed;
  }
}
