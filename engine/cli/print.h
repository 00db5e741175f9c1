// SPDX-License-Identifier: Apache-2.0
//
// A graph as text for people, in the line grammar of Alembic's commands, and as JSON for programs
// (docs/cli.md). Pure: makes text, prints nothing. Each text ends with a newline, or is empty.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "engine/cli/paint.h"
#include "engine/core/plan.h"
#include "engine/core/revision_graph.h"

namespace engine {

enum class Verbosity { Line, Entry };  // Entry: `-v`, several lines a revision

// "id (label) (head), message": without line end.
std::string graph_line(const RevisionGraph&, const Revision&, const RevisionSet& current,
                       const Paint&);

// Revision::message with the line ends that it has in the script (Alembic's `doc`).
std::string message_lines(const Revision&);

// `shown` in that order. `current`: rows of the version table to be marked "(current)".
std::string history_text(const RevisionGraph&, const std::vector<RevisionId>& shown, Verbosity,
                         const RevisionSet& current, const Paint&);
enum class HeadsBy { DownRevision, Dependencies };  // Dependencies: nothing depends on it either
std::string heads_text(const RevisionGraph&, HeadsBy, Verbosity, const Paint&);
// Each revision with several children, newest first, and its children.
std::string branches_text(const RevisionGraph&, Verbosity, const Paint&);
// The entries of `shown`.
std::string show_text(const RevisionGraph&, const std::vector<RevisionId>& shown, const Paint&);
// What shown_as_current() names. Rows must be known to the graph.
std::string current_text(const RevisionGraph&, Verbosity, const RevisionSet& rows, const Paint&);

// The rows and, where a row has branches below it that it reaches through depends_on only, the
// newest revision of each of these.
RevisionSet shown_as_current(const RevisionGraph&, const RevisionSet& rows);

// "Running upgrade a, b -> c, message" / "Running downgrade c -> a, b, message".
std::string running_text(const Step&, const Revision&);

// The same without the message.
std::string running_text_short(const Step&, const Revision&);
// "Running stamp_revision a, b -> c".
std::string running_text(const StampStep&);

// A line a step, "upgrade a -> b, message", and a line for each change of the version table.
std::string step_text(const Step&, const Revision&, const Paint&);

// "base" for none; else the ids, comma-separated.
std::string revisions_text(const RevisionSet&);

// "500 ms", "1.2 s", "3 min 20 s".
std::string duration_text(long milliseconds);

// Documents of `--json`, one line each, with a newline.
// `current` null: the database was not asked, and nothing is said of it.
std::string history_json(const RevisionGraph&, const std::vector<RevisionId>& shown,
                         const RevisionSet* current);
std::string heads_json(const RevisionGraph&, HeadsBy);
std::string branches_json(const RevisionGraph&);
std::string show_json(const RevisionGraph&, const std::vector<RevisionId>& shown);
nlohmann::ordered_json revision_json(const RevisionGraph&, const Revision&);
std::string current_json(const RevisionGraph&, const RevisionSet& rows, std::string_view database);

}  // namespace engine
