// SPDX-License-Identifier: Apache-2.0
#include "engine/script/slug.h"

#include <algorithm>
#include <optional>

#include "engine/core/error.h"
#include "engine/script/unicode_tables.h"

namespace engine {
namespace {

constexpr char32_t kCapitalSigma = 0x3A3;
constexpr char32_t kFinalSigma = 0x3C2;
constexpr char32_t kCapitalDottedI = 0x130;

bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

// Takes one character off the front of `text`; empty: that is not UTF-8.
std::optional<char32_t> take_character(std::string_view& text) {
  const auto first = static_cast<unsigned char>(text[0]);
  const std::size_t length = first < 0x80   ? 1
                             : first < 0xC2 ? 0
                             : first < 0xE0 ? 2
                             : first < 0xF0 ? 3
                             : first < 0xF5 ? 4
                                            : 0;
  if (length == 0 || text.size() < length) return std::nullopt;
  char32_t code = length == 1 ? first : first & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if (!is_continuation(text[i])) return std::nullopt;
    code = (code << 6U) | (static_cast<unsigned char>(text[i]) & 0x3FU);
  }
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  if (overlong || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return std::nullopt;
  text.remove_prefix(length);
  return code;
}

std::u32string decode(std::string_view text) {
  std::u32string result;
  while (!text.empty()) {
    const auto code = take_character(text);
    if (!code) {
      throw Error(Reason::InvalidUsage, "cannot name the new script: its message is not UTF-8 text",
                  "check the terminal's encoding");
    }
    result.push_back(*code);
  }
  return result;
}

std::string encode(std::u32string_view text) {
  std::string result;
  const auto add = [&](char32_t byte) { result.push_back(static_cast<char>(byte)); };
  for (const char32_t code : text) {
    if (code < 0x80) {
      add(code);
    } else if (code < 0x800) {
      add(0xC0U | (code >> 6U));
      add(0x80U | (code & 0x3FU));
    } else if (code < 0x10000) {
      add(0xE0U | (code >> 12U));
      add(0x80U | ((code >> 6U) & 0x3FU));
      add(0x80U | (code & 0x3FU));
    } else {
      add(0xF0U | (code >> 18U));
      add(0x80U | ((code >> 12U) & 0x3FU));
      add(0x80U | ((code >> 6U) & 0x3FU));
      add(0x80U | (code & 0x3FU));
    }
  }
  return result;
}

bool is_word_character(char32_t code) {
  if (code < 0x80) {
    return (code >= '0' && code <= '9') || (code >= 'a' && code <= 'z') ||
           (code >= 'A' && code <= 'Z') || code == '_';
  }
  const auto ranges = word_ranges();
  const auto found = std::ranges::lower_bound(ranges, code, {}, &CodeRange::last);
  return found != ranges.end() && found->first <= code;
}

char32_t lower_case(char32_t code) {
  if (code < 0x80) return code >= 'A' && code <= 'Z' ? code - 'A' + 'a' : code;
  const auto runs = lower_runs();
  const auto found = std::ranges::lower_bound(runs, code, {}, &LowerRun::last);
  if (found == runs.end() || found->first > code) return code;
  if ((code - found->first) % found->stride != 0) return code;
  return static_cast<char32_t>(static_cast<int>(code) + found->delta);
}

bool is_letter(char32_t code) { return is_word_character(code) && code != '_'; }

std::u32string lowered(std::u32string_view text) {
  std::u32string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool ends_word =
        i > 0 && is_letter(text[i - 1]) && (i + 1 == text.size() || !is_letter(text[i + 1]));
    if (text[i] == kCapitalDottedI) {
      result += U"i\u0307";
    } else {
      result += text[i] == kCapitalSigma && ends_word ? kFinalSigma : lower_case(text[i]);
    }
  }
  return result;
}

}  // namespace

std::string slug_of(std::string_view message, int truncate_length) {
  std::u32string words;
  bool inside = false;
  for (const char32_t code : decode(message)) {
    const bool is_word = is_word_character(code);
    if (is_word && !inside && !words.empty()) words += U'_';
    if (is_word) words += code;
    inside = is_word;
  }
  std::u32string slug = lowered(words);
  const auto most =
      static_cast<std::size_t>(truncate_length > 0 ? truncate_length : kDefaultSlugLength);
  if (slug.size() > most) {
    slug.resize(most);
    slug.resize(std::min(slug.rfind(U'_'), slug.size()));
    slug += U'_';
  }
  return encode(slug);
}

std::string_view first_characters(std::string_view text, std::size_t characters) {
  std::size_t end = 0;
  while (end < text.size() && characters-- > 0) {
    ++end;
    while (end < text.size() && is_continuation(text[end])) ++end;
  }
  return text.substr(0, end);
}

}  // namespace engine
