// SPDX-License-Identifier: Apache-2.0
//
// What commands read before they decide anything: the scripts and the database's address.
#pragma once

#include "engine/cli/options.h"
#include "engine/core/revision_graph.h"
#include "engine/db/connection.h"
#include "engine/run/observer.h"
#include "engine/script/script_dir.h"

namespace engine {

// Throws Error(InvalidScripts) naming both digests when --scripts-sha256 asks for other scripts.
// Without that option: no effect.
void verify_scripts(const Options&);

// Where the settings say that scripts are. Throws Error(InvalidScripts), Error(InvalidUsage).
ScriptLocations find_locations(const Settings&);

// Verifies and reads, and tells the report what was read. Throws Error(InvalidScripts).
RevisionGraph read_graph(const Options&, RunReport&);

// Whether env.py, where there is one, has the word in its code.
bool env_py_names(const Settings&, std::string_view word);

// SECRET; as the settings give it. Throws Error(InvalidUsage): there is none, or its file cannot be
// read.
std::string given_url(const Options&);

// From the flag, the environment or the file. Throws Error(InvalidUsage); its text names every way
// to give a URL when there is none. Also refuses a version table that this database cannot name.
DatabaseUrl find_database(const Options&);

// A connection made with these waits for other users of an SQLite file as long as for the lock, and
// tells `observer`, which must live as long as the connection.
ConnectOptions connect_options(const Options&, Observer* observer = nullptr);

}  // namespace engine
