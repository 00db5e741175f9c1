// SPDX-License-Identifier: Apache-2.0
#include "engine/config/settings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "engine/config/settings_reader.h"

namespace engine {

const std::string* PostWriteHook::find(std::string_view option) const {
  const auto found =
      std::ranges::find(options, option, &std::pair<std::string, std::string>::first);
  return found == options.end() ? nullptr : &found->second;
}

Settings::Settings() {
  for (const KeyInfo& key : key_table()) {
    values_[static_cast<std::size_t>(key.key)].text = key.default_text;
  }
}

Settings::Settings(const ConfigSources& sources) : Settings() {
  SettingsReader(sources, *this).read();
}

const Value& Settings::at(Key key) const {
  const Value& value = values_[static_cast<std::size_t>(key)];
  if (value.fault) throw Error(*value.fault);
  return value;
}

const std::string& Settings::text(Key key) const {
  if (info(key).type == ValueType::List) {
    throw Error(Reason::Bug, fmt::format("{} is asked for as a text", info(key).name));
  }
  return at(key).text;
}

bool Settings::flag(Key key) const { return text(key) == "true"; }

std::size_t Settings::number(Key key) const {
  const std::string& value = text(key);
  std::size_t number = 0;
  std::from_chars(value.data(), value.data() + value.size(), number);
  return number;
}

std::chrono::milliseconds Settings::duration(Key key) const {
  const auto duration = read_duration(text(key));
  if (!duration) throw Error(Reason::Bug, fmt::format("{} is no duration", info(key).name));
  return *duration;
}

const std::vector<std::string>& Settings::list(Key key) const {
  if (info(key).type != ValueType::List) {
    throw Error(Reason::Bug, fmt::format("{} is asked for as a list", info(key).name));
  }
  return at(key).items;
}

void Settings::set(Key key, std::string text, std::string origin) {
  // One of the two names the database.
  if (key == Key::DatabaseUrl) values_.at(static_cast<std::size_t>(Key::DatabaseUrlFile)) = {};
  Value& value = values_.at(static_cast<std::size_t>(key));
  value = {};
  value.text = std::move(text);
  value.origin = std::move(origin);
}

void Settings::replace(Key key, std::vector<std::string> items) {
  Value& value = values_.at(static_cast<std::size_t>(key));
  if (info(key).type == ValueType::List) {
    value.items = std::move(items);
  } else {
    value.text = std::move(items.at(0));
  }
}

void Settings::set_fault(Key key, const Error& fault) {
  values_.at(static_cast<std::size_t>(key)).fault = fault;
}

bool Settings::has_fault(Key key) const {
  return values_.at(static_cast<std::size_t>(key)).fault.has_value();
}

bool Settings::is_set(Key key) const {
  return values_[static_cast<std::size_t>(key)].origin != "default";
}

const std::string& Settings::origin(Key key) const {
  return values_[static_cast<std::size_t>(key)].origin;
}

const std::string& Settings::script_location() const {
  if (!is_set(Key::ScriptLocation) && no_script_location_) throw Error(*no_script_location_);
  return text(Key::ScriptLocation);
}

const std::vector<PostWriteHook>& Settings::post_write_hooks() const {
  if (hooks_fault_) throw Error(*hooks_fault_);
  return hooks_;
}

std::vector<ShownSetting> Settings::shown(
    const std::function<std::string(const std::string&)>& mask) const {
  const auto message = [](const std::optional<Error>& fault) {
    return fault ? fault->message() : std::string();
  };
  std::vector<ShownSetting> result;
  for (const KeyInfo& key : key_table()) {
    const Value& value = values_[static_cast<std::size_t>(key.key)];
    std::string text =
        key.type == ValueType::List ? fmt::format("{}", fmt::join(value.items, ", ")) : value.text;
    if (key.secret && !text.empty()) text = mask(text);
    result.push_back({std::string(key.name), text, value.origin, message(value.fault)});
    if (key.key == Key::ScriptLocation && !is_set(key.key)) {
      result.back().fault = message(no_script_location_);
    }
  }
  std::vector<std::string> names;
  for (const PostWriteHook& hook : hooks_) names.push_back(hook.name);
  result.push_back({"post_write_hooks", fmt::format("{}", fmt::join(names, ", ")), hooks_origin_,
                    message(hooks_fault_)});
  for (const auto& [name, hook] : {std::pair{"before_run", &run_hooks_.before_run},
                                   std::pair{"after_run", &run_hooks_.after_run},
                                   std::pair{"before_revision", &run_hooks_.before_revision},
                                   std::pair{"after_revision", &run_hooks_.after_revision}}) {
    const std::string program = hook->words.empty() ? "" : hook->words.front();
    result.push_back({fmt::format("hooks.{}", name),
                      hook->words.size() > 1 ? program + " ..." : program,
                      hook->origin,
                      {}});
  }
  result.push_back({"hooks.timeout", run_hooks_.timeout_text, run_hooks_.timeout_origin, {}});
  return result;
}

}  // namespace engine
