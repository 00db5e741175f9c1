// SPDX-License-Identifier: Apache-2.0
//
// What PostgreSQL's errors mean for us. Pure: texts and codes in, values out.
#pragma once

#include <string>
#include <string_view>

#include "engine/core/error.h"

namespace engine {

// libpq's text of several lines (one for each address that was tried, tabs before what continues
// the line above) as one line, without what is said twice.
std::string one_line(std::string_view libpq_text);

struct ConnectError {
  std::string text = {};      // one line
  std::string sqlstate = {};  // empty: it did not come from a server
};
// `libpq_text` was made with PQERRORS_VERBOSE: "FATAL:  28P01: password authentication failed ...".
ConnectError read_connect_error(std::string_view libpq_text);
// AuthenticationFailed, InvalidUsage (a setting that makes no sense) or DatabaseUnreachable.
Reason reason_of_connect_error(std::string_view text, std::string_view sqlstate);

std::string hint_of_connect_error(Reason, std::string_view sqlstate);

// AuthenticationFailed, DatabaseUnreachable or MigrationFailed.
Reason reason_of_sqlstate(std::string_view sqlstate);

// What to do about a failed statement; empty: nothing that follows from the code alone.
std::string hint_of_sqlstate(std::string_view sqlstate, std::string_view message);

// PostgreSQL's position (in characters, from 1) -> bytes before it; behind the end: the size.
std::size_t offset_of_position(std::string_view text, long position);

}  // namespace engine
