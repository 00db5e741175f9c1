// SPDX-License-Identifier: Apache-2.0
//
// Which statements of which steps commit together. Pure: computed before anything runs, and shown
// by `plan`.
#pragma once

#include <cstddef>
#include <vector>

#include "engine/run/prepared_step.h"

namespace engine {

enum class TransactionMode {
  PerRevision,
  Single,  // all or nothing, but for what stands in autocommit sections
};

// Statements [first, end) of a step, by its place in the list of steps.
struct Piece {
  std::size_t step = 0;
  std::size_t first = 0;
  std::size_t end = 0;
  bool completes = false;  // the version and history rows are written with it
  friend bool operator==(const Piece&, const Piece&) = default;
};

// One transaction; or, `alone`, one statement that is on no transaction of ours.
struct TransactionGroup {
  std::vector<Piece> pieces = {};  // not empty; alone: one, of one statement
  bool alone = false;
  friend bool operator==(const TransactionGroup&, const TransactionGroup&) = default;
};

// `done[i]`: so many statements of step i are committed by earlier runs; a step that goes on begins
// a group of its own. Shorter than `steps`: 0.
std::vector<TransactionGroup> transaction_groups(const std::vector<PreparedStep>& steps,
                                                 TransactionMode,
                                                 const std::vector<std::size_t>& done = {});

}  // namespace engine
