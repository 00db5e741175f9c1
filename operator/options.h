// SPDX-License-Identifier: Apache-2.0
//
// The operator's command line. Each flag: docs/operator.md.
#pragma once

#include <exception>
#include <map>
#include <string>
#include <vector>

#include "operator/log.h"

namespace controller {

struct Options {
  bool help = false;
  bool version = false;
  std::string kubeconfig = {};    // empty: the pod's service account, or $KUBECONFIG
  std::string ns = {};            // the only namespace to look at; empty: all
  std::string engine_image = {};  // not empty, unless help or version
  std::string image_pull_policy = "IfNotPresent";
  int sync_period = 600;  // seconds
  int workers = 4;        // 1 to 64
  LogLevel log_level = LogLevel::Info;
};

class UsageError : public std::exception {
 public:
  explicit UsageError(std::string message) : message_(std::move(message)) {}
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  std::string message_;
};

// `arguments` without the program's name; `environment` holds STILLHEAD_ENGINE_IMAGE where
// --engine-image is not given. Throws UsageError that names the flag.
Options parse_options(const std::vector<std::string>& arguments,
                      const std::map<std::string, std::string>& environment);
std::string usage();

}  // namespace controller
