// SPDX-License-Identifier: Apache-2.0
//
// stillhead.yaml. It is ours: what it says wrongly is refused at once.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/config/settings_reader.h"
#include "engine/core/spelling.h"

namespace engine {
namespace {

constexpr std::string_view kHooks = "post_write_hooks";
constexpr std::string_view kRunHooks = "hooks";

[[noreturn]] void refuse(const ConfigText& file, int line, std::string_view what) {
  throw Error(Reason::InvalidUsage, fmt::format("{}:{}: {}", file.name, line, what));
}

[[noreturn]] void refuse_unknown(const ConfigText& file, const std::string& name, int line) {
  std::vector<std::string_view> names = {kHooks, kRunHooks};
  for (const KeyInfo& key : key_table()) {
    if (key.scope == Scope::Anywhere) names.push_back(key.name);
  }
  std::string with_underscores = name;
  std::ranges::replace(with_underscores, '-', '_');
  const std::string meant = did_you_mean(with_underscores, names);
  refuse(file, line,
         fmt::format("unknown key '{}'{}", name,
                     meant.empty() ? "; `stillhead config` shows the keys" : meant));
}

const KeyInfo& key_named(const ConfigText& file, const std::string& name, int line) {
  const KeyInfo* key = find_key(name);
  if (key == nullptr) refuse_unknown(file, name, line);
  if (key->scope == Scope::AlembicFiles) {
    refuse(file, line, fmt::format("'{}' is a key of alembic.ini; remove it here", name));
  }
  if (key->scope == Scope::Run) {
    refuse(file, line,
           fmt::format("'{}' belongs to one run; give it as --{} or {}", name, flag_name(*key),
                       variables(*key).back()));
  }
  return *key;
}

std::vector<std::string> list_of(const ConfigText& file, const KeyInfo& key, const Node& node) {
  const auto text_of = [&](const Node& item) {
    if (item.kind != Node::Kind::Scalar || item.scalar.empty()) {
      refuse(file, item.line,
             fmt::format("{} takes a list of {}", key.name,
                         key.key == Key::HistoryReaders ? "roles" : "paths"));
    }
    return replace_here(item.scalar, file.folder);
  };
  if (node.kind != Node::Kind::List) return {text_of(node)};
  std::vector<std::string> items;
  for (const Node& item : node.items) items.push_back(text_of(item));
  return items;
}

std::string text_of(const ConfigText& file, const KeyInfo& key, const Node& node) {
  const std::string where = fmt::format("{}:{}: {}", file.name, node.line, key.name);
  if (node.kind != Node::Kind::Scalar) {
    throw Error(Reason::InvalidUsage, fmt::format("{} takes one value, not a {}", where,
                                                  node.kind == Node::Kind::List ? "list" : "map"));
  }
  const bool may_name_folder = key.type == ValueType::Path || key.key == Key::DatabaseUrl;
  Checked checked = check_value(
      key, may_name_folder ? replace_here(node.scalar, file.folder) : node.scalar, where);
  if (!checked.fault.empty()) throw Error(Reason::InvalidUsage, checked.fault);
  return checked.text;
}

// A list of words, or a text for the shell.
RunHook run_hook(const ConfigText& file, const std::string& name, const Node& node) {
  RunHook hook{{}, fmt::format("{}:{}", file.name, node.line)};
  if (node.kind == Node::Kind::Scalar && !node.scalar.empty()) {
    hook.words = {"sh", "-c", replace_here(node.scalar, file.folder)};
    return hook;
  }
  for (const Node& item : node.items) {
    if (item.kind != Node::Kind::Scalar) hook.words.clear();
    if (item.kind != Node::Kind::Scalar) break;
    hook.words.push_back(replace_here(item.scalar, file.folder));
  }
  if (hook.words.empty() || hook.words.front().empty()) {
    refuse(file, node.line,
           fmt::format("hooks.{} takes a command: a list of words, or one text for `sh -c`", name));
  }
  return hook;
}

}  // namespace

void SettingsReader::read_yaml_run_hooks(const ConfigText& file, const Node& node) {
  if (node.kind == Node::Kind::Null) return;
  if (node.kind != Node::Kind::Map) {
    refuse(file, node.line, "hooks takes a map: `before_run: [PROGRAM, ARGUMENT]` and the like");
  }
  HookSettings& hooks = settings_.run_hooks_;
  const std::pair<std::string_view, RunHook*> places[] = {
      {"before_run", &hooks.before_run},
      {"after_run", &hooks.after_run},
      {"before_revision", &hooks.before_revision},
      {"after_revision", &hooks.after_revision}};
  for (const auto& [name, value] : node.entries) {
    if (value.kind == Node::Kind::Null) continue;
    if (name == "timeout") {
      const auto timeout = read_duration(value.scalar);
      if (!timeout || timeout->count() == 0) {
        refuse(file, value.line,
               fmt::format("hooks.timeout takes a duration such as 500ms, 30s or 5m, not \"{}\"",
                           value.scalar));
      }
      hooks.timeout = *timeout;
      hooks.timeout_text = value.scalar;
      hooks.timeout_origin = fmt::format("{}:{}", file.name, value.line);
      continue;
    }
    const auto* place =
        std::ranges::find(places, name, &std::pair<std::string_view, RunHook*>::first);
    if (place == std::end(places)) {
      const std::string meant = did_you_mean(
          name, {"before_run", "after_run", "before_revision", "after_revision", "timeout"});
      refuse(file, value.line, fmt::format("unknown key 'hooks.{}'{}", name, meant));
    }
    *place->second = run_hook(file, name, value);
  }
}

void SettingsReader::read_yaml(const ConfigText& file) {
  const Node document = parse_yaml(file.text, file.name, Reason::InvalidUsage);
  if (document.kind == Node::Kind::Null) return;
  if (document.kind != Node::Kind::Map) {
    refuse(file, std::max(document.line, 1), "settings are written `key: value`");
  }
  for (const auto& [name, node] : document.entries) {
    if (name == kHooks) {
      read_yaml_hooks(file, node);
      continue;
    }
    if (name == kRunHooks) {
      read_yaml_run_hooks(file, node);
      continue;
    }
    const KeyInfo& key = key_named(file, name, node.line);
    if (node.kind == Node::Kind::Null) continue;  // as if it were not there
    if (key.key == Key::DatabaseUrlFile && document.find("database_url") != nullptr) {
      refuse(file, node.line, "database_url and database_url_file are both given; use one of them");
    }
    Value value;
    value.origin = fmt::format("{}:{}", file.name, node.line);
    if (key.type == ValueType::List) {
      value.items = list_of(file, key, node);
    } else {
      value.text = text_of(file, key, node);
    }
    set(key.key, std::move(value));
  }
}

void SettingsReader::read_yaml_hooks(const ConfigText& file, const Node& node) {
  if (node.kind != Node::Kind::List && node.kind != Node::Kind::Null) {
    refuse(file, node.line, "post_write_hooks takes a list: `- {name: ..., type: ..., ...}`");
  }
  settings_.hooks_.clear();
  settings_.hooks_fault_.reset();
  settings_.hooks_origin_ = fmt::format("{}:{}", file.name, node.line);
  for (const Node& item : node.items) {
    PostWriteHook hook{"", {}, fmt::format("{}:{}", file.name, item.line)};
    for (const auto& [key, value] : item.entries) {
      if (value.kind != Node::Kind::Scalar) {
        refuse(file, value.line, fmt::format("'{}' of a post-write hook takes one value", key));
      }
      if (key == "name") {
        hook.name = value.scalar;
      } else {
        hook.options.emplace_back(key, replace_here(value.scalar, file.folder));
      }
    }
    if (hook.name.empty()) refuse(file, item.line, "a post-write hook has no name; give it one");
    settings_.hooks_.push_back(std::move(hook));
  }
}

}  // namespace engine
