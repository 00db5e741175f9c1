// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/inputs.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>

#include "engine/config/files.h"
#include "engine/core/error.h"
#include "engine/db/version_table.h"
#include "engine/script/script_dir.h"

namespace engine {
namespace {

constexpr std::size_t kLongestUrlFile = 64 * 1024;  // bytes

[[noreturn]] void refuse_url_file(const std::string& cause) {
  throw Error(Reason::InvalidUsage, "cannot read the database URL" + cause,
              "check the path and the rights: the file holds the URL and nothing else");
}

// The beginning of a file, a pipe or a device, which may have no end.
std::string read_beginning(const std::string& file, std::size_t limit) {
  const auto fail = [&] {
    if (file.find("://") != std::string::npos) {  // which may hold a password
      refuse_url_file(": a URL stands where the path of a file with the URL is wanted");
    }
    refuse_url_file(fmt::format(" from {}: {}", file, std::strerror(errno)));
  };
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (descriptor < 0) fail();
  std::string text(limit, '\0');
  std::size_t length = 0;
  ssize_t got = 1;
  while (length < limit && got != 0) {
    got = ::read(descriptor, text.data() + length, limit - length);
    if (got < 0 && errno != EINTR) break;
    if (got > 0) length += static_cast<std::size_t>(got);
  }
  const int read_error = errno;
  ::close(descriptor);
  errno = read_error;
  if (got < 0) fail();
  text.resize(length);
  return text;
}

std::string read_url_file(const std::filesystem::path& path) {
  const std::string& file = path.native();
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    refuse_url_file(fmt::format(": {} is a folder", file));
  }
  std::string text = read_beginning(file, kLongestUrlFile + 1);
  if (text.size() > kLongestUrlFile) {
    refuse_url_file(fmt::format(": {} is longer than 64 KiB", file));
  }
  constexpr const char* kSpace = " \t\r\n";
  text.erase(0, text.find_first_not_of(kSpace));
  text.erase(text.find_last_not_of(kSpace) + 1);
  if (text.empty()) refuse_url_file(fmt::format(": {} is empty", file));
  return text;
}

bool is_name_character(char c) {
  return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// As a word of its own, before a '#'.
bool names(std::string_view line, std::string_view word) {
  line = line.substr(0, line.find('#'));
  for (std::size_t at = line.find(word); at != std::string_view::npos;
       at = line.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    const bool begins = at == 0 || !is_name_character(line[at - 1]);
    if (begins && (end == line.size() || !is_name_character(line[end]))) return true;
  }
  return false;
}

// To go on would be to read and write another table than Alembic does.
void refuse_what_env_py_names(const Settings& settings) {
  const std::filesystem::path file = std::filesystem::path(settings.script_location()) / "env.py";
  std::ifstream stream(file);
  int number = 0;
  for (std::string line; std::getline(stream, line);) {
    ++number;
    for (const Key key : {Key::VersionTable, Key::VersionTableSchema, Key::VersionTablePk}) {
      const KeyInfo& named = info(key);
      if (settings.is_set(key) || !names(line, named.name)) continue;
      throw Error(
          Reason::InvalidUsage,
          fmt::format("{}:{} names {}, and env.py is not run here", file.string(), number,
                      named.name),
          fmt::format("say the same in stillhead.yaml ({}: ...) or with {}, also when it is the "
                      "default",
                      named.name, variables(named).back()));
    }
  }
}

}  // namespace

void verify_scripts(const Options& options) {
  if (options.scripts_sha256.empty()) return;
  const std::string& location = options.settings.script_location();
  const std::string found = folder_digest(location);
  if (found == options.scripts_sha256) return;
  throw Error(Reason::InvalidScripts,
              fmt::format("the scripts in {} are not the expected ones: their digest is {}, "
                          "expected is {}",
                          location, found, options.scripts_sha256),
              "`stillhead digest DIR` prints the digest of a folder");
}

ScriptLocations find_locations(const Settings& settings) {
  const ScriptFolders found = find_script_folders(settings);
  if (!found.versions.empty()) return {found.versions, found.recursive, true};
  // A folder without scripts is most likely the wrong one; an empty `versions` is a new project.
  const std::filesystem::path versions = versions_folder(found.location);
  return {{versions},
          found.recursive,
          versions != found.location || env_py_names(settings, "version_locations")};
}

RevisionGraph read_graph(const Options& options, RunReport& report) {
  verify_scripts(options);
  RevisionGraph graph(read_scripts(find_locations(options.settings)));
  const RevisionSet heads = graph.effective_heads();
  report.source_heads = {heads.begin(), heads.end()};
  report.source_revisions = static_cast<int>(graph.size());
  return graph;
}

bool env_py_names(const Settings& settings, std::string_view word) {
  std::ifstream file(std::filesystem::path(settings.script_location()) / "env.py");
  for (std::string line; std::getline(file, line);) {
    if (names(line, word)) return true;
  }
  return false;
}

std::string given_url(const Options& options) {
  const Settings& settings = options.settings;
  if (settings.is_set(Key::DatabaseUrlFile)) {
    return read_url_file(settings.text(Key::DatabaseUrlFile));
  }
  const std::string& url = settings.text(Key::DatabaseUrl);
  if (url.empty() && !options.libpq_environment) {
    throw Error(
        Reason::InvalidUsage,
        fmt::format("`stillhead {}` needs a database URL, and none is given", options.command_name),
        "give --database-url URL or --database-url-file FILE, set the environment variable "
        "STILLHEAD_DATABASE_URL or DATABASE_URL, or write sqlalchemy.url into alembic.ini or "
        "database_url into stillhead.yaml");
  }
  return url;
}

DatabaseUrl find_database(const Options& options) {
  refuse_what_env_py_names(options.settings);
  DatabaseUrl url = parse_database_url(given_url(options));
  check_version_table_name(options.version_table, url.flavour);
  return url;
}

ConnectOptions connect_options(const Options& options, Observer* observer) {
  ConnectOptions result;
  result.timeout = options.connect_timeout;
  result.busy_patience = options.lock_wait;
  if (observer != nullptr) {
    result.on_busy = [observer](const std::string& who) { observer->waiting_for_lock(who); };
  }
  return result;
}

}  // namespace engine
