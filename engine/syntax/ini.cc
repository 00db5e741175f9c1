// SPDX-License-Identifier: Apache-2.0
#include "engine/syntax/ini.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "engine/core/error.h"
#include "engine/syntax/encoding.h"

namespace engine {
namespace {

constexpr std::string_view kDefault = "DEFAULT";

// --- characters ----------------------------------------------------------------------------------

// White space as Python's str.strip() knows it, beyond ASCII.
constexpr std::array<std::string_view, 19> kWideSpaces = {
    "\xC2\x85",     "\xC2\xA0",     "\xE1\x9A\x80", "\xE2\x80\x80", "\xE2\x80\x81",
    "\xE2\x80\x82", "\xE2\x80\x83", "\xE2\x80\x84", "\xE2\x80\x85", "\xE2\x80\x86",
    "\xE2\x80\x87", "\xE2\x80\x88", "\xE2\x80\x89", "\xE2\x80\x8A", "\xE2\x80\xA8",
    "\xE2\x80\xA9", "\xE2\x80\xAF", "\xE2\x81\x9F", "\xE3\x80\x80"};

bool is_ascii_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r') || (c >= '\x1C' && c <= '\x1F');
}

// Bytes of the white space with which `text` begins; 0: none.
std::size_t leading_space(std::string_view text) {
  if (text.empty()) return 0;
  if (is_ascii_space(text.front())) return 1;
  const auto found = std::ranges::find_if(
      kWideSpaces, [&](std::string_view space) { return text.starts_with(space); });
  return found == kWideSpaces.end() ? 0 : found->size();
}

std::size_t trailing_space(std::string_view text) {
  if (text.empty()) return 0;
  if (is_ascii_space(text.back())) return 1;
  const auto found = std::ranges::find_if(
      kWideSpaces, [&](std::string_view space) { return text.ends_with(space); });
  return found == kWideSpaces.end() ? 0 : found->size();
}

std::string_view strip_end(std::string_view text) {
  while (const std::size_t size = trailing_space(text)) text.remove_suffix(size);
  return text;
}

// How many characters of white space `text` begins with; they are removed.
int strip_begin(std::string_view& text) {
  int count = 0;
  while (const std::size_t size = leading_space(text)) {
    text.remove_prefix(size);
    ++count;
  }
  return count;
}

std::string_view strip(std::string_view text) {
  strip_begin(text);
  return strip_end(text);
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return result;
}

// The next line without its end (\n, \r\n or \r), which is removed from `rest`, too.
std::string_view next_line(std::string_view& rest) {
  const std::size_t end = rest.find_first_of("\r\n");
  const std::string_view line = rest.substr(0, end);
  if (end == std::string_view::npos) {
    rest = {};
  } else {
    rest.remove_prefix(end + (rest.substr(end).starts_with("\r\n") ? 2 : 1));
  }
  return line;
}

// A piece of the file as an error may show it.
std::string excerpt(std::string_view text) {
  constexpr std::size_t kMost = 40;
  if (text.size() <= kMost) return std::string(text);
  std::size_t end = kMost;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "...";
}

// --- sections and options ------------------------------------------------------------------------

// The name in "[name]"; what follows the last bracket is not looked at.
std::optional<std::string_view> section_name(std::string_view line) {
  const std::size_t end = line.rfind(']');
  if (!line.starts_with('[') || end == std::string_view::npos || end < 2) return {};
  return line.substr(1, end - 1);
}

class Parser {
 public:
  Parser(std::string_view origin, Reason reason) : reason_(reason) { document_.origin = origin; }

  IniDocument parse(std::string_view text) {
    if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
    while (!text.empty()) {
      ++line_;
      const std::string_view line = next_line(text);
      if (find_bad_byte(line) != std::string_view::npos) {
        fault("the line is not valid UTF-8, or holds a NUL byte; save the file as UTF-8 text");
        continue;
      }
      take(line);
    }
    if (!faults_.empty()) throw Error(reason_, faults_);
    for_each_option([](IniOption& option) { option.value.resize(strip_end(option.value).size()); });
    return std::move(document_);
  }

 private:
  void take(std::string_view line) {
    std::string_view content = line;
    const int indent = strip_begin(content);
    content = strip_end(content);
    if (content.starts_with('#') || content.starts_with(';')) return;
    if (content.empty()) {
      if (option_ != nullptr) option_->value += '\n';
    } else if (option_ != nullptr && indent > indent_) {
      option_->value.append("\n").append(content);
    } else {
      indent_ = indent;
      take_beginning(content);
    }
  }

  void take_beginning(std::string_view content) {
    if (const auto name = section_name(content)) {
      begin_section(*name);
    } else if (section_ == nullptr) {
      if (!std::exchange(reported_no_section_, true)) {
        fault(
            fmt::format("\"{}\" stands before the first [section]; write a section such as "
                        "[alembic] above it",
                        excerpt(content.substr(0, content.find_first_of("=:")))));
      }
    } else {
      begin_option(content);
    }
  }

  void begin_section(std::string_view name) {
    option_ = nullptr;
    if (name == kDefault) {
      section_ = &document_.defaults;
      section_->name = kDefault;
      return;
    }
    const auto [first, is_new] = section_lines_.emplace(name, line_);
    if (!is_new) {
      fault(fmt::format("the section [{}] stands twice, first in line {}; join the two",
                        excerpt(name), first->second));
    }
    document_.sections.push_back({std::string(name), line_, {}});
    section_ = &document_.sections.back();
  }

  void begin_option(std::string_view content) {
    const std::size_t delimiter = content.find_first_of("=:");
    const std::string name = lower(strip_end(content.substr(0, delimiter)));
    if (delimiter == std::string_view::npos) {
      fault(
          "neither a [section] nor `key = value`; write it so, or indent it to go on with the "
          "value above");
      return;
    }
    if (name.empty()) fault("the key before the equals sign is missing; name it");
    const auto [first, is_new] = option_lines_.emplace(std::pair(section_->name, name), line_);
    if (!is_new) {
      fault(fmt::format("'{}' stands twice in [{}], first in line {}; remove one of them",
                        excerpt(name), excerpt(section_->name), first->second));
    }
    section_->options.push_back({name, std::string(strip(content.substr(delimiter + 1))), line_});
    option_ = &section_->options.back();
  }

  void fault(const std::string& text) {
    if (!faults_.empty()) faults_ += '\n';
    faults_ += fmt::format("{}:{}: {}", document_.origin, line_, text);
  }

  template <typename Action>
  void for_each_option(const Action& action) {
    std::ranges::for_each(document_.defaults.options, action);
    for (IniSection& section : document_.sections) std::ranges::for_each(section.options, action);
  }

  IniDocument document_ = {};
  Reason reason_;
  int line_ = 0;
  int indent_ = 0;                 // of the line with which the current option began
  IniSection* section_ = nullptr;  // into document_
  IniOption* option_ = nullptr;    // into *section_; nullptr: nothing can be continued
  std::map<std::string, int, std::less<>> section_lines_ = {};
  std::map<std::pair<std::string, std::string>, int> option_lines_ = {};
  bool reported_no_section_ = false;
  std::string faults_ = {};
};

// --- interpolation -------------------------------------------------------------------------------

// The name in "%(name)s" with which `text` begins; empty: it does not begin so.
std::string_view reference_name(std::string_view text) {
  const std::size_t end = text.find(')');
  if (!text.starts_with("%(") || end == std::string_view::npos || end == 2) return {};
  return text.substr(end).starts_with(")s") ? text.substr(2, end - 2) : std::string_view();
}

class Interpolation {
 public:
  // `document` may be nullptr: no names but those of `variables`.
  Interpolation(const IniDocument* document, std::string_view section, std::string where,
                const IniVariables& variables)
      : document_(document), section_(section), where_(std::move(where)), variables_(variables) {}

  Interpolated expand(std::string_view text) {
    if (!append(text)) result_.text.clear();
    return std::move(result_);
  }

 private:
  static constexpr std::size_t kDeepest = 10;  // as in Python's configparser
  static constexpr std::size_t kLargest = std::size_t{1} << 20;
  static constexpr std::size_t kMostReferences = 10'000;  // each may stand for nothing at all

  // These return false once there is a fault.
  bool append(std::string_view text) {
    std::string_view rest = text;
    while (true) {
      const std::size_t percent = rest.find('%');
      if (!append_plain(rest.substr(0, percent))) return false;
      if (percent == std::string_view::npos) return true;
      rest.remove_prefix(percent);
      if (rest.starts_with("%%")) {
        result_.text += '%';
        rest.remove_prefix(2);
        continue;
      }
      const std::string_view name = reference_name(rest);
      if (name.empty()) return fail_percent(text.size() - rest.size() + 1);
      if (!append_reference(name)) return false;
      rest.remove_prefix(name.size() + 4);
    }
  }

  bool append_plain(std::string_view text) {
    if (result_.text.size() + text.size() > kLargest) {
      return fail("grows beyond 1 MiB; shorten what it refers to");
    }
    result_.text += text;
    return true;
  }

  bool append_reference(std::string_view name) {
    if (++references_ > kMostReferences) return fail("refers to too many values; simplify it");
    const IniOption* option =
        document_ == nullptr ? nullptr : document_->find(section_, lower(name));
    if (option == nullptr) return append_variable(name);
    const bool in_circle = std::ranges::find(open_, option) != open_.end();
    open_.push_back(option);
    if (in_circle) return fail(fmt::format("refers to itself ({}); break the circle", path()));
    // The value at which interpolation begins counts, too.
    if (open_.size() >= kDeepest && option->value.find('%') != std::string::npos) {
      return fail(fmt::format("refers more than {} values deep; write some of them out", kDeepest));
    }
    if (!append(option->value)) return false;
    open_.pop_back();
    return true;
  }

  bool append_variable(std::string_view name) {
    const std::optional<std::string> value = variables_ ? variables_(name) : std::nullopt;
    if (value) return append_plain(*value);
    return fail(fmt::format(
        "refers to %({})s, which neither the file nor the environment defines; define it, or write "
        "%% for a plain percent sign",
        excerpt(name)));
  }

  bool fail_percent(std::size_t position) {
    const std::string inside =
        open_.empty() ? "" : fmt::format(" of '{}'", excerpt(open_.back()->name));
    return fail(fmt::format(
        "has a '%' at byte {}{} that begins neither %(name)s nor %%; write %% for a plain percent "
        "sign",
        position, inside));
  }

  bool fail(const std::string& what) {
    result_.fault = where_ + " " + what;
    return false;
  }

  std::string path() const {
    std::string text;
    for (const IniOption* option : open_) text += (text.empty() ? "" : " -> ") + option->name;
    return text;
  }

  const IniDocument* document_;
  std::string_view section_;
  std::string where_;  // "origin:line: 'name'"
  const IniVariables& variables_;
  Interpolated result_ = {};
  std::vector<const IniOption*> open_ = {};  // being expanded, outermost first
  std::size_t references_ = 0;
};

const IniOption* find_option(const IniSection& section, std::string_view name) {
  const auto found = std::ranges::find(section.options, name, &IniOption::name);
  return found == section.options.end() ? nullptr : &*found;
}

}  // namespace

const IniSection* IniDocument::find_section(std::string_view name) const {
  const auto found = std::ranges::find(sections, name, &IniSection::name);
  return found == sections.end() ? nullptr : &*found;
}

const IniOption* IniDocument::find(std::string_view section, std::string_view name) const {
  const IniSection* found = find_section(section);
  if (found == nullptr) return nullptr;
  const IniOption* option = find_option(*found, name);
  return option != nullptr ? option : find_option(defaults, name);
}

std::vector<const IniOption*> IniDocument::options_of(std::string_view section) const {
  std::vector<const IniOption*> result;
  const IniSection* found = find_section(section);
  if (found == nullptr) return result;
  for (const IniOption& option : found->options) result.push_back(&option);
  for (const IniOption& option : defaults.options) {
    if (find_option(*found, option.name) == nullptr) result.push_back(&option);
  }
  return result;
}

IniDocument parse_ini(std::string_view text, std::string_view origin, Reason reason) {
  return Parser(origin, reason).parse(text);
}

Interpolated interpolate(const IniDocument& document, std::string_view section,
                         const IniOption& option, const IniVariables& variables) {
  const std::string where = fmt::format("{}:{}: '{}'", document.origin, option.line, option.name);
  return Interpolation(&document, section, where, variables).expand(option.value);
}

Interpolated interpolate_text(std::string_view text, std::string_view where,
                              const IniVariables& variables) {
  return Interpolation(nullptr, {}, std::string(where), variables).expand(text);
}

}  // namespace engine
