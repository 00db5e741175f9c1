// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/applied_scripts.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "engine/core/error.h"
#include "engine/script/script_dir.h"
#include "engine/script/sha256.h"

namespace engine {
namespace {

constexpr std::size_t kNamed = 3;  // revisions in a line; the rest is counted

using Change = EditedScript::Change;

ScriptMeaning meaning_in(const Revision& revision, const std::string& source,
                         const Dialect& dialect) {
  return meaning_of(revision, parse_body(revision, source), dialect);
}

// The history may hold what no parser takes any more; then nobody can say where it differs.
MeaningDifference where_changed(const StoredScript& then, const ScriptMeaning& now,
                                const Dialect& dialect) {
  try {
    const Revision stored = parse_header(then.source, then.file);
    return difference(meaning_in(stored, then.source, dialect), now);
  } catch (const Error&) {
    return {};
  }
}

class EditedScripts {
 public:
  EditedScripts(const RevisionGraph& graph, const AppliedHistory& history, const Dialect& dialect)
      : graph_(graph), history_(history), dialect_(dialect) {}

  void look_at(const RevisionId& id) {
    const HistoryEntry* entry = history_.find(id);
    if (entry == nullptr || entry->checksum.empty() || !graph_.contains(id)) return;
    const Revision& revision = graph_.at(id);
    const std::string source = read_source(revision);
    ScriptRecord now = record_of(revision.file, source);
    if (now.checksum == entry->checksum) return;
    EditedScript edited{id, revision.file, Change::Unknown, {}, entry->checksum, std::move(now)};
    if (revision.format != ScriptFormat::Python) {
      ScriptMeaning meaning = meaning_in(revision, source, dialect_);
      edited.now.meaning = digest_of(meaning);
      if (!entry->meaning.empty()) {
        const bool same = edited.now.meaning == entry->meaning;
        edited.change = same ? Change::Writing : Change::Meaning;
        if (!same) meanings_.emplace(id, std::move(meaning));
      }
    }
    edited_.push_back(std::move(edited));
  }

  std::vector<EditedScript> take(const ReadStored& stored) {
    if (!meanings_.empty()) explain(stored);
    return std::move(edited_);
  }

 private:
  void explain(const ReadStored& stored) {
    RevisionSet changed;
    for (const auto& [id, meaning] : meanings_) changed.insert(id);
    const std::map<RevisionId, StoredScript> scripts = stored(changed);
    for (EditedScript& edited : edited_) {
      const auto then = scripts.find(edited.revision);
      if (then == scripts.end() || edited.change != Change::Meaning) continue;
      edited.where = where_changed(then->second, meanings_.at(edited.revision), dialect_);
    }
  }

  const RevisionGraph& graph_;
  const AppliedHistory& history_;
  const Dialect& dialect_;
  std::vector<EditedScript> edited_ = {};
  std::map<RevisionId, ScriptMeaning> meanings_ = {};  // as they are now, where they have changed
};

std::string name_of(const EditedScript& edited) {
  return fmt::format("{} ({})", edited.revision,
                     std::filesystem::path(edited.path).filename().string());
}

// "a1 (a1.sql), b2 (b2.sql), c3 (c3.sql) and 4 more"
std::string names_of(const std::vector<const EditedScript*>& scripts) {
  std::vector<std::string> names;
  for (const EditedScript* script : scripts) {
    if (names.size() < kNamed) names.push_back(name_of(*script));
  }
  std::string text = fmt::format("{}", fmt::join(names, ", "));
  if (scripts.size() > kNamed) text += fmt::format(" and {} more", scripts.size() - kNamed);
  return text;
}

std::vector<const EditedScript*> with(const std::vector<EditedScript>& scripts, Change change) {
  std::vector<const EditedScript*> found;
  for (const EditedScript& script : scripts) {
    if (script.change == change) found.push_back(&script);
  }
  return found;
}

std::string count_of(std::size_t count) {
  return count == 1 ? "1 applied script was" : fmt::format("{} applied scripts were", count);
}

}  // namespace

std::string digest_of(const ScriptMeaning& meaning) { return sha256_hex(text_of(meaning)); }

ScriptRecord record_of(const std::string& file, std::string source) {
  ScriptRecord record;
  record.file = std::filesystem::path(file).filename().string();
  if (!is_text(record.file)) record.file.clear();
  record.checksum = sha256_hex(source);
  if (is_text(source)) record.source = std::move(source);
  return record;
}

ScriptRecord record_of(const Revision& revision, const Dialect& dialect) {
  const std::string source = read_source(revision);
  ScriptRecord record = record_of(revision.file, source);
  if (revision.format == ScriptFormat::Python) return record;
  try {
    record.meaning = digest_of(meaning_in(revision, source, dialect));
  } catch (const Error&) {
    // Nobody wants to run it: a fault in it is no reason to stop.
  }
  return record;
}

std::vector<EditedScript> find_edited(const RevisionGraph& graph, const RevisionSet& revisions,
                                      const AppliedHistory& history, const Dialect& dialect,
                                      const ReadStored& stored) {
  EditedScripts scripts(graph, history, dialect);
  for (const RevisionId& revision : revisions) scripts.look_at(revision);
  return scripts.take(stored);
}

std::string describe(const EditedScript& edited) {
  switch (edited.change) {
    case Change::Writing:
      return "only comments, white space or spelling differ";
    case Change::Meaning:
      return edited.where.text.empty() ? "its meaning differs, and what it was then is not stored"
                                       : fmt::format("{} differs", edited.where.text);
    case Change::Unknown:
      return "its bytes differ, and whether its meaning does is not known";
  }
  return {};
}

void refuse_changed_meaning(const std::vector<EditedScript>& scripts) {
  const std::vector<const EditedScript*> changed = with(scripts, Change::Meaning);
  if (changed.empty()) return;
  const EditedScript& first = *changed.front();
  Failure failure;
  failure.revision = first.revision;
  failure.file = std::filesystem::path(first.path).filename().string();
  failure.statement = first.where.statement;
  std::string text = fmt::format("{}: the script of revision {} was changed after it was run: {}",
                                 first.path, first.revision, describe(first));
  if (changed.size() > 1) {
    text += fmt::format("; so were {}", names_of({changed.begin() + 1, changed.end()}));
  }
  throw Error(Reason::ChecksumMismatch, text, failure,
              fmt::format("put the script back and write a new revision for the change; or, if the "
                          "database is as the script says now, `stillhead repair {} --yes`",
                          first.revision));
}

std::string notice_about(const std::vector<EditedScript>& scripts) {
  std::string text;
  if (const auto rewritten = with(scripts, Change::Writing); !rewritten.empty()) {
    text = fmt::format("{} edited without a change of meaning: {}", count_of(rewritten.size()),
                       names_of(rewritten));
  }
  if (const auto unknown = with(scripts, Change::Unknown); !unknown.empty()) {
    text += fmt::format("{}{} edited, and whether the meaning has changed is not known: {}",
                        text.empty() ? "" : "; ", count_of(unknown.size()), names_of(unknown));
  }
  return text.empty() ? text : text + " (`stillhead repair` shows them)";
}

}  // namespace engine
