// SPDX-License-Identifier: Apache-2.0
//
// Files that come into being whole or not at all, and never in place of another; and more text for
// one that is there. Internal to engine/script.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "engine/script/status.h"

namespace engine {

// Absolute, without `.` and doubled slashes; `..` stays, as links may be on the way.
std::filesystem::path absolute_path(const std::filesystem::path&);

// Throws Error(InvalidUsage) "cannot write FILE: it exists already", or the system's cause. The
// file and its name are on disk when this returns.
void write_new_file(const std::filesystem::path& file, std::string_view text);

// Of a file that is there, which is as before or as after at any moment. Throws
// Error(InvalidUsage).
void append_to_file(const std::filesystem::path& file, std::string_view text);

// With all that is missing above it, as "Creating directory FOLDER"; does nothing when it is there.
// Throws Error(InvalidUsage).
void ensure_folder(const std::filesystem::path& folder, const Status&);

// Throws Error(InvalidUsage).
std::string read_text_file(const std::filesystem::path& file);

}  // namespace engine
