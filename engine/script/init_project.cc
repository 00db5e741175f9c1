// SPDX-License-Identifier: Apache-2.0
#include "engine/script/init_project.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "engine/core/error.h"
#include "engine/script/new_file.h"
#include "engine/script/python_templates.h"
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

// As a file of settings says it: moved together with its project it stays true.
std::string script_location_value(const fs::path& settings, const fs::path& directory) {
  std::string value = directory.string();
  if (!directory.is_absolute()) {
    const fs::path from = absolute_path(settings).parent_path();
    value = ("/" / absolute_path(directory).lexically_relative(from)).string();
  }
  std::string escaped;
  for (const char c : value) escaped += c == '%' ? "%%" : std::string(1, c);
  return directory.is_absolute() ? escaped : "%(here)s" + escaped;
}

std::string settings_text(std::string_view text, const fs::path& settings,
                          const fs::path& directory) {
  const TemplateValues values = {
      {"script_location", TemplateValue::of(script_location_value(settings, directory))}};
  return render_template(text, fmt::format("(built-in) {}", settings.filename().string()),
                         ScriptFormat::Python, values);
}

// A file that is there is left as it is; what is then to be said.
std::string make_ini(std::string_view text, const InitRequest& request, const fs::path& directory,
                     const Status& status) {
  const fs::path file = absolute_path(request.config_file);
  if (std::error_code ignored; fs::exists(file, ignored)) {
    return fmt::format("File {} already exists, skipping\n", file.string());
  }
  generate(file, settings_text(text, file, directory), status);
  return {};
}

// Behind what is there, unless [tool.alembic] is among it.
std::string make_pyproject(std::string_view text, const fs::path& directory, const Status& status) {
  const fs::path file = absolute_path("pyproject.toml");
  const std::string ours = settings_text(text, file, directory);
  if (std::error_code ignored; !fs::exists(file, ignored)) {
    generate(file, ours, status);
    return {};
  }
  if (read_text_file(file).find("[tool.alembic") != std::string::npos) {
    return fmt::format(
        "File {} already exists and already has a [tool.alembic] section, skipping\n",
        file.string());
  }
  status(fmt::format("Appending to {}", file.string()), [&] { append_to_file(file, "\n" + ours); });
  return {};
}

const PythonTemplate& python_template(const std::string& name) {
  const auto& templates = python_templates();
  const auto found = std::ranges::find(templates, name, &PythonTemplate::name);
  if (found != templates.end()) return *found;
  throw Error(Reason::InvalidUsage, fmt::format("No such template {}", name),
              "`stillhead list-templates` shows what there is");
}

// What is to be said beside the files.
std::string make_python_project(const PythonTemplate& made, const InitRequest& request,
                                const fs::path& directory, const Status& status) {
  std::string text = make_ini(made.ini, request, directory, status);
  if (!made.pyproject.empty()) text += make_pyproject(made.pyproject, directory, status);
  generate(directory / "README", made.readme, status);
  generate(directory / "env.py", made.env_py, status);
  generate(directory / template_file_name(ScriptFormat::Python), made.script, status);
  return text;
}

std::string make_sql_project(const InitRequest& request, const fs::path& directory,
                             const Status& status) {
  std::string text = make_ini(stock_ini_template(), request, directory, status);
  generate(directory / "README", stock_readme(), status);
  generate(directory / template_file_name(ScriptFormat::Sql),
           stock_script_template(ScriptFormat::Sql), status);
  return text;
}

}  // namespace

std::string init_project(const InitRequest& request, const Status& status) {
  const fs::path directory = plain_path(request.directory);
  check_directory(directory);
  const bool is_sql = request.project_template == kDefaultProjectTemplate;
  const PythonTemplate* python = is_sql ? nullptr : &python_template(request.project_template);
  const fs::path versions = directory / "versions";
  ensure_folder(directory, status);
  ensure_folder(versions, status);
  std::string text = python == nullptr ? make_sql_project(request, directory, status)
                                       : make_python_project(*python, request, directory, status);
  if (request.package) {
    for (const fs::path& folder : {directory, versions}) {
      const fs::path file = absolute_path(folder) / "__init__.py";
      status(fmt::format("Adding {}", file.string()), [&] { write_new_file(file, ""); });
    }
  }
  const bool has_pyproject = python != nullptr && !python->pyproject.empty();
  const std::string settings = absolute_path(request.config_file).string();
  return text + fmt::format(
                    "Please edit configuration/connection/logging settings in {} before "
                    "proceeding.\n",
                    has_pyproject ? fmt::format("{} and {}",
                                                absolute_path("pyproject.toml").string(), settings)
                                  : settings);
}

std::string list_templates_text(const std::string& program) {
  const auto summary = [](std::string_view readme) { return readme.substr(0, readme.find('\n')); };
  std::string text = fmt::format("Available templates:\n\n{} - {}\n", kDefaultProjectTemplate,
                                 summary(stock_readme()));
  for (const PythonTemplate& made : python_templates()) {
    text += fmt::format("{} - {}\n", made.name, summary(made.readme));
  }
  return text + fmt::format(
                    "\nTemplates are used via the 'init' command, e.g.:\n\n"
                    "  {} init --template generic ./scripts\n",
                    program);
}

}  // namespace engine
