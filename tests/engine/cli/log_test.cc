// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/log.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>

namespace engine {
namespace {

using Json = nlohmann::json;

std::string logged(const LogOptions& options, const std::function<void(Log&)>& action) {
  testing::internal::CaptureStderr();
  {
    Log log(options);
    action(log);
  }
  return testing::internal::GetCapturedStderr();
}

const Step kStep{Direction::Up, "b", {}};

Revision revision() {
  Revision result;
  result.id = "b";
  result.down_revisions = {"a"};
  result.message = "add table";
  return result;
}

void run_one_step(Log& log) {
  log.waiting_for_lock("pid 7, psql");
  log.step_started(kStep, revision(), 2, 3);
  log.step_finished(kStep, revision(), std::chrono::milliseconds(12));
}

TEST(LogTest, TextReadsAsAlembics) {
  EXPECT_EQ(logged({}, run_one_step),
            "INFO  [stillhead] Waiting for another run to end: pid 7, psql\n"
            "INFO  [stillhead] Running upgrade a -> b, add table\n");
}

TEST(LogTest, AnUnknownHolderIsLeftOut) {
  EXPECT_EQ(logged({}, [](Log& log) { log.waiting_for_lock(""); }),
            "INFO  [stillhead] Waiting for another run to end\n");
}

TEST(LogTest, ColourIsAskedFor) {
  EXPECT_EQ(logged({.color = true}, [](Log& log) { log.waiting_for_lock(""); }),
            "\033[32mINFO \033[0m [stillhead] Waiting for another run to end\n");
}

TEST(LogTest, QuietLeavesErrorsOnly) {
  const auto all = [](Log& log) {
    run_one_step(log);
    log.error(Reason::Bug, "it broke", "look");
  };
  EXPECT_EQ(logged({.quiet = true}, all), "stillhead: it broke\nhint: look\n");
  const std::string json = logged({.format = LogFormat::Json, .quiet = true}, all);
  EXPECT_EQ(std::count(json.begin(), json.end(), '\n'), 1);
  EXPECT_EQ(Json::parse(json)["stillhead"], "error");
}

TEST(LogTest, ControlCharactersAreShownNotSent) {
  EXPECT_EQ(logged({}, [](Log& log) { log.error(Reason::Bug, "a\033[2Jb\r\nc", ""); }),
            "stillhead: a\\x1b[2Jb\\x0d\nc\n");
}

TEST(LogTest, AHintMayHaveLinesButLeavesNoneEmpty) {
  EXPECT_EQ(logged({}, [](Log& log) { log.error(Reason::Bug, "a", "write:\n-- b\n\n"); }),
            "stillhead: a\nhint: write:\n-- b\n");
}

void tell_of_statements(Log& log) {
  log.before_step(kStep, revision(), 1, 1);
  log.statement_sent("SELECT 1");
  log.retrying("ALTER TABLE users", 2, 10, "pid 7", std::chrono::milliseconds(250));
  log.progressed({"building index", 3, 12, "blocks", 0, std::chrono::seconds(0), "pid 9"});
  log.progressed({"too soon", 4, 12, "blocks", 0, std::chrono::seconds(0), ""});
  log.hook_said("before_run", "hello\033");
  log.waiting_for_revisions("c", "the database is at b");
  log.step_finished(kStep, revision(), std::chrono::milliseconds(12));
  log.statement_sent("SELECT 2");
}

TEST(LogTest, StatementsHooksAndWaitingHaveTheirLines) {
  EXPECT_EQ(
      logged({}, tell_of_statements),
      "INFO  [stillhead.sql] b: SELECT 1\n"
      "INFO  [stillhead] ALTER TABLE users: trying again in 250 ms (attempt 2 of 10), blocked "
      "by pid 7\n"
      "INFO  [stillhead] b: building index: 3 of 12 blocks (25 %), waiting for pid 9\n"
      "INFO  [stillhead.hook] before_run: hello\\x1b\n"
      "INFO  [stillhead] Waiting for c: the database is at b\n"
      "INFO  [stillhead.sql] SELECT 2\n");
  EXPECT_EQ(logged({.quiet = true}, tell_of_statements),
            "INFO  [stillhead.hook] before_run: hello\\x1b\n")
      << "a hook decides what it says";
  std::istringstream lines(logged({.format = LogFormat::Json}, tell_of_statements));
  std::vector<std::string> markers;
  for (std::string line; std::getline(lines, line);) {
    const Json json = Json::parse(line);
    markers.push_back(json["stillhead"].get<std::string>() + " " + json["msg"].get<std::string>());
  }
  EXPECT_EQ(markers,
            (std::vector<std::string>{"sql SELECT 1", "progress retrying", "progress progress",
                                      "hook hello\033", "progress waiting for revisions",
                                      "progress step finished", "sql SELECT 2"}));
}

TEST(LogTest, JsonIsOneMarkedObjectALine) {
  const std::string text = logged({.format = LogFormat::Json}, run_one_step);
  std::vector<Json> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(Json::parse(line));
  ASSERT_EQ(lines.size(), 3U);
  for (Json& line : lines) {
    std::string shape = line["ts"];
    std::ranges::replace_if(
        shape, [](char c) { return c >= '0' && c <= '9'; }, '9');
    EXPECT_EQ(shape, "9999-99-99T99:99:99.999Z");
    line.erase("ts");
  }
  EXPECT_EQ(lines[0], Json::parse(R"({"level":"info","msg":"waiting for lock",
      "stillhead":"progress","holder":"pid 7, psql"})"));
  EXPECT_EQ(lines[1], Json::parse(R"({"level":"info","msg":"step started","stillhead":"progress",
      "revision":"b","direction":"upgrade","step":2,"steps":3,"message":"add table"})"));
  EXPECT_EQ(lines[2], Json::parse(R"({"level":"info","msg":"step finished","stillhead":"progress",
      "revision":"b","direction":"upgrade","step":2,"steps":3,"durationMs":12})"));
}

TEST(LogTest, AnErrorAsJsonNamesItsReason) {
  Json line = Json::parse(logged({.format = LogFormat::Json}, [](Log& log) {
    log.error(Reason::LockUnavailable, "locked\nby x", "wait");
  }));
  line.erase("ts");
  EXPECT_EQ(line, Json::parse(R"({"level":"error","msg":"locked\nby x","stillhead":"error",
      "reason":"LockUnavailable","hint":"wait"})"));
}

}  // namespace
}  // namespace engine
