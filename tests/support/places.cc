// SPDX-License-Identifier: Apache-2.0
#include "tests/support/places.h"

std::string source_folder() { return STILLHEAD_SOURCE_DIR; }

std::string engine_program() { return STILLHEAD_PROGRAM; }
