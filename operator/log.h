// SPDX-License-Identifier: Apache-2.0
//
// The operator's log: one JSON object a line on stderr, with a constant `msg` and fields. Secrets
// are never passed in; should a URL with a password get here all the same, its password is masked.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace controller {

enum class LogLevel { Debug, Info, Warning, Error };

struct LogField {
  std::string_view name = {};
  std::variant<std::string, long> value = {};
};

// Once, before the first line. Lines below `least` are dropped.
void start_log(LogLevel least);
// Thread-safe.
void log(LogLevel, std::string_view message, std::initializer_list<LogField> fields = {});

// The line as it is written, without '\n'. `time`: RFC 3339.
std::string log_line(LogLevel, const std::string& time, std::string_view message,
                     std::initializer_list<LogField> fields);
// "://user:password@" -> "://user:***@", wherever it stands.
std::string mask_credentials(std::string_view text);

}  // namespace controller
