// SPDX-License-Identifier: Apache-2.0
#include "operator/kube/watch.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace kube {
namespace {

using namespace std::chrono_literals;

const ResourceKind kJobs{.group = "batch", .version = "v1", .plural = "jobs", .kind = "Job"};

// ---- lines

TEST(LineDecoderTest, AnySplitOfTheBytesGivesTheSameLines) {
  const std::string text = "{\"a\":1}\n\n{\"b\":\"\xC3\xA4\"}\nrest";
  const std::vector<std::string> expected = {"{\"a\":1}", "{\"b\":\"\xC3\xA4\"}"};
  for (std::size_t first = 0; first <= text.size(); ++first) {
    for (std::size_t second = first; second <= text.size(); ++second) {
      LineDecoder decoder;
      std::vector<std::string> lines;
      for (const std::string& piece :
           {text.substr(0, first), text.substr(first, second - first), text.substr(second)}) {
        for (std::string& line : decoder.feed(piece)) lines.push_back(std::move(line));
      }
      ASSERT_EQ(lines, expected) << first << " " << second;
      ASSERT_TRUE(decoder.has_rest());
    }
  }
}

TEST(LineDecoderTest, CompleteLinesLeaveNoRest) {
  LineDecoder decoder;
  EXPECT_FALSE(decoder.has_rest());
  EXPECT_EQ(decoder.feed("x\n").size(), 1u);
  EXPECT_FALSE(decoder.has_rest());
}

TEST(LineDecoderTest, TooLongALineIsATransportErrorWhetherItEndsOrNot) {
  for (const std::string text : {"123456", "123456\n", "ok\n123456"}) {
    SCOPED_TRACE(text);
    LineDecoder at_once(5);
    EXPECT_THROW(at_once.feed(text), TransportError);
    LineDecoder by_byte(5);
    EXPECT_THROW(
        {
          for (const char c : text) by_byte.feed(std::string(1, c));
        },
        TransportError);
  }
  LineDecoder decoder(5);
  EXPECT_EQ(decoder.feed("12345\n12345\n").size(), 2u);
}

// ---- versions

TEST(ResourceVersionTest, OrderIsThatOfWholeNumbersOfAnyLength) {
  struct Case {
    std::string a, b;
    std::optional<int> order;
  };
  const std::vector<Case> cases = {
      {"1", "1", 0},   {"1", "2", -1},
      {"10", "9", 1},  {"99999999999999999999998", "99999999999999999999999", -1},
      {"0", "1", {}},  // "0" means "any"
      {"", "1", {}},   {"01", "1", {}},
      {"1", "x", {}},  {"1", "-1", {}},
      {"1 ", "1", {}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.a + " " + c.b);
    EXPECT_EQ(compare_resource_versions(c.a, c.b), c.order);
    const auto mirrored = c.order ? std::optional<int>(-*c.order) : std::nullopt;
    EXPECT_EQ(compare_resource_versions(c.b, c.a), mirrored);
  }
}

// ---- requests

std::string spell(const Request& request) {
  std::string text = request.method + " " + request.path;
  for (const auto& [name, value] : request.query) text += fmt::format(" {}={}", name, value);
  return text;
}

TEST(NextRequestTest, StatesBecomeRequests) {
  struct Case {
    std::string name;
    WatchState state;
    Collection collection;
    std::string request;
  };
  const Collection all{.kind = kJobs};
  const Collection some{.kind = kJobs, .ns = "shop", .label_selector = "a=b"};
  const std::vector<Case> cases = {
      {"first page", MustList{}, all, "GET /apis/batch/v1/jobs limit=500"},
      {"selected", MustList{}, some,
       "GET /apis/batch/v1/namespaces/shop/jobs labelSelector=a=b limit=500"},
      {"next page", MustList{.continue_token = "t"}, some,
       "GET /apis/batch/v1/namespaces/shop/jobs continue=t labelSelector=a=b limit=500"},
      {"not older, unpaged", MustList{.not_older_than = "7"}, all,
       "GET /apis/batch/v1/jobs resourceVersion=7 resourceVersionMatch=NotOlderThan"},
      {"whole", MustList{.whole = true}, all, "GET /apis/batch/v1/jobs"},
      {"watch", MustWatch{"7"}, some,
       "GET /apis/batch/v1/namespaces/shop/jobs allowWatchBookmarks=true labelSelector=a=b "
       "resourceVersion=7 timeoutSeconds=251 watch=1"},
      {"core group",
       MustList{},
       {.kind = {.version = "v1", .plural = "pods", .kind = "Pod"}},
       "GET /api/v1/pods limit=500"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(spell(next_request(c.state, c.collection, 251)), c.request);
  }
}

// ---- the machine

std::string spell(const WatchState& state) {
  if (const auto* watch = std::get_if<MustWatch>(&state))
    return "watch from " + watch->resource_version;
  const auto& list = std::get<MustList>(state);
  std::string text = list.whole ? "list whole" : "list";
  if (!list.continue_token.empty()) text += " page " + list.continue_token;
  if (!list.not_older_than.empty()) text += " not older than " + list.not_older_than;
  if (list.page_size != kPageSize) text += " by " + std::to_string(list.page_size);
  return text;
}

// docs/decisions/002-list-watch.md has the same table for people.
TEST(AfterTest, EachEndLeadsToItsState) {
  struct Case {
    std::string name;
    WatchState state;
    Outcome outcome;
    std::string next;
    bool back_off;
  };
  const WatchState list = MustList{};
  const WatchState page = MustList{.continue_token = "t"};
  const WatchState relist = MustList{.not_older_than = "5"};
  const WatchState whole = MustList{.whole = true};
  const WatchState watch = MustWatch{"5"};
  const auto refused = [](int status, std::string reason = "", std::string version = "") {
    return Refused{
        .status = status, .reason = std::move(reason), .resource_version = std::move(version)};
  };
  const std::vector<Case> cases = {
      {"more pages", list, PageDone{"7", "t"}, "list page t", false},
      {"last page", page, PageDone{"7", ""}, "watch from 7", false},
      {"unpaged", relist, PageDone{"7", ""}, "watch from 7", false},
      {"list lost: it may be too large", list, refused(0), "list by 100", true},
      {"page lost: it may be too large", page, refused(0), "list page t by 100", true},
      {"small pages lost", MustList{.page_size = 30}, refused(0), "list by 20", true},
      {"small pages go on", MustList{.page_size = 20}, PageDone{"7", "t"}, "list page t by 20",
       false},
      {"unpaged list lost: it may be too large", relist, refused(0), "list", true},
      {"whole list lost: it may be too large", whole, refused(0), "list", true},
      {"list: no such kind yet", list, refused(404), "list", true},
      {"list forbidden", list, refused(403, "Forbidden"), "list", true},
      {"list unauthorized", list, refused(401, "Unauthorized"), "list", true},
      {"list overloaded", page, refused(429), "list page t", true},
      {"list: server error", relist, refused(500, "InternalError"), "list not older than 5", true},
      {"continue token expired", page, refused(410, "Expired"), "list whole", false},
      {"whole list gone, too", whole, refused(410, "Expired"), "list", true},
      {"continue token unknown", page, refused(400, "BadRequest"), "list", true},
      {"server is behind our version", relist, refused(504, "ResourceVersionTooLarge"), "list",
       true},
      {"list times out", relist, refused(504, "Timeout"), "list not older than 5", true},
      {"list malformed", relist, Malformed{}, "list", true},
      {"watch ended or cut", watch, WatchEnded{"9"}, "watch from 9", false},
      {"watch: version too old at once", watch, refused(410, "Expired"), "list not older than 5",
       false},
      {"watch: version too old later", watch, refused(410, "Gone", "9"), "list not older than 9",
       false},
      {"watch: expired by reason only", watch, refused(0, "Expired", "9"), "list not older than 9",
       false},
      {"watch lost before it began", watch, refused(0), "watch from 5", true},
      {"watch overloaded", watch, refused(429, "TooManyRequests", "9"), "watch from 9", true},
      {"watch forbidden", watch, refused(403, "Forbidden"), "watch from 5", true},
      {"watch: server starting", watch, refused(503), "watch from 5", true},
      {"watch: server is behind", watch, refused(504, "ResourceVersionTooLarge"), "list", true},
      {"watch: time-out", watch, refused(504, "Timeout"), "watch from 5", true},
      {"watch: kind is gone", watch, refused(404), "list", true},
      {"watch: version is none", watch, refused(400, "BadRequest"), "list", true},
      {"watch: parameters refused", watch, refused(422, "Invalid"), "list", true},
      {"watch malformed", watch, Malformed{}, "list", true},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const Next next = after(c.state, c.outcome);
    EXPECT_EQ(spell(next.state), c.next);
    EXPECT_EQ(next.back_off, c.back_off);
  }
}

// ---- documents

std::string spell(const Message& message) {
  if (std::holds_alternative<Malformed>(message)) return "malformed";
  if (const auto* refused = std::get_if<Refused>(&message))
    return "refused " + std::to_string(refused->status) + " " + refused->reason;
  const Event& event = std::get<Event>(message);
  const char* names[] = {"added", "modified", "deleted", "bookmark"};
  const Key key = key_of(*event.object);
  return std::string(names[static_cast<int>(event.type)]) + " " + key.ns + "/" + key.name + " " +
         resource_version_of(*event.object);
}

TEST(ReadEventTest, LineIsAnEventARefusalOrMalformed) {
  const std::string object = R"({"metadata":{"namespace":"n","name":"a","resourceVersion":"7"}})";
  struct Case {
    std::string line, message;
  };
  const std::vector<Case> cases = {
      {R"({"type":"ADDED","object":)" + object + "}", "added n/a 7"},
      {R"({"type":"MODIFIED","object":)" + object + "}", "modified n/a 7"},
      {R"({"type":"DELETED","object":)" + object + "}", "deleted n/a 7"},
      {R"({"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9"}}})", "bookmark / 9"},
      {R"({"type":"ERROR","object":{"code":410,"reason":"Expired"}})", "refused 410 Expired"},
      {R"({"type":"ERROR","object":{"code":410,"reason":"Gone"}})", "refused 410 Gone"},
      {R"({"type":"ERROR","object":{"code":429,"reason":"TooManyRequests"}})",
       "refused 429 TooManyRequests"},
      {R"({"type":"ERROR","object":{"code":504,"reason":"Timeout","details":{"causes":[{"reason":"ResourceVersionTooLarge"}]}}})",
       "refused 504 ResourceVersionTooLarge"},
      {R"({"type":"ERROR","object":{"code":504,"reason":"Timeout","message":"Too large resource version: 9, current: 8"}})",
       "refused 504 ResourceVersionTooLarge"},
      {R"({"type":"ERROR","object":{"code":500,"reason":"InternalError"}})", "malformed"},
      {R"({"type":"ERROR","object":{}})", "malformed"},
      {R"({"type":"ERROR"})", "malformed"},
      {R"({"type":"BOOKMARK","object":{}})", "malformed"},
      {R"({"type":"ADDED","object":null})", "malformed"},
      {R"({"type":"DELETED","object":{"metadata":{"name":"a"}}})", "malformed"},
      {R"({"type":"DELETED","object":{"metadata":{"resourceVersion":"7"}}})", "malformed"},
      {R"({"type":"DELETED","object":{"metadata":[]}})", "malformed"},
      {R"({"type":"MOVED","object":)" + object + "}", "malformed"},
      {R"({"type":7,"object":)" + object + "}", "malformed"},
      {R"({"object":)" + object + "}", "malformed"},
      {"[]", "malformed"},
      {"7", "malformed"},
      {R"({"type":"ADDED","obj)", "malformed"},
      {"", "malformed"},
      {"\xFF\xFE", "malformed"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.line);
    Json document = Json::parse(c.line, nullptr, false);
    EXPECT_EQ(spell(read_event(document)), c.message);
  }
}

TEST(ReadPageTest, OnlyACompleteListIsAPage) {
  struct Case {
    std::string text, page;  // "version token count", or "none"
  };
  const std::vector<Case> cases = {
      {R"({"metadata":{"resourceVersion":"7"},"items":[]})", "7  0"},
      {R"({"metadata":{"resourceVersion":"7"},"items":null})", "7  0"},
      {R"({"metadata":{"resourceVersion":"7"}})", "7  0"},
      {R"({"metadata":{"resourceVersion":"7","continue":"t"},"items":[{"metadata":{"name":"a","resourceVersion":"3"}}]})",
       "7 t 1"},
      {R"({"metadata":{"resourceVersion":"7"},"items":[{"metadata":{"name":"a"}}]})", "none"},
      {R"({"metadata":{"resourceVersion":"7"},"items":[null]})", "none"},
      {R"({"metadata":{"resourceVersion":"7"},"items":{}})", "none"},
      {R"({"metadata":{},"items":[]})", "none"},
      {R"({"items":[]})", "none"},
      {"[]", "none"},
      {"<html>", "none"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    Json document = Json::parse(c.text, nullptr, false);
    const auto page = read_page(document);
    const std::string spelled = page ? page->done.resource_version + " " +
                                           page->done.continue_token + " " +
                                           std::to_string(page->items.size())
                                     : "none";
    EXPECT_EQ(spelled, c.page);
  }
}

TEST(BackoffTest, DoublesFromEightTenthsToThirtySecondsTimesJitter) {
  Backoff backoff;
  const std::vector<std::chrono::milliseconds> pauses = {800ms,   1600ms,  3200ms, 6400ms,
                                                         12800ms, 25600ms, 30s,    30s};
  for (const auto pause : pauses) EXPECT_EQ(backoff.next(0.0), pause);
  EXPECT_EQ(backoff.next(0.5), 45s);
  for (int i = 0; i < 10'000; ++i) EXPECT_EQ(backoff.next(0.0), 30s);
  backoff.reset();
  EXPECT_EQ(backoff.next(0.5), 1200ms);
}

}  // namespace
}  // namespace kube
