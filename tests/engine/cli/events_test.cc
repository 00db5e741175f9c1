// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/events.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "tests/engine/core/error_of.h"
#include "tests/support/places.h"
#include "tests/support/temporary_folder.h"

namespace engine {
namespace {

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr const char* kRunId = "00112233445566ff";

Revision revision() {
  Revision result;
  result.id = "b";
  result.message = "add table";
  return result;
}

// Every call that there is.
void tell_everything(Events& events) {
  const Step step{Direction::Up, "b", {}};
  events.run_started("upgrade", "heads");
  events.waiting_for_lock("pid 7");
  events.waiting_for_revisions("b", "the database is at a");
  events.before_step(step, revision(), 2, 3);
  events.step_started(step, revision(), 2, 3);
  events.resumed(step, 1, 4);
  events.statement_sent("SELECT 1");
  events.retrying("ALTER TABLE", 1, 10, "pid 8", milliseconds(250));
  events.progressed({"building index", 3, 12, "blocks", 1.5, std::chrono::seconds(6), "pid 9"});
  events.warned("look");
  events.stamp_started({{"a"}, {"b"}, {}});
  events.step_finished(step, revision(), milliseconds(12));
  RunReport report;
  report.reason = Reason::MigrationFailed;
  report.message = "it broke";
  report.failure = Failure{};
  report.failure->revision = "c";
  EXPECT_EQ(events.run_finished(report), "");
}

class EventsTest : public testing::Test {
 protected:
  EventsTest() : descriptor_(::open((folder_ / "events").c_str(), O_WRONLY | O_CREAT, 0600)) {}
  ~EventsTest() override { ::close(descriptor_); }
  EventsTest(const EventsTest&) = delete;
  EventsTest& operator=(const EventsTest&) = delete;

  std::vector<Json> written() const {
    std::vector<Json> events;
    std::istringstream text(folder_.read("events"));
    for (std::string line; std::getline(text, line);) events.push_back(Json::parse(line));
    return events;
  }

  test::TemporaryFolder folder_ = {};
  int descriptor_;
};

TEST_F(EventsTest, IsOneObjectALine) {
  Events events(descriptor_, kRunId);
  tell_everything(events);
  const std::vector<Json> lines = written();
  std::vector<std::string> names;
  for (const Json& line : lines) {
    names.push_back(line.at("event"));
    EXPECT_EQ(line.at("runId"), kRunId);
    EXPECT_TRUE(line.at("time").get<std::string>().ends_with("Z")) << line;
  }
  EXPECT_EQ(names, (std::vector<std::string>{"run_started", "lock_waiting", "waiting",
                                             "step_started", "step_resumed", "statement",
                                             "retrying", "progress", "warning", "stamp_started",
                                             "step_finished", "run_finished"}));
  EXPECT_EQ(lines[3].at("steps"), 3);
  EXPECT_EQ(lines[5].at("revision"), "b");
  EXPECT_EQ(lines[6].at("pauseMs"), 250);
  EXPECT_EQ(lines[7].at("secondsLeft"), 6);
  EXPECT_EQ(lines[10].at("durationMs"), 12);
  EXPECT_EQ(lines[11].at("exitCode"), 1);
  EXPECT_EQ(lines[11].at("revision"), "c");
}

// The rows "| `event` | ... | `field`, `field` |" of docs/events.md.
std::map<std::string, std::set<std::string>> manual() {
  std::ifstream file(source_folder() + "/docs/events.md");
  std::map<std::string, std::set<std::string>> events;
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("| `")) continue;
    const std::string event = line.substr(3, line.find('`', 3) - 3);
    std::string fields = line.substr(line.rfind("| ", line.size() - 3));
    for (std::size_t at = fields.find('`'); at != std::string::npos;) {
      const std::size_t end = fields.find('`', at + 1);
      events[event].insert(fields.substr(at + 1, end - at - 1));
      at = fields.find('`', end + 1);
    }
  }
  return events;
}

TEST_F(EventsTest, AreThoseOfTheManual) {
  Events events(descriptor_, kRunId);
  tell_everything(events);
  std::map<std::string, std::set<std::string>> told;
  for (const Json& line : written()) {
    std::set<std::string>& fields = told[line.at("event")];
    for (const auto& [name, value] : line.items()) fields.insert(name);
    for (const char* common : {"time", "runId", "event"}) fields.erase(common);
  }
  told["dropped"] = {"count"};
  EXPECT_EQ(manual(), told);
}

// --- readers that do not read --------------------------------------------------------------------

class EventPipeTest : public testing::TestWithParam<bool> {
 protected:
  EventPipeTest() {
    std::signal(SIGPIPE, SIG_IGN);
    if (GetParam()) {
      EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends_.data()), 0);
    } else {
      EXPECT_EQ(::pipe(ends_.data()), 0);
    }
  }
  ~EventPipeTest() override {
    for (const int end : ends_) ::close(end);
  }
  EventPipeTest(const EventPipeTest&) = delete;
  EventPipeTest& operator=(const EventPipeTest&) = delete;

  std::string read_all() const {
    ::fcntl(ends_[0], F_SETFL, O_NONBLOCK);
    std::string text;
    std::array<char, 65536> buffer{};
    for (ssize_t got = 1; got > 0;) {
      got = ::read(ends_[0], buffer.data(), buffer.size());
      if (got > 0) text.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return text;
  }

  std::array<int, 2> ends_ = {};
};

INSTANTIATE_TEST_SUITE_P(On, EventPipeTest, testing::Values(false, true),
                         [](const auto& kind) { return kind.param ? "Socket" : "Pipe"; });

TEST_P(EventPipeTest, AFullOneIsNotWaitedForAndWhatIsDroppedIsCounted) {
  std::string about;
  std::vector<std::string> lines;
  {
    Events events(ends_[1], kRunId);
    const auto begin = Clock::now();
    const std::string sql(1000, 'x');
    for (int i = 0; i < 2000; ++i) events.statement_sent(sql);
    EXPECT_LT(Clock::now() - begin, std::chrono::seconds(5));
    std::string text = read_all();
    events.warned("there is room again");
    text += read_all();
    while (!text.ends_with("room again\"}\n")) {
      events.warned("there is room again");
      const std::string more = read_all();
      if (more.empty()) break;
      text += more;
    }
    about = events.run_finished({});
    text += read_all();
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
  }
  long dropped = 0;
  long statements = 0;
  for (const std::string& line : lines) {
    const Json event = Json::parse(line);
    if (event.at("event") == "dropped") dropped += event.at("count").get<long>();
    if (event.at("event") == "statement") ++statements;
  }
  EXPECT_GT(dropped, 0);
  EXPECT_EQ(statements + dropped, 2000) << "nothing is lost without being told";
  EXPECT_EQ(about, fmt::format("{} events were dropped: the reader was too slow", dropped));
}

TEST_P(EventPipeTest, TheEndWaitsForASecondAtMost) {
  Events events(ends_[1], kRunId);
  const std::string sql(1000, 'x');
  for (int i = 0; i < 2000; ++i) events.statement_sent(sql);
  const auto begin = Clock::now();
  EXPECT_NE(events.run_finished({}), "");
  EXPECT_LT(Clock::now() - begin, std::chrono::seconds(3));
}

TEST_P(EventPipeTest, AReaderThatHasGoneIsNamedOnce) {
  Events events(ends_[1], kRunId);
  events.warned("first");
  ::close(ends_[0]);
  ends_[0] = ::open("/dev/null", O_RDONLY);
  for (int i = 0; i < 3; ++i) events.warned("more");
  EXPECT_EQ(events.run_finished({}), "not all events could be written: Broken pipe");
}

TEST(EventDescriptorTest, IsLookedAtBeforeAnythingRuns) {
  const int reading = ::open("/dev/null", O_RDONLY);
  for (const int descriptor : {reading, 987}) {
    const Error error = error_of([&, d = descriptor] { Events(d, kRunId); });
    EXPECT_EQ(error.reason(), Reason::InvalidUsage);
    EXPECT_EQ(error.message(), fmt::format("--events {}: this file descriptor is not open for "
                                           "writing",
                                           descriptor));
    EXPECT_EQ(error.hint(),
              "open it where the program is started, such as `--events 3 3>events.jsonl`");
  }
  ::close(reading);
}

}  // namespace
}  // namespace engine
