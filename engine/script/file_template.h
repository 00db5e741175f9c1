// SPDX-License-Identifier: Apache-2.0
//
// The name of a new script, by the setting `file_template`: Python's % formatting over the names
// rev, slug, epoch, year, month, day, hour, minute, second.
#pragma once

#include <string>
#include <string_view>

#include "engine/script/create_date.h"

namespace engine {

inline constexpr std::string_view kDefaultFileTemplate = "%(rev)s_%(slug)s";

struct FileNameParts {
  std::string rev = {};
  std::string slug = {};
  CreateDate date = {};
};

// The name without its ending; `/` separates folders. Throws Error(InvalidUsage): an unknown name,
// a conversion that is none, a name that leads out of the folder.
std::string file_name(std::string_view file_template, const FileNameParts&);

}  // namespace engine
