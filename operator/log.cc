// SPDX-License-Identifier: Apache-2.0
#include "operator/log.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>

#include "operator/migration/time.h"

namespace controller {
namespace {

using Line = nlohmann::ordered_json;

// The last thing that every line passes.
class MaskingStderrSink : public spdlog::sinks::base_sink<std::mutex> {
 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    const std::string line =
        mask_credentials(std::string_view(message.payload.data(), message.payload.size())) + "\n";
    std::fwrite(line.data(), 1, line.size(), stderr);
  }
  void flush_() override { std::fflush(stderr); }
};

std::string_view name_of(LogLevel level) {
  switch (level) {
    case LogLevel::Debug:
      return "debug";
    case LogLevel::Info:
      return "info";
    case LogLevel::Warning:
      return "warning";
    case LogLevel::Error:
      return "error";
  }
  return "error";
}

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::Debug:
      return spdlog::level::debug;
    case LogLevel::Info:
      return spdlog::level::info;
    case LogLevel::Warning:
      return spdlog::level::warn;
    case LogLevel::Error:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

spdlog::logger& logger() {
  static spdlog::logger instance = [] {
    spdlog::logger made("operator", std::make_shared<MaskingStderrSink>());
    made.set_level(spdlog::level::off);  // until start_log
    return made;
  }();
  return instance;
}

}  // namespace

void start_log(LogLevel least) {
  logger().set_level(level_of(least));
  logger().flush_on(spdlog::level::debug);
}

void log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  if (!logger().should_log(level_of(level))) return;
  const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  const std::string line = log_line(level, rfc3339(now), message, fields);
  logger().log(level_of(level), spdlog::string_view_t(line.data(), line.size()));
}

std::string log_line(LogLevel level, const std::string& time, std::string_view message,
                     std::initializer_list<LogField> fields) {
  Line line = {{"ts", time}, {"level", name_of(level)}, {"msg", message}};
  for (const LogField& field : fields) {
    std::visit([&](const auto& value) { line[std::string(field.name)] = value; }, field.value);
  }
  return line.dump(-1, ' ', false, Line::error_handler_t::replace);
}

std::string mask_credentials(std::string_view text) {
  constexpr std::string_view kScheme = "://";
  constexpr std::string_view kEndOfHost = "/?# \t\"'<>\\";
  std::string masked;
  std::size_t at = 0;
  for (auto scheme = text.find(kScheme); scheme != std::string_view::npos;
       scheme = text.find(kScheme, at)) {
    const auto start = scheme + kScheme.size();
    masked += text.substr(at, start - at);
    const std::string_view host = text.substr(start, text.find_first_of(kEndOfHost, start) - start);
    // A password may hold an unencoded '@': the last one ends it.
    const auto sign = host.rfind('@');
    const auto colon = host.find(':');
    at = start;
    if (sign == std::string_view::npos || colon == std::string_view::npos || colon > sign) continue;
    masked += host.substr(0, colon);
    masked += ":***";
    at = start + sign;
  }
  masked += text.substr(at);
  return masked;
}

}  // namespace controller
