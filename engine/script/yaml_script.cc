// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "engine/core/error.h"
#include "engine/core/spelling.h"
#include "engine/script/header.h"
#include "engine/script/sha256.h"
#include "engine/syntax/node.h"

namespace engine {
namespace {

using Kind = Node::Kind;

constexpr std::array<std::string_view, 8> kKeys = {
    "revision", "down_revision", "depends_on", "branch_labels",
    "message",  "transactional", "upgrade",    "downgrade"};
constexpr std::string_view kExecuteRemedy = "write the change as `- execute: \"SQL\"`";

// `line` begins with `key:`.
bool is_entry(std::string_view line, std::string_view key) {
  if (!line.starts_with(key)) return false;
  const std::size_t colon = line.find_first_not_of(" \t", key.size());
  return colon != std::string_view::npos && line[colon] == ':';
}

// The part before the first of `upgrade:` and `downgrade:`, unless header keys stand behind it:
// thousands of headers are to be read within milliseconds.
std::string_view header_part(std::string_view text) {
  std::size_t cut = std::string_view::npos;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::string_view line = text.substr(begin);
    if (is_entry(line, "upgrade") || is_entry(line, "downgrade")) {
      cut = std::min(cut, begin);
    } else if (cut != std::string_view::npos && !line.empty() && line.front() != ' ' &&
               line.front() != '#' && line.front() != '-' && line.front() != '\n' &&
               line.front() != '\r') {
      return text;
    }
    const std::size_t end = text.find('\n', begin);
    begin = end == std::string_view::npos ? text.size() : end + 1;
  }
  return text.substr(0, cut);
}

class YamlReader {
 public:
  explicit YamlReader(std::string_view origin) : origin_(origin) {
    header_.revision.file = std::string(origin);
    header_.revision.format = ScriptFormat::Yaml;
  }

  HeaderReading read_header(const Node& root) {
    if (root.kind != Kind::Map) {
      fault(std::max(root.line, 1), "the document is no map of keys",
            "begin with a line such as `revision: 4f1c2a9b0d3e`");
      return std::move(header_);
    }
    for (const auto& [key, value] : root.entries) read_entry(key, value);
    if (root.find("revision") == nullptr) {
      fault(std::max(root.line, 1), "no revision in the header",
            "add a line such as `revision: 4f1c2a9b0d3e`");
    }
    return std::move(header_);
  }

  ScriptBody read_body(const Node& root, bool transactional) {
    autocommit_ = !transactional;
    ScriptBody body;
    const Node* upgrade = root.find("upgrade");
    const Node* downgrade = root.find("downgrade");
    if (upgrade == nullptr) {
      fault(1, "the script has no `upgrade:`", "add it; `upgrade: []` when nothing is to be done");
    } else {
      body.upgrade = read_operations("upgrade", *upgrade);
    }
    if (downgrade != nullptr && is_auto(*downgrade)) {
      body.downgrade = derived_downgrade(body, downgrade->line);
    } else if (downgrade != nullptr) {
      body.downgrade = read_operations("downgrade", *downgrade);
    }
    throw_faults(header_.faults, ScriptFormat::Yaml);
    return body;
  }

 private:
  void fault(int line, std::string_view what, std::string_view remedy) {
    header_.faults.push_back(fmt::format("{}:{}: {}; {}", origin_, line, what, remedy));
  }

  // ---- header

  void read_entry(const std::string& key, const Node& value) {
    Revision& revision = header_.revision;
    if (std::find(kKeys.begin(), kKeys.end(), key) == kKeys.end()) {
      const std::vector<std::string_view> known(kKeys.begin(), kKeys.end());
      fault(value.line, fmt::format("unknown key '{}'{}", key, did_you_mean(key, known)),
            fmt::format("the keys are {}", fmt::join(kKeys, ", ")));
    } else if (key == "revision") {
      read_id(value);
    } else if (key == "down_revision") {
      revision.down_revisions = read_list(key, value, kIllegalInIds);
    } else if (key == "depends_on") {
      revision.depends_on = read_list(key, value, kIllegalInLabels);
    } else if (key == "branch_labels") {
      revision.branch_labels = read_list(key, value, kIllegalInLabels);
    } else if (key == "message") {
      read_message(value);
    } else if (key == "transactional") {
      read_transactional(value);
    }
  }

  static bool is_none(const Node& node) {
    return node.kind == Kind::Null ||
           (node.kind == Kind::Scalar && !node.quoted && node.scalar == "None");
  }

  void read_id(const Node& value) {
    if (value.kind == Kind::List || value.kind == Kind::Map) {
      fault(value.line, "revision is no text", "write one id such as `revision: 4f1c2a9b0d3e`");
    } else if (is_none(value) || value.scalar.empty()) {
      fault(value.line, "the revision id is empty", "write an id such as `revision: 4f1c2a9b0d3e`");
    } else {
      check("revision identifier", value, kIllegalInIds);
      header_.revision.id = value.scalar;
    }
  }

  std::vector<std::string> read_list(const std::string& key, const Node& value,
                                     std::string_view illegal) {
    if (is_none(value)) return {};
    const std::vector<Node> items =
        value.kind == Kind::List ? value.items : std::vector<Node>{value};
    std::vector<std::string> names;
    for (const Node& item : items) {
      if (item.kind == Kind::Scalar) {
        check(key, item, illegal);
        names.push_back(item.scalar);
      } else {
        fault(item.line, fmt::format("{} holds something that is no text", key),
              fmt::format("write one name, or a list: `{}: [a1, b2]`", key));
      }
    }
    return names;
  }

  void check(std::string_view what, const Node& name, std::string_view illegal) {
    const NameFault found = check_name(what, name.scalar, illegal);
    if (found.what.empty()) return;
    fault(name.line, found.what, "write plain names; several as a list: [a1, b2]");
  }

  void read_message(const Node& value) {
    if (value.kind == Kind::List || value.kind == Kind::Map) {
      fault(value.line, "message is no text", "write one text; quote it when it holds `: ` or `#`");
      return;
    }
    const auto end = value.scalar.find_last_not_of(" \t\r\n");
    header_.revision.doc = value.scalar.substr(0, end == std::string::npos ? 0 : end + 1);
    header_.revision.message = first_paragraph(header_.revision.doc);
  }

  void read_transactional(const Node& value) {
    if (value.kind == Kind::Scalar && (value.scalar == "true" || value.scalar == "false")) {
      header_.revision.transactional = value.scalar == "true";
      return;
    }
    fault(value.line, fmt::format("'{}' is no value for transactional", value.scalar),
          "write true or false");
  }

  // ---- body

  static bool is_auto(const Node& node) {
    return node.kind == Kind::Scalar && node.scalar == "auto";
  }

  std::vector<Operation> derived_downgrade(const ScriptBody& body, int line) {
    if (!body.upgrade.empty()) {
      fault(line, "`downgrade: auto`: what `execute` does cannot be reversed by itself",
            "write the list of what takes the revision back, or leave `downgrade` out");
    }
    return {};
  }

  std::vector<Operation> read_operations(std::string_view direction, const Node& list) {
    std::vector<Operation> operations;
    if (list.kind != Kind::List && list.kind != Kind::Null) {
      fault(list.line, fmt::format("{} is no list of operations", direction),
            fmt::format("write `{}:`, and below it lines such as `- execute: \"SQL\"`", direction));
      return operations;
    }
    for (const Node& item : list.items) read_operation(item, operations);
    return operations;
  }

  void read_operation(const Node& item, std::vector<Operation>& operations) {
    if (item.kind != Kind::Map || item.entries.size() != 1) {
      fault(item.line, "an operation is no map with one key", kExecuteRemedy);
      return;
    }
    const auto& [name, value] = item.entries.front();
    if (name != "execute") {
      fault(item.line,
            fmt::format("operation '{}' is not known to this version of stillhead{}", name,
                        did_you_mean(name, {"execute"})),
            kExecuteRemedy);
    } else if (value.kind != Kind::Scalar) {
      fault(value.line, "execute has no text", "write the SQL behind it, in quotes or behind `|`");
    } else {
      operations.emplace_back(ExecuteSql{value.scalar, value.line, autocommit_});
    }
  }

  std::string_view origin_;
  HeaderReading header_ = {};
  bool autocommit_ = false;
};

Node parse(std::string_view text, std::string_view origin) {
  return parse_yaml(text, origin, Reason::InvalidScripts);
}

}  // namespace

HeaderReading read_yaml_header(std::string_view text, std::string_view origin) {
  try {
    const std::string_view part = header_part(text);
    if (part.size() < text.size()) {
      try {
        return YamlReader(origin).read_header(parse(part, origin));
      } catch (const Error&) {
        // What ends the part may be the inside of a text; the whole document tells.
      }
    }
    return YamlReader(origin).read_header(parse(text, origin));
  } catch (const Error& error) {
    HeaderReading reading;
    reading.revision.file = std::string(origin);
    reading.faults.push_back(error.message());
    return reading;
  }
}

ScriptBody parse_yaml_body(std::string_view text, std::string_view origin) {
  const Node root = parse(text, origin);
  const HeaderReading header = YamlReader(origin).read_header(root);
  throw_faults(header.faults, ScriptFormat::Yaml);
  ScriptBody body = YamlReader(origin).read_body(root, header.revision.transactional);
  body.checksum = sha256_hex(text);
  return body;
}

}  // namespace engine
