// SPDX-License-Identifier: Apache-2.0
//
// Where the source tree and this build's programs are.
#pragma once

#include <string>

std::string source_folder();   // absolute, no trailing slash
std::string engine_program();  // the `stillhead` of this build
