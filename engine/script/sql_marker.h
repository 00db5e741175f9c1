// SPDX-License-Identifier: Apache-2.0
//
// What may stand behind `-- stillhead:batch`.
#pragma once

#include <string>
#include <string_view>

#include "engine/core/operation.h"

namespace engine {

inline constexpr std::string_view kBatchRemedy =
    "write for example `-- stillhead:batch key=id size=10000 pause=100ms max_lag=10s`";

struct BatchReading {
  BatchOptions options = {};
  std::string fault = {};  // empty: none
};

// "key=COLUMN [size=ROWS] [pause=DURATION] [max_lag=DURATION]"; durations: 500ms, 10s, 5m.
BatchReading read_batch_options(std::string_view argument);

}  // namespace engine
