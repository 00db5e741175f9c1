// SPDX-License-Identifier: Apache-2.0
#include "engine/contract/report.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include "tests/support/places.h"

namespace engine {
namespace {

using Json = nlohmann::json;

RunReport failed_report() {
  RunReport report;
  report.engine_version = "0.1.0";
  report.command = "upgrade";
  report.target = "heads";
  report.run_id = "00112233445566ff";
  report.owner = "8d2f";
  report.generation = 2;
  report.attempt = 3;
  report.reason = Reason::MigrationFailed;
  report.message = "upgrade to b failed at statement 3 of 5";
  report.hint = "mend the script";
  report.from = {};
  report.to = {"a"};
  report.target_revisions = {"c"};
  report.source_heads = {"c"};
  report.source_revisions = 3;
  report.pending = 3;
  report.steps = {{"a", "upgrade", "create users", 2, 17, 2, {"pid 7"}, {{1, 4, 3, 9}}}};
  report.failure =
      Failure{"b",      "0002_b.sql", 3,    5,         12, "42601", "syntax error at or near \"X\"",
              "detail", "hint",       "fk", "CREATE X"};
  report.started_at = "2026-01-02T03:04:05.678Z";
  report.finished_at = "2026-01-02T03:04:06.000Z";
  return report;
}

// Valid UTF-8 with everything that JSON has to escape.
class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  int number(int most) { return std::uniform_int_distribution<int>(0, most)(random_); }

  std::string text(int longest) {
    static const std::vector<std::string> kPieces = {
        "a", "Z", "0", " ", "\"", "\\", "\n", "\t", "\x01", "\x7f", "ä", "€", "😀", "/", "{", "'"};
    std::string result;
    for (int i = number(longest); i > 0; --i) {
      result += kPieces[static_cast<std::size_t>(number(static_cast<int>(kPieces.size()) - 1))];
    }
    return result;
  }

  std::string id() {
    std::string result;
    for (int i = 1 + number(31); i > 0; --i) result += static_cast<char>('a' + number(25));
    return result;
  }

  std::vector<std::string> ids(int most) {
    std::vector<std::string> result;
    for (int i = number(most); i > 0; --i) result.push_back(id());
    return result;
  }

  RunReport report(int longest) {
    RunReport report;
    report.engine_version = text(20);
    report.command = text(10);
    report.target = text(longest / 4);
    report.run_id = id();
    report.owner = text(longest / 4);
    report.generation = number(1000);
    report.attempt = number(1000);
    report.stored_attempt = number(3);
    report.stored_generation = report.stored_attempt == 0 ? 0 : number(1000);
    report.reason = reason_table()[static_cast<std::size_t>(
                                       number(static_cast<int>(reason_table().size()) - 1))]
                        .reason;
    report.message = text(longest);
    report.hint = text(longest / 2);
    report.from = ids(5);
    report.to = ids(5);
    report.target_revisions = ids(longest / 20);
    report.source_heads = ids(longest / 20);
    report.source_revisions = number(5000);
    report.pending = number(5000);
    for (int i = number(longest / 10); i > 0; --i) {
      report.steps.push_back({id(), "upgrade", text(80), number(100), number(1 << 20)});
    }
    if (number(3) > 0) {
      report.failure = Failure{
          id(),          text(60),      number(99),        number(99),        number(9999), "42P07",
          text(longest), text(longest), text(longest / 2), text(longest / 8), text(longest)};
    }
    report.started_at = "2026-01-02T03:04:05.678Z";
    report.finished_at = "2026-01-02T03:04:06.000Z";
    return report;
  }

 private:
  std::mt19937 random_;
};

struct ReasonRow {
  Reason reason = Reason::Bug;
  const char* name = "";
  int exit_code = 0;
  const char* condition_reason = "";
};

// The public contract, written out a second time on purpose: whoever changes the table changes this
// too.
constexpr ReasonRow kContract[] = {
    {Reason::Succeeded, "Succeeded", 0, "UpToDate"},
    {Reason::MigrationFailed, "MigrationFailed", 1, "MigrationFailed"},
    {Reason::VersionConflict, "VersionConflict", 1, "MigrationFailed"},
    {Reason::InvalidUsage, "InvalidUsage", 2, "InvalidSpec"},
    {Reason::InvalidTarget, "InvalidTarget", 2, "UnknownRevision"},
    {Reason::MultipleHeads, "MultipleHeads", 2, "MultipleHeads"},
    {Reason::InvalidScripts, "InvalidScripts", 3, "InvalidSource"},
    {Reason::UnknownRevision, "UnknownRevision", 4, "UnknownRevision"},
    {Reason::ConditionFailed, "ConditionFailed", 4, "MigrationFailed"},
    {Reason::ChecksumMismatch, "ChecksumMismatch", 4, "ChecksumMismatch"},
    {Reason::DatabaseAhead, "DatabaseAhead", 4, "DatabaseAhead"},
    {Reason::StaleAttempt, "StaleAttempt", 4, "StaleAttempt"},
    {Reason::LockUnavailable, "LockUnavailable", 5, "WaitingForLock"},
    {Reason::LockTimeout, "LockTimeout", 5, "WaitingForLock"},
    {Reason::DatabaseUnreachable, "DatabaseUnreachable", 5, "WaitingForDatabase"},
    {Reason::AuthenticationFailed, "AuthenticationFailed", 5, "AuthenticationFailed"},
    {Reason::DowngradeForbidden, "DowngradeForbidden", 6, "DowngradeForbidden"},
    {Reason::IrreversibleRevision, "IrreversibleRevision", 6, "DowngradeForbidden"},
    {Reason::DestructiveForbidden, "DestructiveForbidden", 6, "DestructiveChangeBlocked"},
    {Reason::PlanOutdated, "PlanOutdated", 6, "ApprovalRequired"},
    {Reason::HookFailed, "HookFailed", 6, "MigrationFailed"},
    {Reason::NotUpToDate, "NotUpToDate", 7, "Progressing"},
    {Reason::RunTimeout, "RunTimeout", 5, "Progressing"},
    {Reason::Interrupted, "Interrupted", 8, "Progressing"},
    {Reason::Bug, "Bug", 70, "MigrationFailed"},
};

TEST(ReasonTableTest, IsTheContract) {
  ASSERT_EQ(reason_table().size(), std::size(kContract));
  for (std::size_t i = 0; i < std::size(kContract); ++i) {
    SCOPED_TRACE(kContract[i].name);
    const ReasonInfo& row = reason_table()[i];
    EXPECT_EQ(row.reason, kContract[i].reason);
    EXPECT_EQ(row.name, kContract[i].name);
    EXPECT_EQ(row.exit_code, kContract[i].exit_code);
    EXPECT_EQ(row.condition_reason, kContract[i].condition_reason);
    EXPECT_EQ(name_of(row.reason), row.name);
    EXPECT_EQ(exit_code_of(row.reason), row.exit_code);
    EXPECT_EQ(&info_of(row.reason), &row);
    EXPECT_EQ(reason_named(row.name), row.reason);
  }
}

TEST(ReasonTableTest, ExitCodeStandsForItsFirstReason) {
  EXPECT_EQ(reason_with_exit_code(0), Reason::Succeeded);
  EXPECT_EQ(reason_with_exit_code(1), Reason::MigrationFailed);
  EXPECT_EQ(reason_with_exit_code(5), Reason::LockUnavailable);
  EXPECT_EQ(reason_with_exit_code(70), Reason::Bug);
  EXPECT_EQ(reason_with_exit_code(137), std::nullopt);
}

TEST(ReasonTableTest, OnlyTemporaryReasonsAreRetryable) {
  std::set<std::string_view> retryable;
  for (const ReasonInfo& row : reason_table()) {
    if (is_retryable(row.reason)) retryable.insert(row.name);
  }
  EXPECT_EQ(retryable,
            (std::set<std::string_view>{"LockUnavailable", "LockTimeout", "DatabaseUnreachable",
                                        "AuthenticationFailed", "RunTimeout", "Interrupted"}));
}

TEST(ReasonTableTest, IsExplainedInTheManual) {
  std::ifstream file(source_folder() + "/docs/errors.md");
  const std::string manual{std::istreambuf_iterator<char>(file), {}};
  for (const ReasonInfo& row : reason_table()) {
    const std::string name(row.name);
    const std::size_t heading = manual.find("\n## " + name + "\n");
    ASSERT_NE(heading, std::string::npos) << name;
    const std::string section = manual.substr(heading, manual.find("\n## ", heading + 1) - heading);
    const std::string exit_code = std::to_string(row.exit_code);
    EXPECT_NE(section.find("Exit code " + exit_code + "."), std::string::npos) << section;
    std::string anchor = name;
    std::ranges::transform(anchor, anchor.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    EXPECT_NE(manual.find(fmt::format("| [{}](#{}) | {} | {} |", name, anchor, exit_code,
                                      row.condition_reason)),
              std::string::npos)
        << name;
  }
}

TEST(RunReportTest, HasThePublicFieldNames) {
  const std::string text = to_json(failed_report());
  EXPECT_EQ(
      text,
      R"({"contractVersion":1,"engineVersion":"0.1.0","command":"upgrade","target":"heads",)"
      R"("runId":"00112233445566ff","owner":"8d2f","generation":2,"attempt":3,"reason":"MigrationFailed",)"
      R"("exitCode":1,"message":"upgrade to b failed at statement 3 of 5",)"
      R"("hint":"mend the script","from":[],"to":["a"],"targetRevisions":["c"],)"
      R"("sourceHeads":["c"],"sourceRevisions":3,"pending":3,"steps":[{"revision":"a",)"
      R"("direction":"upgrade","message":"create users","statements":2,"durationMs":17,"retries":2,"blockers":["pid 7"],)"
      R"("ran":[{"statement":1,"line":4,"rows":3,"durationMs":9}]}],)"
      R"("failure":{"revision":"b","file":"0002_b.sql","statement":3,"statementCount":5,)"
      R"("line":12,"sqlState":"42601","message":"syntax error at or near \"X\"",)"
      R"("detail":"detail","hint":"hint","constraint":"fk","sql":"CREATE X"},)"
      R"("startedAt":"2026-01-02T03:04:05.678Z","finishedAt":"2026-01-02T03:04:06.000Z"})");
}

TEST(RunReportTest, IsReadAsItWasWritten) {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    const RunReport report = Generator(seed).report(400);
    const std::string text = to_json(report);
    EXPECT_EQ(text.find('\n'), std::string::npos);
    const auto read = report_from_json(text);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(*read, report);
  }
}

void expect_essentials(const RunReport& report, const std::string& text) {
  const auto read = report_from_json(text);
  ASSERT_TRUE(read.has_value()) << text;
  EXPECT_EQ(read->reason, report.reason);
  ASSERT_EQ(read->failure.has_value(), report.failure.has_value());
  if (!report.failure) return;
  EXPECT_EQ(read->failure->revision, report.failure->revision);
  EXPECT_EQ(read->failure->statement, report.failure->statement);
  EXPECT_EQ(read->failure->sqlstate, report.failure->sqlstate);
}

void expect_kept(const RunReport& report, std::size_t limit, std::size_t whole) {
  SCOPED_TRACE("limit " + std::to_string(limit));
  const std::string text = to_json(report, limit);
  ASSERT_LE(text.size(), limit);
  expect_essentials(report, text);
  EXPECT_EQ(Json::parse(text).contains("truncated"), limit < whole);
}

TEST(RunReportTest, EveryLimitIsKeptAndLeavesTheEssentials) {
  for (unsigned seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const RunReport report = Generator(seed).report(1500);
    const std::size_t whole = to_json(report).size();
    // Each of the first, where most has to go, then some.
    std::size_t limit = kSmallestReportLimit;
    for (; limit < kSmallestReportLimit + 40; ++limit) expect_kept(report, limit, whole);
    for (; limit < whole + 10; limit += 1 + limit / 11) expect_kept(report, limit, whole);
    expect_kept(report, whole - 1, whole);
    expect_kept(report, whole, whole);
  }
}

TEST(RunReportTest, EvenHostileTextsFitIntoTheSmallestLimit) {
  RunReport report = failed_report();
  const std::string hostile(50'000, '\x01');  // six bytes each in JSON
  const std::string broken(50'000, '\xff');   // replaced by three
  report.engine_version = report.command = report.target = report.run_id = hostile;
  report.owner = report.message = report.hint = broken;
  report.started_at = report.finished_at = hostile;
  report.from = report.to = std::vector<std::string>(20, hostile.substr(0, 5000));
  report.attempt = report.source_revisions = report.pending = 2'000'000'000;
  report.failure = Failure{"b",    hostile, 2'000'000'000, 2'000'000'000, 2'000'000'000, "42601",
                           broken, broken,  hostile,       hostile,       broken};
  const std::string text = to_json(report, 1);
  EXPECT_LE(text.size(), kSmallestReportLimit);
  expect_essentials(report, text);
}

TEST(RunReportTest, DropsSqlThenDetailThenTheOldestSteps) {
  RunReport report = failed_report();
  report.failure->sql = std::string(500, 's');
  report.failure->detail = std::string(500, 'd');
  report.steps = std::vector<StepReport>(20, {"a", "upgrade", std::string(50, 'm'), 2, 17});
  report.steps.back().revision = "newest";
  const std::size_t whole = to_json(report).size();

  const Json without_sql = Json::parse(to_json(report, whole - 1));
  EXPECT_EQ(without_sql["failure"]["sql"], "");
  EXPECT_EQ(without_sql["failure"]["detail"].get<std::string>().size(), 500U);
  EXPECT_EQ(without_sql["truncated"], true);

  const Json without_detail = Json::parse(to_json(report, whole - 600));
  EXPECT_EQ(without_detail["failure"]["detail"], "");
  EXPECT_EQ(without_detail["steps"].size(), 20U);

  const Json fewer_steps = Json::parse(to_json(report, whole - 1300));
  ASSERT_LT(fewer_steps["steps"].size(), 20U);
  ASSERT_GT(fewer_steps["steps"].size(), 0U);
  EXPECT_EQ(fewer_steps["steps"].back()["revision"], "newest");
  EXPECT_EQ(fewer_steps["message"], report.message);
}

TEST(RunReportTest, AListIsWholeOrEmpty) {
  RunReport report = failed_report();
  report.to = std::vector<std::string>(100, "0123456789abcdef");
  report.source_heads = std::vector<std::string>(100, "0123456789abcdef");
  const Json json = Json::parse(to_json(report, 3000));
  EXPECT_EQ(json["sourceHeads"].size(), 0U);
  EXPECT_EQ(json["to"].size(), 100U);
  EXPECT_EQ(Json::parse(to_json(report, 1500))["to"].size(), 0U);
}

TEST(RunReportTest, ACutTextEndsInDotsAndWithAWholeCharacter) {
  RunReport report = failed_report();
  for (int i = 0; i < 1000; ++i) report.message += "€";
  const Json json = Json::parse(to_json(report, 1024));
  const std::string message = json["message"];
  EXPECT_TRUE(message.ends_with("€...")) << message;
  EXPECT_EQ(message.find("\xEF\xBF\xBD"), std::string::npos) << message;
}

TEST(RunReportTest, ReplacesBytesThatAreNoText) {
  RunReport report = failed_report();
  report.message = "caf\xe9";
  const auto read = report_from_json(to_json(report));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->message, "caf\xEF\xBF\xBD");
}

TEST(RunReportTest, WhatIsNoReportIsNotRead) {
  for (const char* text :
       {"", "{", "[]", "null", "17", "{}", R"({"reason":"Succeeded"})",
        R"({"contractVersion":2,"reason":"Succeeded"})", R"({"contractVersion":"1"})",
        R"({"contractVersion":99999999999999999999})", R"({"contractVersion":1} trailing)"}) {
    EXPECT_FALSE(report_from_json(text).has_value()) << text;
  }
}

TEST(RunReportTest, UnknownFieldsAndWrongTypesArePassedOver) {
  const auto read = report_from_json(
      R"({"contractVersion":1,"reason":"LockUnavailable","new":{"a":[1]},"message":7,)"
      R"("attempt":99999999999,"pending":-3,"to":["a",1,null,"b"],"steps":[1,{"revision":"a"}],)"
      R"("failure":"none"})");
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->reason, Reason::LockUnavailable);
  EXPECT_EQ(read->message, "");
  EXPECT_EQ(read->attempt, 0);
  EXPECT_EQ(read->pending, -3);
  EXPECT_EQ(read->to, (std::vector<std::string>{"a", "b"}));
  ASSERT_EQ(read->steps.size(), 1U);
  EXPECT_EQ(read->steps[0].revision, "a");
  EXPECT_FALSE(read->failure.has_value());
}

TEST(RunReportTest, AnUnknownReasonIsABugThatNamesIt) {
  const auto read =
      report_from_json(R"({"contractVersion":1,"reason":"OutOfSpace","message":"too late"})");
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->reason, Reason::Bug);
  EXPECT_EQ(read->message, "unknown reason \"OutOfSpace\": too late");
}

}  // namespace
}  // namespace engine
