// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/hooks.h"

#include <fmt/format.h>

#include <string_view>

#include "engine/core/error.h"
#include "engine/script/template.h"

namespace engine {
namespace {

constexpr std::string_view kFileToken = "REVISION_SCRIPT_FILENAME";
constexpr const char* kPython = "python3";

constexpr const char* kFindModule = R"(import importlib.util, sys
try:
    sys.exit(importlib.util.find_spec(sys.argv[1]) is None)
except ImportError:
    sys.exit(1))";

constexpr const char* kFindEntryPoint = R"(import importlib.metadata, sys
points = importlib.metadata.entry_points()
points = points.select(group='console_scripts') if hasattr(points, 'select') else points.get('console_scripts', ())
sys.exit(not any(point.name == sys.argv[1] for point in points)))";

// As Alembic: `import module; module.attribute()`, so that sys.argv holds the options only.
constexpr const char* kRunEntryPoint = R"(import importlib, importlib.metadata, sys
points = importlib.metadata.entry_points()
points = points.select(group='console_scripts') if hasattr(points, 'select') else points.get('console_scripts', ())
name = sys.argv.pop(1)
point = next(point for point in points if point.name == name)
module, _, attributes = point.value.partition('[')[0].strip().partition(':')
target = importlib.import_module(module.strip())
for attribute in filter(None, attributes.strip().split('.')):
    target = getattr(target, attribute)
sys.exit(target()))";

[[noreturn]] void fail(const std::string& message) {
  throw Error(Reason::InvalidUsage, message,
              "see the section [post_write_hooks] of the settings; nothing was written");
}

class Planner {
 public:
  Planner(const PostWriteHook& hook, const std::string& script) : hook_(hook), script_(script) {}

  HookCommand plan() const {
    const std::string* type = option("type");
    if (type == nullptr) {
      fail(fmt::format("Key '{0}.type' (or 'type' in toml) is required for post write hook {1}",
                       hook_.name, python_repr(hook_.name)));
    }
    HookCommand command;
    command.name = hook_.name;
    if (*type == "exec") {
      command.child.program = required("executable");
    } else if (*type == "module") {
      const std::string& module = required("module");
      command.child = {kPython, {"-m", module}, {}, {}};
      command.probe = {kPython, {"-c", kFindModule, module}, {}, ChildProcess::Output::Nowhere};
      command.missing = fmt::format("Could not find module {}", module);
    } else if (*type == "console_scripts") {
      const std::string& point = required("entrypoint");
      command.child = {kPython, {"-c", kRunEntryPoint, point}, {}, {}};
      command.probe = {kPython, {"-c", kFindEntryPoint, point}, {}, ChildProcess::Output::Nowhere};
      command.missing = fmt::format("Could not find entrypoint console_scripts.{}", point);
    } else {
      fail(fmt::format("No formatter with name '{}' registered", *type));
    }
    if (const std::string* folder = option("cwd")) command.child.folder = *folder;
    for (std::string& word : words()) command.child.arguments.push_back(std::move(word));
    return command;
  }

 private:
  const std::string* option(std::string_view key) const { return hook_.find(key); }

  const std::string& required(const std::string& key) const {
    const std::string* value = option(key);
    if (value == nullptr) {
      fail(fmt::format("Key {}.{} is required for post write hook {}", hook_.name, key,
                       python_repr(hook_.name)));
    }
    return *value;
  }

  std::vector<std::string> words() const {
    const std::string* given = option("options");
    std::string options = given == nullptr ? std::string() : *given;
    if (options.find(kFileToken) == std::string::npos) {
      options = fmt::format("{} {}", kFileToken, options);
    }
    std::vector<std::string> words =
        split_words(options, fmt::format("options of post write hook {}", python_repr(hook_.name)));
    for (std::string& word : words) {
      for (auto at = word.find(kFileToken); at != std::string::npos;
           at = word.find(kFileToken, at + script_.size())) {
        word.replace(at, kFileToken.size(), script_);
      }
    }
    return words;
  }

  const PostWriteHook& hook_;
  const std::string& script_;
};

}  // namespace

std::vector<HookCommand> plan_hooks(const std::vector<PostWriteHook>& hooks,
                                    const std::filesystem::path& script) {
  const std::string file = script.string();
  std::vector<HookCommand> commands;
  for (const PostWriteHook& hook : hooks) commands.push_back(Planner(hook, file).plan());
  return commands;
}

std::vector<std::string> run_hooks(const std::vector<HookCommand>& commands,
                                   ChildProcess::Output output, const Environment& environment,
                                   const Say& say) {
  std::vector<std::string> warnings;
  for (const HookCommand& command : commands) {
    const std::string name = python_repr(command.name);
    ChildEnd end;
    say_status(say, fmt::format("Running post write hook {}", name), [&] {
      say("\n");
      if (!command.missing.empty() && run_child(command.probe, environment).exit_code != 0) {
        throw Error(Reason::InvalidUsage, command.missing,
                    "the new script is written; install what is missing where python3 looks for "
                    "it");
      }
      ChildProcess child = command.child;
      child.output = output;
      end = run_child(child, environment);
    });
    if (end.signal != 0) {
      warnings.push_back(
          fmt::format("post write hook {} was ended by signal {}", name, end.signal));
    } else if (end.exit_code != 0) {
      warnings.push_back(
          fmt::format("post write hook {} ended with exit code {}", name, end.exit_code));
    }
  }
  return warnings;
}

}  // namespace engine
