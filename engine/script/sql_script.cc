// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "engine/core/spelling.h"
#include "engine/script/script_dir.h"
#include "engine/script/sha256.h"
#include "engine/script/sql_header.h"
#include "engine/script/sql_marker.h"

namespace engine {
namespace {

constexpr std::array<std::string_view, 7> kMarkers = {"upgrade", "downgrade", "autocommit", "end",
                                                      "batch",   "pre",       "post"};
constexpr std::array<std::string_view, 1> kLaterMarkers = {"sensitive"};

template <std::size_t n>
bool is_one_of(std::string_view word, const std::array<std::string_view, n>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Behind space and comments; npos: there is nothing else. An unclosed comment counts as text.
std::size_t find_code(std::string_view text) {
  std::size_t i = 0;
  while (true) {
    i = text.find_first_not_of(" \t\r\n\f\v", i);
    if (i == std::string_view::npos) return i;
    const std::string_view rest = text.substr(i);
    const bool line_comment = rest.starts_with("--");
    if (!line_comment && !rest.starts_with("/*")) return i;
    const auto end = line_comment ? text.find('\n', i) : text.find("*/", i + 2);
    if (end == std::string_view::npos) return line_comment ? end : i;
    i = end + (line_comment ? 1 : 2);
  }
}

class BodyReader {
 public:
  BodyReader(std::string_view text, std::string_view origin)
      : text_(text), origin_(origin), reading_(read_sql_header(text, origin)) {
    faults_ = reading_.header.faults;
    chunk_begin_ = reading_.end;
    chunk_line_ = reading_.end_line;
  }

  ScriptBody read() {
    Lines lines(text_);
    while (const auto line = lines.next()) {
      if (const std::string_view meant = meant_marker(line->text); !meant.empty()) {
        near_misses_.push_back({line->number, line->text, meant});
      }
      if (line->begin < reading_.end) continue;
      if (const auto marker = marker_of(line->text)) read_marker(*marker, *line);
    }
    finish();
    check_encoding(text_.substr(reading_.end), reading_.end_line, origin_, faults_);
    throw_faults(faults_, ScriptFormat::Sql);
    body_.checksum = sha256_hex(text_);
    return std::move(body_);
  }

 private:
  enum class Section { None, Upgrade, Downgrade };
  struct NearMiss {
    int line = 0;
    std::string_view text = {};
    std::string_view meant = {};  // the marker
  };

  void fault(int line, std::string_view what, std::string_view remedy) {
    faults_.push_back(fmt::format("{}:{}: {}; {}", origin_, line, what, remedy));
  }

  void read_marker(const Marker& marker, const Line& line) {
    if (is_one_of(marker.word, kLaterMarkers)) {
      fault(line.number,
            fmt::format("`-- stillhead:{}` is not supported by this version of stillhead",
                        marker.word),
            "remove the marker, or run a version that supports it");
      return;
    }
    if (!is_one_of(marker.word, kMarkers)) {
      const std::vector<std::string_view> known(kMarkers.begin(), kMarkers.end());
      fault(line.number,
            fmt::format("unknown marker `-- stillhead:{}`{}", marker.word,
                        did_you_mean(marker.word, known)),
            "the markers are upgrade, downgrade, autocommit, batch, pre, post and end");
      return;
    }
    const bool takes_argument =
        marker.word == "batch" || marker.word == "pre" || marker.word == "post";
    if (!marker.argument.empty() && !takes_argument) {
      fault(line.number, fmt::format("`-- stillhead:{}` takes no argument", marker.word),
            fmt::format("remove '{}'", marker.argument));
    }
    close_chunk(line.begin);
    chunk_begin_ = line.next;
    chunk_line_ = line.number + 1;
    if (marker.word == "upgrade") {
      begin_section(Section::Upgrade, line.number);
    } else if (marker.word == "downgrade") {
      begin_section(Section::Downgrade, line.number);
    } else if (marker.word == "autocommit") {
      begin_autocommit(line.number);
    } else if (marker.word == "batch") {
      begin_batch(marker.argument, line.number);
    } else if (takes_argument) {
      add_condition(marker, line.number);
    } else {
      end_block(line.number);
    }
  }

  void begin_section(Section section, int line) {
    require_autocommit_closed();
    const bool up = section == Section::Upgrade;
    int& seen = up ? upgrade_line_ : downgrade_line_;
    if (seen != 0) {
      fault(line,
            fmt::format("a second `-- stillhead:{}`, the first is in line {}",
                        up ? "upgrade" : "downgrade", seen),
            "put all statements of a direction into one section");
    }
    seen = line;
    section_ = section;
    has_statements_ = false;
    post_line_ = 0;
    if (!up && !body_.downgrade) body_.downgrade.emplace();
  }

  void begin_autocommit(int line) {
    require_autocommit_closed();
    if (section_ == Section::None) {
      fault(line, "`-- stillhead:autocommit` outside of a section",
            "put `-- stillhead:upgrade` before it");
    }
    autocommit_line_ = line;
  }

  // Of an autocommit block or of a batch.
  void end_block(int line) {
    if (autocommit_line_ == 0 && !ended_batch_) {
      fault(line, "`-- stillhead:end` without `-- stillhead:autocommit` before it",
            "remove the marker, or add the one that begins the block");
    }
    autocommit_line_ = 0;
  }

  // Up to the next marker.
  void begin_batch(std::string_view argument, int line) {
    require_autocommit_closed();
    require_section("batch", line);
    batch_line_ = line;
    const BatchReading reading = read_batch_options(argument);
    if (!reading.fault.empty()) fault(line, reading.fault, kBatchRemedy);
    batch_ = reading.options;
  }

  void add_condition(const Marker& marker, int line) {
    require_section(marker.word, line);
    const std::string_view text = marker.argument;
    if (text.size() < 3 || text.front() != '"' || text.back() != '"') {
      fault(line, fmt::format("`-- stillhead:{}` takes a question in double quotes", marker.word),
            fmt::format("write `-- stillhead:{} \"SELECT ...\"`, which must answer with true",
                        marker.word));
      return;
    }
    if (section_ == Section::None) return;
    auto& operations = operations_of_section();
    const bool before = marker.word == "pre";
    if (before && has_statements_) {
      fault(line, "`-- stillhead:pre` behind a statement",
            "put it before the first statement of the section, or use `-- stillhead:post`");
    }
    post_line_ = before ? 0 : line;
    operations.emplace_back(ExecuteSql{std::string(text.substr(1, text.size() - 2)), line,
                                       !reading_.header.revision.transactional,
                                       StatementKind::Condition});
  }

  void require_section(std::string_view marker, int line) {
    if (section_ != Section::None) return;
    fault(line, fmt::format("`-- stillhead:{}` outside of a section", marker),
          "put `-- stillhead:upgrade` before it");
  }

  std::vector<Operation>& operations_of_section() {
    return section_ == Section::Upgrade ? body_.upgrade : *body_.downgrade;
  }

  void require_autocommit_closed() {
    if (autocommit_line_ != 0) {
      fault(autocommit_line_, "`-- stillhead:autocommit` is not closed",
            "add `-- stillhead:end` behind the last of its statements");
    }
    autocommit_line_ = 0;
  }

  // Where the section has its real marker, the line is a comment on it.
  void report_near_misses() {
    for (const NearMiss& miss : near_misses_) {
      if (miss.meant == "upgrade" && upgrade_line_ != 0) continue;
      if (miss.meant == "downgrade" && downgrade_line_ != 0) continue;
      const std::size_t begin = miss.text.find_first_not_of(" \t");
      fault(miss.line, fmt::format("'{}' looks like a marker and is none", miss.text.substr(begin)),
            fmt::format("write `-- stillhead:{}`, or word the comment differently", miss.meant));
    }
  }

  void close_chunk(std::size_t end) {
    const std::string_view chunk = text_.substr(chunk_begin_, end - chunk_begin_);
    const std::size_t code = find_code(chunk);
    ended_batch_ = batch_line_ != 0;
    const int batch_line = std::exchange(batch_line_, 0);
    if (code == std::string_view::npos) {
      if (batch_line != 0) {
        fault(batch_line, "`-- stillhead:batch` without a statement behind it",
              "put the UPDATE or DELETE behind it");
      }
      return;
    }
    if (section_ == Section::None) {
      const auto lines =
          std::count(chunk.begin(), chunk.begin() + static_cast<std::ptrdiff_t>(code), '\n');
      fault(chunk_line_ + static_cast<int>(lines), "text before the first marker",
            "put `-- stillhead:upgrade` before the statements");
      return;
    }
    if (post_line_ != 0) {
      fault(post_line_, "`-- stillhead:post` before a statement",
            "put it behind the last statement of the section, or use `-- stillhead:pre`");
    }
    has_statements_ = true;
    ExecuteSql operation{std::string(chunk), chunk_line_,
                         autocommit_line_ != 0 || !reading_.header.revision.transactional};
    if (batch_line != 0) {
      operation.kind = StatementKind::Batch;
      operation.autocommit = true;
      operation.batch = batch_;
    }
    operations_of_section().emplace_back(std::move(operation));
  }

  // Without any marker all of it is the upgrade.
  void finish() {
    const bool marked = upgrade_line_ != 0 || downgrade_line_ != 0;
    if (!marked) section_ = Section::Upgrade;
    close_chunk(text_.size());
    require_autocommit_closed();
    report_near_misses();
    if (downgrade_line_ != 0 && upgrade_line_ == 0) {
      fault(downgrade_line_, "a downgrade section without an upgrade section",
            "add `-- stillhead:upgrade`; the section may be empty");
    }
  }

  std::string_view text_;
  std::string_view origin_;
  SqlHeaderReading reading_;
  std::vector<std::string> faults_ = {};
  ScriptBody body_ = {};
  std::vector<NearMiss> near_misses_ = {};
  Section section_ = Section::None;
  std::size_t chunk_begin_ = 0;
  int chunk_line_ = 1;
  int upgrade_line_ = 0;  // of the marker; 0: none
  int downgrade_line_ = 0;
  int autocommit_line_ = 0;   // of the block that is open; 0: none is
  int batch_line_ = 0;        // of the marker whose statement is still to come; 0: none
  bool ended_batch_ = false;  // the last chunk was that of a batch
  BatchOptions batch_ = {};
  bool has_statements_ = false;  // the section
  int post_line_ = 0;            // of a condition behind which no statement may come; 0: none
};

}  // namespace

Revision parse_sql_header(std::string_view text, std::string_view origin) {
  SqlHeaderReading reading = read_sql_header(text, origin);
  throw_faults(reading.header.faults, ScriptFormat::Sql);
  return std::move(reading.header.revision);
}

ScriptBody parse_sql_body(std::string_view text, std::string_view origin) {
  return BodyReader(text, origin).read();
}

}  // namespace engine
