// SPDX-License-Identifier: Apache-2.0
//
// Any text is read as a script or refused; the beginning of a script says what all of it says.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "engine/core/error.h"
#include "engine/script/script_dir.h"
#include "engine/script/sql_header.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void read_beginnings(std::string_view text) {
  const engine::SqlHeaderReading all = engine::read_sql_header(text, "fuzz.sql");
  require(all.end <= text.size());
  for (const std::size_t length : {text.size() / 2, all.end + 1, all.end + 16}) {
    const std::string_view beginning = text.substr(0, length);
    if (!engine::sql_header_is_complete(beginning)) continue;
    const engine::SqlHeaderReading some = engine::read_sql_header(beginning, "fuzz.sql");
    require(some.end == all.end && some.end_line == all.end_line &&
            some.header.faults == all.header.faults);
    require(some.header.revision.id == all.header.revision.id &&
            some.header.revision.down_revisions == all.header.revision.down_revisions);
  }
}

void read_script(std::string_view text) {
  const engine::ScriptBody body = engine::parse_sql_body(text, "fuzz.sql");
  require(body.checksum.size() == 64);
  require(!engine::parse_sql_header(text, "fuzz.sql").id.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  read_beginnings(text);
  try {
    read_script(text);
  } catch (const engine::Error& error) {
    require(error.reason() == engine::Reason::InvalidScripts);
  }
  return 0;
}
