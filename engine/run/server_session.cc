// SPDX-License-Identifier: Apache-2.0
#include "engine/run/server_session.h"

#include <fmt/format.h>

namespace engine {

std::string describe_session(const Row& row) {
  std::string text = "pid " + row.at(0).value_or("?");
  if (row.at(1) && !row[1]->empty()) text += fmt::format(", application_name \"{}\"", *row[1]);
  if (!row.at(3)) return text + ", a session of another role";
  return text + (row.at(2) ? fmt::format(", client {}", *row[2]) : ", local client");
}

}  // namespace engine
