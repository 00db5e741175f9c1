// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/diagnosis.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "engine/cli/json_text.h"
#include "engine/cli/print.h"
#include "engine/core/error.h"

namespace engine {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kShownPlaces = 10;  // of one finding
constexpr std::array<std::string_view, 4> kKinds = {"problem", "unsafe", "slow", "note"};

struct Check {
  std::string_view name;
  std::string_view kind;  // problem: a run fails; unsafe, slow, note
  std::string_view message;
  std::string_view remedy;
};

constexpr std::array kChecks = {
    Check{"no_python", "problem", "", ""},
    Check{"no_alembic", "problem", "",
          "install alembic into the project's environment, or name its interpreter: `python: PATH` "
          "in stillhead.yaml, or STILLHEAD_PYTHON"},
    Check{"no_env_py", "problem", "there are Python revisions, and no env.py that runs them",
          "put env.py back; `stillhead init -t generic NEWDIR` writes one that can be copied"},
    Check{"no_database", "problem", "", ""},
    Check{"unknown_revision", "problem", "the database is at a revision that no script has",
          "deploy the scripts that were run on it; `stillhead history --applied` lists them"},
    Check{"several_heads", "problem", "",
          "`stillhead merge heads` joins them; `stillhead upgrade heads` runs all"},
    Check{"id_too_long", "problem",
          "the revision id has more than 32 characters, which is what version_num holds: an "
          "upgrade to it is refused on PostgreSQL",
          "give it a shorter id, also in down_revision of the next; or widen the column"},
    Check{"does_not_compile", "problem", "Python cannot compile it", ""},
    Check{"no_upgrade", "problem", "there is no upgrade(): the run fails when it comes here",
          "write one; its body is `pass` where there is nothing to do"},
    Check{"no_downgrade", "unsafe", "it cannot be taken back: there is no downgrade",
          "write one, or know that a restored backup is the way back"},
    Check{"empty_downgrade", "unsafe",
          "downgrade() does nothing: the version table says that it was taken back, and what "
          "upgrade() made is still there",
          "undo what upgrade() does, or raise an error that says why that cannot be done"},
    Check{"commits", "unsafe",
          "the script commits by itself: when the rest of it fails, what was committed stays, and "
          "the next run does it again",
          "leave the commit to the run; split the revision where two transactions are needed"},
    Check{"autocommit", "unsafe",
          "the script has an autocommit block: what stands before it and in it stays when the rest "
          "fails, and the next run does it again",
          "keep such statements in a revision of their own that can run twice (IF NOT EXISTS), or "
          "in a .sql script: there a run goes on behind what is done"},
    Check{"own_connection", "unsafe",
          "the script makes an engine of its own: what it does there is in another transaction",
          "op.get_bind() is the connection of the run"},
    Check{"no_lock", "unsafe",
          "plain `alembic` migrates here: it takes no lock, so that two at once can break the "
          "database",
          "say `stillhead` in its place; the options are the same"},
    Check{"one_transaction", "note",
          "all pending revisions are one transaction: locks are held until the last one is "
          "through, and a failure takes all of them back",
          "transaction_per_migration=True in context.configure() commits each by itself"},
    Check{"own_driver", "note",
          "the script uses a database driver by itself: where it needs objects of that driver, "
          "Stillhead's own connection is not enough",
          "if it fails, say `driver: project` in stillhead.yaml"},
    Check{"own_lock", "note",
          "env.py takes a lock of its own: Stillhead has one, and shows who holds it",
          "leave it out once nothing but Stillhead migrates"},
    Check{"env_py_each_run", "slow", "", ""},
};

const Check& check_of(const Finding& finding) {
  const auto* found = std::ranges::find(kChecks, finding.check, &Check::name);
  if (found == kChecks.end()) {
    throw Error(Reason::Bug, fmt::format("a check is found but not known: {}", finding.check));
  }
  return *found;
}

std::string message_of(const Finding& finding) {
  return finding.message.empty() ? std::string(check_of(finding).message) : finding.message;
}

std::string remedy_of(const Finding& finding) {
  return finding.remedy.empty() ? std::string(check_of(finding).remedy) : finding.remedy;
}

std::string place_of(const Finding& finding) {
  if (finding.line == 0) return finding.file;
  return fmt::format("{}:{}", finding.file, finding.line);
}

// What takes the place of env.py where nothing is to be done. The password is never printed.
std::vector<std::string> yaml_lines(const SeenDatabase& database) {
  std::string url = database.url->display;
  const std::size_t password = url.find(":***@");
  if (password != std::string::npos) url.erase(password, 4);
  std::vector<std::string> lines = {
      fmt::format("database_url: {}{}", url,
                  password == std::string::npos
                      ? ""
                      : "  # its password: PGPASSWORD; or database_url_file: FILE"),
      fmt::format("version_table: {}", database.version_table.name)};
  if (!database.version_table.schema.empty()) {
    lines.push_back(fmt::format("version_table_schema: {}", database.version_table.schema));
  }
  return lines;
}

bool needs_yaml(const Diagnosis& seen) {
  return seen.database && seen.database->url && seen.database->named_by_env_py &&
         !seen.database->is_first_of_several;
}

std::string plural(std::size_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

void add_line(std::string& text, std::string_view name, const std::string& value) {
  if (!value.empty()) text += fmt::format("{:<15}{}\n", name, value);
}

std::string scripts_text(const Diagnosis& seen, const Paint& paint) {
  std::string ids;
  for (const RevisionId& head : seen.heads) ids += (ids.empty() ? "" : ", ") + paint.revision(head);
  return fmt::format("{}: {}{}", paint.foreign(seen.scripts),
                     plural(seen.python + seen.native, "revision"),
                     ids.empty() ? "" : ", head " + ids);
}

std::string package_of(const Diagnosis& seen, const char* name) {
  const auto found = seen.packages.find(name);
  return found == seen.packages.end() ? std::string() : found->second;
}

std::string python_text(const Diagnosis& seen) {
  if (seen.python == 0 || seen.interpreter.empty()) return {};
  return fmt::format(
      "{} in {}, over {}", plural(seen.python, "revision"), seen.interpreter,
      seen.driver == "project" ? "the project's own driver" : "Stillhead's connection");
}

std::string database_text(const SeenDatabase& database) {
  if (!database.reached) return database.url->display + ": not reached";
  return fmt::format(
      "{}, {}: at {}, {} pending", database.url->display, display(database.version_table),
      revisions_text({database.rows.begin(), database.rows.end()}), database.pending);
}

std::string facts_text(const Diagnosis& seen, const Paint& paint) {
  std::string text;
  add_line(text, "configuration",
           paint.foreign(fmt::format("{}", fmt::join(seen.configuration, ", "))));
  add_line(text, "scripts", scripts_text(seen, paint));
  add_line(text, "in Python", python_text(seen));
  for (const char* name : {"alembic", "sqlalchemy", "drivers"}) {
    add_line(text, name, package_of(seen, name));
  }
  if (seen.native > 0) {
    add_line(text, "in Stillhead", plural(seen.native, "revision"));
  }
  if (seen.database && seen.database->url) {
    add_line(text, "database", paint.foreign(database_text(*seen.database)));
  }
  return text;
}

// One of each check and message, with all its places.
std::string finding_text(const Finding& first, const std::vector<std::string>& places,
                         const Paint& paint) {
  const bool is_one = places.size() == 1;
  std::string text =
      fmt::format("\n{}: {}{}\n", paint.mark(check_of(first).kind),
                  is_one && !places.front().empty() ? paint.foreign(places.front()) + ": " : "",
                  paint.foreign(message_of(first)));
  for (std::size_t i = 0; !is_one && i < std::min(places.size(), kShownPlaces); ++i) {
    text += fmt::format("    {}\n", paint.foreign(places[i]));
  }
  if (places.size() > kShownPlaces) {
    text += fmt::format("    and {} more (--json has all)\n", places.size() - kShownPlaces);
  }
  const std::string remedy = remedy_of(first);
  return remedy.empty() ? text : text + fmt::format("  {}\n", paint.foreign(remedy));
}

std::string findings_text(const Diagnosis& seen, const Paint& paint) {
  if (seen.findings.empty()) return "\nnothing found that is wrong, unsafe or slow\n";
  std::vector<std::pair<const Finding*, std::vector<std::string>>> groups;
  for (const Finding& finding : seen.findings) {
    const auto same = std::ranges::find_if(groups, [&](const auto& group) {
      return group.first->check == finding.check && message_of(*group.first) == message_of(finding);
    });
    auto& group =
        same == groups.end() ? groups.emplace_back(&finding, std::vector<std::string>()) : *same;
    group.second.push_back(place_of(finding));
  }
  std::string text;
  for (const auto& [first, places] : groups) text += finding_text(*first, places, paint);
  return text;
}

Json database_json(const SeenDatabase& database) {
  Json made = {{"namedByEnvPy", database.named_by_env_py}};
  if (database.url) {
    made["url"] = database.url->display;
    made["versionTable"] = display(database.version_table);
  }
  if (database.reached) {
    made["revisions"] = database.rows;
    made["pending"] = database.pending;
  }
  if (database.named_by_env_py) made["envPyMilliseconds"] = database.env_py_ms;
  return made;
}

Json finding_json(const Finding& finding) {
  return {{"check", finding.check},       {"kind", check_of(finding).kind},
          {"file", finding.file},         {"line", finding.line},
          {"revision", finding.revision}, {"message", message_of(finding)},
          {"remedy", remedy_of(finding)}};
}

}  // namespace

std::vector<std::string> check_names() {
  std::vector<std::string> names;
  for (const Check& check : kChecks) names.emplace_back(check.name);
  return names;
}

bool is_problem(const Finding& finding) { return check_of(finding).kind == "problem"; }

std::vector<Finding> findings_of(const RevisionGraph& graph) {
  std::vector<Finding> found;
  if (const RevisionSet heads = graph.heads(); heads.size() > 1) {
    Finding finding{.check = "several_heads"};
    finding.message = fmt::format("there are {} heads, {}: `stillhead upgrade head` is refused",
                                  heads.size(), revisions_text(heads));
    found.push_back(finding);
  }
  for (const Revision& revision : graph.revisions()) {
    if (revision.id.size() <= kVersionNumWidth) continue;
    found.push_back({.check = "id_too_long", .file = revision.file, .revision = revision.id});
  }
  return found;
}

void sort_by_kind(std::vector<Finding>& findings) {
  std::ranges::stable_sort(findings, {}, [](const Finding& finding) {
    return std::ranges::find(kKinds, check_of(finding).kind);
  });
}

std::string diagnosis_text(const Diagnosis& seen, const Paint& paint) {
  std::string text = facts_text(seen, paint) + findings_text(seen, paint);
  if (needs_yaml(seen)) {
    text += "\nTo run without Python where nothing is to be done, in stillhead.yaml:\n\n";
    for (const std::string& line : yaml_lines(*seen.database)) text += paint.foreign(line) + "\n";
  }
  return text;
}

std::string diagnosis_json(const Diagnosis& seen) {
  Json document = {{"configuration", seen.configuration},
                   {"scripts",
                    {{"folders", seen.scripts},
                     {"python", seen.python},
                     {"native", seen.native},
                     {"heads", seen.heads},
                     {"envPy", seen.has_env_py}}},
                   {"python", {{"interpreter", seen.interpreter}, {"driver", seen.driver}}}};
  for (const auto& [name, text] : seen.packages) document["python"][name] = text;
  if (seen.database) document["database"] = database_json(*seen.database);
  if (needs_yaml(seen)) document["yaml"] = yaml_lines(*seen.database);
  document["findings"] = Json::array();
  for (const Finding& finding : seen.findings) {
    document["findings"].push_back(finding_json(finding));
  }
  return json_line(document);
}

}  // namespace engine
