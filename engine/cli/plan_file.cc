// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/plan_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "engine/cli/print.h"
#include "engine/core/error.h"
#include "engine/script/script_dir.h"
#include "engine/script/sha256.h"

namespace engine {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kLongestPlan = 64U << 20;  // bytes

std::string_view name_of(Direction direction) {
  return direction == Direction::Up ? "upgrade" : "downgrade";
}

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// --- document ------------------------------------------------------------------------------------

std::string class_of(StatementKind kind, const Shape& shape) {
  if (kind == StatementKind::Condition) return "condition";
  if (kind == StatementKind::Batch) return "batch";
  if (shape.concurrently) return "concurrent";
  switch (shape.verb) {
    case Verb::Data:
      return "data";
    case Verb::Setting:
    case Verb::Transaction:
      return "session";
    case Verb::Unknown:
      return "unknown";
    default:
      return "schema";
  }
}

// Of Python nothing is known before it runs.
bool is_irreversible(const Revision& revision) {
  return revision.format != ScriptFormat::Python && !read_body(revision).downgrade.has_value();
}

std::string shown(const Catalog& catalog, const std::string& key) {
  return key.empty() ? key : catalog.shown(key);
}

Json hazards_json(const StatementReview& review, const Catalog& catalog) {
  Json hazards = Json::array();
  for (const Hazard& hazard : review.hazards) {
    const HazardInfo& info = info_of(hazard.kind);
    hazards.push_back({{"name", info.name},
                       {"severity", name_of(info.severity)},
                       {"relation", shown(catalog, hazard.relation)},
                       {"what", info.what},
                       {"instead", info.instead}});
  }
  return hazards;
}

Json statement_json(const PlanInputs& inputs, const Statement& statement,
                    const StatementReview& review, int number) {
  const bool is_postgres = inputs.flavour == "PostgreSQL";
  Json locks = Json::array();
  for (const TableLock& lock : review.locks.locks) {
    locks.push_back(
        {{"relation", shown(inputs.catalog, lock.relation)}, {"mode", code_of(lock.mode)}});
  }
  Json rewrites = Json::array();
  for (const std::string& key : review.locks.rewrites) {
    rewrites.push_back(shown(inputs.catalog, key));
  }
  Json json = {{"number", number},
               {"line", statement.line},
               {"text", statement.sql},
               {"transactional", statement.transactional},
               {"class", class_of(statement.kind,
                                  shape_of(statement.sql, is_postgres ? SqlFlavour::PostgreSql
                                                                      : SqlFlavour::Sqlite))}};
  if (is_postgres) {
    json["locksKnown"] = review.locks.known();
    if (!review.locks.known()) json["locksUnknownBecause"] = review.locks.why_unknown;
    json["locks"] = std::move(locks);
    json["locksDependOnRows"] = review.locks.depends_on_rows;
    json["rewrites"] = std::move(rewrites);
  }
  json["hazards"] = hazards_json(review, inputs.catalog);
  return json;
}

Json rows_json(const std::vector<RowChange>& changes) {
  Json rows = Json::array();
  for (const RowChange& change : changes) {
    Json row = Json::object();
    row["from"] = change.from.empty() ? Json(nullptr) : Json(change.from);
    row["to"] = change.to.empty() ? Json(nullptr) : Json(change.to);
    rows.push_back(std::move(row));
  }
  return rows;
}

Json step_json(const PlanInputs& inputs, std::size_t index) {
  const PreparedStep& prepared = inputs.steps[index];
  Json statements = Json::array();
  int number = 0;
  for (std::size_t i = 0; i < prepared.statements.size(); ++i) {
    statements.push_back(
        statement_json(inputs, prepared.statements[i], inputs.review[index][i], ++number));
  }
  return {{"direction", name_of(prepared.step.direction)},
          {"revision", revision_json(inputs.graph, prepared.revision)},
          {"rows", rows_json(prepared.step.rows)},
          {"checksum", prepared.checksum},
          {"irreversible",
           prepared.step.direction == Direction::Up && is_irreversible(prepared.revision)},
          {"statements", std::move(statements)}};
}

// What commits together, in order.
Json groups_json(const PlanInputs& inputs) {
  Json groups = Json::array();
  for (const TransactionGroup& group : transaction_groups(inputs.steps, inputs.transactions)) {
    Json pieces = Json::array();
    for (const Piece& piece : group.pieces) {
      Json statements = Json::array();
      for (std::size_t i = piece.first; i < piece.end; ++i) statements.push_back(i + 1);
      pieces.push_back({{"revision", inputs.steps[piece.step].revision.id},
                        {"statements", std::move(statements)},
                        {"versionRows", piece.completes}});
    }
    groups.push_back({{"transactional", !group.alone}, {"steps", std::move(pieces)}});
  }
  return groups;
}

// What makes the plan another one when it changes; also what has to be there in a file.
Json essence(const Json& document) {
  Json steps = Json::array();
  for (const Json& step : document.at("steps")) {
    Json statements = Json::array();
    for (const Json& statement : step.at("statements")) {
      Json kept = Json::array({statement.at("text"), statement.at("transactional")});
      for (const char* field : {"locksKnown", "locks", "rewrites"}) {
        if (statement.contains(field)) kept.push_back(statement.at(field));
      }
      for (const Json& hazard : statement.at("hazards")) {
        kept.push_back({hazard.at("name"), hazard.at("relation")});
      }
      statements.push_back(std::move(kept));
    }
    steps.push_back({step.at("direction"), step.at("revision").at("revision"), step.at("rows"),
                     step.at("checksum"), std::move(statements)});
  }
  return {document.at("from"),        document.at("to"),     document.at("versionTable"),
          document.at("transaction"), document.at("target"), document.at("targetName"),
          document.at("downgrade"),   std::move(steps)};
}

std::string fingerprint_of(const Json& document) { return sha256_hex(dump(essence(document))); }

// --- reading -------------------------------------------------------------------------------------

[[noreturn]] void refuse(std::string_view origin, const std::string& cause) {
  throw Error(Reason::InvalidUsage,
              fmt::format("{} is no plan that can be used: {}", origin, cause),
              "`stillhead plan TARGET --out FILE` writes one; it must not be changed by hand");
}

// Walks into the document; the path so far is what messages name.
class Field {
 public:
  Field(const Json& json, std::string path, std::string_view origin)
      : json_(json), path_(std::move(path)), origin_(origin) {}

  Field at(const char* name) const {
    object();
    const auto found = json_.find(name);
    const std::string path = path_.empty() ? name : path_ + "." + name;
    if (found == json_.end()) refuse(origin_, fmt::format("field {} is missing", path));
    return {*found, path, origin_};
  }
  const Field& object() const { return need(json_.is_object(), "an object"); }
  const Field& text() const { return need(json_.is_string(), "a text"); }
  const Field& flag() const { return need(json_.is_boolean(), "true or false"); }
  const Field& number() const { return need(json_.is_number_integer(), "a whole number"); }
  template <typename Visit>
  void each(const Visit& visit) const {
    need(json_.is_array(), "a list");
    for (std::size_t i = 0; i < json_.size(); ++i) {
      visit(Field(json_[i], fmt::format("{}[{}]", path_, i), origin_));
    }
  }
  void texts() const {
    each([](const Field& item) { item.text(); });
  }
  bool has(const char* name) const { return json_.is_object() && json_.contains(name); }

 private:
  const Field& need(bool holds, std::string_view what) const {
    if (!holds) refuse(origin_, fmt::format("field {} is not {}", path_, what));
    return *this;
  }

  const Json& json_;
  std::string path_;
  std::string_view origin_;
};

void check_statement(const Field& statement) {
  statement.at("number").number();
  statement.at("line").number();
  statement.at("text").text();
  statement.at("transactional").flag();
  statement.at("hazards").each([](const Field& hazard) {
    hazard.at("name").text();
    hazard.at("relation").text();
  });
  if (!statement.has("locksKnown")) return;
  statement.at("locksKnown").flag();
  statement.at("locks").each([](const Field& lock) {
    lock.at("relation").text();
    lock.at("mode").text();
  });
  statement.at("rewrites").texts();
}

void check_step(const Field& step) {
  step.at("direction").text();
  step.at("revision").at("revision").text();
  step.at("revision").at("file").text();
  step.at("checksum").text();
  step.at("rows").each([](const Field& row) { row.object(); });
  step.at("statements").each(check_statement);
}

void check_fields(const Field& plan) {
  for (const char* name :
       {"engineVersion", "versionTable", "targetName", "downgrade", "transaction", "fingerprint"}) {
    plan.at(name).text();
  }
  for (const char* name : {"from", "target", "to"}) plan.at(name).texts();
  plan.at("steps").each(check_step);
}

// --- comparing -----------------------------------------------------------------------------------

std::string rows_text(const Json& rows) {
  const auto ids = rows.get<std::vector<std::string>>();
  return ids.empty() ? "base" : fmt::format("{}", fmt::join(ids, ", "));
}

std::string steps_text(const Json& document) {
  std::string text;
  for (const Json& step : document.at("steps")) {
    text += fmt::format("{}{}{}", text.empty() ? "" : ", ",
                        step.at("direction") == "upgrade" ? "+" : "-",
                        step.at("revision").at("revision").get<std::string>());
  }
  return text.empty() ? "none" : text;
}

std::string locks_text(const Json& statement) {
  if (!statement.contains("locksKnown")) return "none";
  if (!statement.at("locksKnown").get<bool>()) return "not known";
  std::string text;
  for (const Json& lock : statement.at("locks")) {
    text += fmt::format("{}{}:{}", text.empty() ? "" : ", ", lock.at("relation").get<std::string>(),
                        lock.at("mode").get<std::string>());
  }
  for (const Json& name : statement.at("rewrites")) {
    text += fmt::format("{}rewrites {}", text.empty() ? "" : ", ", name.get<std::string>());
  }
  return text.empty() ? "none" : text;
}

std::string hazards_text(const Json& statement) {
  std::string text;
  for (const Json& hazard : statement.at("hazards")) {
    text += (text.empty() ? "" : ", ") + hazard.at("name").get<std::string>();
  }
  return text.empty() ? "none" : text;
}

void compare_steps(const Json& made, const Json& now, std::vector<std::string>& differences) {
  const std::string id = made.at("revision").at("revision");
  const std::string file = now.at("revision").at("file");
  const Json& before = made.at("statements");
  const Json& after = now.at("statements");
  const bool same_script = made.at("checksum") == now.at("checksum");
  if (before.size() != after.size()) {
    differences.push_back(
        fmt::format("{} has {} statements now instead of {}", file, after.size(), before.size()));
    return;
  }
  for (std::size_t i = 0; i < before.size(); ++i) {
    const auto differs = [&](const std::string& what, const std::string& was,
                             const std::string& is) {
      if (was == is) return;
      differences.push_back(
          fmt::format("the {} of statement {} of {} were {} and are {}", what, i + 1, id, was, is));
    };
    if (before[i].at("text") != after[i].at("text") ||
        before[i].at("transactional") != after[i].at("transactional")) {
      differences.push_back(fmt::format("statement {} of {} is another one now", i + 1, file));
      return;
    }
    differs("locks", locks_text(before[i]), locks_text(after[i]));
    differs("hazards", hazards_text(before[i]), hazards_text(after[i]));
  }
  if (!same_script) {
    differences.push_back(fmt::format("{} was changed since (its statements are the same)", file));
  }
  if (made.at("rows") != now.at("rows")) {
    differences.push_back(fmt::format("step {} changes the version table in another way", id));
  }
}

// --- text ----------------------------------------------------------------------------------------

std::string locks_line(const PlanInputs& inputs, const StatementLocks& locks) {
  if (!locks.known()) return fmt::format("locks not known: {}", locks.why_unknown);
  std::string text;
  for (const TableLock& lock : locks.locks) {
    text += fmt::format("{} {} {}", text.empty() ? "locks" : ",",
                        shown(inputs.catalog, lock.relation), name_of(lock.mode));
  }
  if (text.empty()) text = "locks nothing";
  bool first = true;
  for (const std::string& key : locks.rewrites) {
    text += (first ? "; rewrites " : ", ") + shown(inputs.catalog, key);
    first = false;
  }
  return text;
}

std::string statement_line(const PlanInputs& inputs, const Statement& statement,
                           const StatementReview& review, std::size_t number) {
  const bool is_postgres = inputs.flavour == "PostgreSQL";
  if (!is_postgres && review.hazards.empty()) return {};
  std::string text = is_postgres ? locks_line(inputs, review.locks) : std::string();
  for (const Hazard& hazard : review.hazards) {
    const HazardInfo& info = info_of(hazard.kind);
    text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", name_of(info.severity), info.name);
  }
  return fmt::format("  statement {}, line {}: {}\n", number, statement.line, text);
}

}  // namespace

PlanReview review_plan(const std::vector<PreparedStep>& steps, TransactionMode mode,
                       Catalog catalog, SqlFlavour flavour) {
  PlanReview result(steps.size());
  Reviewer reviewer(std::move(catalog), flavour);
  for (const TransactionGroup& group : transaction_groups(steps, mode)) {
    reviewer.begin(!group.alone);
    for (const Piece& piece : group.pieces) {
      for (std::size_t i = piece.first; i < piece.end; ++i) {
        const Statement& statement = steps[piece.step].statements[i];
        StatementReview& review = result[piece.step].emplace_back(reviewer.review(statement.sql));
        if (statement.kind != StatementKind::Batch) continue;
        // Part by part, each of which commits.
        std::erase_if(review.hazards, [](const Hazard& hazard) {
          return hazard.kind == HazardKind::AllRowsUpdated;
        });
      }
    }
  }
  return result;
}

CatalogQuestion question_of(const std::vector<PreparedStep>& steps) {
  std::vector<Shape> shapes;
  for (const PreparedStep& step : steps) {
    for (const Statement& statement : step.statements) shapes.push_back(shape_of(statement.sql));
  }
  return question_of(shapes);
}

void refuse_destructive(const std::vector<PreparedStep>& steps, const PlanReview& review) {
  for (std::size_t i = 0; i < steps.size(); ++i) {
    for (std::size_t j = 0; j < review[i].size(); ++j) {
      for (const Hazard& hazard : review[i][j].hazards) {
        const HazardInfo& info = info_of(hazard.kind);
        if (info.severity != Severity::DataLoss) continue;
        throw Error(
            Reason::DestructiveForbidden,
            fmt::format("{} of {} would lose data at statement {}, {}:{}: {} ({})",
                        name_of(steps[i].step.direction), steps[i].revision.id, j + 1,
                        steps[i].revision.file, steps[i].statements[j].line, info.what, info.name),
            "without --no-destructive it runs; docs/hazards.md says what to do instead");
      }
    }
  }
}

Json plan_document(const PlanInputs& inputs) {
  Json steps = Json::array();
  for (std::size_t i = 0; i < inputs.steps.size(); ++i) steps.push_back(step_json(inputs, i));
  const VersionTableName& table = inputs.version_table;
  Json document = {
      {"contractVersion", kPlanVersion},
      {"engineVersion", inputs.engine_version},
      {"database",
       {{"url", inputs.database},
        {"kind", inputs.flavour},
        {"serverVersion", inputs.catalog.server_version}}},
      {"versionTable", table.schema.empty() ? table.name : table.schema + "." + table.name},
      {"targetName", inputs.target},
      {"downgrade", inputs.downgrade == DowngradePolicy::Allow ? "allow" : "forbid"},
      {"transaction", inputs.transactions == TransactionMode::Single ? "single" : "per_revision"},
      {"from", inputs.plan.start},
      {"target", inputs.plan.targets},
      {"steps", std::move(steps)},
      {"to", inputs.plan.finish},
      {"groups", groups_json(inputs)}};
  // Bytes that are no text are replaced, so that the fingerprint is that of what can be read back.
  document = Json::parse(dump(document));
  document["fingerprint"] = fingerprint_of(document);
  return document;
}

std::string plan_text(const PlanInputs& inputs, const Paint& paint) {
  std::string text;
  for (std::size_t i = 0; i < inputs.steps.size(); ++i) {
    const PreparedStep& prepared = inputs.steps[i];
    text += step_text(prepared.step, prepared.revision, paint);
    for (std::size_t j = 0; j < prepared.statements.size(); ++j) {
      text +=
          paint.foreign(statement_line(inputs, prepared.statements[j], inputs.review[i][j], j + 1));
    }
  }
  return text;
}

Json parse_plan(std::string_view text, std::string_view origin) {
  Json document = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (document.is_discarded()) refuse(origin, "it is not JSON");
  const Field plan(document, "", origin);
  if (!document.is_object()) refuse(origin, "it is not a JSON object");
  plan.at("contractVersion").number();
  if (document.at("contractVersion") != kPlanVersion) {
    refuse(origin, fmt::format("field contractVersion is {}, and this program knows {}",
                               dump(document.at("contractVersion")), kPlanVersion));
  }
  check_fields(plan);
  if (document.at("fingerprint") != fingerprint_of(document)) {
    refuse(origin, "field fingerprint does not fit the rest: the file was changed or cut");
  }
  return document;
}

Json read_plan_file(const std::filesystem::path& file) {
  std::error_code ignored;
  if (std::filesystem::is_directory(file, ignored)) refuse(file.string(), "it is a folder");
  errno = 0;
  std::ifstream stream(file, std::ios::binary);
  if (!stream) refuse(file.string(), std::strerror(errno));
  std::string text(kLongestPlan + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  if (text.size() > kLongestPlan) refuse(file.string(), "it is longer than 64 MiB");
  return parse_plan(text, file.string());
}

std::vector<std::string> plan_differences(const Json& made, const Json& now) {
  std::vector<std::string> differences;
  const auto field = [&](const char* name, std::string_view what) {
    if (made.at(name) == now.at(name)) return;
    differences.push_back(fmt::format("{} was {} and is {}", what, made.at(name).get<std::string>(),
                                      now.at(name).get<std::string>()));
  };
  if (made.at("from") != now.at("from")) {
    differences.push_back(fmt::format("the database was at {} and is at {}",
                                      rows_text(made.at("from")), rows_text(now.at("from"))));
  }
  field("versionTable", "the version table");
  field("transaction", "--transaction");
  if (steps_text(made) != steps_text(now)) {
    differences.push_back(
        fmt::format("the steps were {} and are {}", steps_text(made), steps_text(now)));
    return differences;
  }
  for (std::size_t i = 0; i < made.at("steps").size(); ++i) {
    compare_steps(made.at("steps")[i], now.at("steps")[i], differences);
  }
  if (differences.empty() && fingerprint_of(made) != fingerprint_of(now)) {
    differences.push_back("its fingerprint is another one");
  }
  return differences;
}

}  // namespace engine
