// SPDX-License-Identifier: Apache-2.0
#include "engine/script/sql_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "engine/core/error.h"
#include "engine/core/spelling.h"
#include "engine/syntax/encoding.h"

namespace engine {
namespace {

constexpr std::string_view kSpaces = " \t\r\f\v";
constexpr std::array<std::string_view, 6> kKeys = {
    "revision", "down_revision", "depends_on", "branch_labels", "message", "transactional"};

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(kSpaces);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpaces) - begin + 1);
}

bool is_key_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}

std::string lowered(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

bool ends_header(std::string_view line) {
  const std::string_view text = trimmed(line);
  return (!text.empty() && !text.starts_with("--")) || marker_of(line).has_value();
}

class HeaderReader {
 public:
  explicit HeaderReader(std::string_view origin) : origin_(origin) {
    reading_.revision.file = std::string(origin);
  }

  HeaderReading read(std::string_view text) {
    Lines lines(text);
    while (const auto line = lines.next()) {
      if (ends_header(line->text)) break;
      line_ = line->number;
      read_line(line->text);
      reading_.end = line->next;
      reading_.end_line = line->number + 1;
    }
    check_encoding(text.substr(0, reading_.end), 1, origin_, reading_.faults);
    if (!seen_[0]) {
      line_ = 1;
      fault("no revision in the header: the comment lines at the top of the script must name it",
            "add a line such as `-- revision: 4f1c2a9b0d3e`");
    }
    return std::move(reading_);
  }

 private:
  void fault(std::string_view what, std::string_view remedy) {
    reading_.faults.push_back(fmt::format("{}:{}: {}; {}", origin_, line_, what, remedy));
  }

  void read_line(std::string_view line) {
    std::string_view text = trimmed(line);
    text.remove_prefix(std::min(text.find_first_not_of('-'), text.size()));
    const auto colon = text.find(':');
    if (colon == std::string_view::npos) return;
    const std::string_view key = trimmed(text.substr(0, colon));
    if (key.empty() || !std::all_of(key.begin(), key.end(), is_key_character)) return;
    if (const auto known = std::find(kKeys.begin(), kKeys.end(), key); known != kKeys.end()) {
      read_value(static_cast<std::size_t>(known - kKeys.begin()), trimmed(text.substr(colon + 1)));
    } else {
      check_misspelt(key);
    }
  }

  void check_misspelt(std::string_view key) {
    const std::string word = lowered(key);
    for (const std::string_view known : kKeys) {
      if (edit_distance(word, known, 2) > 2) continue;
      fault(fmt::format("unknown key '{}' in the header", key),
            fmt::format("did you mean '{}'?", known));
      return;
    }
  }

  void read_value(std::size_t known, std::string_view value) {
    const std::string_view key = kKeys[known];
    if (std::exchange(seen_[known], true)) {
      fault(fmt::format("the header says '{}' twice", key), "remove one of the lines");
      return;
    }
    Revision& revision = reading_.revision;
    if (key == "revision") {
      read_id(value);
    } else if (key == "down_revision") {
      revision.down_revisions = read_list(key, value, kIllegalInIds);
    } else if (key == "depends_on") {
      revision.depends_on = read_list(key, value, kIllegalInLabels);
    } else if (key == "branch_labels") {
      revision.branch_labels = read_list(key, value, kIllegalInLabels);
    } else if (key == "message") {
      revision.message = std::string(value);
    } else if (value == "true" || value == "false") {
      revision.transactional = value == "true";
    } else {
      fault(fmt::format("'{}' is no value for transactional", value), "write true or false");
    }
  }

  void read_id(std::string_view value) {
    if (value.empty() || value == "None") {
      fault("the revision id is empty", "write an id such as `-- revision: 4f1c2a9b0d3e`");
      return;
    }
    check_name("revision identifier", value, kIllegalInIds);
    reading_.revision.id = std::string(value);
  }

  std::vector<std::string> read_list(std::string_view key, std::string_view value,
                                     std::string_view illegal) {
    std::vector<std::string> names;
    if (value.empty() || value == "None") return names;
    while (true) {
      const auto comma = value.find(',');
      const std::string_view name = trimmed(value.substr(0, comma));
      if (name.empty()) {
        fault(fmt::format("{} has an empty entry", key), "separate the names by single commas");
      } else {
        check_name(key, name, illegal);
        names.emplace_back(name);
      }
      if (comma == std::string_view::npos) return names;
      value.remove_prefix(comma + 1);
    }
  }

  void check_name(std::string_view what, std::string_view name, std::string_view illegal) {
    std::set<std::string> found;
    for (const char c : name) {
      if (c == ' ' || c == '\t') {
        found.insert("white space");
      } else if (illegal.find(c) != std::string_view::npos) {
        found.insert(fmt::format("'{}'", c));
      }
    }
    if (!found.empty()) {
      fault(
          fmt::format("Character(s) {} not allowed in {} '{}'", fmt::join(found, ", "), what, name),
          "write plain names, without quotes or brackets, separated by commas where several are "
          "allowed");
    } else if (name == "head" || name == "heads" || name == "base" || name == "None") {
      fault(fmt::format("{} '{}' is a word with a meaning of its own", what, name),
            "write the id of a revision, or choose another name");
    }
  }

  // Alembic's four and what people copy from Python lists.
  static constexpr std::string_view kIllegalInIds = "@-+:,;'\"`()[]{}\\\r\f\v";
  static constexpr std::string_view kIllegalInLabels = "@:,;'\"`()[]{}\\\r\f\v";

  std::string_view origin_;
  int line_ = 1;
  std::array<bool, kKeys.size()> seen_ = {};
  HeaderReading reading_ = {};
};

}  // namespace

Lines::Lines(std::string_view script) : script_(script) {
  if (script_.starts_with(kByteOrderMark)) position_ = kByteOrderMark.size();
}

std::optional<Line> Lines::next() {
  if (position_ >= script_.size()) return std::nullopt;
  const std::size_t end = script_.find('\n', position_);
  const bool ended = end != std::string_view::npos;
  Line line{script_.substr(position_, ended ? end - position_ : end), position_,
            ended ? end + 1 : script_.size(), ++number_, ended};
  if (line.text.ends_with('\r')) line.text.remove_suffix(1);
  position_ = line.next;
  return line;
}

std::optional<Marker> marker_of(std::string_view line) {
  constexpr std::string_view kPrefix = "stillhead:";
  std::string_view text = trimmed(line);
  if (!text.starts_with("--")) return std::nullopt;
  text = trimmed(text.substr(2));
  if (!text.starts_with(kPrefix)) return std::nullopt;
  text = trimmed(text.substr(kPrefix.size()));
  const auto space = std::min(text.find_first_of(kSpaces), text.size());
  return Marker{text.substr(0, space), trimmed(text.substr(space))};
}

HeaderReading read_header(std::string_view text, std::string_view origin) {
  return HeaderReader(origin).read(text);
}

bool header_is_complete(std::string_view beginning) {
  Lines lines(beginning);
  while (const auto line = lines.next()) {
    if (line->ended && ends_header(line->text)) return true;
  }
  return false;
}

void check_encoding(std::string_view text, int line, std::string_view origin,
                    std::vector<std::string>& faults) {
  const std::size_t bad = find_bad_byte(text);
  if (bad == std::string_view::npos) return;
  const auto end = text.begin() + static_cast<std::ptrdiff_t>(bad);
  line += static_cast<int>(std::count(text.begin(), end, '\n'));
  faults.push_back(
      fmt::format("{}:{}: {}; save the script as UTF-8 text", origin, line,
                  text[bad] == '\0' ? "the line holds a NUL byte" : "the line is not valid UTF-8"));
}

void throw_faults(const std::vector<std::string>& faults) {
  if (faults.empty()) return;
  throw Error(Reason::InvalidScripts, fmt::format("{}", fmt::join(faults, "\n")),
              fmt::format("a script begins like this:\n{}", kExampleScript));
}

}  // namespace engine
