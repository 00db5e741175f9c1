// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/inputs.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "engine/core/error.h"
#include "engine/script/script_dir.h"

namespace engine {
namespace {

std::string read_url_file(const std::filesystem::path& file) {
  std::error_code ignored;
  if (std::filesystem::is_directory(file, ignored)) {
    throw Error(Reason::InvalidUsage,
                fmt::format("cannot read the database URL: {} is a folder", file.string()));
  }
  errno = 0;
  std::ifstream stream(file);
  if (!stream) {
    throw Error(Reason::InvalidUsage, fmt::format("cannot read the database URL from {}: {}",
                                                  file.string(), std::strerror(errno)));
  }
  std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  constexpr const char* kSpace = " \t\r\n";
  text.erase(0, text.find_first_not_of(kSpace));
  text.erase(text.find_last_not_of(kSpace) + 1);
  if (text.empty()) {
    throw Error(Reason::InvalidUsage,
                fmt::format("cannot read the database URL: {} is empty", file.string()));
  }
  return text;
}

}  // namespace

void verify_scripts(const Options& options) {
  if (options.scripts_sha256.empty()) return;
  const std::string found = folder_digest(options.script_location);
  if (found == options.scripts_sha256) return;
  throw Error(Reason::InvalidScripts,
              fmt::format("the scripts in {} are not the expected ones: their digest is {}, "
                          "expected is {}",
                          options.script_location.string(), found, options.scripts_sha256),
              "`stillhead digest DIR` prints the digest of a folder");
}

RevisionGraph read_graph(const Options& options) {
  verify_scripts(options);
  return RevisionGraph(read_scripts(options.script_location));
}

DatabaseUrl find_database(const Options& options) {
  if (!options.database_url_file.empty()) {
    return parse_database_url(read_url_file(options.database_url_file));
  }
  if (options.database_url.empty() && !options.libpq_environment) {
    throw Error(
        Reason::InvalidUsage,
        fmt::format("`stillhead {}` needs a database URL, and none is given", options.command_name),
        "give --database-url URL, --database-url-file FILE, or set the environment "
        "variable STILLHEAD_DATABASE_URL or DATABASE_URL");
  }
  return parse_database_url(options.database_url);
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
