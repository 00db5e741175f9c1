// SPDX-License-Identifier: Apache-2.0
#include "engine/db/url.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "engine/core/error.h"

namespace engine {
namespace {

struct Good {
  std::string text = {};
  std::string conninfo = {};
  std::string display = {};
};

TEST(DatabaseUrlTest, PostgresSpellingsBecomeOneConninfo) {
  const std::vector<Good> cases = {
      {"postgresql://u:p@h:5433/d", "user='u' password='p' host='h' port='5433' dbname='d'",
       "postgresql://u:***@h:5433/d"},
      {"postgres://h/d", "host='h' dbname='d'", "postgresql://h/d"},
      {"POSTGRESQL://h/d", "host='h' dbname='d'", "postgresql://h/d"},
      {"postgresql://", "", "postgresql://"},
      {"postgresql:///d", "dbname='d'", "postgresql:///d"},
      {"postgresql+psycopg2://u@h/d", "user='u' host='h' dbname='d'", "postgresql://u@h/d"},
      {"postgresql+psycopg://h/d", "host='h' dbname='d'", "postgresql://h/d"},
      {"postgresql+pg8000://h/d", "host='h' dbname='d'", "postgresql://h/d"},
      {"postgresql+asyncpg://h/d?ssl=require", "host='h' dbname='d' sslmode='require'",
       "postgresql://h/d"},
      {"postgresql+asyncpg://h/d?ssl=verify-full", "host='h' dbname='d' sslmode='verify-full'",
       "postgresql://h/d"},
      {"postgresql://h/d?ssl=true", "host='h' dbname='d' sslmode='require'", "postgresql://h/d"},
      {"postgresql://h/d?ssl=off", "host='h' dbname='d' sslmode='disable'", "postgresql://h/d"},
      {"postgresql://u:p%40%2F%23%25%20w@h/d%20b",
       "user='u' password='p@/#% w' host='h' dbname='d b'", "postgresql://u:***@h/d b"},
      {"postgresql://u:it's\\@h/d", R"(user='u' password='it\'s\\' host='h' dbname='d')",
       "postgresql://u:***@h/d"},
      {"postgresql://u@server:p@h/d", "user='u@server' password='p' host='h' dbname='d'",
       "postgresql://u@server:***@h/d"},
      {"postgresql://:p@h", "password='p' host='h'", "postgresql://:***@h"},
      {"postgresql://u@[2001:db8::1]:5433/d", "user='u' host='2001:db8::1' port='5433' dbname='d'",
       "postgresql://u@[2001:db8::1]:5433/d"},
      {"postgresql://a:1,b,[::1]:3/d?target_session_attrs=read-write",
       "host='a,b,::1' port='1,,3' dbname='d' target_session_attrs='read-write'",
       "postgresql://a:1,b,[::1]:3/d"},
      {"postgresql+psycopg2://u:p@/d?host=a:5432&host=b:5433",
       "user='u' password='p' dbname='d' host='a,b' port='5432,5433'",
       "postgresql://u:***@a:5432,b:5433/d"},
      {"postgresql://u@/d?host=/run/postgresql", "user='u' dbname='d' host='/run/postgresql'",
       "postgresql://u@/d?host=/run/postgresql"},
      {"postgresql://u@%2Frun%2Fpostgresql:5433/d",
       "user='u' host='/run/postgresql' port='5433' dbname='d'",
       "postgresql://u@:5433/d?host=/run/postgresql"},
      {"postgresql://h/d?options=-csearch_path%3Da%2Cb",
       "host='h' dbname='d' options='-csearch_path=a,b'", "postgresql://h/d"},
      {"postgresql://h/d?user=u&password=p", "host='h' dbname='d' user='u' password='p'",
       "postgresql://u:***@h/d"},
      {"postgresql://h?database=d", "host='h' dbname='d'", "postgresql://h/d"},
      {"  postgresql://h/d\n", "host='h' dbname='d'", "postgresql://h/d"},
      {"service=shop", "service='shop'", "postgresql://?service=shop"},
      {"host=h port=1 user='u x' password = 'it\\'s' dbname=d",
       R"(host='h' port='1' user='u x' password='it\'s' dbname='d')", "postgresql://u x:***@h:1/d"},
  };
  for (const Good& c : cases) {
    SCOPED_TRACE(c.text);
    const DatabaseUrl url = parse_database_url(c.text);
    EXPECT_EQ(url.flavour, SqlFlavour::PostgreSql);
    EXPECT_EQ(url.conninfo, c.conninfo);
    EXPECT_EQ(url.display, c.display);
  }
}

TEST(DatabaseUrlTest, SqliteSpellingsBecomePaths) {
  const std::vector<Good> cases = {
      {"sqlite:///app.db", "app.db", "sqlite:///app.db"},
      {"sqlite:////var/lib/app.db", "/var/lib/app.db", "sqlite:////var/lib/app.db"},
      {"sqlite:///./a/b c.db", "./a/b c.db", "sqlite:///./a/b c.db"},
      {"sqlite+aiosqlite:///app.db", "app.db", "sqlite:///app.db"},
      {"sqlite+pysqlite:///app.db", "app.db", "sqlite:///app.db"},
      {"sqlite:///:memory:", ":memory:", "sqlite:///:memory:"},
      {"sqlite:///app.db?", "app.db", "sqlite:///app.db"},
  };
  for (const Good& c : cases) {
    SCOPED_TRACE(c.text);
    const DatabaseUrl url = parse_database_url(c.text);
    EXPECT_EQ(url.flavour, SqlFlavour::Sqlite);
    EXPECT_EQ(url.conninfo, c.conninfo);
    EXPECT_EQ(url.display, c.display);
  }
}

struct Bad {
  std::string text = {};
  std::string message = {};  // behind "cannot read the database URL: "
  std::string hint_part = {};
};

TEST(DatabaseUrlTest, BadUrlsAreRefusedWithoutEchoingThePassword) {
  const std::string encode = "inside user, password, host and database write";
  const std::vector<Bad> cases = {
      {"mysql://u:hunter2@h/d", "scheme 'mysql' is not supported; PostgreSQL and SQLite are",
       "write postgresql://user@host:5432/database"},
      {"postgresql+psycopg9://u:hunter2@h/d", "driver 'psycopg9' of postgresql is not known",
       "psycopg2, psycopg, psycopg_async"},
      {"sqlite+pysqlcipher://:hunter2@/x.db", "driver 'pysqlcipher' of sqlite is not known",
       "pysqlite"},
      {"jdbc:postgresql://h/d?user=u&password=hunter2", "JDBC's spelling is not understood",
       "postgresql://"},
      {"hunter2", "it is neither a URL (scheme://...) nor a key=value string", "postgresql://"},
      {"sqlite://app.db", "an SQLite URL has no host", "sqlite:///relative.db (three slashes)"},
      {"sqlite:///", "it names no SQLite file",
       "in memory, gone with the program, is sqlite:///:memory:"},
      {"sqlite://", "it names no SQLite file",
       "write sqlite:///relative.db or sqlite:////absolute.db"},
      {"sqlite+aiosqlite:///?", "it names no SQLite file", "sqlite:///:memory:"},
      {"sqlite:///a.db?check_same_thread=hunter2",
       "parameter 'check_same_thread' is not known for SQLite", "remove it"},
      {"postgresql+asyncpg://u:hunter2@h/d?prepared_statement_cache_size=0",
       "parameter 'prepared_statement_cache_size' is not one of libpq's", "remove it from the URL"},
      {"postgresql://u:hunter2@h/d?pgbouncer=true", "parameter 'pgbouncer' is not one of libpq's",
       "remove it from the URL"},
      {"postgresql://u:hunter2@h/d?schema=app", "parameter 'schema' is not one of libpq's",
       "options=-csearch_path%3Dname"},
      {"postgresql://h/d?ssl=hunter2", "the value of the parameter 'ssl' is not known", "sslmode="},
      {"postgresql://h/d?hunter2", "a parameter has no '='", encode},
      {"postgresql://h/d?hunter2!=1", "it has a parameter without a proper name", encode},
      {"postgresql://u:hunter2%zz@h/d",
       "the password holds a '%' that does not begin a percent-encoding", encode},
      {"postgresql://u:hunter2%00@h/d",
       "the password holds a '%' that does not begin a percent-encoding", encode},
      {"postgresql://u:hunt@er2@h/d",
       "host or port cannot be read (is an '@', ':' or '/' of the password not encoded?)", encode},
      {"postgresql://u:hunt/er2@h/d", "an '@' stands after the first '/' or '?'", encode},
      {"postgresql://u:hunt?er2@h/d", "an '@' stands after the first '/' or '?'", encode},
      {"postgresql://u:hunter2/d",
       "host or port cannot be read (is an '@', ':' or '/' of the password not encoded?)", encode},
      {"postgresql://h:70000/d",
       "host or port cannot be read (is an '@', ':' or '/' of the password not encoded?)", encode},
      {"postgresql://[::1/d",
       "host or port cannot be read (is an '@', ':' or '/' of the password not encoded?)", encode},
      {"postgresql://h/d?port=hunter2", "the port is not a number from 1 to 65535", encode},
      {"host=h password=hunter 2", "after keyword 3 of the key=value string an '=' is missing",
       "single quotes"},
      {"host=h password=hunter hunter2=x",
       "keyword 3 of the key=value string is not one of libpq's", "single quotes"},
      {"host=h password='hunter2", "a quoted value of the key=value string does not end",
       "postgresql://"},
  };
  for (const Bad& c : cases) {
    SCOPED_TRACE(c.text);
    try {
      parse_database_url(c.text);
      ADD_FAILURE() << "was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.reason(), Reason::InvalidUsage);
      EXPECT_EQ(error.message(), "cannot read the database URL: " + c.message);
      EXPECT_NE(error.hint().find(c.hint_part), std::string::npos) << error.hint();
      for (const char* secret : {"hunter", "er2", "hunt/", "hunt@"}) {
        EXPECT_EQ((error.message() + error.hint()).find(secret), std::string::npos);
      }
    }
  }
}

class EnvironmentTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name :
         {"PGHOST", "PGHOSTADDR", "PGSERVICE", "PGDATABASE", "PGUSER", "PGPORT"}) {
      const char* value = std::getenv(name);
      saved_.emplace_back(name,
                          value == nullptr ? std::nullopt : std::optional<std::string>(value));
      unsetenv(name);
    }
  }
  void TearDown() override {
    for (const auto& [name, value] : saved_) {
      value ? setenv(name.c_str(), value->c_str(), 1) : unsetenv(name.c_str());
    }
  }

 private:
  std::vector<std::pair<std::string, std::optional<std::string>>> saved_ = {};
};

TEST_F(EnvironmentTest, EmptyTextMeansLibpqsEnvironment) {
  setenv("PGHOST", "db.example", 1);
  setenv("PGUSER", "app", 1);
  setenv("PGDATABASE", "shop", 1);
  const DatabaseUrl url = parse_database_url(" ");
  EXPECT_EQ(url.flavour, SqlFlavour::PostgreSql);
  EXPECT_EQ(url.conninfo, "");
  EXPECT_EQ(url.display, "postgresql://app@db.example/shop");
}

TEST_F(EnvironmentTest, EmptyTextWithoutEnvironmentIsRefused) {
  setenv("PGUSER", "app", 1);  // names nobody
  try {
    parse_database_url("");
    FAIL() << "was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.reason(), Reason::InvalidUsage);
    EXPECT_EQ(error.message(),
              "no database URL: none is given, and none of PGHOST, PGHOSTADDR, PGSERVICE and "
              "PGDATABASE is set");
  }
}

}  // namespace
}  // namespace engine
