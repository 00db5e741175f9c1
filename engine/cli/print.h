// SPDX-License-Identifier: Apache-2.0
//
// A graph as text for people, in the line grammar of Alembic's commands, and as JSON for programs
// (docs/cli.md). Pure: makes text, prints nothing. Each text ends with a newline, or is empty.
#pragma once

#include <string>
#include <string_view>

#include "engine/core/plan.h"
#include "engine/core/revision_graph.h"

namespace engine {

enum class Verbosity { Line, Entry };  // Entry: `-v`, several lines a revision

// Newest first. `current`: rows of the version table to be marked "(current)".
std::string history_text(const RevisionGraph&, Verbosity, const RevisionSet& current);
std::string heads_text(const RevisionGraph&, Verbosity);
// What shown_as_current() names. Rows must be known to the graph.
std::string current_text(const RevisionGraph&, Verbosity, const RevisionSet& rows);

// The rows and, where a row has branches below it that it reaches through depends_on only, the
// newest revision of each of these.
RevisionSet shown_as_current(const RevisionGraph&, const RevisionSet& rows);

// "Running upgrade a, b -> c, message" / "Running downgrade c -> a, b, message".
std::string running_text(const Step&, const Revision&);

// "base" for none; else the ids, comma-separated.
std::string revisions_text(const RevisionSet&);

// "500 ms", "1.2 s", "3 min 20 s".
std::string duration_text(long milliseconds);

// Documents of `--json`, one line each, with a newline.
std::string history_json(const RevisionGraph&, const RevisionSet& current);
std::string heads_json(const RevisionGraph&);
std::string current_json(const RevisionGraph&, const RevisionSet& rows, std::string_view database);

}  // namespace engine
