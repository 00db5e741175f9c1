// SPDX-License-Identifier: Apache-2.0
#include "operator/kube/api_client.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/fake_http.h"

namespace kube {
namespace {

using namespace std::chrono_literals;
using testing_support::FakeHttp;

const ResourceKind kJobs{.group = "batch", .version = "v1", .plural = "jobs", .kind = "Job"};
const Key kKey{"shop", "a"};
const std::string kPath = "/apis/batch/v1/namespaces/shop/jobs/a";

std::string status(const std::string& reason, const std::string& message) {
  return Json{{"kind", "Status"}, {"reason", reason}, {"message", message}}.dump();
}

// What a call came to: its value, or its error.
template <typename Call>
std::string result_of(const FakeHttp&, Call call) {
  try {
    return call();
  } catch (const ApiError& error) {
    std::string text = std::to_string(error.status()) + " [" + error.reason() + "] " + error.what();
    if (error.retryable()) text += " (again";
    if (error.retryable() && error.retry_after())
      text += " after " + std::to_string(error.retry_after()->count()) + " s";
    return error.retryable() ? text + ")" : text;
  }
}

std::string spell(Write write) {
  switch (write) {
    case Write::Written:
      return "written";
    case Write::Conflict:
      return "conflict";
    case Write::NotFound:
      return "not found";
  }
  return "?";
}

struct Case {
  std::string name;
  int status;
  std::string body;
  std::string result;
  std::map<std::string, std::string> headers = {};
};

TEST(ApiClientTest, ListGivesAllOrFails) {
  const std::string path = "/apis/batch/v1/namespaces/shop/jobs";
  const std::string incomplete = "0 [] GET " + path + ": the answer is not a complete list (again)";
  const std::vector<Case> cases = {
      {"none", 200, R"({"metadata":{"resourceVersion":"7"},"items":null})", ""},
      {"two", 200,
       R"({"metadata":{"resourceVersion":"7"},"items":[
           {"metadata":{"name":"a","resourceVersion":"5"}},
           {"metadata":{"name":"b","resourceVersion":"6"}}]})",
       "a b "},
      {"a page", 200, R"({"metadata":{"resourceVersion":"7","continue":"x"},"items":[]})",
       incomplete},
      {"no list", 200, R"({"metadata":{}})", incomplete},
      {"no JSON", 200, "<html>", incomplete},
      {"not there", 404, status("NotFound", "gone"),
       "404 [NotFound] GET " + path + ": 404 NotFound: gone"},
      {"forbidden", 403, status("Forbidden", "no"),
       "403 [Forbidden] GET " + path + ": 403 Forbidden: no"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    FakeHttp http;
    http.answer(c.status, c.body, c.headers);
    ApiClient client(http, {});
    EXPECT_EQ(result_of(http,
                        [&] {
                          std::string names;
                          for (const Json& job : client.list({kJobs, "shop", "a=b,c=d"}))
                            names += key_of(job).name + " ";
                          return names;
                        }),
              c.result);
    EXPECT_EQ(http.requests().back().query,
              (std::map<std::string, std::string>{{"labelSelector", "a=b,c=d"}}));
  }
}

TEST(ApiClientTest, GetGivesTheObjectOrNothing) {
  const std::vector<Case> cases = {
      {"there", 200, R"({"a":1})", R"({"a":1})"},
      {"not there", 404, status("NotFound", "jobs \"a\" not found"), "nothing"},
      {"kind unknown", 404, "404 page not found\n",
       "404 [] GET " + kPath + ": 404: 404 page not found"},
      {"forbidden", 403, status("Forbidden", "no"),
       "403 [Forbidden] GET " + kPath + ": 403 Forbidden: no"},
      {"no JSON", 200, "<html>", "0 [] GET " + kPath + ": the answer is not a JSON object (again)"},
      {"no object", 200, "[]", "0 [] GET " + kPath + ": the answer is not a JSON object (again)"},
      {"redirect", 302, "", "302 [] GET " + kPath + ": 302"},
      {"overloaded",
       429,
       "Too many requests, please try again later.\n",
       "429 [] GET " + kPath +
           ": 429: Too many requests, please try again later. (again after 7 s)",
       {{"retry-after", "7"}}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    FakeHttp http;
    http.answer(c.status, c.body, c.headers);
    ApiClient client(http, {});
    EXPECT_EQ(result_of(http,
                        [&] {
                          const auto object = client.get(kJobs, kKey);
                          return object ? object->dump() : std::string("nothing");
                        }),
              c.result);
    ASSERT_EQ(http.requests().size(), 1u);
    EXPECT_EQ(http.requests()[0].method + " " + http.requests()[0].path, "GET " + kPath);
  }
}

TEST(ApiClientTest, CreateTellsAlreadyExistsByItsReason) {
  const std::string path = "/apis/batch/v1/namespaces/shop/jobs";
  const std::vector<Case> cases = {
      {"created", 201, "{}", "created"},
      {"exists", 409, status("AlreadyExists", "x"), "already exists"},
      {"other conflict", 409, status("Conflict", "quota"),
       "409 [Conflict] POST " + path + ": 409 Conflict: quota (again)"},
      {"conflict without reason", 409, "", "409 [] POST " + path + ": 409"},
      {"no namespace", 404, status("NotFound", "namespaces \"shop\" not found"),
       "404 [NotFound] POST " + path + ": 404 NotFound: namespaces \"shop\" not found"},
      {"invalid", 422, status("Invalid", "Job is invalid"),
       "422 [Invalid] POST " + path + ": 422 Invalid: Job is invalid"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    FakeHttp http;
    http.answer(c.status, c.body);
    ApiClient client(http, {});
    EXPECT_EQ(
        result_of(http,
                  [&] {
                    const Create create = client.create(kJobs, "shop", {{"x", 1}});
                    return std::string(create == Create::Created ? "created" : "already exists");
                  }),
        c.result);
    const Request request = http.requests().at(0);
    EXPECT_EQ(request.method + " " + request.path, "POST " + path);
    EXPECT_EQ(request.content_type, "application/json");
    EXPECT_EQ(request.body, R"({"x":1})");
  }
}

TEST(ApiClientTest, WritesHaveThreeExpectedAnswers) {
  const std::vector<Case> cases = {
      {"written", 200, "{}", "written"},
      {"accepted", 202, "{}", "written"},
      {"stale", 409, status("Conflict", "x"), "conflict"},
      {"gone", 404, status("NotFound", "x"), "not found"},
      {"other 409", 409, status("AlreadyExists", "x"),
       "409 [AlreadyExists] ? 409 AlreadyExists: x"},
      {"kind unknown", 404, "404 page not found", "404 [] ? 404: 404 page not found"},
      {"server error", 500, status("InternalError", "x"),
       "500 [InternalError] ? 500 InternalError: x (again)"},
  };
  struct Call {
    std::string method, path, content_type, body;
    std::function<Write(ApiClient&)> call;
  };
  const Json patch = {{"metadata", {{"resourceVersion", "7"}}}};
  const std::vector<Call> calls = {
      {"PATCH", kPath, "application/merge-patch+json", patch.dump(),
       [&](ApiClient& client) { return client.merge_patch(kJobs, kKey, patch); }},
      {"PATCH", kPath + "/status", "application/merge-patch+json", patch.dump(),
       [&](ApiClient& client) { return client.merge_patch_status(kJobs, kKey, patch); }},
      {"DELETE", kPath, "application/json",
       R"({"apiVersion":"v1","kind":"DeleteOptions","preconditions":{"uid":"u"},"propagationPolicy":"Background"})",
       [&](ApiClient& client) { return client.remove(kJobs, kKey, {.uid = "u"}); }},
      {"DELETE", kPath, "application/json",
       R"({"apiVersion":"v1","kind":"DeleteOptions","preconditions":{"uid":"u"},"propagationPolicy":"Foreground"})",
       [&](ApiClient& client) {
         return client.remove(kJobs, kKey, {.uid = "u", .propagation = Propagation::Foreground});
       }},
  };
  for (const Case& c : cases) {
    for (const Call& call : calls) {
      SCOPED_TRACE(c.name + " " + call.method);
      FakeHttp http;
      http.answer(c.status, c.body);
      ApiClient client(http, {});
      std::string expected = c.result;
      if (const auto at = expected.find('?'); at != std::string::npos)
        expected.replace(at, 1, call.method + " " + call.path + ":");
      EXPECT_EQ(result_of(http, [&] { return spell(call.call(client)); }), expected);
      const Request request = http.requests().at(0);
      EXPECT_EQ(request.method + " " + request.path, call.method + " " + call.path);
      EXPECT_EQ(request.content_type, call.content_type);
      EXPECT_EQ(request.body, call.body);
    }
  }
}

TEST(ApiClientTest, OnlyAGetIsTriedAgainAndOnlyOnce) {
  {
    FakeHttp http;
    http.lose("reset");
    http.answer(200, "{}");
    ApiClient client(http, {});
    EXPECT_TRUE(client.get(kJobs, kKey).has_value());
    EXPECT_EQ(http.requests().size(), 2u);
    EXPECT_LE(http.timeouts()[0], 30s);
    EXPECT_GT(http.timeouts()[0], 20s);
    EXPECT_LE(http.timeouts()[1], http.timeouts()[0]) << "what is left of the 30 s";
  }
  {
    FakeHttp http;
    http.lose("first");
    http.lose("second");
    ApiClient client(http, {});
    EXPECT_EQ(result_of(http, [&] { return client.get(kJobs, kKey)->dump(); }),
              "0 [] second (again)");
  }
  const std::vector<std::function<void(ApiClient&)>> writes = {
      [](ApiClient& client) { client.create(kJobs, "shop", Json::object()); },
      [](ApiClient& client) { client.merge_patch(kJobs, kKey, Json::object()); },
      [](ApiClient& client) { client.merge_patch_status(kJobs, kKey, Json::object()); },
      [](ApiClient& client) { client.remove(kJobs, kKey, {.uid = "u"}); },
  };
  for (const auto& write : writes) {
    FakeHttp http;
    http.lose("reset");
    http.answer(200, "{}");
    ApiClient client(http, {});
    EXPECT_EQ(result_of(http, [&] { return write(client), std::string("written"); }),
              "0 [] reset (again)");
    EXPECT_EQ(http.requests().size(), 1u);
  }
}

// A resource that changes all the time must not be a way around it.
TEST(ApiClientTest, NoWriteIsSentWhileTheServerWantsAPause) {
  FakeHttp http;
  http.answer(429, status("TooManyRequests", "slow down"), {{"retry-after", "7"}});
  http.answer(200, "{}");
  ApiClient client(http, {});
  const auto write = [&] {
    client.merge_patch_status(kJobs, kKey, Json::object());
    return std::string("written");
  };
  EXPECT_EQ(result_of(http, write),
            "429 [TooManyRequests] PATCH " + kPath +
                "/status: 429 TooManyRequests: slow down (again after 7 s)");
  EXPECT_EQ(result_of(http, write),
            "429 [TooManyRequests] PATCH " + kPath +
                "/status: not sent: the API server has asked for a pause (again after 7 s)");
  EXPECT_EQ(http.requests().size(), 1u);
  EXPECT_TRUE(client.get(kJobs, kKey).has_value()) << "reading goes on";
}

TEST(ApiClientTest, StopEndsACallWithoutAnotherTry) {
  FakeHttp http;
  std::stop_source stop;
  http.on_request = [&](const Request&) { stop.request_stop(); };
  http.lose("stopped");
  ApiClient client(http, stop.get_token());
  EXPECT_EQ(result_of(http, [&] { return client.get(kJobs, kKey)->dump(); }),
            "0 [] stopped (again)");
  EXPECT_EQ(http.requests().size(), 1u);
}

TEST(ApiClientTest, InvalidUtf8InAnObjectDoesNotBreakTheCall) {
  FakeHttp http;
  http.answer(201, "{}");
  ApiClient client(http, {});
  EXPECT_EQ(client.create(kJobs, "shop", {{"x", "\xFF"}}), Create::Created);
  EXPECT_EQ(http.requests()[0].body, "{\"x\":\"\xEF\xBF\xBD\"}");
}

TEST(ApiErrorTest, RetryableFollowsStatusAndReason) {
  struct Row {
    int status;
    std::string reason;
    bool retryable;
  };
  const std::vector<Row> rows = {{0, "", true},
                                 {400, "BadRequest", false},
                                 {401, "Unauthorized", false},
                                 {403, "Forbidden", false},
                                 {404, "NotFound", false},
                                 {408, "", true},
                                 {409, "Conflict", true},
                                 {409, "AlreadyExists", false},
                                 {422, "Invalid", false},
                                 {429, "TooManyRequests", true},
                                 {500, "InternalError", true},
                                 {503, "", true}};
  for (const Row& row : rows)
    EXPECT_EQ(ApiError(row.status, row.reason, "").retryable(), row.retryable)
        << row.status << row.reason;
}

TEST(ErrorOfTest, TextIsOneLineOfAtMostTwoKilobytesCutBetweenCharacters) {
  std::string body = "<html>\r\n\t";
  while (body.size() < 3000) body += "\xC3\xA4";
  const ApiError error = error_of({.status = 502, .headers = {}, .body = body}, "GET /x");
  const std::string text = error.what();
  EXPECT_TRUE(text.starts_with("GET /x: 502: <html>   \xC3\xA4")) << text;
  EXPECT_TRUE(text.ends_with("\xC3\xA4 ...")) << text;
  EXPECT_LT(text.size(), 2100u);
  EXPECT_EQ(text.find_first_of("\r\n\t"), std::string::npos);
}

TEST(ErrorOfTest, RetryAfterIsWholeSecondsOrNothing) {
  const std::vector<std::pair<std::string, std::optional<std::chrono::seconds>>> cases = {
      {"0", 0s},
      {"32", 32s},
      {"", {}},
      {"-1", {}},
      {"1.5", {}},
      {"99999999999999", {}},
      {"Wed, 21 Oct 2026 07:28:00 GMT", {}}};
  for (const auto& [value, expected] : cases) {
    const ApiError error =
        error_of({.status = 429, .headers = {{"retry-after", value}}, .body = ""}, "x");
    EXPECT_EQ(error.retry_after(), expected) << value;
  }
}

}  // namespace
}  // namespace kube
