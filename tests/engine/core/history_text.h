// SPDX-License-Identifier: Apache-2.0
//
// Histories as text: "a #label; b<a; c<a !x; m<b,c" = a labelled root, two children of it, one of
// which depends on x, and their merge. Files are called <id>.sql.
#pragma once

#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "engine/core/revision_graph.h"

namespace engine {

inline std::vector<std::string> split_text(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) {
    if (!part.empty()) parts.push_back(part);
  }
  return parts;
}

inline std::vector<Revision> revisions_of(const std::string& history) {
  std::vector<Revision> revisions;
  for (const std::string& entry : split_text(history, ';')) {
    Revision revision;
    for (const std::string& word : split_text(entry, ' ')) {
      if (word[0] == '#') {
        revision.branch_labels.push_back(word.substr(1));
      } else if (word[0] == '!') {
        revision.depends_on = split_text(word.substr(1), ',');
      } else {
        const auto sign = word.find('<');
        revision.id = word.substr(0, sign);
        if (sign != std::string::npos) {
          revision.down_revisions = split_text(word.substr(sign + 1), ',');
        }
      }
    }
    revision.file = revision.id + ".sql";
    revisions.push_back(std::move(revision));
  }
  return revisions;
}

inline RevisionGraph graph_of(const std::string& history) {
  return RevisionGraph(revisions_of(history));
}

// "a b" -> {a, b}
inline RevisionSet ids_of(const std::string& text) {
  const std::vector<std::string> ids = split_text(text, ' ');
  return {ids.begin(), ids.end()};
}

inline std::string text_of(const RevisionSet& ids) {
  std::string text;
  for (const RevisionId& id : ids) text += (text.empty() ? "" : " ") + id;
  return text;
}

inline std::string text_of(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : " ") + name;
  return text;
}

}  // namespace engine
