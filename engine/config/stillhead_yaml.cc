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

[[noreturn]] void refuse(const ConfigText& file, int line, std::string_view what) {
  throw Error(Reason::InvalidUsage, fmt::format("{}:{}: {}", file.name, line, what));
}

[[noreturn]] void refuse_unknown(const ConfigText& file, const std::string& name, int line) {
  std::vector<std::string_view> names = {kHooks};
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

}  // namespace

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
