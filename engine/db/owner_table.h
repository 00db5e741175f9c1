// SPDX-License-Identifier: Apache-2.0
//
// stillhead_owner: the newest attempt of each owner. A run that was left behind (its process hung,
// its machine came back) must not write after its successor has begun. Beside the history; layout:
// docs/history.md.
#pragma once

#include <compare>
#include <optional>
#include <string>

#include "engine/core/error.h"
#include "engine/db/connection.h"
#include "engine/db/history_table.h"

namespace engine {

// Which attempt of an owner a run is; never goes down. 0: not given.
struct AttemptToken {
  long generation = 0;
  int attempt = 0;
  friend auto operator<=>(const AttemptToken&, const AttemptToken&) = default;
};

// Keeps the token, in a transaction of its own, unless a greater one is kept, which is returned; an
// equal one is the same attempt once more.
std::optional<AttemptToken> claim_attempt(Connection&, const HistoryTable&,
                                          const std::string& owner, const AttemptToken&);
// Error(StaleAttempt) naming both.
Error stale_attempt(const std::string& owner, const AttemptToken& own, const AttemptToken& kept);

}  // namespace engine
