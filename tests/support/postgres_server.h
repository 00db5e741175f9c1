// SPDX-License-Identifier: Apache-2.0
//
// A throw-away PostgreSQL (tools/run_postgres): that of the ctest run (its folder is in the
// variable STILLHEAD_TEST_POSTGRES), else one of the test program's own, started by the first test
// that asks for it and gone when the program ends, however it ends.
#pragma once

#include <string>

namespace test {

class PostgresServer {
 public:
  // Throws std::runtime_error when no server can be started: a test that needs one fails.
  static PostgresServer& instance();

  std::string create_database();  // a new one, empty; returns its name
  void drop_database(const std::string& name) const;

  // libpq settings. Over the socket any role comes in without a password.
  std::string url(const std::string& database, const std::string& user = "postgres") const;
  // Over TCP with TLS; role scram has the password kPassword.
  std::string tcp_url(const std::string& database, const std::string& user,
                      const std::string& password) const;
  static constexpr const char* kPassword = "secret%231";  // secret#1, percent-encoded

  const std::string& socket() const { return socket_; }  // folder
  const std::string& port() const { return port_; }
  const std::string& certificate() const { return certificate_; }
  std::string log() const;  // every statement so far

 private:
  PostgresServer();
  std::string tool(const std::string& name) const;  // a client program with its connection flags

  std::string socket_ = {};
  std::string port_ = {};
  std::string log_file_ = {};
  std::string certificate_ = {};
  std::string binaries_ = {};
  int databases_ = 0;
};

}  // namespace test
