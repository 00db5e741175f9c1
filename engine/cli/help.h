// SPDX-License-Identifier: Apache-2.0
//
// Pages for people, most of them made from the tables of command_table.h.
#pragma once

#include <string>
#include <string_view>

namespace engine {

// "scripts": what no command is called.
bool is_help_topic(std::string_view);
// Of a command or a topic, by its exact name; empty: the overview.
std::string help_page(std::string_view topic);
// All of it in roff, for man(1).
std::string manual_page();

}  // namespace engine
