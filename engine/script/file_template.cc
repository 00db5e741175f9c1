// SPDX-License-Identifier: Apache-2.0
#include "engine/script/file_template.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <optional>
#include <utility>
#include <variant>

#include "engine/core/error.h"
#include "engine/core/spelling.h"
#include "engine/script/slug.h"

namespace engine {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 9> kNames = {"rev", "slug", "epoch",  "year",  "month",
                                                    "day", "hour", "minute", "second"};
constexpr int kWidest = 255;  // no file name is longer

using Value = std::variant<std::string, std::int64_t>;

struct Conversion {
  bool left = false;   // -
  bool zeros = false;  // 0
  bool plus = false;   // +
  bool space = false;
  int width = 0;
  std::optional<int> precision = {};
  char kind = 's';
};

class Formatter {
 public:
  Formatter(std::string_view text, const FileNameParts& parts) : text_(text), parts_(parts) {}

  std::string format() {
    std::string result;
    while (position_ < text_.size()) {
      if (text_[position_] != '%') {
        result += text_[position_++];
      } else if (text_.substr(position_, 2) == "%%") {
        result += '%';
        position_ += 2;
      } else {
        ++position_;
        result += read_item();
      }
    }
    return result;
  }

 private:
  [[noreturn]] void fail(const std::string& cause) const {
    throw Error(Reason::InvalidUsage, fmt::format("file_template '{}': {}", text_, cause),
                fmt::format("understood are %({})s and digits as in %(month).2d; inside an ini "
                            "file each % is written %%",
                            fmt::join(kNames, ")s, %(")));
  }

  char peek() const { return position_ < text_.size() ? text_[position_] : '\0'; }

  std::string read_item() {
    const std::size_t end = text_.find(')', position_);
    if (peek() != '(' || end == std::string_view::npos) {
      fail(fmt::format("'%{}' is not followed by a name in parentheses",
                       text_.substr(position_, 1)));
    }
    const std::string_view name = text_.substr(position_ + 1, end - position_ - 1);
    position_ = end + 1;
    const Value value = value_of(name);
    return convert(name, value, read_conversion(name));
  }

  Value value_of(std::string_view name) const {
    const CreateDate& date = parts_.date;
    const std::array<Value, kNames.size()> values = {parts_.rev, parts_.slug, date.epoch,
                                                     date.year,  date.month,  date.day,
                                                     date.hour,  date.minute, date.second};
    const auto known = std::ranges::find(kNames, name);
    if (known == kNames.end()) {
      fail(fmt::format("there is no '{}'{}", name,
                       did_you_mean(name, {kNames.begin(), kNames.end()})));
    }
    return values[static_cast<std::size_t>(known - kNames.begin())];
  }

  int read_digits() {
    int value = 0;
    while (peek() >= '0' && peek() <= '9') {
      value = value * 10 + (text_[position_++] - '0');
      if (value > kWidest) fail("a width of more than 255 characters");
    }
    return value;
  }

  Conversion read_conversion(std::string_view name) {
    Conversion conversion;
    for (;; ++position_) {
      if (peek() == '-') {
        conversion.left = true;
      } else if (peek() == '0') {
        conversion.zeros = true;
      } else if (peek() == '+') {
        conversion.plus = true;
      } else if (peek() == ' ') {
        conversion.space = true;
      } else {
        break;
      }
    }
    conversion.width = read_digits();
    if (peek() == '.') {
      ++position_;
      conversion.precision = read_digits();
    }
    if (position_ == text_.size()) fail(fmt::format("'%({})' is not followed by s or d", name));
    conversion.kind = text_[position_++];
    return conversion;
  }

  std::string convert(std::string_view name, const Value& value, const Conversion& conversion) {
    const auto* number = std::get_if<std::int64_t>(&value);
    if (conversion.kind == 's') {
      return padded(conversion, {},
                    std::string(first_characters(
                        number != nullptr ? std::to_string(*number) : std::get<std::string>(value),
                        static_cast<std::size_t>(conversion.precision.value_or(kWidest)))),
                    ' ');
    }
    if (conversion.kind != 'd' && conversion.kind != 'i') {
      fail(fmt::format("'%({}){}' is no conversion: s and d are", name, conversion.kind));
    }
    if (number == nullptr)
      fail(fmt::format("'{}' is text and no number: write %({})s", name, name));
    std::string digits = std::to_string(std::abs(*number));
    const auto least = static_cast<std::size_t>(conversion.precision.value_or(0));
    if (digits.size() < least) digits.insert(0, least - digits.size(), '0');
    const std::string sign = *number < 0        ? "-"
                             : conversion.plus  ? "+"
                             : conversion.space ? " "
                                                : "";
    return padded(conversion, sign, digits, conversion.zeros && !conversion.left ? '0' : ' ');
  }

  static std::string padded(const Conversion& conversion, const std::string& sign, std::string text,
                            char filler) {
    const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; };
    const auto length = sign.size() + text.size() -
                        static_cast<std::size_t>(std::ranges::count_if(text, continues));
    const auto width = static_cast<std::size_t>(conversion.width);
    const std::string filling(width > length ? width - length : 0, filler);
    if (conversion.left) return sign + text + filling;
    return filler == '0' ? sign + filling + text : filling + sign + text;
  }

  std::string_view text_;
  const FileNameParts& parts_;
  std::size_t position_ = 0;
};

}  // namespace

std::string file_name(std::string_view file_template, const FileNameParts& parts) {
  std::string name = Formatter(file_template, parts).format();
  const fs::path path(name);
  if (path.is_absolute() || std::ranges::find(path, "..") != path.end() || name.ends_with('/') ||
      name.empty()) {
    throw Error(Reason::InvalidUsage,
                fmt::format("file_template '{}' gives '{}', which is no file below the folder of "
                            "scripts",
                            file_template, name),
                "write a relative name without `..`");
  }
  return name;
}

}  // namespace engine
