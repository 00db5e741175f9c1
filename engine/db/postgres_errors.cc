// SPDX-License-Identifier: Apache-2.0
#include "engine/db/postgres_errors.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdlib>

namespace engine {
namespace {

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// "FATAL:  28P01: password authentication failed" -> "28P01", taken out of `text`; the last one
// counts.
std::string take_sqlstate(std::string& text) {
  std::string found;
  for (std::size_t at = text.find(":  "); at != std::string::npos; at = text.find(":  ", at + 1)) {
    const std::size_t code = at + 3;
    const bool is_code =
        text.size() > code + 7 && text.compare(code + 5, 2, ": ") == 0 &&
        std::all_of(text.begin() + static_cast<std::ptrdiff_t>(code),
                    text.begin() + static_cast<std::ptrdiff_t>(code + 5),
                    [](unsigned char c) { return std::isdigit(c) != 0 || std::isupper(c) != 0; });
    if (!is_code) continue;
    found = text.substr(code, 5);
    text.erase(code - 1, 8);
  }
  return found;
}

std::string without_location(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size() - 1) + 1;
    if (!text.starts_with("LOCATION:  ")) result += text.substr(0, end);
    text.remove_prefix(end);
  }
  return result;
}

bool denies_login(std::string_view sqlstate, std::string_view text) {
  if (!sqlstate.empty()) {
    return sqlstate.starts_with("28") || sqlstate == "3D000" || sqlstate == "42501";
  }
  return contains(text, "no password supplied") || contains(text, "authentication failed") ||
         contains(text, "no pg_hba.conf entry");
}

bool is_bad_setting(std::string_view text) {
  return text.starts_with("invalid ") || text.starts_with("definition of service ") ||
         text.starts_with("service file ") || text.starts_with("could not match ") ||
         contains(text, "in service file ");
}

}  // namespace

std::string one_line(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const bool continues = line.starts_with('\t');
    while (!line.empty() && (line.front() == '\t' || line.front() == ' ')) line.remove_prefix(1);
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
    if (line.empty() || result.find(line) != std::string::npos) continue;
    if (!result.empty()) result += continues ? " " : "; ";
    result += line;
  }
  return result;
}

ConnectError read_connect_error(std::string_view libpq_text) {
  ConnectError error;
  std::string text = without_location(libpq_text);
  error.sqlstate = take_sqlstate(text);
  error.text = one_line(text);
  return error;
}

Reason reason_of_connect_error(std::string_view text, std::string_view sqlstate) {
  if (denies_login(sqlstate, text)) return Reason::AuthenticationFailed;
  if (sqlstate.empty() && is_bad_setting(text)) return Reason::InvalidUsage;
  return Reason::DatabaseUnreachable;
}

std::string hint_of_connect_error(Reason reason, std::string_view sqlstate) {
  if (reason == Reason::AuthenticationFailed) {
    return "check user, password and database name, and the server's pg_hba.conf";
  }
  if (reason == Reason::InvalidUsage)
    return "check the URL, the PG* variables and the service file";
  if (sqlstate == "53300") {
    return "wait until others have ended theirs, or raise the limit of the role, the database or "
           "the "
           "server: a run needs two connections";
  }
  if (sqlstate == "55000") {
    return "the database is closed to everybody: check its name, or open it with ALTER DATABASE "
           "... "
           "ALLOW_CONNECTIONS true";
  }
  if (sqlstate == "57P03") return "the server is starting or stopping: run the same command again";
  return "check host and port, and that the server runs and accepts connections from here";
}

std::string hint_of_sqlstate(std::string_view sqlstate, std::string_view message) {
  if (sqlstate == "25006") {
    return "is this a standby? target_session_attrs=read-write in the URL finds the primary";
  }
  // SET TRANSACTION that comes too late has the same code.
  if (sqlstate == "25001" && !contains(message, "must be called before any query")) {
    return "such a statement stands by itself: put `-- stillhead:autocommit` before it and "
           "`-- stillhead:end` behind it";
  }
  return {};
}

Reason reason_of_sqlstate(std::string_view sqlstate) {
  if (sqlstate.starts_with("28") || sqlstate == "3D000") return Reason::AuthenticationFailed;
  if (sqlstate.starts_with("08") || sqlstate == "57P01" || sqlstate == "57P02" ||
      sqlstate == "57P03" || sqlstate == "53300") {
    return Reason::DatabaseUnreachable;
  }
  return Reason::MigrationFailed;
}

std::size_t offset_of_position(std::string_view text, long position) {
  std::size_t offset = 0;
  for (; offset < text.size(); ++offset) {
    const bool begins_character = (static_cast<unsigned char>(text[offset]) & 0xC0U) != 0x80U;
    if (begins_character && --position <= 0) break;
  }
  return offset;
}

}  // namespace engine
