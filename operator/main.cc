// SPDX-License-Identifier: Apache-2.0
//
// Flags and environment in, an operator that runs until SIGTERM.
#include <fmt/format.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "operator/kube/config.h"
#include "operator/kube/http.h"
#include "operator/log.h"
#include "operator/operator.h"
#include "operator/options.h"

extern char** environ;

namespace {

using controller::log;
using controller::LogLevel;

constexpr int kFailed = 1;
constexpr int kUsage = 2;
constexpr std::chrono::seconds kPatienceAtTheEnd{5};

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
  controller::Operator the_operator(options, *transport);
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
