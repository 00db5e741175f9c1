// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "engine/core/plan.h"
#include "engine/core/revision.h"
#include "engine/sql/split.h"

namespace engine {

// A step with all it needs: made before the first statement runs, so that faults show first.
struct PreparedStep {
  Step step = {};
  Revision revision = {};
  std::vector<Statement> statements = {};
  std::string checksum = {};
  // [i]: of the statements up to and with i.
  std::vector<std::string> digests = {};
  // For the history; empty: not known, or not to be kept.
  std::string file = {};     // base name
  std::string source = {};   // the whole script
  std::string meaning = {};  // digest of sql/meaning.h
};

}  // namespace engine
