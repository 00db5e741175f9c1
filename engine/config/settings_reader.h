// SPDX-License-Identifier: Apache-2.0
//
// Fills Settings from its sources, in their order. For settings.cc only.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/config/settings.h"
#include "engine/syntax/ini.h"
#include "engine/syntax/node.h"

namespace engine {

class SettingsReader {
 public:
  SettingsReader(const ConfigSources& sources, Settings& settings)
      : sources_(sources), settings_(settings) {}

  void read();

 private:
  // alembic_ini.cc
  void read_ini(const ConfigText&);
  void read_ini_list(const IniDocument&, const KeyInfo&, const std::string& text, Value&);
  void read_ini_hooks(const IniDocument&, const IniVariables&);

  // pyproject.cc
  void read_pyproject(const ConfigText&);
  void read_toml_value(const ConfigText&, const KeyInfo&, const Node&);
  void read_toml_hooks(const ConfigText&, const Node&);

  // stillhead_yaml.cc
  void read_yaml(const ConfigText&);
  void read_yaml_hooks(const ConfigText&, const Node&);
  void read_yaml_run_hooks(const ConfigText&, const Node&);

  // settings_reader.cc
  void read_environment();
  void read_flags();
  void read_own(const KeyInfo&, const std::string& text, const std::string& origin);
  void check();
  void set(Key, Value);  // a URL and a file with the URL take each other's place
  // %(here)s, and the environment.
  IniVariables variables(const ConfigText&) const;

  const ConfigSources& sources_;
  Settings& settings_;
  bool ini_has_section_ = false;
  bool toml_has_table_ = false;
};

// `text` at each `separator`, without white space around; empty pieces are left out.
std::vector<std::string> split_list(std::string_view text, std::string_view separators);
// `text` with `folder` for each %(here)s, nothing else being special.
std::string replace_here(std::string text, std::string_view folder);

}  // namespace engine
