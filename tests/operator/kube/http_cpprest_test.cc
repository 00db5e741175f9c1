// SPDX-License-Identifier: Apache-2.0
//
// The contract of HttpTransport on a real socket, against a server that misbehaves on purpose. One
// test per trap of docs/decisions/001-cpprestsdk.md; any other implementation has to pass them too.
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <mutex>
#include <thread>

#include "operator/kube/http.h"
#include "tests/operator/support/tls_server.h"
#include "tests/operator/support/transport.h"

#if defined(__SANITIZE_THREAD__)
// The library itself is not instrumented: where it and the headers' code in this program release
// one shared counter, the last release looks unsynchronised.
extern "C" const char* __tsan_default_suppressions() {
  return "race:web::http::client::details::\n";
}
#endif

namespace kube {
namespace {

using testing_support::answering;
using testing_support::chunk;
using testing_support::chunked_head;
using testing_support::config_for;
using testing_support::End;
using testing_support::error_of_send;
using testing_support::get;
using testing_support::good_certificate;
using testing_support::holds;
using testing_support::http_answer;
using testing_support::kLastChunk;
using testing_support::kPatience;
using testing_support::sending;
using testing_support::TemporaryFolder;
using testing_support::TlsServer;
using namespace std::chrono_literals;

struct Streamed {
  Response response = {};
  std::string bytes = {};
  std::string error = {};
};
Streamed stream_all(HttpTransport& transport, std::chrono::milliseconds idle = kPatience) {
  Streamed streamed;
  try {
    streamed.response = transport.stream(
        get("/watch"), [&](std::string_view bytes) { streamed.bytes += bytes; }, idle, {});
  } catch (const TransportError& fault) {
    streamed.error = fault.what();
  }
  return streamed;
}

// ---- what goes over the wire

TEST(CpprestTransportTest, RequestAndAnswerArriveExactly) {
  std::string seen;
  TlsServer server({.certificate = good_certificate()}, answering([&](const std::string& request) {
                     seen = request;
                     return http_answer(201, "{\"a\":1}", "X-Kubernetes-Thing: Yes\r\n");
                   }));
  ClusterConfig config = config_for(server);
  config.token = "s3cret";
  const auto transport = make_cpprest_transport(config);
  const Response response =
      transport->send({.method = "PATCH",
                       .path = "/apis/batch/v1/namespaces/n/jobs/a%2Fb",
                       .query = {{"labelSelector", "a in (b,c),d=e&f"}, {"continue", "a+b/c="}},
                       .content_type = "application/merge-patch+json",
                       .body = "{\"x\":\"\xC3\xA4\"}"},
                      kPatience, {});
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(response.body, "{\"a\":1}");
  EXPECT_EQ(response.headers.at("x-kubernetes-thing"), "Yes");
  EXPECT_TRUE(
      seen.starts_with("PATCH /apis/batch/v1/namespaces/n/jobs/a%2Fb?continue=a%2Bb%2Fc%3D&"
                       "labelSelector=a%20in%20%28b%2Cc%29%2Cd%3De%26f HTTP/1.1\r\n"))
      << seen;
  EXPECT_TRUE(holds(seen, "\r\nContent-Type:application/merge-patch+json\r\n")) << seen;
  EXPECT_TRUE(holds(seen, "\r\nAuthorization:Bearer s3cret\r\n")) << seen;
  EXPECT_TRUE(holds(seen, "\r\nAccept:application/json\r\n")) << seen;
  EXPECT_TRUE(holds(seen, "\r\nUser-Agent:stillhead-operator/")) << seen;
  EXPECT_FALSE(holds(seen, "Accept-Encoding")) << seen;
  EXPECT_TRUE(seen.ends_with("{\"x\":\"\xC3\xA4\"}")) << seen;
}

TEST(CpprestTransportTest, PathOfTheServerComesFirst) {
  std::string seen;
  TlsServer server({.certificate = good_certificate()}, answering([&](const std::string& request) {
                     seen = request;
                     return http_answer(200, "{}");
                   }));
  ClusterConfig config = config_for(server);
  config.server += "/k8s/clusters/c-1";
  make_cpprest_transport(config)->send(get("/api/v1/pods"), kPatience, {});
  EXPECT_TRUE(seen.starts_with("GET /k8s/clusters/c-1/api/v1/pods HTTP/1.1\r\n")) << seen;
}

TEST(CpprestTransportTest, PlainHttpServesKubectlProxy) {
  TlsServer server({}, answering([](const std::string&) { return http_answer(200, "plain"); }));
  ClusterConfig config;
  config.server = "http://127.0.0.1:" + std::to_string(server.port());
  EXPECT_EQ(make_cpprest_transport(config)->send(get("/x"), kPatience, {}).body, "plain");
}

TEST(CpprestTransportTest, RedirectIsHandedBackAndTheTokenGoesNowhere) {
  std::atomic<int> elsewhere_asked{0};
  TlsServer elsewhere({.certificate = good_certificate()}, answering([&](const std::string&) {
                        ++elsewhere_asked;
                        return http_answer(200, "gotcha");
                      }));
  const std::string target = "https://127.0.0.1:" + std::to_string(elsewhere.port()) + "/";
  TlsServer server({.certificate = good_certificate()}, answering([&](const std::string&) {
                     return http_answer(302, "moved", "Location: " + target + "\r\n");
                   }));
  const auto transport = make_cpprest_transport(config_for(server));
  EXPECT_EQ(transport->send(get("/x"), kPatience, {}).status, 302);
  EXPECT_EQ(elsewhere_asked, 0);
}

TEST(CpprestTransportTest, PostIsNeverSentTwice) {
  std::atomic<int> posts{0};
  TlsServer server({.certificate = good_certificate()}, [&](TlsServer::Connection& connection) {
    while (const auto request = connection.read_request()) {
      if (request->starts_with("POST")) {
        ++posts;  // it has acted, and dies before it can say so
        connection.close();
        return;
      }
      connection.write(http_answer(200, "{}"));
    }
  });
  const auto transport = make_cpprest_transport(config_for(server));
  for (int i = 0; i < 3; ++i) {
    transport->send(get("/x"), kPatience, {});  // leaves a pooled connection behind
    const Request post{
        .method = "POST", .path = "/y", .query = {}, .content_type = "a/b", .body = "{}"};
    EXPECT_TRUE(holds(error_of_send(*transport, post), "POST /y of https://127.0.0.1"));
    EXPECT_EQ(posts, i + 1);
  }
}

TEST(CpprestTransportTest, ConnectionIsUsedAgainAndAStaleOneReplaced) {
  TlsServer server({.certificate = good_certificate()}, [&](TlsServer::Connection& connection) {
    for (int i = 0; i < 5 && connection.read_request(); ++i)
      connection.write(http_answer(200, "{}"));
    connection.close();
  });
  const auto transport = make_cpprest_transport(config_for(server));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(transport->send(get("/x"), kPatience, {}).status, 200);
  // 4, and one more each time that a call was faster than the return of the connection to the pool.
  EXPECT_LT(server.connections(), 20);
}

TEST(CpprestTransportTest, UnauthorizedMakesTheTokenFileBeReadAgain) {
  const TemporaryFolder folder;
  std::vector<std::string> seen;
  TlsServer server({.certificate = good_certificate()}, answering([&](const std::string& request) {
                     const bool fresh = holds(request, "Bearer fresh\r\n");
                     return http_answer(fresh ? 200 : 401, "");
                   }));
  ClusterConfig config = config_for(server);
  config.token_file = folder.write("token", "old\n");
  const auto transport = make_cpprest_transport(config);
  EXPECT_EQ(transport->send(get("/x"), kPatience, {}).status, 401);
  folder.write("token", "fresh\n");
  EXPECT_EQ(transport->send(get("/x"), kPatience, {}).status, 200);
}

TEST(CpprestTransportTest, MissingTokenIsATransportError) {
  TlsServer server({.certificate = good_certificate()},
                   answering([](const std::string&) { return http_answer(200, ""); }));
  ClusterConfig config = config_for(server);
  config.token_file = "/nonexistent/token";
  const auto transport = make_cpprest_transport(config);
  EXPECT_TRUE(holds(error_of_send(*transport), "token file /nonexistent/token: cannot be read"));
  EXPECT_EQ(server.connections(), 0);
}

// ---- ends

TEST(CpprestTransportTest, NobodyThereIsAnErrorAndTheProcessLives) {
  ClusterConfig config;
  config.server = "https://127.0.0.1:1";
  EXPECT_EQ(error_of_send(*make_cpprest_transport(config)),
            "GET /x of https://127.0.0.1:1: Failed to connect to any resolved endpoint (connection "
            "refused, or no route)");
  config.server = "https://no-such-host.invalid";
  EXPECT_TRUE(holds(error_of_send(*make_cpprest_transport(config)), "Error resolving address"));
}

TEST(CpprestTransportTest, HalfAnAnswerIsAnError) {
  const std::string head = "HTTP/1.1 200 X\r\nContent-Length: 10\r\n\r\n";
  for (const End end : {End::Close, End::Cut, End::Reset}) {
    for (const std::string& bytes :
         {std::string("HTTP/1.1 2"), head + "12345", chunked_head() + "5\r\n123",
          chunked_head() + chunk("12345")}) {
      SCOPED_TRACE(bytes);
      TlsServer server({.certificate = good_certificate()}, sending(bytes, end));
      EXPECT_NE(error_of_send(*make_cpprest_transport(config_for(server))), "");
    }
  }
}

TEST(CpprestTransportTest, TimeLimitHoldsForTheWholeCallHoweverSlowlyItTrickles) {
  TlsServer server({.certificate = good_certificate()}, [](TlsServer::Connection& connection) {
    connection.read_request();
    connection.write(chunked_head());
    while (!connection.closed_by_client(20ms)) connection.write(chunk("x"));
  });
  const auto transport = make_cpprest_transport(config_for(server));
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(
      holds(error_of_send(*transport, get("/x"), 300ms), "nothing came within the time limit"));
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
}

TEST(CpprestTransportTest, HugeAnswerIsRefused) {
  TlsServer server({.certificate = good_certificate()}, [](TlsServer::Connection& connection) {
    connection.read_request();
    connection.write(chunked_head());
    const std::string piece = chunk(std::string(1 << 20, 'x'));
    while (connection.write(piece)) {
    }
  });
  const auto transport = make_cpprest_transport(config_for(server));
  EXPECT_TRUE(holds(error_of_send(*transport), "the answer is larger than 64 MiB"));
}

TEST(CpprestTransportTest, HostileChunkLengthsHarmOnlyTheirOwnRequest) {
  for (const std::string length : {"-1", "-2", "-3", "7fffffff", "ffffffffffffffff", "zz"}) {
    SCOPED_TRACE(length);
    TlsServer server({.certificate = good_certificate()},
                     answering([&](const std::string& request) {
                       if (!request.starts_with("GET /hostile")) return http_answer(200, "{}");
                       return chunked_head() + length + "\r\nabc\r\n";
                     }));
    const auto transport = make_cpprest_transport(config_for(server));
    EXPECT_NE(error_of_send(*transport, get("/hostile"), 1s), "");
    EXPECT_EQ(error_of_send(*transport), "");
  }
}

TEST(CpprestTransportTest, StopEndsACallAtOnce) {
  for (const std::string& sent : {std::string(), chunked_head(), chunked_head() + chunk("x")}) {
    SCOPED_TRACE(sent);
    std::stop_source stop;
    std::promise<bool> let_go;
    TlsServer server({.certificate = good_certificate()}, [&](TlsServer::Connection& connection) {
      connection.read_request();
      connection.write(sent);
      stop.request_stop();
      let_go.set_value(connection.closed_by_client(kPatience));
    });
    const auto transport = make_cpprest_transport(config_for(server));
    EXPECT_THROW(transport->send(get("/x"), kPatience, stop.get_token()), TransportError);
    EXPECT_TRUE(let_go.get_future().get());
    // After stop, nothing is begun.
    EXPECT_THROW(transport->send(get("/x"), kPatience, stop.get_token()), TransportError);
    EXPECT_THROW(transport->stream(
                     get("/x"), [](std::string_view) {}, kPatience, stop.get_token()),
                 TransportError);
    EXPECT_EQ(server.connections(), 1);
  }
}

// ---- streams

TEST(CpprestTransportTest, EachPieceComesAtOnceOnTheCallersThread) {
  std::promise<void> first_came;
  TlsServer server({.certificate = good_certificate()}, [&](TlsServer::Connection& connection) {
    connection.read_request();
    connection.write(chunked_head() + chunk("one\n"));
    first_came.get_future().wait();  // for ever, if pieces were held back
    connection.write(chunk("tw") + chunk("o\n") + std::string(kLastChunk));
    connection.read_request();
  });
  const auto transport = make_cpprest_transport(config_for(server));
  std::string bytes;
  const auto me = std::this_thread::get_id();
  const Response response = transport->stream(get("/watch"),
                                              [&](std::string_view piece) {
                                                EXPECT_EQ(std::this_thread::get_id(), me);
                                                if (bytes.empty()) first_came.set_value();
                                                bytes += piece;
                                              },
                                              kPatience, {});
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "");
  EXPECT_EQ(bytes, "one\ntwo\n");
}

TEST(CpprestTransportTest, ACutIsAnErrorAfterWhatCameWhole) {
  struct Case {
    std::string name, bytes;
    End end;
    bool proper;
  };
  const std::string one = chunked_head() + chunk("one\n");
  const std::vector<Case> cases = {
      {"proper end", one + std::string(kLastChunk), End::KeepOpen, true},
      {"proper end after half a line", chunked_head() + chunk("one\n") + std::string(kLastChunk),
       End::Close, true},
      {"close_notify", one, End::Close, false},
      {"TCP close", one, End::Cut, false},
      {"half a chunk", one + "9\r\ntw", End::Cut, false},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    TlsServer server({.certificate = good_certificate()}, sending(c.bytes, c.end));
    const Streamed streamed = stream_all(*make_cpprest_transport(config_for(server)));
    EXPECT_EQ(streamed.bytes, "one\n");
    EXPECT_EQ(streamed.error.empty(), c.proper) << streamed.error;
  }
  TlsServer server({.certificate = good_certificate()}, sending(one, End::Reset));
  EXPECT_NE(stream_all(*make_cpprest_transport(config_for(server))).error, "");
}

TEST(CpprestTransportTest, ADeadStreamEndsAtTheIdleLimit) {
  TlsServer server({.certificate = good_certificate()}, [](TlsServer::Connection& connection) {
    connection.read_request();
    connection.write(chunked_head());
    for (int i = 0; i < 4 && !connection.closed_by_client(500ms); ++i) connection.write(chunk("x"));
    connection.closed_by_client(kPatience);
  });
  const Streamed streamed = stream_all(*make_cpprest_transport(config_for(server)), 1500ms);
  EXPECT_EQ(streamed.bytes, "xxxx");  // 2 s in all: each piece starts the clock anew
  EXPECT_TRUE(holds(streamed.error, "GET /watch of https://127.0.0.1")) << streamed.error;
  EXPECT_TRUE(holds(streamed.error, "nothing came within the time limit")) << streamed.error;
}

TEST(CpprestTransportTest, RefusalOfAStreamIsReturnedAndNotHandedOver) {
  for (const std::size_t size : {std::size_t{20}, std::size_t{1} << 20}) {
    TlsServer server({.certificate = good_certificate()},
                     sending(http_answer(410, std::string(size, 'g')), End::KeepOpen));
    const Streamed streamed = stream_all(*make_cpprest_transport(config_for(server)));
    EXPECT_EQ(streamed.error, "");
    EXPECT_EQ(streamed.bytes, "");
    EXPECT_EQ(streamed.response.status, 410);
    EXPECT_EQ(streamed.response.body, std::string(std::min<std::size_t>(size, 64 << 10), 'g'));
  }
}

TEST(CpprestTransportTest, WhatTheReaderThrowsEndsTheStream) {
  std::promise<bool> closed;
  TlsServer server({.certificate = good_certificate()}, [&](TlsServer::Connection& connection) {
    connection.read_request();
    connection.write(chunked_head() + chunk("x"));
    closed.set_value(connection.closed_by_client(kPatience));
  });
  const auto transport = make_cpprest_transport(config_for(server));
  EXPECT_THROW(
      transport->stream(get("/watch"), [](std::string_view) { throw std::out_of_range("enough"); },
                        kPatience, {}),
      std::out_of_range);
  EXPECT_TRUE(closed.get_future().get());
}

TEST(CpprestTransportTest, ASlowReaderHoldsBackTheServer) {
  constexpr std::size_t kAll = 64u << 20;
  constexpr std::size_t kPiece = 64u << 10;
  std::atomic<std::size_t> written{0};
  TlsServer server({.certificate = good_certificate()}, [&](TlsServer::Connection& connection) {
    connection.read_request();
    connection.write(chunked_head());
    const std::string piece = chunk(std::string(kPiece, 'x'));
    while (written < kAll && connection.write(piece)) written += kPiece;
    connection.write(kLastChunk);
    connection.read_request();
  });
  const auto transport = make_cpprest_transport(config_for(server));
  std::size_t received = 0;
  std::size_t written_while_blocked = 0;
  transport->stream(get("/watch"),
                    [&](std::string_view bytes) {
                      if (received == 0) {
                        // Until the server has made no progress for a while.
                        for (std::size_t before = kAll + 1; before != written;) {
                          before = written;
                          std::this_thread::sleep_for(300ms);
                        }
                        written_while_blocked = written;
                      }
                      received += bytes.size();
                    },
                    kPatience, {});
  EXPECT_EQ(received, kAll);
  EXPECT_LT(written_while_blocked, kAll / 4);
}

TEST(CpprestTransportTest, ReadingSlowlierThanTheIdleLimitIsNoFault) {
  TlsServer server({.certificate = good_certificate()}, [&](TlsServer::Connection& connection) {
    connection.read_request();
    connection.write(chunked_head());
    const std::string piece = chunk(std::string(1 << 20, 'x'));
    for (int i = 0; i < 4; ++i) connection.write(piece);
    connection.write(kLastChunk);
    connection.read_request();
  });
  const auto transport = make_cpprest_transport(config_for(server));
  std::size_t received = 0;
  transport->stream(get("/watch"),
                    [&](std::string_view bytes) {
                      if (received == 0) std::this_thread::sleep_for(2500ms);
                      received += bytes.size();
                    },
                    2s, {});
  EXPECT_EQ(received, std::size_t{4} << 20);
}

// ---- resources

std::ptrdiff_t entries(const char* folder) {
  return std::distance(std::filesystem::directory_iterator(folder), {});
}

TEST(CpprestTransportTest, FewThreadsServeManyStreamsAndNothingLeaks) {
  TlsServer server({.certificate = good_certificate()}, [](TlsServer::Connection& connection) {
    connection.read_request();
    connection.write(chunked_head() + chunk("x"));
    connection.closed_by_client(kPatience);
  });
  const auto transport = make_cpprest_transport(config_for(server));
  const auto files_before = entries("/proc/self/fd");
  for (int round = 0; round < 4; ++round) {
    std::stop_source stop;
    std::atomic<int> begun{0};
    std::vector<std::jthread> readers;
    for (int i = 0; i < 10; ++i) {
      readers.emplace_back([&] {
        EXPECT_THROW(transport->stream(
                         get("/watch"),
                         [&](std::string_view) {
                           if (++begun == 10) stop.request_stop();
                         },
                         kPatience, stop.get_token()),
                     TransportError);
      });
    }
  }
  EXPECT_LT(entries("/proc/self/task"), 20);
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  while (entries("/proc/self/fd") > files_before && std::chrono::steady_clock::now() < give_up)
    std::this_thread::yield();
  EXPECT_LE(entries("/proc/self/fd"), files_before);
}

TEST(CpprestTransportTest, SystemCertificatesAreNotReadPerConnection) {
  initialize_http_threads(4);
  ASSERT_NE(std::getenv("SSL_CERT_FILE"), nullptr);
  EXPECT_STREQ(std::getenv("SSL_CERT_FILE"), "/dev/null");
}

}  // namespace
}  // namespace kube
