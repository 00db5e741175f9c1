// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/doctor.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>

#include "engine/cli/diagnosis.h"
#include "engine/cli/env_py.h"
#include "engine/cli/inputs.h"
#include "engine/cli/script_host.h"
#include "engine/cli/workplace.h"
#include "engine/core/error.h"
#include "engine/script/script_dir.h"

namespace engine {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using Json = nlohmann::json;

constexpr std::uintmax_t kLargestFile = 1U
                                        << 20U;  // bytes, of those that are searched for `alembic`

Finding about(const std::string& check, const Error& error) {
  return {.check = check, .message = error.message(), .remedy = error.hint()};
}

// Relative to the working folder, where that is shorter to read.
std::string shown_path(const std::string& file) {
  const fs::path relative = fs::path(file).lexically_relative(fs::current_path());
  return relative.empty() || relative.string().starts_with("..") ? file : relative.string();
}

bool is_about_deployment(const fs::path& file) {
  const std::string name = file.filename().string();
  const std::string ending = file.extension().string();
  return name.starts_with("Dockerfile") || name == "Makefile" || name == "Procfile" ||
         ending == ".yml" || ending == ".yaml" || ending == ".sh";
}

// As in `alembic -c x.ini upgrade head`, ["alembic", "upgrade", "head"].
bool calls_alembic(std::string_view line) {
  constexpr std::string_view kSeparators = " \t\r\"'`,;()[]";
  bool is_called = false;
  for (std::size_t begin = line.find_first_not_of(kSeparators); begin != std::string_view::npos;) {
    const std::size_t end = std::min(line.find_first_of(kSeparators, begin), line.size());
    const std::string_view word = line.substr(begin, end - begin);
    if (word.starts_with('#')) return false;
    if (is_called && (word == "upgrade" || word == "downgrade" || word == "stamp")) return true;
    is_called = is_called || word == "alembic";
    begin = line.find_first_not_of(kSeparators, end);
  }
  return false;
}

std::vector<Finding> calls_of_alembic(const fs::path& file) {
  std::vector<Finding> found;
  std::ifstream text(file);
  std::string line;
  for (int number = 1; std::getline(text, line); ++number) {
    if (!calls_alembic(line)) continue;
    found.push_back({.check = "no_lock", .file = shown_path(file.string()), .line = number});
  }
  return found;
}

std::vector<Finding> calls_of_alembic_in(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (is_about_deployment(entry.path()) && entry.is_regular_file(ignored) &&
        entry.file_size(ignored) <= kLargestFile) {
      files.push_back(entry.path());
    }
  }
  std::ranges::sort(files);
  std::vector<Finding> found;
  for (const fs::path& file : files) {
    for (Finding& finding : calls_of_alembic(file)) found.push_back(std::move(finding));
  }
  return found;
}

// The working folder and those above it up to the repository's, if it is in one.
std::vector<fs::path> deployment_folders() {
  std::error_code ignored;
  const fs::path here = fs::current_path(ignored);
  std::vector<fs::path> folders;
  for (fs::path folder = here;; folder = folder.parent_path()) {
    folders.push_back(folder);
    folders.push_back(folder / ".github" / "workflows");
    if (fs::exists(folder / ".git", ignored)) return folders;
    if (folder == folder.root_path()) break;
  }
  return {here, here / ".github" / "workflows"};
}

class Doctor {
 public:
  Doctor(const Options& options, const CommandContext& context, RunReport& report)
      : options_(options), context_(context), graph_(read_graph(options, report)) {}

  Diagnosis run() {
    look_at_files();
    seen_.findings = findings_of(graph_);
    look_at_bodies();
    look_at_python();
    look_at_database();
    for (const fs::path& folder : deployment_folders()) add(calls_of_alembic_in(folder));
    sort_by_kind(seen_.findings);
    return std::move(seen_);
  }

 private:
  void add(std::vector<Finding> findings) {
    std::ranges::move(findings, std::back_inserter(seen_.findings));
  }

  void look_at_files() {
    for (const ShownSetting& setting :
         options_.settings.shown([](const std::string&) { return "***"; })) {
      const std::size_t colon = setting.origin.rfind(':');
      if (colon == std::string::npos) continue;
      const std::string file = shown_path(setting.origin.substr(0, colon));
      auto& files = seen_.configuration;
      if (std::ranges::find(files, file) == files.end()) files.push_back(file);
    }
    for (const fs::path& folder : find_locations(options_.settings).folders) {
      seen_.scripts += (seen_.scripts.empty() ? "" : ", ") + shown_path(folder.string());
    }
    for (const Revision& revision : graph_.revisions()) {
      ++(revision.format == ScriptFormat::Python ? seen_.python : seen_.native);
    }
    seen_.heads = graph_.heads();
    seen_.driver = options_.settings.text(Key::Driver);
    seen_.has_env_py = has_env_py(options_.settings);
  }

  void look_at_bodies() {
    for (const Revision& revision : graph_.revisions()) {
      if (revision.format == ScriptFormat::Python || read_body(revision).downgrade) continue;
      add({{.check = "no_downgrade", .file = shown_path(revision.file), .revision = revision.id}});
    }
  }

  void look_at_python() {
    if (seen_.python == 0) return;
    if (!seen_.has_env_py) add({{.check = "no_env_py", .file = env_py_path(options_.settings)}});
    try {
      const Interpreter found = find_interpreter(options_.settings, context_.environment);
      seen_.interpreter = fmt::format("{} ({})", found.path, found.origin);
      ask_python();
    } catch (const Error& error) {
      if (error.reason() == Reason::Interrupted) throw;
      add({about("no_python", error)});
    }
  }

  void ask_python() {
    TransactionWatch nobody;
    ScriptHost host(options_, context_.observer, context_.stop, context_.environment, nobody);
    const auto listen = [this](const std::string& what, const Json& request) -> Json {
      if (what == "told") note(request);
      return Json::object();
    };
    host.run("doctor", {}, graph_, listen, [] { return ScriptPlace(); });
  }

  void note(const Json& told) {
    seen_.packages = told.at("lines").get<std::map<std::string, std::string>>();
    if (const auto missing = seen_.packages.extract("missing")) {
      add({{.check = "no_alembic", .message = missing.mapped()}});
    }
    for (const Json& finding : told.at("findings")) {
      add({{.check = finding.at("check"),
            .file = shown_path(finding.at("file")),
            .line = finding.at("line"),
            .revision = finding.at("revision")}});
    }
  }

  void look_at_database() {
    SeenDatabase& seen = seen_.database.emplace();
    seen.named_by_env_py = env_py_names_database(options_, graph_);
    if (seen.named_by_env_py && std::ranges::any_of(seen_.findings, [](const Finding& finding) {
          return finding.check == "no_python" || finding.check == "no_alembic";
        })) {
      return;  // env.py cannot be asked
    }
    try {
      look_at_rows(seen, seen.named_by_env_py ? told_by_env_py(seen) : options_);
    } catch (const Error& error) {
      if (error.reason() == Reason::Interrupted) throw;
      add({about("no_database", error)});
    }
  }

  Options told_by_env_py(SeenDatabase& seen) {
    const auto begin = Clock::now();
    const ToldByEnvPy told = as_env_py_says(options_, context_, graph_);
    seen.is_first_of_several = told.is_first_of_several;
    seen.env_py_ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin).count();
    add({{.check = "env_py_each_run",
          .file = shown_path(env_py_path(options_.settings)),
          .message = fmt::format("each run starts Python for env.py to learn where the database "
                                 "is, also when nothing is to be done ({})",
                                 duration_text(seen.env_py_ms)),
          .remedy = told.is_first_of_several
                        ? "it migrates several databases, and only env.py can name them all"
                        : "the lines for stillhead.yaml below say it without Python"}});
    if (told.options.transactions == TransactionMode::Single) {
      add({{.check = "one_transaction", .file = shown_path(env_py_path(options_.settings))}});
    }
    return told.options;
  }

  void look_at_rows(SeenDatabase& seen, const Options& options) {
    seen.url = find_database(options);
    seen.version_table = options.version_table;
    Workplace workplace(options, context_.observer, context_.stop, Workplace::WhenMissing::Create);
    seen.rows = workplace.rows();
    seen.reached = true;
    RevisionSet known;
    for (const RevisionId& row : seen.rows) {
      if (graph_.contains(row))
        known.insert(row);
      else
        add({{.check = "unknown_revision",
              .revision = row,
              .message = fmt::format("the database is at '{}', and no script is", row)}});
    }
    seen.pending = graph_.size() - graph_.with_ancestors(known).size();
  }

  const Options& options_;
  const CommandContext& context_;
  const RevisionGraph graph_;
  Diagnosis seen_ = {};
};

}  // namespace

Output doctor(const Options& options, const CommandContext& context, RunReport& report) {
  const Diagnosis seen = Doctor(options, context, report).run();
  const auto problems = std::ranges::count_if(seen.findings, is_problem);
  report.message = fmt::format("{} that make{} a run fail",
                               problems == 1 ? "1 problem" : fmt::format("{} problems", problems),
                               problems == 1 ? "s" : "");
  Output output{diagnosis_text(seen, Paint(context.medium)), diagnosis_json(seen)};
  if (problems > 0) output.reason = Reason::InvalidScripts;
  return output;
}

}  // namespace engine
