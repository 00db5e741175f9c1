// SPDX-License-Identifier: Apache-2.0
#include "engine/script/script_dir.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <system_error>
#include <unordered_set>
#include <utility>

#include "engine/core/error.h"
#include "engine/script/file_reader.h"
#include "engine/script/header.h"
#include "engine/script/sha256.h"
#include "engine/script/sql_header.h"
#include "engine/syntax/encoding.h"

namespace engine {
namespace {

std::optional<ScriptFormat> format_of(std::string_view name) {
  if (name.ends_with(".py")) {
    const bool skipped = name.starts_with(".#") || name.starts_with("__init__") || name == "env.py";
    return skipped ? std::nullopt : std::optional(ScriptFormat::Python);
  }
  if (name.starts_with('.') || name.starts_with('_')) return std::nullopt;
  if (name.ends_with(".sql")) return ScriptFormat::Sql;
  const bool yaml = name.ends_with(".yaml") || name.ends_with(".yml");
  if (!yaml || name == "stillhead.yaml" || name == "stillhead.yml") return std::nullopt;
  return ScriptFormat::Yaml;
}

HeaderReading read_header(std::string_view text, const std::string& origin, ScriptFormat format) {
  return format == ScriptFormat::Sql    ? read_sql_header(text, origin).header
         : format == ScriptFormat::Yaml ? read_yaml_header(text, origin)
                                        : read_python_header(text, origin);
}

[[noreturn]] void fail_empty(const std::vector<std::filesystem::path>& folders) {
  std::vector<std::string> names;
  for (const std::filesystem::path& folder : folders) names.push_back(folder.string());
  throw Error(Reason::InvalidScripts,
              fmt::format("{}: the {} no script (*.sql, *.yaml or *.py)", fmt::join(names, ", "),
                          names.size() == 1 ? "folder holds" : "folders hold"),
              "name the folder that holds the scripts; to begin, put a file like this into it:\n" +
                  std::string(kExampleScript));
}

// Collects the headers of several folders.
class HeaderCollector {
 public:
  explicit HeaderCollector(const ScriptLocations& locations)
      : locations_(locations), always_check_(locations.folders.size() > 1 || locations.recursive) {}

  std::vector<Revision> read() {
    for (const std::filesystem::path& folder : locations_.folders) {
      std::error_code none;
      if (locations_.may_be_empty && !std::filesystem::exists(folder, none)) continue;
      read_folder(folder);
    }
    throw_faults(faults_, faulty_format_);
    if (revisions_.empty() && !locations_.may_be_empty) fail_empty(locations_.folders);
    return std::move(revisions_);
  }

 private:
  void read_folder(const std::filesystem::path& path) {
    const Folder folder(path);
    const Folder::Content content =
        folder.list([](std::string_view name) { return format_of(name).has_value(); });
    const bool check = always_check_ || std::ranges::any_of(content.files, &Folder::File::is_link);
    const std::filesystem::path real = check ? real_path(path) : path;
    const std::string prefix = (path / "").string();
    revisions_.reserve(revisions_.size() + content.files.size());
    for (const Folder::File& file : content.files) {
      if (check && !seen_.insert(real_file(real, file)).second) continue;
      read_file(folder, file.name, prefix + file.name);
    }
    if (!locations_.recursive) return;
    for (const std::string& name : content.folders) {
      if (name != "__pycache__") read_folder(path / name);
    }
  }

  static std::filesystem::path real_path(const std::filesystem::path& path) {
    std::error_code failed;
    std::filesystem::path real = std::filesystem::canonical(path, failed);
    return failed ? path : real;
  }

  static std::string real_file(const std::filesystem::path& folder, const Folder::File& file) {
    const std::filesystem::path path = folder / file.name;
    return file.is_link ? real_path(path).string() : path.string();
  }

  void read_file(const Folder& folder, const std::string& name, const std::string& origin) {
    const ScriptFormat format = *format_of(name);
    const auto enough = [format](std::string_view beginning) {
      return format == ScriptFormat::Sql && sql_header_is_complete(beginning);
    };
    const std::string_view text = folder.read_until(name, enough, buffer_);
    HeaderReading header = read_header(text, origin, format);
    if (faults_.empty()) faulty_format_ = format;
    faults_.insert(faults_.end(), header.faults.begin(), header.faults.end());
    revisions_.push_back(std::move(header.revision));
  }

  const ScriptLocations& locations_;
  bool always_check_;
  std::string buffer_ = {};
  std::unordered_set<std::string> seen_ = {};  // real paths
  std::vector<Revision> revisions_ = {};
  std::vector<std::string> faults_ = {};
  ScriptFormat faulty_format_ = ScriptFormat::Sql;  // of the first fault
};

// sha256sum marks a line whose name it had to escape with a backslash.
std::string checksum_line(const std::string& hex, std::string_view name) {
  std::string escaped;
  for (const char c : name) {
    if (c == '\\') {
      escaped += "\\\\";
    } else if (c == '\n') {
      escaped += "\\n";
    } else if (c == '\r') {
      escaped += "\\r";
    } else {
      escaped += c;
    }
  }
  return fmt::format("{}{}  {}\n", escaped == name ? "" : "\\", hex, escaped);
}

}  // namespace

std::filesystem::path versions_folder(const std::filesystem::path& location) {
  const Folder folder(location);
  std::error_code none;
  std::filesystem::path versions = location / "versions";
  return std::filesystem::is_directory(versions, none) ? versions : location;
}

std::vector<Revision> read_scripts(const ScriptLocations& locations) {
  return HeaderCollector(locations).read();
}

std::vector<Revision> read_scripts(const std::filesystem::path& location) {
  return read_scripts(ScriptLocations{.folders = {versions_folder(location)}});
}

void refuse_python(const Revision& revision) {
  if (revision.format != ScriptFormat::Python) return;
  throw Error(Reason::InvalidScripts,
              fmt::format("cannot run revision {}: {} is a Python script, which needs its project: "
                          "env.py, beside the folder of the scripts",
                          revision.id, revision.file),
              "run it where the project is, or write the revision as .sql or .yaml with the same "
              "id");
}

std::string read_source(const Revision& revision) {
  const std::filesystem::path path(revision.file);
  const Folder folder(path.has_parent_path() ? path.parent_path() : std::filesystem::path("."));
  return folder.read(path.filename().string());
}

ScriptBody parse_body(const Revision& revision, std::string_view source) {
  refuse_python(revision);
  const HeaderReading header = read_header(source, revision.file, revision.format);
  throw_faults(header.faults, revision.format);
  if (header.revision.id != revision.id) {
    throw Error(Reason::InvalidScripts,
                fmt::format("{}: the script was changed while it was about to run: it was revision "
                            "'{}' a moment ago",
                            revision.file, revision.id),
                "run again when nobody edits the folder");
  }
  return revision.format == ScriptFormat::Sql ? parse_sql_body(source, revision.file)
                                              : parse_yaml_body(source, revision.file);
}

ScriptBody read_body(const Revision& revision) {
  refuse_python(revision);
  return parse_body(revision, read_source(revision));
}

Revision parse_header(std::string_view source, const std::string& file) {
  const auto format = format_of(std::filesystem::path(file).filename().string());
  if (!format) {
    throw Error(Reason::InvalidScripts,
                fmt::format("{}: the name is none of a script (*.sql, *.yaml or *.py)", file));
  }
  HeaderReading header = read_header(source, file, *format);
  throw_faults(header.faults, *format);
  return std::move(header.revision);
}

bool is_text(std::string_view source) { return find_bad_byte(source) == std::string_view::npos; }

std::string folder_digest(const std::filesystem::path& location) {
  const Folder folder(versions_folder(location));
  std::string lines;
  const auto visible = [](std::string_view name) { return !name.starts_with('.'); };
  for (const Folder::File& file : folder.list(visible).files) {
    lines += checksum_line(sha256_hex(folder.read(file.name)), file.name);
  }
  return sha256_hex(lines);
}

}  // namespace engine
