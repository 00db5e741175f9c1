// SPDX-License-Identifier: Apache-2.0
#include "operator/migration/resource.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string_view>

#include "operator/migration/json_fields.h"
#include "operator/migration/sha256.h"

namespace controller {
namespace {

// What fits into a ConfigMap beside its metadata.
constexpr std::size_t kInlineBytes = 900 * 1024;
constexpr std::size_t kScriptNameLength = 128;
// A year, as for the engine's flags: beyond this, a duration is a slip of the pen.
constexpr double kLongestSeconds = 365 * 24 * 3600.0;

// Reads the members of one object of the spec. What is wrong goes to `problems`, with its path.
class Fields {
 public:
  Fields(const Json& object, std::string path, std::vector<std::string>& problems)
      : object_(object.is_object() ? object : kEmpty), path_(std::move(path)), problems_(problems) {
    if (!object.is_object() && !object.is_null()) problem({}, "must be an object");
  }

  bool has(const char* name) const { return !value_at(object_, {name}).is_null(); }

  Fields object(const char* name) const {
    return {value_at(object_, {name}), path_ + "." + name, problems_};
  }

  std::string text(const char* name, std::string fallback = {}) const {
    const Json& value = value_at(object_, {name});
    if (value.is_null()) return fallback;
    if (value.is_string()) return value.get<std::string>();
    problem(name, "must be a text");
    return fallback;
  }

  std::string needed_text(const char* name) const {
    std::string value = text(name);
    if (value.empty()) problem(name, "is missing");
    return value;
  }

  bool flag(const char* name) const {
    const Json& value = value_at(object_, {name});
    if (value.is_boolean()) return value.get<bool>();
    if (!value.is_null()) problem(name, "must be true or false");
    return false;
  }

  int number(const char* name, int least, int most, int fallback) const {
    const Json& value = value_at(object_, {name});
    if (value.is_null()) return fallback;
    if (value.is_number_integer() && value >= least && value <= most) return value.get<int>();
    problem(name, fmt::format("must be a whole number from {} to {}", least, most));
    return fallback;
  }

  const Json& json(const char* name) const { return value_at(object_, {name}); }

  void problem(const std::string& name, std::string_view what) const {
    problems_.push_back(fmt::format("{}{}{}: {}", path_, name.empty() ? "" : ".", name, what));
  }

 private:
  static inline const Json kEmpty = Json::object();
  const Json& object_;
  std::string path_;
  std::vector<std::string>& problems_;
};

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

bool is_sha256(std::string_view text) {
  return text.size() == 64 && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

bool has_digest(std::string_view reference) {
  constexpr std::string_view kMark = "@sha256:";
  const auto at = reference.find(kMark);
  return at != std::string_view::npos && at > 0 && is_sha256(reference.substr(at + kMark.size()));
}

// heads, base, an id, or branch@head. A sign would make it relative: not the same on a second look.
bool is_absolute_target(std::string_view target) {
  if (target.empty() || target.size() > 128) return false;
  std::string_view name = target;
  bool on_branch = false;
  if (const auto at = target.find('@'); at != std::string_view::npos) {
    const std::string_view end = target.substr(at + 1);
    if (end != "head" && end != "heads") return false;
    name = target.substr(0, at);
    on_branch = true;
  }
  if (name.empty() || (on_branch && !is_word(name.front()))) return false;
  return std::ranges::all_of(
      name, [&](char c) { return is_word(c) || c == '.' || (on_branch && c == '-'); });
}

bool is_script_name(std::string_view name) {
  if (name.size() > kScriptNameLength || !name.ends_with(".sql") || name.size() < 5) return false;
  return is_word(name.front()) &&
         std::ranges::all_of(name, [](char c) { return is_word(c) || c == '.' || c == '-'; });
}

SecretKey read_database(const Fields& spec) {
  const Fields secret = spec.object("database").object("urlFrom").object("secretKeyRef");
  return {.name = secret.needed_text("name"), .key = secret.needed_text("key")};
}

ImageSource read_image(const Fields& image) {
  ImageSource source{.reference = image.needed_text("reference"),
                     .path = image.needed_text("path")};
  if (!source.reference.empty() && !has_digest(source.reference) &&
      !image.flag("allowMutableTag")) {
    image.problem("reference",
                  "must name the image by digest (name@sha256:...), or set allowMutableTag");
  }
  if (!source.path.empty() && source.path.front() != '/') {
    image.problem("path", "must be an absolute path inside the image");
  }
  const Json& secrets = image.json("pullSecrets");
  if (!secrets.is_array()) {
    if (!secrets.is_null()) image.problem("pullSecrets", "must be a list");
    return source;
  }
  for (const Json& secret : secrets) {
    source.pull_secrets.push_back(text_at(secret, {"name"}));
    if (source.pull_secrets.back().empty()) image.problem("pullSecrets", "an entry lacks its name");
  }
  return source;
}

ConfigMapSource read_config_map(const Fields& reference) {
  ConfigMapSource source{.name = reference.needed_text("name"),
                         .sha256 = reference.needed_text("sha256")};
  if (!source.sha256.empty() && !is_sha256(source.sha256)) {
    reference.problem("sha256", "must be 64 hex digits, as `stillhead digest` prints them");
  }
  return source;
}

InlineSource read_inline(const Fields& fields) {
  InlineSource source;
  const Json& scripts = fields.json("scripts");
  if (!scripts.is_object() || scripts.empty()) {
    fields.problem("scripts", "must map at least one file name to its text");
    return source;
  }
  std::size_t bytes = 0;
  for (const auto& [name, text] : scripts.items()) {
    if (!is_script_name(name)) {
      fields.problem("scripts", fmt::format("\"{}\" is no name for a script: letters, digits, "
                                            "'_', '.', '-', ending in .sql, at most {} characters",
                                            name, kScriptNameLength));
    }
    if (!text.is_string()) {
      fields.problem("scripts." + name, "must be a text");
      continue;
    }
    source.scripts[name] = text.get<std::string>();
    bytes += name.size() + source.scripts[name].size();
  }
  if (bytes > kInlineBytes) {
    fields.problem("scripts", fmt::format("{} bytes are more than the {} that fit; put the scripts "
                                          "into an image",
                                          bytes, kInlineBytes));
  }
  return source;
}

Source read_source(const Fields& spec) {
  const Fields source = spec.object("source");
  const int given = (source.has("image") ? 1 : 0) + (source.has("configMapRef") ? 1 : 0) +
                    (source.has("inline") ? 1 : 0);
  if (given != 1) {
    source.problem({}, "exactly one of image, configMapRef, inline is needed");
    return {};
  }
  if (source.has("image")) return read_image(source.object("image"));
  if (source.has("configMapRef")) return read_config_map(source.object("configMapRef"));
  return read_inline(source.object("inline"));
}

std::string read_target(const Fields& spec) {
  const Fields target = spec.object("target");
  std::string revision = target.text("revision", Spec{}.target);
  if (!is_absolute_target(revision)) {
    target.problem("revision", fmt::format("\"{}\" is neither heads, base, a revision nor "
                                           "branch@head; relative targets are refused",
                                           revision));
  }
  return revision;
}

DowngradePolicy read_downgrade(const Fields& spec) {
  const Fields policy = spec.object("policy");
  const std::string downgrade = policy.text("downgrade", "Forbid");
  if (downgrade == "Allow") return DowngradePolicy::Allow;
  if (downgrade != "Forbid") {
    policy.problem("downgrade", fmt::format("\"{}\" is neither Forbid nor Allow", downgrade));
  }
  return DowngradePolicy::Forbid;
}

std::optional<long> read_duration(const Fields& fields, const char* name, long least) {
  if (!fields.has(name)) return {};
  const std::string text = fields.text(name);
  const auto seconds = duration_seconds(text);
  if (!seconds || *seconds < least) {
    fields.problem(name, fmt::format("\"{}\" is not a duration of at least {} s and at most a year "
                                     "(8760h), such as 90s or 1h30m",
                                     text, least));
  }
  return seconds;
}

RetryPolicy read_retry(const Fields& execution) {
  const Fields fields = execution.object("retry");
  RetryPolicy retry;
  retry.limit = fields.number("limit", 0, 1000, retry.limit);
  using std::chrono::seconds;
  if (const auto initial = read_duration(fields, "initialBackoff", 1)) {
    retry.initial_backoff = seconds(*initial);
  }
  if (const auto longest = read_duration(fields, "maxBackoff", 1)) {
    retry.max_backoff = seconds(*longest);
  }
  return retry;
}

History read_job_history(const Fields& execution) {
  const Fields fields = execution.object("history");
  History history;
  history.succeeded = fields.number("succeeded", 1, 100, history.succeeded);
  history.failed = fields.number("failed", 1, 100, history.failed);
  return history;
}

Execution read_execution(const Fields& spec) {
  const Fields fields = spec.object("execution");
  Execution execution;
  execution.advisory_lock_timeout =
      fields.text("advisoryLockTimeout", execution.advisory_lock_timeout);
  read_duration(fields, "advisoryLockTimeout", 0);
  execution.active_deadline_seconds = read_duration(fields, "activeDeadline", 1);
  execution.retry = read_retry(fields);
  execution.history = read_job_history(fields);
  execution.service_account_name = fields.text("serviceAccountName");
  const Json& resources = fields.json("resources");
  if (resources.is_object() && !resources.empty()) execution.resources = resources.dump();
  if (!resources.is_object() && !resources.is_null()) {
    fields.problem("resources", "must be an object with requests and limits");
  }
  return execution;
}

std::string digest_of_inputs(const Json& spec) {
  const Json inputs = {value_at(spec, {"database"}), value_at(spec, {"source"}),
                       value_at(spec, {"target"})};
  return sha256_hex(inputs.dump(-1, ' ', false, Json::error_handler_t::replace)).substr(0, 16);
}

Spec read_spec(const Json& json, std::vector<std::string>& problems) {
  const Fields fields(json, "spec", problems);
  Spec spec;
  spec.database_url = read_database(fields);
  spec.source = read_source(fields);
  spec.target = read_target(fields);
  spec.downgrade = read_downgrade(fields);
  spec.execution = read_execution(fields);
  spec.suspend = fields.flag("suspend");
  if (spec.target == "base" && spec.downgrade != DowngradePolicy::Allow) {
    problems.push_back("spec.target.revision: \"base\" needs spec.policy.downgrade: Allow");
  }
  return spec;
}

// Seconds of a unit; 0: not a unit.
double seconds_of_unit(std::string_view unit) {
  if (unit == "h") return 3600;
  if (unit == "m") return 60;
  if (unit == "s") return 1;
  if (unit == "ms") return 1e-3;
  if (unit == "us" || unit == "\u00b5s") return 1e-6;
  if (unit == "ns") return 1e-9;
  return 0;
}

}  // namespace

bool DatabaseMigration::has_finalizer() const {
  return std::ranges::find(finalizers, kFinalizer) != finalizers.end();
}

DatabaseMigration read_migration(const Json& object) {
  const Json& metadata = value_at(object, {"metadata"});
  DatabaseMigration migration;
  migration.ns = text_at(metadata, {"namespace"});
  migration.name = text_at(metadata, {"name"});
  migration.uid = text_at(metadata, {"uid"});
  if (migration.name.empty() || migration.uid.empty()) {
    throw std::invalid_argument("a DatabaseMigration without metadata.name or metadata.uid");
  }
  migration.generation = number_at(metadata, {"generation"});
  migration.resource_version = text_at(metadata, {"resourceVersion"});
  migration.deleting = !text_at(metadata, {"deletionTimestamp"}).empty();
  for (const Json& finalizer : list_at(metadata, {"finalizers"})) {
    if (finalizer.is_string()) migration.finalizers.push_back(finalizer.get<std::string>());
  }
  migration.spec = read_spec(value_at(object, {"spec"}), migration.problems);
  migration.inputs = digest_of_inputs(value_at(object, {"spec"}));
  const Json& status = value_at(object, {"status"});
  if (status.is_object()) migration.status = status.dump();
  return migration;
}

std::optional<long> duration_seconds(const std::string& text) {
  double seconds = 0;
  std::size_t at = 0;
  const auto is_digit = [&] { return at < text.size() && text[at] >= '0' && text[at] <= '9'; };
  while (at < text.size()) {
    const std::size_t number = at;
    while (is_digit()) ++at;
    if (at == number || at - number > 12) return {};
    double value = std::stod(text.substr(number, at - number));
    if (at < text.size() && text[at] == '.') {
      double scale = 0.1;
      for (++at; is_digit(); ++at, scale /= 10) value += scale * (text[at] - '0');
    }
    const std::size_t unit = at;
    while (at < text.size() && !is_digit()) ++at;
    const double unit_seconds = seconds_of_unit(std::string_view(text).substr(unit, at - unit));
    if (unit_seconds == 0) return {};
    seconds += value * unit_seconds;
  }
  if (text.empty() || seconds > kLongestSeconds) return {};
  // Up to whole seconds: a part of one must not become none.
  const auto whole = static_cast<long>(seconds);
  return seconds > static_cast<double>(whole) ? whole + 1 : whole;
}

}  // namespace controller
