// SPDX-License-Identifier: Apache-2.0
#include "engine/script/new_revision.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "engine/core/error.h"
#include "engine/script/create_date.h"
#include "engine/script/file_template.h"
#include "engine/script/header.h"
#include "engine/script/new_file.h"
#include "engine/script/slug.h"
#include "engine/script/sql_header.h"
#include "engine/script/stock_templates.h"
#include "engine/script/template.h"

namespace engine {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kNoMessage = "empty message";

std::string_view ending_of(ScriptFormat format) {
  switch (format) {
    case ScriptFormat::Python:
      return ".py";
    case ScriptFormat::Yaml:
      return ".yaml";
    case ScriptFormat::Sql:
      break;
  }
  return ".sql";
}

// A comment line takes one line only, and a docstring neither its own quotes nor escapes.
std::string shown_message(std::string_view message, ScriptFormat format) {
  std::string shown;
  for (const char c : message) {
    const bool breaks = c == '\n' || c == '\r' || c == '\t';
    if (static_cast<unsigned char>(c) < 0x20 && !breaks) {
      throw Error(Reason::InvalidUsage, "the message holds a control character",
                  "write the message as plain text");
    }
    if (format != ScriptFormat::Python) {
      shown += breaks ? ' ' : c;
    } else {
      if (c == '\\') shown += '\\';
      if (c == '"' && shown.ends_with("\"\"")) shown += '\\';
      shown += c;
    }
  }
  return shown;
}

TemplateValue value_of(const std::vector<std::string>& items, TemplateValue::Kind kind) {
  if (items.empty()) return TemplateValue::none();
  return {kind, {}, {}, items};
}

// As Alembic hands it to its templates: one parent or dependency is a text of its own.
TemplateValue single_or(const std::vector<std::string>& items, TemplateValue::Kind kind) {
  return items.size() == 1 ? TemplateValue::of(items[0]) : value_of(items, kind);
}

TemplateValues values_of(const NewRevision& revision, const CreateDate& date) {
  using Kind = TemplateValue::Kind;
  const NewNode& node = revision.node;
  TemplateValue message = TemplateValue::of(revision.message.value_or(std::string(kNoMessage)));
  message.shown = shown_message(message.text, revision.format);
  return {{"message", std::move(message)},
          {"up_revision", TemplateValue::of(node.id)},
          {"down_revision", single_or(node.down_revisions, Kind::Tuple)},
          {"branch_labels", value_of(node.branch_labels, Kind::Tuple)},
          {"depends_on", single_or(node.depends_on, Kind::List)},
          {"create_date", TemplateValue::of(create_date_text(date))},
          {"imports", {}},
          {"upgrades", {}},
          {"downgrades", {}}};
}

std::string render(const NewRevision& revision, const fs::path& script_location,
                   const CreateDate& date) {
  const std::string_view name = template_file_name(revision.format);
  const fs::path own = script_location / name;
  const bool has_own = fs::exists(own);
  const std::string text =
      has_own ? read_text_file(own) : std::string(stock_script_template(revision.format));
  return render_template(text, has_own ? own.string() : fmt::format("(built-in) {}", name),
                         revision.format, values_of(revision, date));
}

HeaderReading read_header(ScriptFormat format, const NewScript& script) {
  const std::string file = script.file.string();
  switch (format) {
    case ScriptFormat::Python:
      return read_python_header(script.text, file);
    case ScriptFormat::Yaml:
      return read_yaml_header(script.text, file);
    case ScriptFormat::Sql:
      break;
  }
  return read_sql_header(script.text, file).header;
}

// What was asked for and what the readers will see.
void check_reads_back(const NewRevision& revision, const NewScript& script,
                      const fs::path& script_location) {
  const NewNode& node = revision.node;
  const std::string file = script.file.string();
  const fs::path made_of = script_location / template_file_name(revision.format);
  const auto fail = [&](const std::string& message) {
    throw Error(
        Reason::InvalidScripts, message,
        fmt::format("mend {}, or remove it to get the built-in template", made_of.string()));
  };
  const auto check = [&](const char* key, const auto& wanted, const auto& found) {
    if (wanted == found) return;
    fail(fmt::format("{}: the new script {} would not say {}: {}", made_of.string(), file, key,
                     fmt::join(wanted, ", ")));
  };
  const HeaderReading header = read_header(revision.format, script);
  if (!header.faults.empty()) {
    fail(fmt::format("{}: the new script would be faulty:\n{}", made_of.string(),
                     fmt::join(header.faults, "\n")));
  }
  const Revision& read = header.revision;
  check("revision", std::vector{node.id}, std::vector{read.id});
  check("down_revision", node.down_revisions, read.down_revisions);
  check("depends_on", node.depends_on, read.depends_on);
  if (revision.format == ScriptFormat::Python && read.branch_labels.empty() &&
      !node.branch_labels.empty()) {
    fail(
        fmt::format("Version {} specified branch_labels {}, however the migration file {} does "
                    "not have them; have you upgraded your script.py.mako to include the "
                    "'branch_labels' section?",
                    node.id, fmt::join(node.branch_labels, ", "), file));
  }
  check("branch_labels", node.branch_labels, read.branch_labels);
}

bool is_passed_over(const std::string& name, ScriptFormat format) {
  if (name.starts_with('.')) return true;
  if (format == ScriptFormat::Python) return name.starts_with("__init__") || name == "env.py";
  return name.starts_with('_') || name == "stillhead.yaml";
}

// Otherwise the file would be written and never seen again.
void check_is_read(const fs::path& name, ScriptFormat format, bool recursive) {
  const bool hidden = std::ranges::any_of(
      name, [](const fs::path& part) { return part.string().starts_with('.'); });
  if (hidden || is_passed_over(name.filename().string(), format)) {
    throw Error(Reason::InvalidUsage,
                fmt::format("the new script would be called {}, and such names are passed over "
                            "when scripts are read",
                            name.string()),
                "begin file_template with %(rev)s");
  }
  if (name.has_parent_path() && !recursive) {
    throw Error(Reason::InvalidUsage,
                fmt::format("the new script would be called {}, and folders below the version "
                            "location are not read",
                            name.string()),
                "set recursive_version_locations = true, or write file_template without /");
  }
}

bool holds(const fs::path& folder, const fs::path& file) {
  const auto [in_folder, in_file] =
      std::mismatch(folder.begin(), folder.end(), file.begin(), file.end());
  return in_folder == folder.end();
}

}  // namespace

ScriptFormat format_of_new_script(const fs::path& script_location, const RevisionGraph& graph,
                                  const std::vector<RevisionId>& parents) {
  for (const ScriptFormat format : {ScriptFormat::Python, ScriptFormat::Sql, ScriptFormat::Yaml}) {
    std::error_code ignored;
    if (fs::exists(script_location / template_file_name(format), ignored)) return format;
  }
  if (!parents.empty()) return graph.at(parents.front()).format;
  return graph.size() > 0 ? graph.revisions().back().format : ScriptFormat::Sql;
}

fs::path version_location_of(const std::vector<fs::path>& locations,
                             const std::optional<fs::path>& wanted, const RevisionGraph& graph,
                             const std::vector<RevisionId>& parents) {
  if (wanted) {
    const auto same = [&](const fs::path& l) { return absolute_path(l) == absolute_path(*wanted); };
    const auto found = std::ranges::find_if(locations, same);
    if (found != locations.end()) return *found;
    std::vector<std::string> names;
    for (const fs::path& location : locations) names.push_back(location.string());
    throw Error(
        Reason::InvalidUsage,
        fmt::format("Path {} is not represented in current version locations", wanted->string()),
        fmt::format("the version locations are {}", fmt::join(names, ", ")));
  }
  if (locations.size() == 1) return locations.front();
  for (const RevisionId& parent : parents) {
    const fs::path file = absolute_path(graph.at(parent).file);
    for (const fs::path& location : locations) {
      if (holds(absolute_path(location), file)) return location;
    }
  }
  throw Error(Reason::InvalidUsage,
              "Multiple version locations present, please specify --version-path",
              "a new base has no parent whose folder could be taken");
}

bool needs_python(const fs::path& script_location) {
  NewRevision revision;
  revision.format = ScriptFormat::Python;
  if (!fs::exists(script_location / template_file_name(revision.format))) return false;
  try {
    render(revision, script_location, create_date({}, "UTC"));
    return false;
  } catch (const Error& error) {
    if (error.reason() != Reason::InvalidScripts) throw;
    return true;
  }
}

NewScript make_new_script(const NewRevision& revision, const fs::path& script_location,
                          const fs::path& version_location, const NewFileSettings& settings) {
  const CreateDate date = create_date(revision.created, settings.timezone);
  const std::string slug = slug_of(revision.message.value_or(""), settings.truncate_slug_length);
  const std::string name = file_name(settings.file_template, {revision.node.id, slug, date});
  const fs::path file = fmt::format("{}{}", name, ending_of(revision.format));
  check_is_read(file, revision.format, settings.recursive_version_locations);
  NewScript script;
  script.file = absolute_path(version_location / file);
  script.text = render(revision, script_location, date);
  check_reads_back(revision, script, script_location);
  return script;
}

void write_new_script(const NewScript& script, const Status& status) {
  ensure_folder(script.file.parent_path(), status);
  status(fmt::format("Generating {}", script.file.string()),
         [&] { write_new_file(script.file, script.text); });
}

}  // namespace engine
