// SPDX-License-Identifier: Apache-2.0
//
// Alembic's revision files: what they are is read, what they do is not.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "engine/script/header.h"
#include "engine/syntax/python_literal.h"

namespace engine {
namespace {

using Kind = PythonValue::Kind;

constexpr std::array<std::string_view, 4> kNames = {"revision", "down_revision", "branch_labels",
                                                    "depends_on"};
enum Name : std::size_t { kRevision, kDownRevision, kBranchLabels, kDependsOn };
constexpr std::string_view kIllegalInPythonIds = "@-+:";  // Alembic's

// What str.strip of Python takes away beyond ASCII.
constexpr std::array<std::string_view, 20> kWideSpaces = {
    "\xC2\x85",     "\xC2\xA0",     "\xE1\x9A\x80", "\xE2\x80\x80", "\xE2\x80\x81",
    "\xE2\x80\x82", "\xE2\x80\x83", "\xE2\x80\x84", "\xE2\x80\x85", "\xE2\x80\x86",
    "\xE2\x80\x87", "\xE2\x80\x88", "\xE2\x80\x89", "\xE2\x80\x8A", "\xE2\x80\xA8",
    "\xE2\x80\xA9", "\xE2\x80\xAF", "\xE2\x81\x9F", "\xE3\x80\x80", ""};

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1C && c <= 0x1F); }

// Bytes of the white space at the begin or the end of `text`; 0: none.
template <typename IsAt>
std::size_t space_length(char nearest, const IsAt& is_at) {
  if (is_space(nearest)) return 1;
  if (static_cast<unsigned char>(nearest) < 0x80) return 0;
  return std::find_if(kWideSpaces.begin(), kWideSpaces.end() - 1, is_at)->size();
}

std::string_view stripped(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length =
        space_length(text.front(), [&](std::string_view space) { return text.starts_with(space); });
    if (length == 0) break;
    text.remove_prefix(length);
  }
  while (!text.empty()) {
    const std::size_t length =
        space_length(text.back(), [&](std::string_view space) { return text.ends_with(space); });
    if (length == 0) break;
    text.remove_suffix(length);
  }
  return text;
}

std::string_view file_name(std::string_view path) {
  return path.substr(path.find_last_of('/') + 1);  // npos + 1 is 0
}

// Alembic before 0.2 had the id in the file's name only.
std::string legacy_id(std::string_view path) {
  std::string_view name = file_name(path);
  if (!name.ends_with(".py")) return {};
  name.remove_suffix(3);
  const bool hex = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
  return hex ? std::string(name) : std::string();
}

class PythonHeaderReader {
 public:
  PythonHeaderReader(std::string_view text, std::string_view origin)
      : origin_(origin), module_(read_python_module(text, origin, kNames)) {}

  HeaderReading read() {
    Revision& revision = reading_.revision;
    revision.file = std::string(origin_);
    revision.format = ScriptFormat::Python;
    revision.doc = std::string(stripped(module_.doc.value_or("")));
    revision.message = first_paragraph(revision.doc);
    reading_.faults = std::move(module_.faults);
    if (!reading_.faults.empty()) return std::move(reading_);
    read_id();
    revision.down_revisions = read_list(kDownRevision, kIllegalInPythonIds);
    revision.branch_labels = read_list(kBranchLabels, "");
    revision.depends_on = read_list(kDependsOn, "");
    if (!module_.values[kDownRevision] && reading_.faults.empty()) {
      fault(1, "the script does not assign down_revision",
            "add `down_revision = None` when it is the first revision, or its parent's id");
    }
    return std::move(reading_);
  }

 private:
  void fault(int line, std::string_view what, std::string_view remedy) {
    reading_.faults.push_back(fmt::format("{}:{}: {}; {}", origin_, line, what, remedy));
  }

  void read_id() {
    const std::optional<PythonValue>& value = module_.values[kRevision];
    Revision& revision = reading_.revision;
    if (!value) {
      revision.id = legacy_id(origin_);
      if (!revision.id.empty()) return;
      fault(1,
            fmt::format("Could not determine revision id from filename {}. Be sure the 'revision' "
                        "variable is declared inside the script",
                        file_name(origin_)),
            "add `revision = \"4f1c2a9b0d3e\"` at the beginning of a line, or move files that are "
            "no revisions elsewhere");
    } else if (value->kind == Kind::NotLiteral) {
      fault_literal(kRevision, *value);
    } else if (value->kind != Kind::String || value->text.empty()) {
      fault(value->line, "the revision id is empty or no text",
            "write an id such as `revision = \"4f1c2a9b0d3e\"`");
    } else {
      check("revision identifier", value->text, kIllegalInPythonIds, value->line);
      revision.id = value->text;
    }
  }

  void fault_literal(Name name, const PythonValue& value) {
    const std::string_view example =
        name == kRevision ? "\"4f1c2a9b0d3e\"" : "None, \"4f1c2a9b0d3e\" or (\"a1\", \"b2\")";
    fault(value.line, fmt::format("{} is no literal, but {}", kNames[name], value.text),
          fmt::format("headers are read without running Python: write {} = {} at the beginning of "
                      "a line",
                      kNames[name], example));
  }

  std::vector<std::string> read_list(Name name, std::string_view illegal) {
    const std::optional<PythonValue>& value = module_.values[name];
    if (!value || value->kind == Kind::None) return {};
    if (value->kind == Kind::NotLiteral) {
      fault_literal(name, *value);
      return {};
    }
    std::vector<std::string> names =
        value->kind == Kind::List ? value->items : std::vector<std::string>{value->text};
    for (const std::string& each : names) check(kNames[name], each, illegal, value->line);
    return names;
  }

  void check(std::string_view what, std::string_view name, std::string_view illegal, int line) {
    const NameFault found = check_name(what, name, illegal);
    if (found.what.empty()) return;
    fault(line, found.what, name.empty() ? "write None when there is none" : "choose another name");
  }

  std::string_view origin_;
  PythonModule module_;
  HeaderReading reading_ = {};
};

}  // namespace

HeaderReading read_python_header(std::string_view text, std::string_view origin) {
  return PythonHeaderReader(text, origin).read();
}

}  // namespace engine
