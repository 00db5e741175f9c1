// SPDX-License-Identifier: Apache-2.0
#include "engine/config/files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <optional>
#include <string_view>
#include <system_error>

namespace engine {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kLargestFile = std::uintmax_t{1} << 20;

enum class Kind { PyProject, Ini, Yaml };

[[noreturn]] void refuse(std::string message, std::string hint = {}) {
  throw Error(Reason::InvalidUsage, std::move(message), std::move(hint));
}

Kind kind_of(const fs::path& name) {
  if (name.filename() == "pyproject.toml") return Kind::PyProject;
  const std::string extension = name.extension().string();
  return extension == ".yaml" || extension == ".yml" ? Kind::Yaml : Kind::Ini;
}

struct Choice {
  std::string name = {};
  std::string named_by = {};  // "-c", "ALEMBIC_CONFIG"; empty: the default name
};

struct Choices {
  Choice pyproject = {"pyproject.toml", ""};
  Choice ini = {"alembic.ini", ""};
  Choice yaml = {"stillhead.yaml", ""};

  Choice& of(Kind kind) {
    return kind == Kind::PyProject ? pyproject : kind == Kind::Ini ? ini : yaml;
  }
};

std::string_view twice(Kind kind) {
  switch (kind) {
    case Kind::PyProject:
      return "pyproject.toml indicated more than once";
    case Kind::Ini:
      return "only one ini file may be indicated";
    case Kind::Yaml:
      return "only one yaml file may be indicated";
  }
  return {};
}

Choices choose(const ConfigRequest& request, const Environment& environment) {
  Choices choices;
  const auto variable = environment.find("ALEMBIC_CONFIG");
  if (variable != environment.end() && !variable->second.empty()) {
    choices.of(kind_of(variable->second)) = {variable->second, variable->first};
  }
  for (const std::string& name : request.names) {
    if (name.empty()) refuse("option --config needs a value");
    Choice& choice = choices.of(kind_of(name));
    if (choice.named_by == "-c") {
      refuse(std::string(twice(kind_of(name))),
             fmt::format("-c names {} and {}; leave one out", choice.name, name));
    }
    choice = {name, "-c"};
  }
  return choices;
}

// Python's Path(name).absolute().parent: links and ".." stay.
std::string folder_of(const std::string& name) {
  fs::path clean;
  for (const fs::path& part : fs::absolute(name).parent_path()) {
    if (part != ".") clean /= part;
  }
  return clean.string();
}

[[noreturn]] void refuse_unreadable(const std::string& name, std::string_view cause) {
  refuse(fmt::format("cannot read the configuration in {}: {}", name, cause),
         "correct the file or its rights, or name another one with -c");
}

std::string read_text(const std::string& name) {
  std::error_code error;
  const fs::file_status status = fs::status(name, error);
  if (error) refuse_unreadable(name, error.message());
  if (fs::is_directory(status)) refuse_unreadable(name, "it is a folder");
  if (!fs::is_regular_file(status)) refuse_unreadable(name, "it is not a regular file");
  if (fs::file_size(name, error) > kLargestFile && !error) {
    refuse_unreadable(name, "it is larger than 1 MiB");
  }
  errno = 0;
  std::ifstream file(name, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (!file) refuse_unreadable(name, std::generic_category().message(errno));
  return text;
}

std::optional<ConfigText> read(const Choice& choice, const ConfigRequest& request) {
  std::error_code ignored;
  if (fs::status(choice.name, ignored).type() == fs::file_type::not_found) {
    if (choice.named_by.empty() || request.may_be_missing) return std::nullopt;
    const Kind kind = kind_of(choice.name);
    const std::string section = kind == Kind::PyProject ? "tool.alembic" : request.section;
    refuse(kind == Kind::Yaml
               ? fmt::format("No config file '{}' found", choice.name)
               : fmt::format("No config file '{}' found, or file has no '[{}]' section",
                             choice.name, section),
           fmt::format("{} names it; correct the name, or leave it out", choice.named_by));
  }
  return ConfigText{choice.name, folder_of(choice.name), read_text(choice.name),
                    !choice.named_by.empty()};
}

// "package.sub:folder:folder" below one of `roots`.
std::optional<fs::path> find_resource(std::string_view name,
                                      const std::vector<std::string>& roots) {
  std::string package(name.substr(0, name.find(':')));
  std::ranges::replace(package, '.', '/');
  std::string rest(name.substr(name.find(':') + 1));
  std::ranges::replace(rest, ':', '/');
  for (const std::string& root : roots) {
    std::error_code ignored;
    const fs::path folder = fs::path(root) / package;
    if (fs::is_directory(folder, ignored)) return folder / rest;
  }
  return std::nullopt;
}

fs::path resolve(const std::string& name, Key key, const Settings& settings) {
  if (name.find(':') == std::string::npos || name.starts_with('/')) return name;
  std::vector<std::string> roots = settings.list(Key::PrependSysPath);
  roots.emplace_back(".");
  if (const auto found = find_resource(name, roots)) return *found;
  refuse(fmt::format("{} ({}) names a folder in a Python package, '{}', and no such package is "
                     "below prepend_sys_path",
                     info(key).name, settings.origin(key), name),
         "name the folder itself, such as %(here)s/migrations, or add the folder that holds the "
         "package to prepend_sys_path");
}

}  // namespace

ConfigSources read_config_files(const ConfigRequest& request, const Environment& environment) {
  const Choices choices = choose(request, environment);
  ConfigSources sources;
  sources.pyproject = read(choices.pyproject, request);
  sources.ini = read(choices.ini, request);
  sources.yaml = read(choices.yaml, request);
  sources.section = request.section;
  sources.environment = environment;
  return sources;
}

ScriptFolders find_script_folders(const Settings& settings) {
  ScriptFolders folders;
  folders.location = resolve(settings.script_location(), Key::ScriptLocation, settings);
  std::error_code ignored;
  if (!fs::exists(folders.location, ignored)) {
    throw Error(
        Reason::InvalidScripts,
        fmt::format("Path doesn't exist: {}.  Please use the 'init' command to create a "
                    "new scripts folder.",
                    folders.location.string()),
        fmt::format("script_location comes from {}", settings.is_set(Key::ScriptLocation)
                                                         ? settings.origin(Key::ScriptLocation)
                                                         : "its default"));
  }
  for (const std::string& name : settings.list(Key::VersionLocations)) {
    folders.versions.push_back(resolve(name, Key::VersionLocations, settings));
  }
  folders.recursive = settings.flag(Key::RecursiveVersionLocations);
  return folders;
}

}  // namespace engine
