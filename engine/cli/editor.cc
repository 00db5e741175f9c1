// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/editor.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cstring>

#include "engine/core/error.h"
#include "engine/host/child_process.h"
#include "engine/script/template.h"

namespace engine {
namespace {

[[noreturn]] void fail(const std::string& cause, const std::string& hint) {
  throw Error(Reason::InvalidUsage, fmt::format("Error executing editor ({})", cause), hint);
}

// `code --wait` is a program with an option, unless a file is called like that.
std::vector<std::string> words_of(const std::string& choice) {
  if (::access(choice.c_str(), F_OK) == 0) return {choice};
  return split_words(choice, "the editor's name");
}

std::vector<std::string> find_editor(const Environment& environment) {
  std::vector<std::vector<std::string>> candidates;
  for (const char* variable : {"EDITOR", "VISUAL"}) {
    const auto found = environment.find(variable);
    if (found != environment.end()) candidates.push_back(words_of(found->second));
  }
  for (const char* name : {"sensible-editor", "editor", "nano", "vim", "code"}) {
    candidates.push_back({name});
  }
  for (std::vector<std::string>& words : candidates) {
    if (words.empty()) continue;
    const std::string path = find_program(words[0], environment);
    if (path.empty() || ::access(path.c_str(), F_OK) != 0) continue;
    words[0] = path;
    return words;
  }
  fail("No suitable editor found. Please set the \"EDITOR\" or \"VISUAL\" environment variables",
       "for instance EDITOR=vi");
}

}  // namespace

std::vector<std::string> files_to_edit(const RevisionGraph& graph, const std::string& symbol,
                                       const std::vector<RevisionId>& revisions) {
  if (revisions.empty()) {
    throw Error(Reason::InvalidTarget,
                symbol == "current"
                    ? "No current revisions"
                    : fmt::format("No revision files indicated by symbol '{}'", symbol),
                "`stillhead history` lists the revisions");
  }
  std::vector<std::string> files;
  for (const RevisionId& id : revisions) files.push_back(graph.at(id).file);
  return files;
}

void open_in_editor(const std::string& file, const Environment& environment) {
  std::vector<std::string> words = find_editor(environment);
  words.push_back(file);
  ChildProcess child;
  child.program = words[0];
  child.arguments.assign(words.begin() + 1, words.end());
  const ChildEnd end = run_child(child, environment);
  if (end.exit_code == 0) return;
  std::vector<std::string> shown;
  for (const std::string& word : words) shown.push_back(python_repr(word));
  const std::string command = fmt::format("Command '[{}]'", fmt::join(shown, ", "));
  const std::string hint = "the file may have been saved all the same";
  if (end.signal == 0) {
    fail(fmt::format("{} returned non-zero exit status {}.", command, end.exit_code), hint);
  }
  fail(fmt::format("{} died with <Signals.SIG{}: {}>.", command, ::sigabbrev_np(end.signal),
                   end.signal),
       hint);
}

}  // namespace engine
