// SPDX-License-Identifier: Apache-2.0
#include "engine/script/sql_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
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

// Runs of letters and digits; `text` is in lower case.
std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    const char c = i < text.size() ? text[i] : ' ';
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) continue;
    if (i > begin) words.push_back(text.substr(begin, i - begin));
    begin = i + 1;
  }
  return words;
}

// "downgrade" for "down", too; empty: no marker is called so.
std::string_view marker_named(std::string_view word) {
  if (word == "up" || word == "upgrade") return "upgrade";
  if (word == "down" || word == "downgrade") return "downgrade";
  if (word == "autocommit") return "autocommit";
  return word == "end" ? "end" : std::string_view();
}

bool ends_header(std::string_view line) {
  const std::string_view text = trimmed(line);
  return (!text.empty() && !text.starts_with("--")) || marker_of(line).has_value();
}

class HeaderReader {
 public:
  explicit HeaderReader(std::string_view origin) : origin_(origin) {
    reading_.header.revision.file = std::string(origin);
  }

  SqlHeaderReading read(std::string_view text) {
    Lines lines(text);
    while (const auto line = lines.next()) {
      if (ends_header(line->text)) break;
      line_ = line->number;
      read_line(line->text);
      reading_.end = line->next;
      reading_.end_line = line->number + 1;
    }
    check_encoding(text.substr(0, reading_.end), 1, origin_, reading_.header.faults);
    if (!seen_[1] && revises_line_ != 0) {
      line_ = revises_line_;
      fault("unknown key 'Revises' in the header", "did you mean 'down_revision'?");
    }
    if (!seen_[0]) {
      line_ = 1;
      fault("no revision in the header: the comment lines at the top of the script must name it",
            "add a line such as `-- revision: 4f1c2a9b0d3e`");
    }
    return std::move(reading_);
  }

 private:
  void fault(std::string_view what, std::string_view remedy) {
    reading_.header.faults.push_back(fmt::format("{}:{}: {}; {}", origin_, line_, what, remedy));
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
      const std::string_view value = trimmed(text.substr(colon + 1));
      if (lowered(key) == "revises" && !value.empty() && value != "None") revises_line_ = line_;
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
    Revision& revision = reading_.header.revision;
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
      revision.doc = revision.message;
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
    check("revision identifier", value, kIllegalInIds);
    reading_.header.revision.id = std::string(value);
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
        check(key, name, illegal);
        names.emplace_back(name);
      }
      if (comma == std::string_view::npos) return names;
      value.remove_prefix(comma + 1);
    }
  }

  void check(std::string_view what, std::string_view name, std::string_view illegal) {
    const NameFault found = check_name(what, name, illegal);
    if (!found.what.empty()) fault(found.what, found.remedy);
  }

  std::string_view origin_;
  int line_ = 1;
  // Of Alembic's "Revises: id", a comment unless nothing else names a parent; 0: none.
  int revises_line_ = 0;
  std::array<bool, kKeys.size()> seen_ = {};
  SqlHeaderReading reading_ = {};
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

std::string_view meant_marker(std::string_view line) {
  const std::string text = lowered(trimmed(line));
  if (!text.starts_with("--") && !text.starts_with("/*")) return {};
  if (marker_of(line)) return {};
  const std::vector<std::string_view> words = words_of(text);
  const bool has_sign = text.find_first_of(":+") != std::string::npos;
  if (words.size() == 1) {
    const std::string_view meant = marker_named(words[0]);
    return meant == "upgrade" || meant == "downgrade" ? meant : std::string_view();
  }
  if (words.size() < 2) return {};
  const bool ours = words[0] == "stillhead" && (words.size() == 2 || has_sign);
  const bool others = (words[0] == "migrate" || words[0] == "goose") && has_sign &&
                      (words[1] == "up" || words[1] == "down");
  return ours || others ? marker_named(words[1]) : std::string_view();
}

SqlHeaderReading read_sql_header(std::string_view text, std::string_view origin) {
  return HeaderReader(origin).read(text);
}

bool sql_header_is_complete(std::string_view beginning) {
  Lines lines(beginning);
  while (const auto line = lines.next()) {
    if (line->ended && ends_header(line->text)) return true;
  }
  return false;
}

}  // namespace engine
