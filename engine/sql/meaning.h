// SPDX-License-Identifier: Apache-2.0
//
// What a script means, without how it is written: two scripts with the same meaning do the same to
// a database and stand at the same place of the graph. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/core/operation.h"
#include "engine/core/revision.h"
#include "engine/sql/dialect.h"

namespace engine {

// A statement's words, one space apart: comments and other white space dropped, keywords and
// unquoted identifiers in lower case (ASCII), literals and quoted identifiers as they are. Texts
// that the database could read differently differ. Throws Error(InvalidScripts): an unterminated
// quote or comment.
std::string words_of(std::string_view statement, SqlFlavour);

struct ScriptMeaning {
  std::string header = {};  // id, parents, dependencies, labels
  std::vector<std::string> upgrade = {};
  std::optional<std::vector<std::string>> downgrade = {};
  friend bool operator==(const ScriptMeaning&, const ScriptMeaning&) = default;
};

// A section that cannot be cut into statements means its text as it is.
ScriptMeaning meaning_of(const Revision&, const ScriptBody&, const Dialect&);
// As one text, of which a digest can be made.
std::string text_of(const ScriptMeaning&);

// Where `now` differs first: "statement 2 of its upgrade section", "its header"; empty: nowhere.
struct MeaningDifference {
  std::string text = {};
  int statement = 0;  // 1-based; 0: no single one
};
MeaningDifference difference(const ScriptMeaning& then, const ScriptMeaning& now);

}  // namespace engine
