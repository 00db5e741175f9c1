// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a kubeconfig: a usable configuration or a ConfigError, nothing else.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "operator/kube/config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    const kube::ClusterConfig config = kube::parse_kubeconfig(text, "/nonexistent/config", "");
    if (!config.server.starts_with("https://") && !config.server.starts_with("http://"))
      std::abort();
    if (config.server.ends_with('/')) std::abort();
    if (config.client_certificate_pem.empty() != config.client_key_pem.empty()) std::abort();
  } catch (const kube::ConfigError& error) {
    if (std::string(error.what()).find("/nonexistent/config") == std::string::npos) std::abort();
  }
  return 0;
}
