// SPDX-License-Identifier: Apache-2.0
//
// Connecting, credentials and errors that only PostgreSQL has.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <optional>
#include <thread>

#include "engine/db/postgres_errors.h"
#include "tests/database/scratch_database.h"

namespace engine {
namespace {

using std::chrono::milliseconds;
using test::error_of;
using Clock = std::chrono::steady_clock;
using Strings = std::vector<std::string>;

// Accepts connections and never says a word.
class SilentServer {
 public:
  SilentServer() : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* plain = reinterpret_cast<sockaddr*>(&address);
    if (bind(socket_, plain, size) != 0 || listen(socket_, 8) != 0 ||
        getsockname(socket_, plain, &size) != 0) {
      throw std::runtime_error("cannot listen");
    }
    port_ = ntohs(address.sin_port);
  }
  ~SilentServer() { close(socket_); }
  SilentServer(const SilentServer&) = delete;
  SilentServer& operator=(const SilentServer&) = delete;
  std::string port() const { return std::to_string(port_); }

 private:
  int socket_;
  int port_ = 0;
};

class ScopedVariable {
 public:
  ScopedVariable(const char* name, const std::string& value) : name_(name) {
    if (const char* old = getenv(name)) old_ = old;
    setenv(name, value.c_str(), 1);
  }
  ~ScopedVariable() { old_ ? setenv(name_, old_->c_str(), 1) : unsetenv(name_); }
  ScopedVariable(const ScopedVariable&) = delete;
  ScopedVariable& operator=(const ScopedVariable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> old_ = {};
};

class PostgresConnectionTest : public testing::Test {
 protected:
  std::unique_ptr<Connection> open(const std::string& url, const ConnectOptions& options = {}) {
    return connect(parse_database_url(url), options, {});
  }
  Error connect_error(const std::string& url, const ConnectOptions& options = {}) {
    return error_of([&] { open(url, options); });
  }
  std::string one(Connection& connection, const std::string& sql) {
    return connection.query(sql).at(0).at(0).value_or("-");
  }
  std::string tcp() {
    return server_.tcp_url(database_.name(), "scram", test::PostgresServer::kPassword);
  }
  std::string write(const std::string& name, const std::string& text) {
    const std::string path = files_.folder() + "/" + name;
    std::ofstream(path) << text;
    chmod(path.c_str(), 0600);
    return path;
  }

  test::PostgresServer& server_ = test::PostgresServer::instance();
  test::ScratchDatabase database_{SqlFlavour::PostgreSql};
  test::ScratchDatabase files_{SqlFlavour::Sqlite};  // for its folder
};

TEST_F(PostgresConnectionTest, ScramOverTlsWithASpecialCharacterInThePassword) {
  const auto connection = open(tcp());
  EXPECT_EQ(one(*connection, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"), "t");
  EXPECT_EQ(one(*connection, "SELECT current_user"), "scram");
}

TEST_F(PostgresConnectionTest, CertificateIsVerifiedWhenTheUrlAsks) {
  std::ifstream file(server_.certificate());
  if (!file) GTEST_FAIL() << "cannot read " << server_.certificate();
  const std::string certificate = write("root.crt", {std::istreambuf_iterator<char>(file), {}});
  const std::string base = "postgresql://scram:secret%231@127.0.0.1:" + server_.port() + "/" +
                           database_.name() + "?sslmode=verify-full";
  EXPECT_EQ(one(*open(base + "&sslrootcert=" + certificate), "SELECT 1"), "1");
  const Error error = connect_error(base + "&sslrootcert=/nonexistent.crt");
  EXPECT_EQ(error.reason(), Reason::DatabaseUnreachable);
  EXPECT_NE(error.message().find("root certificate file \"/nonexistent.crt\" does not exist"),
            std::string::npos)
      << error.message();
}

TEST_F(PostgresConnectionTest, PasswordFileIsLibpqsOwn) {
  const std::string url = "postgresql://scram@127.0.0.1:" + server_.port() + "/" + database_.name();
  const std::string path =
      write("pgpass", "127.0.0.1:" + server_.port() + ":" + database_.name() + ":scram:secret#1\n");
  EXPECT_EQ(one(*open(url + "?passfile=" + path), "SELECT current_user"), "scram");
  const ScopedVariable variable("PGPASSFILE", path);
  EXPECT_EQ(one(*open(url), "SELECT current_user"), "scram");
}

TEST_F(PostgresConnectionTest, ServiceFileIsLibpqsOwn) {
  const ScopedVariable file(
      "PGSERVICEFILE", write("services", "[shop]\nhost=127.0.0.1\nport=" + server_.port() +
                                             "\ndbname=" + database_.name() +
                                             "\nuser=scram\npassword=secret#1\nsslmode=require\n"));
  EXPECT_EQ(one(*open("service=shop"), "SELECT current_database()"), database_.name());
  EXPECT_EQ(one(*open("postgresql://?service=shop"), "SELECT current_user"), "scram");
  const ScopedVariable service("PGSERVICE", "shop");
  EXPECT_EQ(one(*open(""), "SELECT current_user"), "scram");
}

TEST_F(PostgresConnectionTest, UnknownServiceIsAMistakeInTheUrl) {
  const ScopedVariable file("PGSERVICEFILE", write("services", "[shop]\nhost=127.0.0.1\n"));
  const Error error = connect_error("service=store");
  EXPECT_EQ(error.reason(), Reason::InvalidUsage);
  EXPECT_EQ(
      error.message(),
      "cannot connect to postgresql://?service=store: definition of service \"store\" not found");
}

TEST_F(PostgresConnectionTest, UnknownValueOfAParameterIsAMistakeInTheUrl) {
  const Error error = connect_error("postgresql://u:hunter2@127.0.0.1/d?sslmode=maybe");
  EXPECT_EQ(error.reason(), Reason::InvalidUsage);
  EXPECT_EQ(error.message(),
            "cannot connect to postgresql://u:***@127.0.0.1/d: invalid sslmode value: \"maybe\"");
}

struct Refused {
  std::string url = {};
  Reason reason = Reason::Bug;
  std::string cause = {};
};

TEST_F(PostgresConnectionTest, RefusedConnectionsSayWhyAndKeepThePassword) {
  const std::string at = "127.0.0.1:" + server_.port();
  const std::string failed =
      "connection to server at \"127.0.0.1\", port " + server_.port() + " failed: ";
  const std::vector<Refused> cases = {
      {"postgresql://scram:hunter2@" + at + "/" + database_.name(), Reason::AuthenticationFailed,
       failed + "FATAL: password authentication failed for user \"scram\" (28P01)"},
      {"postgresql://nobody:hunter2@" + at + "/" + database_.name(), Reason::AuthenticationFailed,
       failed + "FATAL: password authentication failed for user \"nobody\" (28P01)"},
      {"postgresql://scram@" + at + "/" + database_.name() + "?passfile=/nonexistent",
       Reason::AuthenticationFailed, failed + "fe_sendauth: no password supplied"},
      {"postgresql://scram:secret%231@" + at + "/nowhere", Reason::AuthenticationFailed,
       failed + "FATAL: database \"nowhere\" does not exist (3D000)"},
      {"postgresql://rejected:hunter2@" + at + "/" + database_.name(), Reason::AuthenticationFailed,
       failed + "FATAL: pg_hba.conf rejects connection for host \"127.0.0.1\", user \"rejected\""},
      {server_.url(database_.name(), "nobody"), Reason::AuthenticationFailed,
       "failed: FATAL: role \"nobody\" does not exist (28000)"},
      {"postgresql://u:hunter2@127.0.0.1:1/d", Reason::DatabaseUnreachable,
       "connection to server at \"127.0.0.1\", port 1 failed: Connection refused"},
      {"postgresql://u:hunter2@/d?host=/nonexistent", Reason::DatabaseUnreachable,
       "connection to server on socket \"/nonexistent/.s.PGSQL.5432\" failed: No such file"},
      {"postgresql://u:hunter2@nowhere.invalid/d", Reason::DatabaseUnreachable,
       "could not translate host name \"nowhere.invalid\" to address: "},
  };
  for (const Refused& c : cases) {
    const DatabaseUrl url = parse_database_url(c.url);
    SCOPED_TRACE(url.display);
    const Error error = connect_error(c.url, {.timeout = milliseconds(30'000)});
    EXPECT_EQ(error.reason(), c.reason) << error.message();
    EXPECT_EQ(error.message().find("cannot connect to " + url.display + ": "), 0U)
        << error.message();
    EXPECT_NE(error.message().find(c.cause), std::string::npos) << error.message();
    EXPECT_EQ(error.message().find('\n'), std::string::npos);
    EXPECT_EQ(error.message().find("hunter2"), std::string::npos);
    EXPECT_FALSE(error.hint().empty());
  }
}

TEST_F(PostgresConnectionTest, EveryAddressThatWasTriedIsNamedOnce) {
  EXPECT_EQ(
      connect_error("postgresql://u:hunter2@127.0.0.1:1,127.0.0.1:2/d").message(),
      "cannot connect to postgresql://u:***@127.0.0.1:1,127.0.0.1:2/d: connection to server at "
      "\"127.0.0.1\", port 1 failed: Connection refused Is the server running on that host and "
      "accepting TCP/IP connections?; connection to server at \"127.0.0.1\", port 2 failed: "
      "Connection refused");
}

TEST_F(PostgresConnectionTest, SecondHostIsTriedWhenTheFirstRefuses) {
  const auto connection =
      open("postgresql://scram:secret%231@127.0.0.1:1,127.0.0.1:" + server_.port() + "/" +
           database_.name());
  EXPECT_EQ(one(*connection, "SELECT current_user"), "scram");
}

TEST_F(PostgresConnectionTest, SecondHostIsTriedWhenTheFirstDoesNotAnswer) {
  const SilentServer silent;
  const auto connection = open("postgresql://scram:secret%231@127.0.0.1:" + silent.port() +
                                   ",127.0.0.1:" + server_.port() + "/" + database_.name(),
                               {.timeout = milliseconds(3'000)});
  EXPECT_EQ(one(*connection, "SELECT current_user"), "scram");
}

TEST_F(PostgresConnectionTest, ConnectTimeoutOfTheUrlIsHeard) {
  const SilentServer silent;
  const std::string host = "postgresql://u@127.0.0.1:" + silent.port() + "/d";
  EXPECT_EQ(connect_error(host + "?connect_timeout=1").message(),
            "cannot connect to " + host + ": no answer within 1000 ms");
}

TEST_F(PostgresConnectionTest, ConnectingIsBoundedByTheTimeout) {
  const SilentServer silent;
  const auto began = Clock::now();
  const Error error = connect_error("postgresql://u@127.0.0.1:" + silent.port() + "/d",
                                    {.timeout = milliseconds(200)});
  EXPECT_EQ(error.reason(), Reason::DatabaseUnreachable);
  EXPECT_EQ(error.message(), "cannot connect to postgresql://u@127.0.0.1:" + silent.port() +
                                 "/d: no answer within 200 ms");
  EXPECT_GE(Clock::now() - began, milliseconds(200));
  EXPECT_LT(Clock::now() - began, milliseconds(1'500));
}

TEST_F(PostgresConnectionTest, ConnectingHearsARequestToStop) {
  const SilentServer silent;
  std::stop_source stop;
  std::jthread other([&] {
    std::this_thread::sleep_for(milliseconds(100));
    stop.request_stop();
  });
  const auto began = Clock::now();
  const DatabaseUrl url = parse_database_url("postgresql://u@127.0.0.1:" + silent.port() + "/d");
  const Error error = error_of([&] { connect(url, {}, stop.get_token()); });
  EXPECT_EQ(error.reason(), Reason::Interrupted);
  EXPECT_EQ(error.message(), "interrupted while connecting to " + url.display);
  EXPECT_EQ(error.hint(), "run the same command again");
  EXPECT_LT(Clock::now() - began, milliseconds(1'000));
}

TEST_F(PostgresConnectionTest, LimitsAndClosedDatabasesAreToldApart) {
  const std::pair<std::string, std::string> cases[] = {{"CONNECTION LIMIT 0", "53300"},
                                                       {"ALLOW_CONNECTIONS false", "55000"}};
  for (const auto& [setting, sqlstate] : cases) {
    const test::ScratchDatabase closed(SqlFlavour::PostgreSql);
    database_.connect()->execute("ALTER DATABASE " + closed.name() + " " + setting);
    const Error error = error_of([&] { open(server_.url(closed.name(), "scram")); });
    EXPECT_EQ(error.reason(), Reason::DatabaseUnreachable);
    EXPECT_TRUE(error.message().ends_with("(" + sqlstate + ")")) << error.message();
    EXPECT_EQ(error.hint(), hint_of_connect_error(Reason::DatabaseUnreachable, sqlstate));
  }
}

TEST_F(PostgresConnectionTest, StatementsThatStandByThemselvesAreSentToAnAutocommitBlock) {
  const auto connection = database_.connect();
  for (const char* sql : {"VACUUM", "ALTER SYSTEM SET work_mem = '5MB'", "CREATE DATABASE x",
                          "CREATE INDEX CONCURRENTLY i ON pg_class (relname)"}) {
    connection->begin();
    const Error error = error_of([&] { connection->execute(sql); });
    EXPECT_EQ(error.failure()->sqlstate, "25001") << error.message();
    EXPECT_EQ(error.hint(),
              "such a statement stands by itself: put `-- stillhead:autocommit` before it and "
              "`-- stillhead:end` behind it");
    connection->rollback();
  }
}

TEST_F(PostgresConnectionTest, SessionIsNamedAndSpeaksUtf8) {
  const ScopedVariable variable("PGCLIENTENCODING", "LATIN1");
  const auto connection =
      open(server_.url(database_.name()), {.application_name = "stillhead test"});
  EXPECT_EQ(one(*connection, "SHOW client_encoding"), "UTF8");
  EXPECT_EQ(one(*connection, "SHOW application_name"), "stillhead test");
  const auto named = open(server_.url(database_.name()) + "&application_name=mine");
  EXPECT_EQ(one(*named, "SHOW application_name"), "mine");
}

TEST_F(PostgresConnectionTest, ConnectingCostsNoStatement) {
  const auto connection = open(server_.url(database_.name()), {.application_name = "counted"});
  one(*connection, "SELECT 'only one'");
  const std::string log = server_.log();
  const std::string session = "counted@" + database_.name() + " ";
  int statements = 0;
  for (auto at = log.find(session); at != std::string::npos; at = log.find(session, at + 1)) {
    ++statements;
  }
  EXPECT_EQ(statements, 1);
}

TEST_F(PostgresConnectionTest, ErrorFieldsArriveComplete) {
  const auto connection = database_.connect();
  connection->execute("CREATE TABLE t (a integer CONSTRAINT only_once UNIQUE)");
  connection->execute("INSERT INTO t VALUES (1)");
  Failure failure =
      error_of([&] { connection->execute("INSERT INTO t VALUES (1)"); }).failure().value();
  EXPECT_EQ(failure.sqlstate, "23505");
  EXPECT_EQ(failure.message, "duplicate key value violates unique constraint \"only_once\"");
  EXPECT_EQ(failure.detail, "Key (a)=(1) already exists.");
  EXPECT_EQ(failure.constraint, "only_once");
  const Error error = error_of([&] { connection->execute("SELECT lenght('x')"); });
  EXPECT_EQ(
      error.failure()->hint,
      "No function matches the given name and argument types. You might need to add explicit type "
      "casts.");
  EXPECT_EQ(error.hint(), error.failure()->hint);
}

TEST_F(PostgresConnectionTest, SqlstatesBecomeReasons) {
  const std::vector<std::pair<std::string, Reason>> cases = {
      {"42601", Reason::MigrationFailed},      {"40P01", Reason::MigrationFailed},
      {"55P03", Reason::MigrationFailed},      {"57014", Reason::MigrationFailed},
      {"08006", Reason::DatabaseUnreachable},  {"57P01", Reason::DatabaseUnreachable},
      {"57P03", Reason::DatabaseUnreachable},  {"53300", Reason::DatabaseUnreachable},
      {"28000", Reason::AuthenticationFailed}, {"3D000", Reason::AuthenticationFailed},
  };
  const auto connection = database_.connect();
  for (const auto& [sqlstate, reason] : cases) {
    const Error error = error_of([&, code = sqlstate] {
      connection->execute("DO $$ BEGIN RAISE EXCEPTION 'made up' USING ERRCODE = '" + code +
                          "'; END $$");
    });
    EXPECT_EQ(error.reason(), reason) << sqlstate;
    EXPECT_EQ(error.message(), "made up (" + sqlstate + ")");
  }
}

TEST_F(PostgresConnectionTest, StatementTimeoutIsNotTakenForOurOwnCancel) {
  const auto connection = database_.connect();
  connection->execute("SET statement_timeout = 50");
  const Error error = error_of([&] { connection->execute("SELECT pg_sleep(30)"); });
  EXPECT_EQ(error.reason(), Reason::MigrationFailed);
  EXPECT_EQ(error.message(), "canceling statement due to statement timeout (57014)");
}

TEST_F(PostgresConnectionTest, TerminatedBackendIsALostConnection) {
  const auto connection = database_.connect();
  EXPECT_TRUE(connection->alive());
  const std::string pid = one(*connection, "SELECT pg_backend_pid()");
  std::jthread other([&] {
    std::this_thread::sleep_for(milliseconds(100));
    database_.column("SELECT pg_terminate_backend(" + pid + ")");
  });
  const Error error = error_of([&] { connection->execute("SELECT pg_sleep(30)"); });
  EXPECT_EQ(error.reason(), Reason::DatabaseUnreachable);
  EXPECT_EQ(error.message(),
            "connection to " + database_.url().display +
                " lost: terminating connection due to administrator command (57P01)");
  EXPECT_FALSE(connection->alive());
  // It does not come back behind our back.
  EXPECT_EQ(error_of([&] { connection->execute("SELECT 1"); }).reason(),
            Reason::DatabaseUnreachable);
}

TEST_F(PostgresConnectionTest, HangUpIsSeenWithoutARoundTrip) {
  const auto connection = database_.connect();
  const std::string pid = one(*connection, "SELECT pg_backend_pid()");
  database_.column("SELECT pg_terminate_backend(" + pid + ", 5000)");
  for (int i = 0; i < 100 && connection->alive(); ++i)
    std::this_thread::sleep_for(milliseconds(10));
  EXPECT_FALSE(connection->alive());
}

TEST_F(PostgresConnectionTest, ConnectionLostAtCommitLeavesTheOutcomeUnknown) {
  const auto connection = database_.connect();
  connection->begin();
  const std::string pid = one(*connection, "SELECT pg_backend_pid()");
  database_.column("SELECT pg_terminate_backend(" + pid + ", 5000)");
  const Error error = error_of([&] { connection->commit(); });
  EXPECT_EQ(error.reason(), Reason::DatabaseUnreachable);
  EXPECT_EQ(
      error.message(),
      "outcome unknown: connection to " + database_.url().display +
          " lost: terminating connection due to administrator command (57P01), during COMMIT");
}

TEST_F(PostgresConnectionTest, CommitOfAFailedTransactionIsAnError) {
  const auto connection = database_.connect();
  connection->begin();
  error_of([&] { connection->execute("SELECT nope"); });
  const Error error = error_of([&] { connection->commit(); });
  EXPECT_EQ(error.reason(), Reason::MigrationFailed);
  EXPECT_EQ(
      error.message(),
      "the transaction was rolled back instead of committed: an earlier statement had failed");
}

TEST_F(PostgresConnectionTest, CopyWithAClientIsRefusedAndTheSessionStaysUsable) {
  const auto connection = database_.connect();
  connection->execute("CREATE TABLE t (a integer)");
  const Error out =
      error_of([&] { connection->execute("COPY (SELECT generate_series(1, 9)) TO stdout"); });
  EXPECT_EQ(out.reason(), Reason::MigrationFailed);
  EXPECT_EQ(out.message(),
            "COPY ... TO stdout cannot be used in a script: there is no client to take the rows");
  const Error in = error_of([&] { connection->execute("COPY t FROM stdin"); });
  EXPECT_EQ(in.reason(), Reason::MigrationFailed);
  EXPECT_EQ(
      in.message(),
      "COPY from stdin failed: COPY ... FROM stdin: there is no client to send the rows (57014)");
  EXPECT_EQ(one(*connection, "SELECT count(*) FROM t"), "0");
}

TEST_F(PostgresConnectionTest, NoticesGoNowhere) {
  const auto connection = database_.connect();
  testing::internal::CaptureStderr();
  connection->execute("DROP TABLE IF EXISTS nothing_here");
  connection->execute("DO $$ BEGIN RAISE WARNING 'careful'; END $$");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST_F(PostgresConnectionTest, ServerThatIgnoresACancelIsGivenUp) {
  const auto connection = database_.connect();
  const int pid = std::stoi(one(*connection, "SELECT pg_backend_pid()"));
  if (kill(pid, SIGSTOP) != 0) GTEST_FAIL() << "cannot stop the server's process " << pid;
  connection->cancel();
  connection->rollback();
  std::jthread other([&] {
    std::this_thread::sleep_for(milliseconds(100));
    connection->cancel();
  });
  const auto began = Clock::now();
  const Error error = error_of([&] { connection->execute("SELECT 1"); });
  kill(pid, SIGCONT);
  EXPECT_EQ(error.reason(), Reason::Interrupted);
  EXPECT_EQ(
      error.hint(),
      "the server did not answer the cancel request within 5 s, so the connection was dropped; run "
      "the same command again");
  EXPECT_LT(Clock::now() - began, milliseconds(9'000));
  EXPECT_FALSE(connection->alive());
}

}  // namespace
}  // namespace engine
