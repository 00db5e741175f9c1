// SPDX-License-Identifier: Apache-2.0
//
// pyproject.toml: [tool.alembic].
#include <fmt/format.h>

#include <utility>

#include "engine/config/settings_reader.h"

namespace engine {
namespace {

// Where Alembic has a message, it is Alembic's; the hint says where.
Error fault(std::string message, std::string_view file, int line) {
  return Error(Reason::InvalidUsage, std::move(message),
               fmt::format("correct it in {}:{}", file, line));
}

bool is_string(const Node& node) { return node.kind == Node::Kind::Scalar && node.quoted; }

bool is_boolean(const Node& node) {
  return node.kind == Node::Kind::Scalar && !node.quoted &&
         (node.scalar == "true" || node.scalar == "false");
}

Error unsupported(const KeyInfo& key, const ConfigText& file, const Node& node) {
  return fault(fmt::format("unsupported TOML value type for key: '{}'", key.alembic_name),
               file.name, node.line);
}

// Of one value: puts texts into it, or a fault.
class Reader {
 public:
  Reader(const ConfigText& file, const KeyInfo& key, const IniVariables& variables, Value& value)
      : file_(file), key_(key), variables_(variables), value_(value) {}

  void read(const Node& node) {
    if (key_.type == ValueType::List) {
      read_list(node);
    } else if (key_.type == ValueType::Flag) {
      read_flag(node);
    } else if (key_.type == ValueType::Number) {
      read_number(node);
    } else {
      value_.text = text_of(node);
    }
  }

 private:
  void read_list(const Node& node) {
    if (node.kind != Node::Kind::List) {
      value_.items = {text_of(node)};
      return;
    }
    for (const Node& item : node.items) value_.items.push_back(text_of(item));
  }

  void read_flag(const Node& node) {
    value_.text = node.scalar;
    if (is_boolean(node)) return;
    value_.fault =
        fault(fmt::format("boolean value expected for TOML parameter '{}'", key_.alembic_name),
              file_.name, node.line);
  }

  void read_number(const Node& node) {
    if (node.kind != Node::Kind::Scalar || node.scalar == "0") return;  // 0: the default
    Checked checked =
        check_value(key_, node.scalar, fmt::format("{}: {}", value_.origin, key_.name));
    value_.text = std::move(checked.text);
    if (!checked.fault.empty()) value_.fault = Error(Reason::InvalidUsage, checked.fault);
  }

  std::string text_of(const Node& node) {
    if (!is_string(node)) {
      value_.fault = unsupported(key_, file_, node);
      return {};
    }
    Interpolated given = interpolate_text(
        node.scalar, fmt::format("{}:{}: '{}'", file_.name, node.line, key_.name), variables_);
    if (!given.fault.empty()) value_.fault = Error(Reason::InvalidUsage, given.fault);
    return given.text;
  }

  const ConfigText& file_;
  const KeyInfo& key_;
  const IniVariables& variables_;
  Value& value_;
};

}  // namespace

void SettingsReader::read_toml_value(const ConfigText& file, const KeyInfo& key, const Node& node) {
  Value value{std::string(key.default_text), {}, fmt::format("{}:{}", file.name, node.line), {}};
  const IniVariables names = variables(file);
  Reader(file, key, names, value).read(node);
  set(key.key, std::move(value));
}

void SettingsReader::read_pyproject(const ConfigText& file) {
  const Node document = parse_toml(file.text, file.name, Reason::InvalidUsage);
  const Node* tool = document.find("tool");
  const Node* alembic = tool == nullptr ? nullptr : tool->find("alembic");
  if (alembic == nullptr) return;
  if (alembic->kind != Node::Kind::Map) {
    throw fault("Incorrect TOML format", file.name, alembic->line);
  }
  toml_has_table_ = true;
  for (const KeyInfo& key : key_table()) {
    // The URL is read from alembic.ini only, by Alembic's env.py.
    if (key.alembic_name.empty() || key.key == Key::DatabaseUrl) continue;
    if (key.key == Key::PathSeparator) continue;  // lists are lists here
    if (const Node* node = alembic->find(key.alembic_name)) read_toml_value(file, key, *node);
  }
  if (const Node* hooks = alembic->find("post_write_hooks")) read_toml_hooks(file, *hooks);
}

void SettingsReader::read_toml_hooks(const ConfigText& file, const Node& node) {
  settings_.hooks_origin_ = fmt::format("{}:{}", file.name, node.line);
  const auto fail = [&](int line, std::string_view what) {
    settings_.hooks_fault_ =
        Error(Reason::InvalidUsage, fmt::format("{}:{}: {}", file.name, line, what));
  };
  const IniVariables names = variables(file);
  for (const Node& item : node.items) {
    PostWriteHook hook{"", {}, fmt::format("{}:{}", file.name, item.line)};
    for (const auto& [key, value] : item.entries) {
      if (!is_string(value)) {
        fail(value.line, fmt::format("'{}' of a post-write hook takes a string", key));
        continue;
      }
      Interpolated given = interpolate_text(
          value.scalar, fmt::format("{}:{}: '{}'", file.name, value.line, key), names);
      if (!given.fault.empty()) settings_.hooks_fault_ = Error(Reason::InvalidUsage, given.fault);
      if (key == "name") {
        hook.name = given.text;
      } else {
        hook.options.emplace_back(key, given.text);
      }
    }
    if (hook.name.empty())
      fail(item.line, "a post-write hook has no name; give it one: name = ...");
    settings_.hooks_.push_back(std::move(hook));
  }
  if (node.kind != Node::Kind::List) {
    fail(node.line, "post_write_hooks is a list of tables: [[tool.alembic.post_write_hooks]]");
  }
}

}  // namespace engine
