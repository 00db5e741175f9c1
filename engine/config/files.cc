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

bool names_package(const std::string& name) {
  return name.find(':') != std::string::npos && !name.starts_with('/');
}

PackageFolder package_folder_of(const std::string& name) {
  std::string rest = name.substr(name.find(':') + 1);
  std::ranges::replace(rest, ':', '/');
  return {name.substr(0, name.find(':')), rest};
}

Error no_such_package(const std::string& name, Key key, const Settings& settings,
                      const std::string& looked) {
  return {Reason::InvalidUsage,
          fmt::format("{} ({}) names a folder in a Python package, '{}', and no such package is "
                      "below prepend_sys_path or the current folder{}",
                      info(key).name, settings.origin(key), name, looked),
          "name the folder itself, such as %(here)s/migrations; or add the folder that holds the "
          "package to prepend_sys_path; or name the interpreter that has it: `python: PATH` in "
          "stillhead.yaml"};
}

// Folders in the place of packages; an error where one is nowhere.
std::optional<Error> resolve(std::vector<std::string>& names, Key key, const Settings& settings,
                             const FindPackage& elsewhere) {
  for (std::string& name : names) {
    if (!names_package(name)) continue;
    std::vector<std::string> roots = settings.list(Key::PrependSysPath);
    roots.emplace_back(".");
    const PackageFolder wanted = package_folder_of(name);
    FoundPackage found{find_below(wanted, roots), {}};
    if (!found.folder) found = elsewhere(wanted);
    if (!found.folder) return no_such_package(name, key, settings, found.looked);
    name = found.folder->string();
  }
  return std::nullopt;
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
  folders.location = settings.script_location();
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
    folders.versions.emplace_back(name);
  }
  folders.recursive = settings.flag(Key::RecursiveVersionLocations);
  return folders;
}

std::optional<fs::path> find_below(const PackageFolder& wanted,
                                   const std::vector<std::string>& roots) {
  std::string package = wanted.package;
  std::ranges::replace(package, '.', '/');
  std::optional<fs::path> nearest;
  for (const std::string& root : roots) {
    std::error_code ignored;
    const fs::path folder = fs::path(root) / package;
    if (fs::is_directory(folder / wanted.folder, ignored)) return folder / wanted.folder;
    if (!nearest && fs::is_directory(folder, ignored)) nearest = folder / wanted.folder;
  }
  return nearest;
}

void resolve_packages(Settings& settings, const FindPackage& elsewhere) {
  for (const Key key : {Key::ScriptLocation, Key::VersionLocations}) {
    if (!settings.is_set(key) || settings.has_fault(key)) continue;
    std::vector<std::string> names = key == Key::VersionLocations
                                         ? settings.list(key)
                                         : std::vector<std::string>{settings.text(key)};
    if (const auto fault = resolve(names, key, settings, elsewhere)) {
      settings.set_fault(key, *fault);
    } else {
      settings.replace(key, std::move(names));
    }
  }
}

}  // namespace engine
