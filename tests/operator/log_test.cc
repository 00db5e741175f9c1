// SPDX-License-Identifier: Apache-2.0
#include "operator/log.h"

#include <gtest/gtest.h>

namespace controller {
namespace {

TEST(LogTest, ALineIsJsonInAFixedOrder) {
  EXPECT_EQ(log_line(LogLevel::Info, "2026-11-20T08:00:00Z", "state changed",
                     {{"name", "or\"ders\n"}, {"attempt", 2L}}),
            R"({"ts":"2026-11-20T08:00:00Z","level":"info","msg":"state changed",)"
            R"("name":"or\"ders\n","attempt":2})");
}

TEST(LogTest, BytesThatAreNoTextDoNotBreakALine) {
  EXPECT_NE(
      log_line(LogLevel::Error, "t", "m", {{"body", "\xff\xfe"}}).find("\"body\":\"\xef\xbf\xbd"),
      std::string::npos);
}

TEST(LogTest, MasksPasswordsInUrls) {
  const std::pair<const char*, const char*> cases[] = {
      {"", ""},
      {"nothing to hide", "nothing to hide"},
      {"https://10.0.0.1:6443/api", "https://10.0.0.1:6443/api"},
      {"postgresql://ada:secret@db/orders", "postgresql://ada:***@db/orders"},
      {"x://ada:se@cr:et@db:5432/orders y", "x://ada:***@db:5432/orders y"},
      {"x://:secret@db", "x://:***@db"},
      {"x://ada@db/a:b@c", "x://ada@db/a:b@c"},
      {"{\"url\":\"x://a:secret@db\"}", "{\"url\":\"x://a:***@db\"}"},
      {"one x://a:s1@h two y://b:s2@h", "one x://a:***@h two y://b:***@h"},
      {"x://a:unfinished", "x://a:unfinished"},
      {"://", "://"},
  };
  for (const auto& [text, masked] : cases) EXPECT_EQ(mask_credentials(text), masked);
}

TEST(LogTest, WhatIsWrittenIsMaskedAndBelowTheLevelDropped) {
  start_log(LogLevel::Info);
  ::testing::internal::CaptureStderr();
  log(LogLevel::Debug, "dropped");
  log(LogLevel::Warning, "kept", {{"url", "x://ada:secret@db"}});
  const std::string written = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(written.find("dropped"), std::string::npos);
  EXPECT_EQ(written.find("secret"), std::string::npos);
  EXPECT_NE(written.find("\"msg\":\"kept\",\"url\":\"x://ada:***@db\"}\n"), std::string::npos);
}

}  // namespace
}  // namespace controller
