// SPDX-License-Identifier: Apache-2.0
//
// What `doctor` has seen, as text and as JSON (docs/doctor.md). Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/cli/paint.h"
#include "engine/core/revision_graph.h"
#include "engine/db/url.h"
#include "engine/sql/dialect.h"

namespace engine {

struct Finding {
  std::string check = {};    // a name of the table of checks: "commits"
  std::string file = {};     // as it is shown; empty: it is about no file
  int line = 0;              // 0: about all of the file
  RevisionId revision = {};  // empty: about none
  std::string message = {};  // empty: the one in the table
  std::string remedy = {};   // the same
};

// Where the database is, and what it holds.
struct SeenDatabase {
  std::optional<DatabaseUrl> url = {};  // its `display` is shown
  VersionTableName version_table = {};
  bool named_by_env_py = false;
  bool is_first_of_several = false;  // that env.py migrates
  bool reached = false;              // else nothing is known of `rows` and `pending`
  std::vector<RevisionId> rows = {};
  std::size_t pending = 0;
  long env_py_ms = 0;  // a run of env.py, with the start of Python
};

struct Diagnosis {
  std::vector<std::string> configuration = {};  // files that were read
  std::string scripts = {};                     // folders
  std::size_t python = 0;                       // revisions
  std::size_t native = 0;                       // .sql and .yaml
  RevisionSet heads = {};
  std::string interpreter = {};  // path (origin); empty: none is needed, or there
  std::map<std::string, std::string> packages = {};  // "alembic": "1.20.1, /srv/..."
  std::string driver = {};                           // the setting
  bool has_env_py = false;
  std::optional<SeenDatabase> database = {};
  std::vector<Finding> findings = {};
};

// The names of all checks, for docs/doctor.md and its test.
std::vector<std::string> check_names();
// Whether a run would end with an error for it.
bool is_problem(const Finding&);
// Problems first, then what is unsafe, slow, worth knowing.
void sort_by_kind(std::vector<Finding>&);
// Of the graph alone: several heads, ids that are too long.
std::vector<Finding> findings_of(const RevisionGraph&);

std::string diagnosis_text(const Diagnosis&, const Paint&);
std::string diagnosis_json(const Diagnosis&);

}  // namespace engine
