// SPDX-License-Identifier: Apache-2.0
#include "engine/script/init_project.h"

#include <fmt/format.h>

#include <string_view>

#include "engine/core/error.h"
#include "engine/script/new_file.h"
#include "engine/script/stock_templates.h"
#include "engine/script/template.h"

namespace engine {
namespace {

namespace fs = std::filesystem;

void generate(const fs::path& file, std::string_view text, const Status& status) {
  const fs::path path = absolute_path(file);
  status(fmt::format("Generating {}", path.string()), [&] { write_new_file(path, text); });
}

// Without `.`, doubled slashes and the slash at the end.
fs::path plain_path(const fs::path& path) {
  fs::path result;
  for (const fs::path& part : path) {
    if (part != "." && !part.empty()) result /= part;
  }
  return result.empty() ? fs::path(".") : result;
}

void check_directory(const fs::path& directory) {
  std::error_code error;
  const fs::file_status status = fs::status(directory, error);
  if (!fs::exists(status)) return;
  if (!fs::is_directory(status)) {
    throw Error(Reason::InvalidUsage,
                fmt::format("cannot make the folder {}: it is a file", directory.string()),
                "name another folder");
  }
  const bool is_empty = fs::is_empty(directory, error);
  if (error) {
    throw Error(Reason::InvalidUsage,
                fmt::format("cannot read the folder {}: {}", directory.string(), error.message()));
  }
  if (is_empty) return;
  throw Error(Reason::InvalidUsage,
              fmt::format("Directory {} already exists and is not empty", directory.string()),
              "name another folder; `stillhead revision` makes scripts in one that is there");
}

// As the ini file says it: moved together with its project it stays true.
std::string script_location_value(const InitRequest& request, const fs::path& directory) {
  std::string value = directory.string();
  if (!directory.is_absolute()) {
    const fs::path from = absolute_path(request.config_file).parent_path();
    value = ("/" / absolute_path(directory).lexically_relative(from)).string();
  }
  std::string escaped;
  for (const char c : value) escaped += c == '%' ? "%%" : std::string(1, c);
  return directory.is_absolute() ? escaped : "%(here)s" + escaped;
}

std::string ini_text(const InitRequest& request, const fs::path& directory) {
  const TemplateValues values = {
      {"script_location", TemplateValue::of(script_location_value(request, directory))}};
  return render_template(stock_ini_template(), "(built-in) alembic.ini", ScriptFormat::Python,
                         values);
}

}  // namespace

std::string init_project(const InitRequest& request, const Status& status) {
  const fs::path directory = plain_path(request.directory);
  check_directory(directory);
  if (request.project_template != kDefaultProjectTemplate) {
    throw Error(Reason::InvalidUsage, fmt::format("No such template {}", request.project_template),
                "`stillhead list-templates` shows what there is; a project made by Alembic needs "
                "no `init`, its settings and scripts are read as they are");
  }
  const fs::path versions = directory / "versions";
  ensure_folder(directory, status);
  ensure_folder(versions, status);
  const fs::path config = absolute_path(request.config_file);
  std::string text;
  if (std::error_code ignored; fs::exists(config, ignored)) {
    text = fmt::format("File {} already exists, skipping\n", config.string());
  } else {
    generate(config, ini_text(request, directory), status);
  }
  generate(directory / "README", stock_readme(), status);
  generate(directory / template_file_name(ScriptFormat::Sql),
           stock_script_template(ScriptFormat::Sql), status);
  if (request.package) {
    for (const fs::path& folder : {directory, versions}) {
      const fs::path file = absolute_path(folder) / "__init__.py";
      status(fmt::format("Adding {}", file.string()), [&] { write_new_file(file, ""); });
    }
  }
  return text + fmt::format(
                    "Please edit configuration/connection/logging settings in {} before "
                    "proceeding.\n",
                    config.string());
}

std::string list_templates_text() {
  const std::string_view readme = stock_readme();
  return fmt::format(
      "Available templates:\n\n{0} - {1}\n\nTemplates are used via the 'init' command, e.g.:\n\n"
      "  stillhead init --template {0} ./scripts\n",
      kDefaultProjectTemplate, readme.substr(0, readme.find('\n')));
}

}  // namespace engine
