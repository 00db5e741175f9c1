// SPDX-License-Identifier: Apache-2.0
//
// The loop runs on the test's own thread against a scripted server, and stops where the script
// does.
#include "operator/kube/reflector.h"

#include <gtest/gtest.h>

#include <atomic>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/fake_http.h"

namespace kube {
namespace {

using namespace std::chrono_literals;
using testing_support::FakeHttp;

const Collection kJobs{.kind = {.group = "batch", .version = "v1", .plural = "jobs", .kind = "Job"},
                       .ns = "",
                       .label_selector = ""};

std::string object(const std::string& name, const std::string& version,
                   const std::string& value = "") {
  return R"({"metadata":{"namespace":"n","name":")" + name + R"(","resourceVersion":")" + version +
         R"(","managedFields":[{}]},"value":")" + value + R"("})";
}

std::string list(const std::string& version, const std::vector<std::string>& items,
                 const std::string& token = "") {
  std::string text = R"({"metadata":{"resourceVersion":")" + version + R"(","continue":")" + token +
                     R"("},"items":[)";
  for (std::size_t i = 0; i < items.size(); ++i) text += (i > 0 ? "," : "") + items[i];
  return text + "]}";
}

std::string event(const std::string& type, const std::string& object) {
  return R"({"type":")" + type + R"(","object":)" + object + "}\n";
}

std::string bookmark(const std::string& version) {
  return event("BOOKMARK", R"({"metadata":{"resourceVersion":")" + version + R"("}})");
}

std::string failure(int code, const std::string& reason, const std::string& more = "") {
  return R"({"kind":"Status","code":)" + std::to_string(code) + R"(,"reason":")" + reason + "\"" +
         more + "}";
}

class ReflectorTest : public testing::Test {
 protected:
  // Runs to the end of the script. `jitter` is every random number.
  void run(double jitter = 0.0) {
    Reflector::Surroundings surroundings{
        .now = [this] { return now_; },
        .pause = [this](std::chrono::milliseconds pause,
                        std::stop_token) { pauses_.push_back(pause); },
        .random = [jitter] { return jitter; }};
    reflector_.emplace(
        http_, kJobs,
        [this](const Key& key, const Json& seen) {
          const Object stored = reflector_->find(key);
          changes_.push_back(key.name + (stored ? "@" : " gone@") +
                             seen.at("metadata").at("resourceVersion").get<std::string>());
        },
        [this](const std::string& what, const std::string& detail) {
          if (detail != "jobs: the script is over") troubles_.push_back(what + ": " + detail);
        },
        surroundings);
    http_.on_script_over = [this] { stop_.request_stop(); };
    reflector_->run(stop_.get_token());
    ASSERT_EQ(http_.steps_left(), 0u);
  }

  // "list", "list 7+" (not older than), "page t", "whole", "watch 7"
  std::vector<std::string> asked() const {
    std::vector<std::string> spelled;
    for (const Request& request : http_.requests()) {
      const auto& query = request.query;
      if (query.contains("watch")) {
        spelled.push_back("watch " + query.at("resourceVersion"));
      } else if (query.contains("continue")) {
        spelled.push_back("page " + query.at("continue"));
      } else if (query.contains("resourceVersion")) {
        spelled.push_back("list " + query.at("resourceVersion") + "+");
      } else {
        spelled.push_back(query.contains("limit") ? "list" : "whole");
      }
    }
    return spelled;
  }

  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const Object& object : reflector_->list())
      names.push_back(object->at("metadata").at("name").get<std::string>() + "@" +
                      object->at("metadata").at("resourceVersion").get<std::string>());
    return names;
  }

  using Texts = std::vector<std::string>;
  FakeHttp http_;
  std::stop_source stop_;
  std::optional<Reflector> reflector_;
  std::chrono::steady_clock::time_point now_ = {};
  Texts changes_, troubles_;
  std::vector<std::chrono::milliseconds> pauses_;
};

TEST_F(ReflectorTest, ListsInPagesThenWatchesFromTheListsVersion) {
  http_.answer(200, list("7", {object("a", "1"), object("b", "2")}, "t"));
  http_.answer(200, list("7", {object("c", "3")}));
  http_.stream({event("ADDED", object("d", "8")), event("MODIFIED", object("a", "9", "new"))});
  run();
  EXPECT_EQ(asked(), (Texts{"list", "page t", "watch 7", "watch 9"}));
  EXPECT_EQ(names(), (Texts{"a@9", "b@2", "c@3", "d@8"}));
  EXPECT_EQ(changes_, (Texts{"a@1", "b@2", "c@3", "d@8", "a@9"}));
  EXPECT_EQ(reflector_->size(), 4u);
  EXPECT_EQ(reflector_->find({"n", "a"})->at("value"), "new");
  EXPECT_EQ(reflector_->find({"n", "x"}), nullptr);
  EXPECT_EQ(troubles_, Texts{});
}

TEST_F(ReflectorTest, NothingIsSeenBeforeTheWholeListIsIn) {
  std::vector<std::pair<bool, std::size_t>> seen;
  http_.on_request = [&](const Request&) {
    seen.emplace_back(reflector_->synced(), reflector_->size());
  };
  http_.answer(200, list("7", {object("a", "1")}, "t"));
  http_.answer(200, list("7", {object("b", "2")}));
  run();
  EXPECT_EQ(seen, (std::vector<std::pair<bool, std::size_t>>{{false, 0}, {false, 0}, {true, 2}}));
}

TEST_F(ReflectorTest, EmptyListCounts) {
  http_.answer(200, list("7", {}));
  run();
  EXPECT_TRUE(reflector_->synced());
  EXPECT_EQ(asked(), (Texts{"list", "watch 7"}));
}

TEST_F(ReflectorTest, ManagedFieldsAreDropped) {
  http_.answer(200, list("7", {object("a", "1")}));
  http_.stream({event("ADDED", object("b", "8"))});
  run();
  for (const Object& object : reflector_->list())
    EXPECT_FALSE(object->at("metadata").contains("managedFields"));
}

TEST_F(ReflectorTest, EventsArriveHoweverTheBytesAreCutUp) {
  const std::string bytes =
      event("ADDED", object("a", "8", "\xC3\xA4")) + event("DELETED", object("b", "9"));
  http_.answer(200, list("7", {object("b", "2")}));
  std::vector<std::string> pieces;
  for (const char byte : bytes) pieces.emplace_back(1, byte);
  http_.stream(pieces);
  run();
  EXPECT_EQ(names(), (Texts{"a@8"}));
  EXPECT_EQ(changes_, (Texts{"b@2", "a@8", "b gone@9"}));
}

TEST_F(ReflectorTest, BookmarksMoveThePlaceToResumeFrom) {
  http_.answer(200, list("7", {}));
  http_.stream({bookmark("100"), bookmark("90")});
  run();
  EXPECT_EQ(asked(), (Texts{"list", "watch 7", "watch 100"}));
  EXPECT_EQ(changes_, Texts{});
}

TEST_F(ReflectorTest, AfterACutItWatchesOnFromTheLastEventAndDoesNotList) {
  http_.answer(200, list("7", {}));
  http_.stream_then_cut({event("ADDED", object("a", "8")), R"({"type":"ADDED","object":{"meta)"},
                        "reset");
  http_.stream({event("ADDED", object("b", "9"))});
  run();
  EXPECT_EQ(asked(), (Texts{"list", "watch 7", "watch 8", "watch 9"}));
  EXPECT_EQ(names(), (Texts{"a@8", "b@9"}));
  EXPECT_EQ(troubles_, (Texts{"watch lost: jobs: reset"}));
}

TEST_F(ReflectorTest, AProperEndInTheMiddleOfAnEventIsACut) {
  http_.answer(200, list("7", {}));
  http_.stream({event("ADDED", object("a", "8")), "{\"type\":"});
  run();
  EXPECT_EQ(asked(), (Texts{"list", "watch 7", "watch 8"}));
  EXPECT_EQ(troubles_, (Texts{"watch lost: jobs: it ended in the middle of an event"}));
}

TEST_F(ReflectorTest, GoneMeansListingNotOlderThanTheLastEventSeen) {
  const std::string gone = failure(410, "Expired");
  http_.answer(200, list("7", {object("a", "1"), object("b", "2"), object("c", "3")}));
  http_.answer(410, gone);
  http_.answer(200, list("20", {object("a", "1"), object("b", "15"), object("d", "16")}));
  http_.stream({bookmark("25"), event("ERROR", gone)});
  http_.answer(200, list("30", {object("a", "1"), object("b", "15"), object("d", "16")}));
  run();
  EXPECT_EQ(asked(), (Texts{"list", "watch 7", "list 7+", "watch 20", "list 25+", "watch 30"}));
  EXPECT_EQ(names(), (Texts{"a@1", "b@15", "d@16"}));
  // Told of exactly what differs, the vanished one as it was last seen.
  EXPECT_EQ(changes_, (Texts{"a@1", "b@2", "c@3", "b@15", "d@16", "c gone@3"}));
  EXPECT_EQ(pauses_, (std::vector<std::chrono::milliseconds>{0ms, 0ms}));
}

// Nobody would tell of an event that got lost on the way.
TEST_F(ReflectorTest, FromTimeToTimeAllIsListedAgain) {
  http_.answer(200, list("7", {object("a", "1")}));
  http_.stream({});
  http_.stream({});
  http_.answer(200, list("9", {object("b", "8")}));
  int requests = 0;
  http_.on_request = [&](const Request& request) {
    if (++requests == 2) {
      EXPECT_EQ(request.query.at("timeoutSeconds"), "240");
      now_ += 500s;
    }
    if (requests == 3) {
      EXPECT_EQ(request.query.at("timeoutSeconds"), "100");
      now_ += 100s;
    }
  };
  run();
  EXPECT_EQ(asked(), (Texts{"list", "watch 7", "watch 7", "list", "watch 9"}));
  EXPECT_EQ(names(), Texts{"b@8"});
}

TEST_F(ReflectorTest, ThePauseThatTheServerAsksForIsKept) {
  http_.answer(429, failure(429, "TooManyRequests", R"(,"details":{"retryAfterSeconds":17})"));
  http_.answer(503, "busy", {{"retry-after", "9"}});
  http_.answer(429, "", {{"retry-after", "86400"}});
  http_.answer(200, list("7", {}));
  run();
  pauses_.resize(3);
  EXPECT_EQ(pauses_, (std::vector<std::chrono::milliseconds>{17s, 9s, 300s}));
}

TEST_F(ReflectorTest, WhateverIsThrownTheThreadGoesOn) {
  http_.answer(200, list("7", {}));
  int requests = 0;
  http_.on_request = [&](const Request&) {
    if (++requests == 2) throw std::runtime_error("no memory");
  };
  http_.answer(200, list("8", {object("a", "8")}));
  run();
  EXPECT_EQ(names(), Texts{"a@8"});
  EXPECT_EQ(troubles_, Texts{"list or watch failed: jobs: no memory"});
}

TEST_F(ReflectorTest, AListThatDoesNotArriveIsAskedForInSmallerPages) {
  http_.lose("the answer is larger than 64 MiB");
  http_.lose("the answer is larger than 64 MiB");
  http_.answer(200, list("7", {object("a", "1")}, "t"));
  http_.answer(200, list("7", {object("b", "2")}));
  run();
  std::vector<std::string> limits;
  for (const Request& request : http_.requests()) {
    if (request.query.contains("limit")) limits.push_back(request.query.at("limit"));
  }
  EXPECT_EQ(limits, (Texts{"500", "100", "20", "20"}));
  EXPECT_EQ(names(), (Texts{"a@1", "b@2"}));
}

TEST_F(ReflectorTest, DuringARelistTheOldCopyStays) {
  std::vector<std::size_t> sizes;
  http_.on_request = [&](const Request&) { sizes.push_back(reflector_->size()); };
  http_.answer(200, list("7", {object("a", "1"), object("b", "2")}));
  http_.answer(410, "");
  http_.answer(500, "");
  http_.answer(200, list("9", {object("b", "2")}));
  run();
  EXPECT_EQ(sizes, (std::vector<std::size_t>{0, 2, 2, 2, 1}));
}

TEST_F(ReflectorTest, MalformedEventsEndTheWatchAndEverythingIsListedAgain) {
  const Texts bad = {"nonsense\n", "{}\n", event("DELETED", "null"),
                     event("DELETED", R"({"metadata":{}})"),
                     event("ERROR", failure(500, "InternalError"))};
  for (const std::string& line : bad)
    http_.answer(200, list("7", {})), http_.stream({line + event("ADDED", object("x", "8"))});
  http_.answer(200, list("7", {}));
  run();
  EXPECT_EQ(asked(), (Texts{"list", "watch 7", "list", "watch 7", "list", "watch 7", "list",
                            "watch 7", "list", "watch 7", "list", "watch 7"}));
  EXPECT_EQ(changes_, Texts{}) << "nothing after the malformed event counts";
  ASSERT_EQ(troubles_.size(), bad.size());
  EXPECT_EQ(troubles_[0], "watch is malformed: jobs: nonsense");
  EXPECT_EQ(pauses_,
            (std::vector<std::chrono::milliseconds>{800ms, 1600ms, 3200ms, 6400ms, 12800ms}));
}

TEST_F(ReflectorTest, TooLongAnEventEndsTheWatchThere) {
  http_.answer(200, list("7", {}));
  http_.stream({event("ADDED", object("a", "8")), std::string(9u << 20, 'x')});
  run();
  EXPECT_EQ(asked(), (Texts{"list", "watch 7", "watch 8"}));
  EXPECT_EQ(troubles_,
            (Texts{"watch lost: jobs: a line of the answer is longer than 8388608 bytes"}));
}

TEST_F(ReflectorTest, OldEventsNeverReplaceNewerObjects) {
  http_.answer(200, list("50", {object("a", "40")}));
  http_.stream({event("MODIFIED", object("a", "39", "old")), event("DELETED", object("a", "39")),
                event("MODIFIED", object("a", "40")), event("DELETED", object("never", "51"))});
  run();
  EXPECT_EQ(names(), (Texts{"a@40"}));
  EXPECT_EQ(changes_, (Texts{"a@40"}));
  EXPECT_EQ(asked().back(), "watch 51");
}

TEST_F(ReflectorTest, AListIsTheTruthEvenWhenItGoesBackInTime) {
  http_.answer(200, list("50", {object("a", "40")}));
  http_.answer(400, failure(400, "BadRequest"));
  http_.answer(200, list("10", {object("a", "4")}));  // etcd was restored
  http_.stream({event("MODIFIED", object("a", "11"))});
  run();
  EXPECT_EQ(changes_, (Texts{"a@40", "a@4", "a@11"}));
}

TEST_F(ReflectorTest, RecreatedObjectIsSeenAsGoneAndThere) {
  http_.answer(200, list("7", {object("a", "1")}));
  http_.stream({event("DELETED", object("a", "8")), event("ADDED", object("a", "9"))});
  run();
  EXPECT_EQ(changes_, (Texts{"a@1", "a gone@8", "a@9"}));
}

TEST_F(ReflectorTest, KindThatIsNotThereYetIsToldAndAskedForAgain) {
  http_.answer(404, "404 page not found\n");
  http_.answer(404, "404 page not found\n");
  http_.answer(200, list("7", {object("a", "1")}));
  run();
  EXPECT_EQ(troubles_, (Texts{"list refused: jobs: 404: 404 page not found\n",
                              "list refused: jobs: 404: 404 page not found\n"}));
  EXPECT_EQ(pauses_, (std::vector<std::chrono::milliseconds>{800ms, 1600ms}));
  EXPECT_TRUE(reflector_->synced());
}

TEST_F(ReflectorTest, RefusalsBackOffAndStay) {
  http_.answer(403, failure(403, "Forbidden", R"(,"message":"no list for you")"));
  http_.answer(200, list("7", {}));
  http_.answer(429, "Too many requests");
  http_.lose("connection refused");
  http_.stream({bookmark("9"), event("ERROR", failure(429, "TooManyRequests"))});
  run();
  EXPECT_EQ(asked(), (Texts{"list", "list", "watch 7", "watch 7", "watch 7", "watch 9"}));
  EXPECT_EQ(troubles_, (Texts{"list refused: jobs: 403 Forbidden: no list for you",
                              "watch refused: jobs: 429: Too many requests",
                              "watch lost: jobs: connection refused",
                              "watch refused: jobs: 429 TooManyRequests"}));
  EXPECT_EQ(pauses_, (std::vector<std::chrono::milliseconds>{800ms, 1600ms, 3200ms, 6400ms}));
}

TEST_F(ReflectorTest, ServerBehindOurVersionIsWaitedForThenAskedConsistently) {
  const std::string behind =
      failure(504, "Timeout", R"(,"message":"Too large resource version: 7, current: 5")");
  http_.answer(200, list("7", {}));
  http_.answer(410, "");
  http_.answer(504, behind);
  http_.answer(200, list("8", {}));
  http_.stream({event("ERROR", behind)});
  http_.answer(200, list("9", {}));
  run();
  EXPECT_EQ(asked(), (Texts{"list", "watch 7", "list 7+", "list", "watch 8", "list", "watch 9"}));
}

TEST_F(ReflectorTest, ExpiredContinueTokenLeadsToOneWholeList) {
  http_.answer(200, list("7", {object("a", "1")}, "t"));
  http_.answer(410, failure(410, "Expired"));
  http_.answer(200, list("9", {object("b", "2")}));
  run();
  EXPECT_EQ(asked(), (Texts{"list", "page t", "whole", "watch 9"}));
  EXPECT_EQ(names(), (Texts{"b@2"})) << "pages of the first list are forgotten";
}

TEST_F(ReflectorTest, LostPageIsAskedForAgain) {
  http_.answer(200, list("7", {object("a", "1")}, "t"));
  http_.lose("reset");
  http_.answer(200, list("7", {object("b", "2")}));
  run();
  EXPECT_EQ(asked(), (Texts{"list", "page t", "page t", "watch 7"}));
  EXPECT_EQ(names(), (Texts{"a@1", "b@2"}));
}

TEST_F(ReflectorTest, MalformedListIsNoList) {
  http_.answer(200, "<html>");
  http_.answer(200, list("7", {R"({"metadata":{"name":"a"}})"}));
  http_.answer(200, list("7", {}));
  run();
  EXPECT_EQ(asked(), (Texts{"list", "list", "list", "watch 7"}));
  EXPECT_EQ(troubles_.size(), 2u);
  EXPECT_EQ(troubles_.at(0), "list is malformed: jobs: an answer 200 is not a complete list");
}

TEST_F(ReflectorTest, WatchesThatEndAtOnceBackOffAndHealthResetsIt) {
  http_.answer(200, list("7", {}));
  http_.stream(std::vector<std::string>{});
  http_.stream(std::vector<std::string>{});
  http_.stream({bookmark("8")});
  http_.stream(std::vector<std::string>{});
  int watches = 0;
  http_.on_request = [&](const Request& request) {
    if (request.query.contains("watch") && ++watches == 3) now_ += 300s;
  };
  // The third watch lasts: its time passes between its request and its end.
  run(0.5);
  EXPECT_EQ(pauses_, (std::vector<std::chrono::milliseconds>{1200ms, 2400ms, 500ms, 1200ms}));
  EXPECT_EQ(troubles_, (Texts(3, "watch lost: jobs: it ended at once")));
}

TEST_F(ReflectorTest, WatchIsAskedForTwoHundredFortyToNinetySecondsAndTenMoreAreWaited) {
  for (const double jitter : {0.0, 0.5, 0.999}) {
    FakeHttp http;
    std::stop_source stop;
    http.on_script_over = [&] { stop.request_stop(); };
    http.answer(200, list("7", {}));
    Reflector reflector(http, kJobs, {}, {},
                        {.now = [] { return std::chrono::steady_clock::time_point(); },
                         .pause = [](std::chrono::milliseconds, std::stop_token) {},
                         .random = [jitter] { return jitter; }});
    reflector.run(stop.get_token());
    const int seconds = std::stoi(http.requests().at(1).query.at("timeoutSeconds"));
    EXPECT_EQ(seconds, 240 + static_cast<int>(50 * jitter));
    EXPECT_EQ(http.timeouts().at(1), std::chrono::seconds(seconds + 10));
  }
}

TEST_F(ReflectorTest, StopEndsTheLoopInARealPause) {
  FakeHttp http;
  std::stop_source stop;
  std::jthread stopper;
  http.lose("nobody there");  // leads to a pause of 0.8 s or more
  Reflector reflector(http, kJobs, {}, [&](const std::string&, const std::string&) {
    if (!stopper.joinable()) stopper = std::jthread([&stop] { stop.request_stop(); });
  });
  reflector.run(stop.get_token());
  EXPECT_LE(http.requests().size(), 2u);
}

TEST_F(ReflectorTest, ReadersOnOtherThreadsSeeWholeSnapshots) {
  for (int i = 0; i < 200; ++i) {
    http_.answer(200, list(std::to_string(100 + i), {object("a", std::to_string(50 + i)),
                                                     object("b", std::to_string(50 + i))}));
    http_.answer(410, "");
  }
  std::atomic<bool> ready{false};
  std::jthread reader;
  http_.on_request = [&](const Request&) {
    if (ready.exchange(true)) return;
    reader = std::jthread([this](std::stop_token stop) {
      while (!stop.stop_requested()) {
        const std::vector<Object> objects = reflector_->list();
        EXPECT_TRUE(objects.empty() || objects.size() == 2);
        if (objects.size() == 2) {
          EXPECT_EQ(objects[0]->at("metadata").at("resourceVersion"),
                    objects[1]->at("metadata").at("resourceVersion"));
        }
      }
    });
  };
  run();
  EXPECT_EQ(reflector_->size(), 2u);
}

}  // namespace
}  // namespace kube
