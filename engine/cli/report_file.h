// SPDX-License-Identifier: Apache-2.0
//
// The file of --report.
#pragma once

#include <filesystem>
#include <string_view>

namespace engine {

// Asks, before anything runs, whether the file can be written. Throws Error(InvalidUsage).
void check_report_file(const std::filesystem::path&);

// A reader sees the old file or the new one, never half of it: temporary file, then rename. Where
// that cannot be (a device, a link, a file that is a mount point, a folder that is read-only) the
// file is written in place. Throws Error(InvalidUsage).
void write_report_file(const std::filesystem::path&, std::string_view text);

// Likewise, of a plan. Only its owner may read a file that is made by this: statements can hold
// people's data.
void write_plan_file(const std::filesystem::path&, std::string_view text);

}  // namespace engine
