// SPDX-License-Identifier: Apache-2.0
//
// alembic.ini: its section, and [post_write_hooks].
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "engine/config/settings_reader.h"

namespace engine {
namespace {

// What Alembic's template writes; nobody's database.
constexpr std::string_view kPlaceholderUrl = "driver://user:pass@localhost/dbname";

Error fault(std::string message, std::string hint = {}) {
  return Error(Reason::InvalidUsage, std::move(message), std::move(hint));
}

std::string trimmed_lower(std::string_view text) {
  std::string result;
  for (const std::string& word : split_list(text, "\n")) result += word;
  std::ranges::transform(result, result.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return result;
}

// SQLAlchemy's asbool, with which Alembic reads revision_environment.
std::optional<bool> truth(std::string_view text) {
  constexpr std::array<std::string_view, 6> kTrue = {"true", "yes", "on", "y", "t", "1"};
  constexpr std::array<std::string_view, 6> kFalse = {"false", "no", "off", "n", "f", "0"};
  const std::string word = trimmed_lower(text);
  if (std::ranges::find(kTrue, word) != kTrue.end()) return true;
  if (std::ranges::find(kFalse, word) != kFalse.end()) return false;
  return std::nullopt;
}

// The characters for a name of path_separator; nullopt: not a valid one.
std::optional<std::string> separator_named(std::string_view name) {
  if (name == "space") return " ";
  if (name == "newline") return "\n";
  if (name == "os" || name == ":") return ":";
  if (name == ";") return ";";
  return std::nullopt;
}

void read_flag(const KeyInfo& key, const std::string& text, Value& value) {
  // Alembic compares the others with "true" and takes all else for false.
  const std::optional<bool> read =
      key.key == Key::RevisionEnvironment ? truth(text) : text == "true";
  value.text = read.value_or(false) ? "true" : "false";
  if (!read) {
    value.fault = fault(fmt::format("String is not true/false: '{}'", trimmed_lower(text)),
                        fmt::format("write true or false in {}, at {}", value.origin, key.name));
  }
}

void read_number(const KeyInfo& key, const std::string& text, Value& value) {
  const std::string number = trimmed_lower(text);
  if (number == "0") return;  // the default, as in Alembic
  Checked checked = check_value(key, number, fmt::format("{}: {}", value.origin, key.name));
  value.text = std::move(checked.text);
  if (!checked.fault.empty()) value.fault = fault(std::move(checked.fault));
}

}  // namespace

// Alembic looks at path_separator, then for version_locations at its older name, and without either
// splits as it did in old times.
void SettingsReader::read_ini_list(const IniDocument& ini, const KeyInfo& key,
                                   const std::string& text, Value& value) {
  const bool is_versions = key.key == Key::VersionLocations;
  std::string_view name = "path_separator";
  const IniOption* option = ini.find(sources_.section, name);
  if (option == nullptr && is_versions) {
    name = "version_path_separator";
    option = ini.find(sources_.section, name);
  }
  if (option == nullptr) {
    value.items = split_list(text, is_versions ? " ," : " ,:");
    return;
  }
  const auto separator = separator_named(option->value);
  if (separator) {
    value.items = split_list(text, *separator);
  } else {
    value.fault = fault(fmt::format("'{}' is not a valid value for {}; expected 'space', "
                                    "'newline', 'os', ':', ';'",
                                    option->value, name),
                        fmt::format("correct it in {}:{}", ini.origin, option->line));
  }
}

void SettingsReader::read_ini(const ConfigText& file) {
  const IniDocument ini = parse_ini(file.text, file.name, Reason::InvalidUsage);
  const IniVariables names = variables(file);
  ini_has_section_ = ini.find_section(sources_.section) != nullptr;
  for (const KeyInfo& key : key_table()) {
    const IniOption* option =
        key.alembic_name.empty() ? nullptr : ini.find(sources_.section, key.alembic_name);
    if (option == nullptr) continue;
    const Interpolated given = interpolate(ini, sources_.section, *option, names);
    // An empty list leaves room for pyproject.toml's.
    if (key.type == ValueType::List && given.fault.empty() && given.text.empty()) continue;
    if (key.key == Key::DatabaseUrl && given.fault.empty() &&
        (given.text.empty() || given.text == kPlaceholderUrl)) {
      continue;
    }
    Value value{given.text, {}, fmt::format("{}:{}", file.name, option->line), {}};
    if (!given.fault.empty()) {
      value.fault = fault(given.fault);
    } else if (key.type == ValueType::List) {
      value.text.clear();
      read_ini_list(ini, key, given.text, value);
    } else if (key.type == ValueType::Flag) {
      read_flag(key, given.text, value);
    } else if (key.type == ValueType::Number) {
      value.text = key.default_text;
      read_number(key, given.text, value);
    }
    set(key.key, std::move(value));
  }
  read_ini_hooks(ini, names);
}

void SettingsReader::read_ini_hooks(const IniDocument& ini, const IniVariables& names) {
  constexpr std::string_view kSection = "post_write_hooks";
  const IniSection* section = ini.find_section(kSection);
  if (section == nullptr) return;
  settings_.hooks_.clear();
  settings_.hooks_fault_.reset();
  settings_.hooks_origin_ = fmt::format("{}:{}", ini.origin, section->line);
  const auto value_of = [&](const IniOption& option) {
    Interpolated given = interpolate(ini, kSection, option, names);
    if (!given.fault.empty() && !settings_.hooks_fault_)
      settings_.hooks_fault_ = fault(given.fault);
    return given.text;
  };
  const IniOption* hooks = ini.find(kSection, "hooks");
  if (hooks == nullptr) return;
  for (const std::string& name : split_list(value_of(*hooks), " ,")) {
    PostWriteHook hook{name, {}, fmt::format("{}:{}", ini.origin, hooks->line)};
    for (const IniOption* option : ini.options_of(kSection)) {
      if (!option->name.starts_with(name + ".")) continue;
      hook.options.emplace_back(option->name.substr(name.size() + 1), value_of(*option));
    }
    settings_.hooks_.push_back(std::move(hook));
  }
}

}  // namespace engine
