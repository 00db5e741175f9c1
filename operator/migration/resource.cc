// SPDX-License-Identifier: Apache-2.0
#include "operator/migration/resource.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string_view>

#include "operator/migration/fields.h"
#include "operator/migration/json_fields.h"
#include "operator/migration/sha256.h"

namespace controller {
namespace {

// What fits into a ConfigMap beside its metadata.
constexpr std::size_t kInlineBytes = 900 * 1024;
constexpr std::size_t kScriptNameLength = 128;

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

Database read_database(const Fields& spec) {
  const Fields fields = spec.object("database");
  const Fields secret = fields.object("urlFrom").object("secretKeyRef");
  const Fields table = fields.object("versionTable");
  Database database;
  database.url = {.name = secret.needed_text("name"), .key = secret.needed_text("key")};
  database.version_table = table.text("name");
  database.version_table_schema = table.text("schema");
  for (const Json& reader : list_at(fields.json("readers"), {})) {
    if (reader.is_string()) database.readers.push_back(reader.get<std::string>());
  }
  return database;
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

Policy read_policy(const Fields& spec) {
  const Fields fields = spec.object("policy");
  return {.downgrade = fields.choice("downgrade", {"Forbid", "Allow"}) == "Allow",
          .destructive = fields.choice("destructive", {"Allow", "Block"}) == "Allow"};
}

std::string digest_of_inputs(const Json& spec) {
  const Json inputs = {value_at(spec, {"database"}), value_at(spec, {"source"}),
                       value_at(spec, {"target"})};
  return sha256_hex(inputs.dump(-1, ' ', false, Json::error_handler_t::replace)).substr(0, 16);
}

Spec read_spec(const Json& json, std::vector<std::string>& problems) {
  const Fields fields(json, "spec", problems);
  Spec spec;
  spec.database = read_database(fields);
  spec.source = read_source(fields);
  spec.target = read_target(fields);
  spec.policy = read_policy(fields);
  spec.execution = read_execution(fields.object("execution"));
  spec.suspend = fields.flag("suspend");
  if (spec.target == "base" && !spec.policy.downgrade) {
    problems.push_back("spec.target.revision: \"base\" needs spec.policy.downgrade: Allow");
  }
  return spec;
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

}  // namespace controller
