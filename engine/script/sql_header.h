// SPDX-License-Identifier: Apache-2.0
//
// The leading comment block of an annotated .sql script, and the lines it is made of. Internal to
// engine/script.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/script/header.h"

namespace engine {

struct Line {
  std::string_view text = {};  // without line end
  std::size_t begin = 0;       // of the line in the script
  std::size_t next = 0;        // of the line after it
  int number = 0;              // 1-based
  bool ended = false;          // by a newline; false: the text ends here
};

// Lines of a script; a byte order mark is no part of the first one.
class Lines {
 public:
  explicit Lines(std::string_view script);
  std::optional<Line> next();

 private:
  std::string_view script_;
  std::size_t position_ = 0;
  int number_ = 0;
};

// "upgrade" of "-- stillhead:upgrade", "batch" of "-- stillhead:batch key=id"; empty: no marker.
struct Marker {
  std::string_view word = {};
  std::string_view argument = {};
};
std::optional<Marker> marker_of(std::string_view line);
// The marker that was probably meant by a comment line that is none: "downgrade" of
// "-- Stillhead:Downgrade", "-- downgrade" or another tool's "-- migrate:down"; empty: an ordinary
// line. To take such a line for a comment could run both sections as one.
std::string_view meant_marker(std::string_view line);

struct SqlHeaderReading {
  HeaderReading header = {};
  std::size_t end = 0;  // of the block: where the first other line or marker begins
  int end_line = 1;
};

// `text` may be cut off behind the header.
SqlHeaderReading read_sql_header(std::string_view text, std::string_view origin);
// The beginning of a script holds all of its header.
bool sql_header_is_complete(std::string_view beginning);

}  // namespace engine
