// SPDX-License-Identifier: Apache-2.0
//
// Scripts of applied revisions: as they are now, as they were when they were run, and what to make
// of the difference.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "engine/core/revision_graph.h"
#include "engine/db/history_reader.h"
#include "engine/db/history_table.h"
#include "engine/sql/dialect.h"
#include "engine/sql/meaning.h"

namespace engine {

// What the history keeps of a script.
struct ScriptRecord {
  std::string file = {};      // base name; empty: cannot be kept
  std::string source = {};    // empty: cannot be kept
  std::string checksum = {};  // SHA-256 of the file
  std::string meaning = {};   // SHA-256 of its meaning; empty: not known, as of Python
};

std::string digest_of(const ScriptMeaning&);
// Of a whole script that was read. `meaning` stays empty.
ScriptRecord record_of(const std::string& file, std::string source);
// Reads the file; of a faulty script the meaning is not known. Throws Error(InvalidScripts): it
// cannot be read.
ScriptRecord record_of(const Revision&, const Dialect&);

struct EditedScript {
  enum class Change {
    Writing,  // comments, white space, spelling
    Meaning,
    Unknown,  // there is nothing to compare the meaning with
  };
  RevisionId revision = {};
  std::string path = {};
  Change change = Change::Unknown;
  MeaningDifference where = {};  // Meaning: empty when the old source is not stored
  std::string checksum_then = {};
  ScriptRecord now = {};
};

using ReadStored = std::function<std::map<RevisionId, StoredScript>(const RevisionSet&)>;

// Those of `revisions` whose file has other bytes than their last row says, in the order of the
// names. Files with the same bytes are not parsed; `stored` is asked when a meaning has changed.
// Throws Error(InvalidScripts).
std::vector<EditedScript> find_edited(const RevisionGraph&, const RevisionSet& revisions,
                                      const AppliedHistory&, const Dialect&,
                                      const ReadStored& stored);

// "b2.sql says something else: statement 2 of its upgrade section differs" and its kind.
std::string describe(const EditedScript&);
// Throws Error(ChecksumMismatch) naming those whose meaning has changed; nothing when there are
// none.
void refuse_changed_meaning(const std::vector<EditedScript>&);
// About the others, in one line; empty: there are none.
std::string notice_about(const std::vector<EditedScript>&);

}  // namespace engine
