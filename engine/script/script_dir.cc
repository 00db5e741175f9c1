// SPDX-License-Identifier: Apache-2.0
#include "engine/script/script_dir.h"

#include <fmt/format.h>

#include <system_error>
#include <utility>

#include "engine/core/error.h"
#include "engine/script/file_reader.h"
#include "engine/script/sha256.h"
#include "engine/script/sql_header.h"

namespace engine {
namespace {

bool is_script(std::string_view name) { return !name.starts_with('_') && name.ends_with(".sql"); }

[[noreturn]] void fail_empty(const std::filesystem::path& folder) {
  throw Error(Reason::InvalidScripts,
              fmt::format("{}: the folder holds no script (*.sql)", folder.string()),
              "name the folder that holds the scripts; to begin, put a file like this into it:\n" +
                  std::string(kExampleScript));
}

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

std::vector<Revision> read_scripts(const std::filesystem::path& location) {
  const Folder folder(versions_folder(location));
  const std::vector<std::string> names = folder.files(is_script);
  if (names.empty()) fail_empty(folder.path());
  std::vector<Revision> revisions;
  revisions.reserve(names.size());
  std::vector<std::string> faults;
  const std::string prefix = (folder.path() / "").string();
  for (const std::string& name : names) {
    const std::string origin = prefix + name;
    HeaderReading header = read_header(folder.read_until(name, header_is_complete), origin);
    faults.insert(faults.end(), header.faults.begin(), header.faults.end());
    revisions.push_back(std::move(header.revision));
  }
  throw_faults(faults);
  return revisions;
}

ScriptBody read_body(const Revision& revision) {
  const std::filesystem::path path(revision.file);
  const Folder folder(path.has_parent_path() ? path.parent_path() : std::filesystem::path("."));
  const std::string text = folder.read(path.filename().string());
  if (parse_sql_header(text, revision.file).id != revision.id) {
    throw Error(Reason::InvalidScripts,
                fmt::format("{}: the script was changed while it was about to run: it was revision "
                            "'{}' a moment ago",
                            revision.file, revision.id),
                "run again when nobody edits the folder");
  }
  return parse_sql_body(text, revision.file);
}

std::string folder_digest(const std::filesystem::path& location) {
  const Folder folder(versions_folder(location));
  std::string lines;
  for (const std::string& name : folder.files([](std::string_view) { return true; })) {
    lines += checksum_line(sha256_hex(folder.read(name)), name);
  }
  return sha256_hex(lines);
}

}  // namespace engine
