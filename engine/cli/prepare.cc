// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/prepare.h"

#include <fmt/format.h>

#include <utility>

#include "engine/cli/applied_scripts.h"
#include "engine/cli/inputs.h"
#include "engine/core/error.h"
#include "engine/script/script_dir.h"
#include "engine/script/sha256.h"

namespace engine {
namespace {

// Each is made of the one before it, so that it stands for all statements so far.
void add_digests(PreparedStep& prepared) {
  std::string digest;
  for (const Statement& statement : prepared.statements) {
    digest = sha256_hex(digest + statement.sql);
    prepared.digests.push_back(digest);
  }
}

// What it does is known when it has been done.
PreparedStep python_step(const Step& step, const Revision& revision, const Dialect& dialect,
                         const StoredScript* stored) {
  if (stored != nullptr) refuse_python(revision);
  const ScriptRecord record = record_of(revision, dialect);
  PreparedStep prepared{step, revision, {}, record.checksum};
  prepared.file = record.file;
  if (record.source.size() <= kLargestStoredSource) prepared.source = record.source;
  return prepared;
}

PreparedStep prepare_step(const Step& step, const Revision& revision, const Dialect& dialect,
                          const StoredScript* stored) {
  if (revision.format == ScriptFormat::Python) return python_step(step, revision, dialect, stored);
  std::string source = stored == nullptr ? read_source(revision) : stored->source;
  const ScriptBody body = parse_body(revision, source);
  if (step.direction == Direction::Down && !body.downgrade) {
    throw Error(
        Reason::IrreversibleRevision,
        fmt::format("cannot downgrade revision {}: {} has no downgrade section", revision.id,
                    revision.file),
        fmt::format("write {} and what takes the revision back; an empty section means that "
                    "nothing is to be done",
                    revision.file.ends_with(".sql") ? "`-- stillhead:downgrade`" : "`downgrade:`"));
  }
  PreparedStep prepared{step, revision, {}, body.checksum};
  prepared.meaning = digest_of(meaning_of(revision, body, dialect));
  prepared.statements = dialect.render(
      step.direction == Direction::Up ? body.upgrade : *body.downgrade, revision.file);
  if (!revision.transactional) {
    for (Statement& statement : prepared.statements) statement.transactional = false;
  }
  add_digests(prepared);
  ScriptRecord record = record_of(revision.file, std::move(source));
  prepared.file = std::move(record.file);
  if (record.source.size() <= kLargestStoredSource) prepared.source = std::move(record.source);
  return prepared;
}

void add_written(const std::vector<RowChange>& rows, RevisionSet& written) {
  for (const RowChange& change : rows) {
    if (!change.to.empty()) written.insert(change.to);
  }
}

}  // namespace

std::vector<PreparedStep> prepare(const Plan& plan, const RevisionGraph& graph,
                                  const Dialect& dialect, const Options& options,
                                  const std::map<RevisionId, StoredScript>& stored) {
  std::vector<PreparedStep> steps;
  for (const Step& step : plan.steps) {
    const auto found = stored.find(step.revision);
    steps.push_back(prepare_step(step, graph.at(step.revision), dialect,
                                 found == stored.end() ? nullptr : &found->second));
  }
  // The folder may have been exchanged while it was read.
  verify_scripts(options);
  return steps;
}

RevisionSet written_by(const Plan& plan) {
  RevisionSet written;
  for (const Step& step : plan.steps) add_written(step.rows, written);
  return written;
}

RevisionSet written_by(const StampPlan& plan) {
  RevisionSet written;
  for (const StampStep& step : plan.steps) add_written(step.rows, written);
  return written;
}

}  // namespace engine
