// SPDX-License-Identifier: Apache-2.0
//
// What can be seen of an SQLite database file without opening it: opening and closing it would drop
// the locks that this process's SQLite connections hold on it.
#pragma once

#include <string>

#include "engine/db/url.h"

namespace engine {

// True only when nothing is there under that name. False where that cannot be told (rights, a loop
// of links, a name that is too long): whoever opens the file then says so. Throws nothing.
bool sqlite_file_is_missing(const DatabaseUrl&) noexcept;

// Throws Error(DatabaseUnreachable) naming path and cause when no database can be opened there; a
// file that is missing is one, if it is to be made (`create`) and its directory is there.
void check_sqlite_file(const DatabaseUrl&, bool create);

// Who keeps others from writing to the file, or from reading it: "process 42 with an open
// transaction". "another process ..." where that cannot be seen: the WAL journal, other containers.
std::string sqlite_lock_holder(const DatabaseUrl&);

}  // namespace engine
