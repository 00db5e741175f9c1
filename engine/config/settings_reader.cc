// SPDX-License-Identifier: Apache-2.0
#include "engine/config/settings_reader.h"

#include <fmt/format.h>

#include <algorithm>

namespace engine {
namespace {

[[noreturn]] void refuse(std::string message, std::string hint = {}) {
  throw Error(Reason::InvalidUsage, std::move(message), std::move(hint));
}

std::string upper(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return result;
}

// `name` is a variable of `key` that does not begin with ours.
bool is_shared_variable(const KeyInfo& key, std::string_view name) {
  const std::vector<std::string> names = engine::variables(key);
  return names.size() > 1 && name == names.front();
}

}  // namespace

std::vector<std::string> split_list(std::string_view text, std::string_view separators) {
  constexpr std::string_view kSpace = " \t\r\n\f\v";
  std::vector<std::string> items;
  while (true) {
    const std::size_t end = text.find_first_of(separators);
    std::string_view item = text.substr(0, end);
    item.remove_prefix(std::min(item.find_first_not_of(kSpace), item.size()));
    item = item.substr(0, item.find_last_not_of(kSpace) + 1);
    if (!item.empty()) items.emplace_back(item);
    if (end == std::string_view::npos) return items;
    text.remove_prefix(end + 1);
  }
}

std::string replace_here(std::string text, std::string_view folder) {
  constexpr std::string_view kHere = "%(here)s";
  for (std::size_t at = text.find(kHere); at != std::string::npos;
       at = text.find(kHere, at + folder.size())) {
    text.replace(at, kHere.size(), folder);
  }
  return text;
}

void SettingsReader::read() {
  if (sources_.pyproject) read_pyproject(*sources_.pyproject);
  if (sources_.ini) read_ini(*sources_.ini);
  if (sources_.yaml) read_yaml(*sources_.yaml);
  read_environment();
  read_flags();
  check();
}

void SettingsReader::set(Key key, Value value) {
  const auto clear = [&](Key rival) {
    settings_.values_[static_cast<std::size_t>(rival)] = Value{};
  };
  if (key == Key::DatabaseUrl) clear(Key::DatabaseUrlFile);
  if (key == Key::DatabaseUrlFile) clear(Key::DatabaseUrl);
  settings_.values_[static_cast<std::size_t>(key)] = std::move(value);
}

// A variable may be spelt as it is or in lower case, as with Python's ConfigParser(os.environ).
IniVariables SettingsReader::variables(const ConfigText& file) const {
  return [&](std::string_view name) -> std::optional<std::string> {
    const std::string in_capitals = upper(name);
    if (in_capitals == "HERE") return file.folder;
    const Environment& environment = sources_.environment;
    auto found = environment.find(std::string(name));
    if (found == environment.end()) found = environment.find(in_capitals);
    if (found == environment.end()) return std::nullopt;
    return found->second;
  };
}

void SettingsReader::read_own(const KeyInfo& key, const std::string& text,
                              const std::string& origin) {
  Value value;
  value.origin = origin;
  if (key.type == ValueType::List) {
    value.items = split_list(text, ":");
  } else {
    Checked checked = check_value(key, text, origin);
    if (!checked.fault.empty()) {
      // Other programs may have the variable, too, and read more in it than we do.
      if (!is_shared_variable(key, origin)) refuse(checked.fault);
      value.fault = Error(Reason::InvalidUsage, checked.fault);
    }
    value.text = std::move(checked.text);
  }
  set(key.key, std::move(value));
}

void SettingsReader::read_environment() {
  std::vector<const KeyInfo*> order;
  for (const KeyInfo& key : key_table()) order.push_back(&key);
  // Where both are set, the URL is nearer than the file that holds one.
  std::swap(order[static_cast<std::size_t>(Key::DatabaseUrl)],
            order[static_cast<std::size_t>(Key::DatabaseUrlFile)]);
  // DATABASE_URL and its like are the farthest, being other programs' variables, too.
  const auto apply = [&](const KeyInfo& key, const std::string& name) {
    const auto found = sources_.environment.find(name);
    // A variable that is set but empty counts as not set.
    if (found != sources_.environment.end() && !found->second.empty()) {
      read_own(key, found->second, name);
    }
  };
  for (const KeyInfo* key : order) {
    const std::vector<std::string> names = engine::variables(*key);
    if (names.size() > 1) apply(*key, names.front());
  }
  for (const KeyInfo* key : order) {
    const std::vector<std::string> names = engine::variables(*key);
    if (!names.empty()) apply(*key, names.back());
  }
}

void SettingsReader::read_flags() {
  const auto& flags = sources_.flags;
  if (flags.contains("database-url") && flags.contains("database-url-file")) {
    refuse("--database-url and --database-url-file are both given; use one of them");
  }
  for (const KeyInfo& key : key_table()) {
    const auto found = flags.find(flag_name(key));
    if (found == flags.end()) continue;
    const std::string origin = "--" + found->first;
    const bool takes_no_value = key.type == ValueType::Flag || key.type == ValueType::Switch;
    const bool is_switch = takes_no_value && found->second.empty();
    if (found->second.empty() && !is_switch) refuse(fmt::format("option {} needs a value", origin));
    if (key.scope == Scope::AlembicFiles) continue;
    read_own(key, is_switch ? "true" : found->second, origin);
  }
}

void SettingsReader::check() {
  if (settings_.flag(Key::Sourceless)) {
    refuse(fmt::format("{}: sourceless is true, but stillhead reads no compiled scripts (.pyc)",
                       settings_.origin(Key::Sourceless)),
           "remove the key, and ship the source of the scripts");
  }
  const std::string name = sources_.ini ? sources_.ini->name : "alembic.ini";
  const auto no_section = [&] {
    return Error(
        Reason::InvalidUsage,
        fmt::format("No config file '{}' found, or file has no '[{}]' section", name,
                    sources_.section),
        fmt::format("write [{}] into the file, or name another section with -n", sources_.section));
  };
  if (sources_.section != "alembic" && !ini_has_section_) throw no_section();
  if (sources_.ini && sources_.ini->named && !ini_has_section_) {
    settings_.no_script_location_ = no_section();
  } else if (sources_.ini || toml_has_table_ || (sources_.pyproject && sources_.pyproject->named)) {
    settings_.no_script_location_ =
        Error(Reason::InvalidUsage, "No 'script_location' key found in configuration.",
              "write `script_location = migrations` below [alembic] in alembic.ini, or give "
              "--script-location DIR");
  }
}

}  // namespace engine
