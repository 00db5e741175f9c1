// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/applied_history.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "engine/cli/json_text.h"
#include "engine/cli/print.h"
#include "engine/cli/workplace.h"
#include "engine/db/history_reader.h"

namespace engine {
namespace {

using Json = nlohmann::ordered_json;

std::optional<long> number_at(std::string_view text, std::size_t begin, std::size_t length) {
  long number = 0;
  if (text.size() < begin + length) return std::nullopt;
  const char* end = text.data() + begin + length;
  const auto [stopped, error] = std::from_chars(text.data() + begin, end, number);
  if (error != std::errc{} || stopped != end) return std::nullopt;
  return number;
}

// Of "2026-01-02T03:04:05.678Z"; empty: it is something else.
std::optional<long> milliseconds_of(std::string_view time) {
  const auto part = [&](std::size_t begin, std::size_t length) {
    return number_at(time, begin, length);
  };
  const auto year = part(0, 4), month = part(5, 2), day = part(8, 2), hour = part(11, 2),
             minute = part(14, 2), second = part(17, 2), fraction = part(20, 3);
  if (!year || !month || !day || !hour || !minute || !second || !fraction) return std::nullopt;
  const std::chrono::sys_days date{std::chrono::year(static_cast<int>(*year)) /
                                   static_cast<int>(*month) / static_cast<int>(*day)};
  const long days = date.time_since_epoch().count();
  return (((days * 24 + *hour) * 60 + *minute) * 60 + *second) * 1000 + *fraction;
}

// Of what was run by us; the two clocks may differ by a little.
std::optional<long> duration_of(const HistoryEntry& entry) {
  if (entry.result != name_of(HistoryResult::Succeeded)) return std::nullopt;
  const auto started = milliseconds_of(entry.started_at);
  const auto finished = milliseconds_of(entry.finished_at);
  if (!started || !finished) return std::nullopt;
  return std::max(0L, *finished - *started);
}

std::string_view direction_of(const HistoryEntry& entry) {
  return entry.direction == Direction::Up ? "upgrade" : "downgrade";
}

// ", by uid, attempt 3"
std::string asked_by(const HistoryEntry& entry, const Paint& paint) {
  if (entry.owner.empty()) return {};
  return fmt::format(", by {}{}", paint.foreign(entry.owner),
                     entry.attempt == 0 ? "" : fmt::format(", attempt {}", entry.attempt));
}

std::string line_of(const HistoryEntry& entry, const Paint& paint) {
  const auto duration = duration_of(entry);
  return fmt::format("{} {:9} {} {}{}, run {}{}\n", entry.finished_at, direction_of(entry),
                     paint.revision(entry.revision), entry.result,
                     duration ? " in " + duration_text(*duration) : "", entry.run_id,
                     asked_by(entry, paint));
}

std::string paragraph_of(const HistoryEntry& entry, const Paint& paint) {
  std::string text = line_of(entry, paint);
  const auto add = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) text += fmt::format("    {:9} {}\n", name, paint.foreign(value));
  };
  add("File:", entry.file);
  add("Started:", entry.started_at);
  add("Checksum:", entry.checksum);
  add("Meaning:", entry.meaning);
  add("Engine:", entry.engine_version);
  return text + "\n";
}

Json document(const HistoryEntry& entry) {
  Json json = {{"revision", entry.revision},
               {"direction", direction_of(entry)},
               {"result", entry.result},
               {"startedAt", entry.started_at},
               {"finishedAt", entry.finished_at},
               {"durationMs", nullptr},
               {"runId", entry.run_id},
               {"owner", entry.owner},
               {"attempt", entry.attempt},
               {"engineVersion", entry.engine_version},
               {"checksum", entry.checksum},
               {"meaning", entry.meaning},
               {"file", entry.file}};
  if (const auto duration = duration_of(entry)) json["durationMs"] = *duration;
  return json;
}

}  // namespace

Output show_applied(const Options& options, const CommandContext& context, RunReport& report) {
  Workplace workplace(options, context.observer, context.stop, Workplace::WhenMissing::Fail);
  const auto rows = read_history_rows(workplace.connection(), workplace.versions().name());
  const auto& command = std::get<History>(options.command);
  const Paint paint(context.medium);
  std::string text;
  Json list = Json::array();
  if (rows) {
    for (const HistoryEntry& entry : *rows) {
      text +=
          command.verbosity == Verbosity::Line ? line_of(entry, paint) : paragraph_of(entry, paint);
      list.push_back(document(entry));
    }
  }
  report.message = rows ? fmt::format("{} rows", rows->size())
                        : "there is no history, or this role may not read it";
  if (rows && rows->empty()) text = "nothing was run yet\n";
  if (!rows) text = report.message + "\n";
  return {text, json_line({{"history", std::move(list)}, {"found", rows.has_value()}})};
}

}  // namespace engine
