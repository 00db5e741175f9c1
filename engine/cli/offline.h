// SPDX-License-Identifier: Apache-2.0
//
// `--sql`: the same plans against a connection that prints.
#pragma once

#include <string>

#include "engine/cli/options.h"
#include "engine/contract/report.h"
#include "engine/run/observer.h"

namespace engine {

// The statements of Upgrade, Downgrade, Stamp or EnsureVersion with `sql`, in Alembic's layout. No
// database is opened; its URL says which SQL is spoken. The target may be a range FROM:TO (of
// Downgrade it must be one); without FROM the database is taken to be empty. Throws Error; nothing
// is printed then.
std::string print_sql(const Options&, Observer&, RunReport& report);

// True for the commands above when they were given --sql.
bool wants_sql(const Command&);

}  // namespace engine
