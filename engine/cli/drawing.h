// SPDX-License-Identifier: Apache-2.0
//
// The revisions as a drawing. Pure; each text ends with a newline, or is empty.
#pragma once

#include <string>

#include "engine/cli/paint.h"
#include "engine/core/revision_graph.h"

namespace engine {

enum class DrawingFormat { Text, Dot, Mermaid, Json };

// Text: one line a revision, newest first, with the branches as columns before it, as
// `git log --graph` draws them. Dot: for Graphviz. Mermaid: for Markdown. Dependencies are dotted
// (text: named). `current`: rows of the version table, to be marked; null: the database was not
// asked. Only the text is painted.
std::string draw(const RevisionGraph&, DrawingFormat, const RevisionSet* current, const Paint&);

}  // namespace engine
