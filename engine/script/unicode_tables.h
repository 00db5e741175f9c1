// SPDX-License-Identifier: Apache-2.0
//
// What a word and a small letter are beyond ASCII, sorted by code point. Internal to engine/script;
// slug.cc asks.
#pragma once

#include <span>

namespace engine {

struct CodeRange {
  char32_t first = 0;
  char32_t last = 0;
};

// first, first + stride ... last become themselves plus delta.
struct LowerRun {
  char32_t first = 0;
  char32_t last = 0;
  char32_t stride = 1;
  int delta = 0;
};

std::span<const CodeRange> word_ranges();  // letters and digits: what Python's \w matches
std::span<const LowerRun> lower_runs();

}  // namespace engine
