// SPDX-License-Identifier: Apache-2.0
//
// What holds for this run: every setting with its value and where it came from. Later wins:
// pyproject.toml, alembic.ini, stillhead.yaml, environment, flags. Pure: texts in, values out;
// engine/config/files.h finds and reads the files. Manual: docs/configuration.md.
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/config/keys.h"
#include "engine/core/error.h"

namespace engine {

using Environment = std::map<std::string, std::string>;

// A configuration file that was read.
struct ConfigText {
  std::string name = {};    // as the user knows it: "alembic.ini"; begins origins and errors
  std::string folder = {};  // absolute; what %(here)s stands for
  std::string text = {};
  bool named = false;  // by -c or ALEMBIC_CONFIG, not found by its default name
};

struct ConfigSources {
  std::optional<ConfigText> pyproject = {};
  std::optional<ConfigText> ini = {};
  std::optional<ConfigText> yaml = {};
  std::string section = "alembic";  // -n: the section of the ini file
  Environment environment = {};
  // Long name without dashes -> value; "" for a switch. Names that are no settings are passed over.
  std::map<std::string, std::string> flags = {};
};

// A program that is run on each new script.
struct PostWriteHook {
  std::string name = {};
  std::vector<std::pair<std::string, std::string>> options = {};  // "type", "entrypoint", ...
  std::string origin = {};

  const std::string* find(std::string_view option) const;  // nullptr: not given
};

// A program that is run before or after a run or a revision; docs/hooks.md.
struct RunHook {
  std::vector<std::string> words = {};  // program and arguments; empty: there is none
  std::string origin = "default";
};

struct HookSettings {
  RunHook before_run = {};
  RunHook after_run = {};
  RunHook before_revision = {};
  RunHook after_revision = {};
  std::chrono::milliseconds timeout{300'000};  // of each
  std::string timeout_text = "5m";
  std::string timeout_origin = "default";
};

struct Value {
  std::string text = {};                // not of lists; empty: none
  std::vector<std::string> items = {};  // of lists
  std::string origin = "default";       // "alembic.ini:12", "STILLHEAD_LOCK_WAIT", "--lock-wait"
  // Thrown when the value is asked for: of Alembic's files, and of variables that other programs
  // have, too.
  std::optional<Error> fault = {};
};

// A setting as `stillhead config` prints it.
struct ShownSetting {
  std::string name = {};
  std::string value = {};   // lists joined by ", "; secrets masked; empty: none
  std::string origin = {};  // as Value::origin
  std::string fault = {};   // why the value cannot be used; empty: it can
};

class Settings {
 public:
  // Everything as by default.
  Settings();
  // Throws Error(InvalidUsage): a file that is not well-formed; an unknown key or a wrong value in
  // stillhead.yaml; a wrong value in a variable STILLHEAD_* or a flag; sourceless = true; a section
  // that was asked for and is not there. Wrong values in Alembic's files are thrown by the getters,
  // as Alembic looks at them when it needs them.
  explicit Settings(const ConfigSources&);

  // Each is for the keys of its type: text for Text, Path, Hex and Choice. Throws Error(Bug) for
  // others, Error(InvalidUsage) for a fault in Alembic's files.
  const std::string& text(Key) const;
  bool flag(Key) const;           // false when there is neither a value nor a default
  std::size_t number(Key) const;  // 0: none
  std::chrono::milliseconds duration(Key) const;
  const std::vector<std::string>& list(Key) const;

  // What env.py says. For keys that are no lists.
  void set(Key, std::string text, std::string origin);
  // Another spelling of the same, from the same origin: the items of a list, or one text.
  void replace(Key, std::vector<std::string> items);
  void set_fault(Key, const Error&);
  bool has_fault(Key) const;

  bool is_set(Key) const;  // by any source
  const std::string& origin(Key) const;

  // Throws Error(InvalidUsage), as Alembic does, when one of Alembic's files is there and none says
  // where the scripts are.
  const std::string& script_location() const;
  const std::vector<PostWriteHook>& post_write_hooks() const;
  const HookSettings& run_hooks() const { return run_hooks_; }

  // All settings in the order of the table, then post_write_hooks and hooks; of hooks the program
  // only, since arguments may hold secrets. `mask` hides the passwords of a
  // URL.
  std::vector<ShownSetting> shown(const std::function<std::string(const std::string&)>& mask) const;

 private:
  friend class SettingsReader;

  const Value& at(Key) const;

  std::array<Value, kKeyCount> values_ = {};
  HookSettings run_hooks_ = {};
  std::vector<PostWriteHook> hooks_ = {};
  std::string hooks_origin_ = "default";
  std::optional<Error> hooks_fault_ = {};
  std::optional<Error> no_script_location_ = {};  // thrown unless script_location is set
};

}  // namespace engine
