// SPDX-License-Identifier: Apache-2.0
#include "engine/db/postgres_errors.h"

#include <gtest/gtest.h>

#include <tuple>
#include <vector>

namespace engine {
namespace {

struct Case {
  std::string text = {};
  std::string line = {};
  std::string sqlstate = {};
  Reason reason = Reason::Bug;
};

TEST(PostgresErrorsTest, ConnectErrorsAreReadFromLibpqsText) {
  const std::vector<Case> cases = {
      {"connection to server at \"h\" (10.0.0.1), port 1 failed: FATAL:  28P01: password "
       "authentication "
       "failed for user \"u\"\nLOCATION:  auth_failed, auth.c:330\n",
       "connection to server at \"h\" (10.0.0.1), port 1 failed: FATAL: password authentication "
       "failed "
       "for user \"u\"",
       "28P01", Reason::AuthenticationFailed},
      {"connection to server at \"h\", port 1 failed: FATAL:  28000: no entry\nLOCATION:  a\n"
       "connection to server at \"h\", port 1 failed: FATAL:  28000: no entry\nLOCATION:  a\n",
       "connection to server at \"h\", port 1 failed: FATAL: no entry", "28000",
       Reason::AuthenticationFailed},
      {"FATAL:  3D000: database \"d\" does not exist\n", "FATAL: database \"d\" does not exist",
       "3D000", Reason::AuthenticationFailed},
      {"FATAL:  42501: permission denied for database \"d\"\nDETAIL:  User does not have CONNECT "
       "privilege.\n",
       "FATAL: permission denied for database \"d\"; DETAIL:  User does not have CONNECT "
       "privilege.",
       "42501", Reason::AuthenticationFailed},
      {"FATAL:  53300: sorry, too many clients already\n", "FATAL: sorry, too many clients already",
       "53300", Reason::DatabaseUnreachable},
      {"FATAL:  57P03: the database system is starting up\n",
       "FATAL: the database system is starting up", "57P03", Reason::DatabaseUnreachable},
      {"schwerwiegend:  28P01: Passwort falsch\n", "schwerwiegend: Passwort falsch", "28P01",
       Reason::AuthenticationFailed},
      {"connection failed: fe_sendauth: no password supplied\n",
       "connection failed: fe_sendauth: no password supplied", "", Reason::AuthenticationFailed},
      {"connection failed: Connection refused\n\tIs the server running?\n",
       "connection failed: Connection refused Is the server running?", "",
       Reason::DatabaseUnreachable},
      {"root certificate file \"x\" does not exist\nEither provide the file\n",
       "root certificate file \"x\" does not exist; Either provide the file", "",
       Reason::DatabaseUnreachable},
      {"invalid port number: \"x\"\n", "invalid port number: \"x\"", "", Reason::InvalidUsage},
      {"definition of service \"x\" not found\n", "definition of service \"x\" not found", "",
       Reason::InvalidUsage},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    const ConnectError error = read_connect_error(c.text);
    EXPECT_EQ(error.text, c.line);
    EXPECT_EQ(error.sqlstate, c.sqlstate);
    EXPECT_EQ(reason_of_connect_error(error.text, error.sqlstate), c.reason);
  }
}

TEST(PostgresErrorsTest, ConnectErrorsComeWithWhatToDo) {
  const std::string server =
      "check host and port, and that the server runs and accepts connections from here";
  const std::vector<std::tuple<Reason, std::string, std::string>> cases = {
      {Reason::AuthenticationFailed, "28P01",
       "check user, password and database name, and the server's pg_hba.conf"},
      {Reason::InvalidUsage, "", "check the URL, the PG* variables and the service file"},
      {Reason::DatabaseUnreachable, "53300",
       "wait until others have ended theirs, or raise the limit of the role, the database or the "
       "server: a run needs two connections"},
      {Reason::DatabaseUnreachable, "55000",
       "the database is closed to everybody: check its name, or open it with ALTER DATABASE ... "
       "ALLOW_CONNECTIONS true"},
      {Reason::DatabaseUnreachable, "57P03",
       "the server is starting or stopping: run the same command again"},
      {Reason::DatabaseUnreachable, "", server},
      {Reason::DatabaseUnreachable, "08006", server}};
  for (const auto& [reason, sqlstate, hint] : cases) {
    EXPECT_EQ(hint_of_connect_error(reason, sqlstate), hint) << sqlstate;
  }
}

TEST(PostgresErrorsTest, StatementsThatStandByThemselvesAreSentToAnAutocommitBlock) {
  const std::string hint =
      "such a statement stands by itself: put `-- stillhead:autocommit` before it and "
      "`-- stillhead:end` behind it";
  EXPECT_EQ(hint_of_sqlstate("25001", "VACUUM cannot run inside a transaction block"), hint);
  EXPECT_EQ(hint_of_sqlstate("25001",
                             "SET TRANSACTION ISOLATION LEVEL must be called before any "
                             "query"),
            "");
  EXPECT_EQ(hint_of_sqlstate("25006", "cannot execute INSERT in a read-only transaction"),
            "is this a standby? target_session_attrs=read-write in the URL finds the primary");
  EXPECT_EQ(hint_of_sqlstate("42601", "syntax error"), "");
}

TEST(PostgresErrorsTest, PositionsCountCharactersAndBecomeBytes) {
  const std::string sql = "ää\nb\n\nc";  // 4 bytes, 2 characters on the first line
  const std::vector<std::pair<long, std::size_t>> cases = {
      {1, 0}, {2, 2}, {3, 4}, {4, 5}, {5, 6}, {6, 7}, {7, 8}, {0, 0}, {8, 9}, {99, 9},
  };
  for (const auto& [position, offset] : cases) {
    EXPECT_EQ(offset_of_position(sql, position), offset) << position;
  }
}

}  // namespace
}  // namespace engine
