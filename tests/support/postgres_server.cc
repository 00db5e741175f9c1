// SPDX-License-Identifier: Apache-2.0
#include "tests/support/postgres_server.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <utility>

#include "tests/support/places.h"

namespace test {
namespace {

std::string run(const std::string& command) {
  FILE* pipe = popen((command + " 2>&1").c_str(), "re");
  if (pipe == nullptr) throw std::runtime_error("cannot run " + command);
  std::string output;
  std::array<char, 4096> buffer{};
  for (std::size_t n = 0; (n = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    output.append(buffer.data(), n);
  }
  if (pclose(pipe) != 0) {
    throw std::runtime_error("failed: " + command + "\n" + output +
                             "(these tests need PostgreSQL: tools/install_dependencies.sh)");
  }
  return output;
}

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string value(const std::string& settings, const std::string& key) {
  const auto at = settings.find(key + "=");
  if (at == std::string::npos) throw std::runtime_error("run_postgres printed no " + key);
  const auto begin = at + key.size() + 1;
  return settings.substr(begin, settings.find('\n', begin) - begin);
}

}  // namespace

PostgresServer& PostgresServer::instance() {
  static PostgresServer server;
  return server;
}

// A server of our own ends with this process, even if it is killed: run_postgres looks after that.
PostgresServer::PostgresServer() {
  std::string settings;
  if (const char* given = std::getenv("STILLHEAD_TEST_POSTGRES")) {
    settings = read(std::string(given) + "/settings");
  } else {
    std::string folder = "/tmp/stillhead-postgres-XXXXXX";
    if (mkdtemp(folder.data()) == nullptr) throw std::runtime_error("cannot make a folder in /tmp");
    settings = run(source_folder() + "/tools/run_postgres start " + folder + " " +
                   std::to_string(getpid()));
  }
  socket_ = value(settings, "PGHOST");
  port_ = value(settings, "PGPORT");
  log_file_ = value(settings, "LOG");
  certificate_ = value(settings, "CERTIFICATE");
  binaries_ = value(settings, "BIN");
}

std::string PostgresServer::create_database() {
  std::string name = "test_" + std::to_string(getpid()) + "_" + std::to_string(++databases_);
  run(tool("createdb") + " --owner=scram " + name);
  return name;
}

void PostgresServer::drop_database(const std::string& name) const {
  run(tool("dropdb") + " --force --if-exists " + name);
}

std::string PostgresServer::tool(const std::string& name) const {
  return binaries_ + "/" + name + " --host=" + socket_ + " --port=" + port_ +
         " --username=postgres";
}

std::string PostgresServer::url(const std::string& database, const std::string& user) const {
  return "postgresql://" + user + "@/" + database + "?host=" + socket_ + "&port=" + port_;
}

std::string PostgresServer::tcp_url(const std::string& database, const std::string& user,
                                    const std::string& password) const {
  return "postgresql://" + user + ":" + password + "@127.0.0.1:" + port_ + "/" + database +
         "?sslmode=require";
}

std::string PostgresServer::log() const { return read(log_file_); }

}  // namespace test
