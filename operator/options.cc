// SPDX-License-Identifier: Apache-2.0
#include "operator/options.h"

#include <fmt/format.h>

#include <boost/program_options.hpp>
#include <optional>
#include <sstream>

namespace controller {
namespace {

namespace po = boost::program_options;

constexpr const char* kImageVariable = "STILLHEAD_ENGINE_IMAGE";

po::options_description describe(Options& options, std::string& level) {
  po::options_description flags("Flags");
  flags.add_options()("help,h", po::bool_switch(&options.help), "print this and exit")(
      "version", po::bool_switch(&options.version), "print the version and exit")(
      "kubeconfig", po::value(&options.kubeconfig)->value_name("FILE"),
      "how to reach the API server (default: the pod's service account, else $KUBECONFIG)")(
      "namespace", po::value(&options.ns)->value_name("NAME"),
      "look at this namespace only (default: all)")(
      "engine-image", po::value(&options.engine_image)->value_name("IMAGE"),
      "image of the engine that Jobs run (default: $STILLHEAD_ENGINE_IMAGE)")(
      "image-pull-policy",
      po::value(&options.image_pull_policy)
          ->value_name("POLICY")
          ->default_value(options.image_pull_policy),
      "of the engine's image: Always, IfNotPresent or Never")(
      "workers", po::value(&options.workers)->value_name("N")->default_value(options.workers),
      "resources that are looked at side by side, 1 to 64")(
      "sync-period",
      po::value(&options.sync_period)->value_name("SECONDS")->default_value(options.sync_period),
      "after so long everything is listed again, 10 to 86400")(
      "log-level", po::value(&level)->value_name("LEVEL")->default_value("info"),
      "debug, info, warning or error");
  return flags;
}

std::optional<LogLevel> log_level_named(const std::string& name) {
  if (name == "debug") return LogLevel::Debug;
  if (name == "info") return LogLevel::Info;
  if (name == "warning") return LogLevel::Warning;
  if (name == "error") return LogLevel::Error;
  return {};
}

void validate(const Options& options) {
  if (options.engine_image.empty()) {
    throw UsageError(fmt::format("--engine-image is missing, and {} is not set", kImageVariable));
  }
  const std::string& policy = options.image_pull_policy;
  if (policy != "Always" && policy != "IfNotPresent" && policy != "Never") {
    throw UsageError(
        fmt::format("--image-pull-policy: \"{}\" is none of Always, IfNotPresent, Never", policy));
  }
  if (options.sync_period < 10 || options.sync_period > 86400) {
    throw UsageError(
        fmt::format("--sync-period: {} is not between 10 and 86400", options.sync_period));
  }
  if (options.workers < 1 || options.workers > 64) {
    throw UsageError(fmt::format("--workers: {} is not between 1 and 64", options.workers));
  }
}

}  // namespace

Options parse_options(const std::vector<std::string>& arguments,
                      const std::map<std::string, std::string>& environment) {
  Options options;
  std::string level;
  const po::options_description flags = describe(options, level);
  const po::positional_options_description no_positional;
  try {
    po::variables_map values;
    po::store(po::command_line_parser(arguments).options(flags).positional(no_positional).run(),
              values);
    po::notify(values);
  } catch (const po::error& error) {
    throw UsageError(error.what());
  }
  if (options.help || options.version) return options;
  const auto log_level = log_level_named(level);
  if (!log_level) {
    throw UsageError(
        fmt::format("--log-level: \"{}\" is none of debug, info, warning, error", level));
  }
  options.log_level = *log_level;
  if (options.engine_image.empty()) {
    if (const auto image = environment.find(kImageVariable); image != environment.end()) {
      options.engine_image = image->second;
    }
  }
  validate(options);
  return options;
}

std::string usage() {
  Options options;
  std::string level;
  std::ostringstream text;
  text << "Usage: stillhead-operator --engine-image IMAGE [flags]\n\n"
          "Runs the migrations that DatabaseMigration resources ask for.\n\n"
       << describe(options, level);
  return text.str();
}

}  // namespace controller
