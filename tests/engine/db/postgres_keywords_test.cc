// SPDX-License-Identifier: Apache-2.0
#include "engine/db/postgres_keywords.h"

#include <gtest/gtest.h>

#include <vector>

namespace engine {
namespace {

using std::chrono::milliseconds;

Keywords of(const std::string& hosts, const std::string& ports, const std::string& timeout = {}) {
  Keywords keywords;
  keywords.set("host", hosts);
  if (!ports.empty()) keywords.set("port", ports);
  if (!timeout.empty()) keywords.set("connect_timeout", timeout);
  return keywords;
}

TEST(KeywordsTest, LaterValueReplacesTheEarlierAndDefaultsDoNot) {
  Keywords keywords = of("a", "1");
  keywords.set("host", "b");
  keywords.set_default("host", "c");
  keywords.set_default("user", "u");
  EXPECT_EQ(keywords.get("host"), "b");
  EXPECT_EQ(keywords.get("user"), "u");
  EXPECT_EQ(keywords.get("dbname"), "");
  EXPECT_EQ(keywords.entries().size(), 3U);
}

struct Drop {
  std::string hosts = {}, ports = {}, host = {}, port = {};
  bool dropped = false;
  std::string hosts_left = {}, ports_left = {};
};

TEST(KeywordsTest, HostThatDoesNotAnswerIsTakenOutWithItsPort) {
  const std::vector<Drop> cases = {
      {"a,b,c", "1,2,3", "b", "2", true, "a,c", "1,3"}, {"a,b", "1", "a", "1", true, "b", "1"},
      {"a,b", "", "b", "5432", true, "a", ""},          {"a,a", "1,2", "a", "2", true, "a", "1"},
      {"a,b", ",2", "a", "5432", true, "b", "2"},       {"a", "1", "a", "1", false, "a", "1"},
      {"a,b", "1,2", "x", "1", false, "a,b", "1,2"},
  };
  for (const Drop& c : cases) {
    SCOPED_TRACE(c.hosts + " " + c.ports + " " + c.host + ":" + c.port);
    Keywords keywords = of(c.hosts, c.ports);
    EXPECT_EQ(keywords.drop_host(c.host, c.port), c.dropped);
    EXPECT_EQ(keywords.get("host"), c.hosts_left);
    EXPECT_EQ(keywords.get("port"), c.ports_left);
  }
  Keywords with_addresses = of("a,b", "1,2");
  with_addresses.set("hostaddr", "10.0.0.1,10.0.0.2");
  EXPECT_FALSE(with_addresses.drop_host("a", "1"));
}

TEST(KeywordsTest, PatienceIsSharedAmongHostsUnlessTheUrlGivesEachItsOwn) {
  struct Case {
    std::string hosts = {}, connect_timeout = {};
    int total = 0, each = 0;
  };
  const std::vector<Case> cases = {
      {"", "", 10'000, 10'000},   {"a", "", 10'000, 10'000},     {"a,b", "", 10'000, 5'000},
      {"a", "2", 2'000, 2'000},   {"a,b", "2", 4'000, 2'000},    {"a", "60", 10'000, 60'000},
      {"a", "0", 10'000, 10'000}, {"a", "soon", 10'000, 10'000},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.hosts + " " + c.connect_timeout);
    const Patience patience = patience_of(of(c.hosts, "", c.connect_timeout), milliseconds(10'000));
    EXPECT_EQ(patience.total, milliseconds(c.total));
    EXPECT_EQ(patience.each, milliseconds(c.each));
  }
}

}  // namespace
}  // namespace engine
