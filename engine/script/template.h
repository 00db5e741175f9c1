// SPDX-License-Identifier: Apache-2.0
//
// Templates of new scripts, without Python: of Mako's language what the templates of Alembic's own
// projects use (docs/new-revisions.md, "Templates"). Anything else is refused with file and line.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/core/revision.h"

namespace engine {

// What a name in a template stands for.
struct TemplateValue {
  enum class Kind {
    Unset,  // false in conditions, refused where it is printed
    None,
    Text,
    Tuple,
    List,  // as Tuple, but Python's repr has brackets
  };
  Kind kind = Kind::Unset;
  std::string text = {};
  std::string shown = {};  // what ${name} prints when that is not `text`
  std::vector<std::string> items = {};

  static TemplateValue none() { return {Kind::None, {}, {}, {}}; }
  static TemplateValue of(std::string text) { return {Kind::Text, std::move(text), {}, {}}; }
  static TemplateValue tuple(std::vector<std::string> items) {
    return {Kind::Tuple, {}, {}, std::move(items)};
  }
  static TemplateValue list(std::vector<std::string> items) {
    return {Kind::List, {}, {}, std::move(items)};
  }
};

using TemplateValues = std::map<std::string, TemplateValue, std::less<>>;

// `format` decides how None, lists and repr() look. `origin` is the file's name in messages. Throws
// Error(InvalidScripts) "origin:line: ...".
std::string render_template(std::string_view text, std::string_view origin, ScriptFormat format,
                            const TemplateValues&);

// As Python's repr of a text: in quotes, which are escaped where need be, as what is not printable.
std::string python_repr(std::string_view text);

}  // namespace engine
