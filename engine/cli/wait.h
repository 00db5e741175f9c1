// SPDX-License-Identifier: Apache-2.0
//
// `stillhead wait`: until the database has revisions. Reads only.
#pragma once

#include <stop_token>

#include "engine/cli/options.h"
#include "engine/contract/report.h"
#include "engine/run/observer.h"

namespace engine {

// `options.command` is Wait. Whatever is wrong with the database may be mended: it is told and
// waited out. Fills `report` as it goes. Throws Error(NotUpToDate) when the time is over,
// Error(Interrupted), and what is wrong with options, scripts and URL.
void wait_for_revisions(const Options&, Observer&, const std::stop_token&, RunReport& report);

}  // namespace engine
