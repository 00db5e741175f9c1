// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/progress_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/cli/print.h"

namespace engine {

using std::chrono::milliseconds;

std::string progress_text(const StatementProgress& progress) {
  std::string text = progress.phase;
  const auto add = [&](std::string_view separator, const std::string& part) {
    text += (text.empty() ? "" : std::string(separator)) + part;
  };
  if (progress.total > 0) {
    add(": ", fmt::format("{:.0f} of {:.0f}{}{} ({:.0f} %)", progress.done, progress.total,
                          progress.unit.empty() ? "" : " ", progress.unit,
                          100 * std::min(1.0, progress.done / progress.total)));
  } else if (progress.done > 0) {
    add(": ",
        fmt::format("{:.0f}{}{}", progress.done, progress.unit.empty() ? "" : " ", progress.unit));
  }
  if (progress.rate > 0) {
    add(", ", fmt::format("{:.0f}{}{}/s", progress.rate, progress.unit.empty() ? "" : " ",
                          progress.unit));
  }
  if (progress.left.count() > 0) {
    add(", ", duration_text(milliseconds(progress.left).count()) + " left");
  }
  if (!progress.waits_for.empty()) add(", ", "waiting for " + progress.waits_for);
  return text;
}

nlohmann::ordered_json progress_fields(const std::string& revision,
                                       const StatementProgress& progress) {
  return {{"revision", revision},
          {"phase", progress.phase},
          {"done", progress.done},
          {"total", progress.total},
          {"unit", progress.unit},
          {"rate", progress.rate},
          {"secondsLeft", progress.left.count()},
          {"waitsFor", progress.waits_for}};
}

std::string retry_text(int attempt, int attempts, const std::string& blockers, milliseconds pause) {
  return fmt::format("trying again in {} (attempt {} of {}){}", duration_text(pause.count()),
                     attempt, attempts, blockers.empty() ? "" : ", blocked by " + blockers);
}

nlohmann::ordered_json retry_fields(const std::string& revision, const std::string& what,
                                    int attempt, int attempts, const std::string& blockers,
                                    milliseconds pause) {
  return {{"revision", revision}, {"what", what},         {"attempt", attempt},
          {"attempts", attempts}, {"blockers", blockers}, {"pauseMs", pause.count()}};
}

}  // namespace engine
