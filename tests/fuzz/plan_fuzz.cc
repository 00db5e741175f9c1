// SPDX-License-Identifier: Apache-2.0
//
// A plan file is read or refused with InvalidUsage, and what is read can be compared.
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>

#include "engine/cli/plan_file.h"
#include "engine/core/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const nlohmann::ordered_json plan = engine::parse_plan(text, "fuzz.json");
    if (!engine::plan_differences(plan, plan).empty()) std::abort();
  } catch (const engine::Error& error) {
    if (error.reason() != engine::Reason::InvalidUsage) std::abort();
  }
  return 0;
}
