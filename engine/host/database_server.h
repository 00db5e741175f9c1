// SPDX-License-Identifier: Apache-2.0
//
// The database requests of a script host: connections by number, results in parts. Every statement
// of a script passes here. Messages: docs/script-host.md.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "engine/core/error.h"
#include "engine/db/connection.h"

namespace engine {

// What the run has to say about the transactions of scripts. Each may throw, and the request is
// answered with that.
class TransactionWatch {
 public:
  virtual ~TransactionWatch() = default;
  // `connection` as numbered.
  virtual void before_commit(int /*connection*/) {}
  virtual void committed(int /*connection*/) {}
  virtual void rolled_back(int /*connection*/) {}
  // A statement of the script has ended the transaction: COMMIT, ROLLBACK.
  virtual void ended_by_statement(int /*connection*/, const std::string& /*sql*/) {}
};

class DatabaseServer {
 public:
  // Opens a connection to a URL as the child gives it. Throws what connect() throws.
  using Open = std::function<std::unique_ptr<Connection>(const std::string& url)>;

  // `watch` must outlive the server.
  DatabaseServer(Open, TransactionWatch& watch);
  ~DatabaseServer();
  DatabaseServer(const DatabaseServer&) = delete;
  DatabaseServer& operator=(const DatabaseServer&) = delete;

  static bool serves(const std::string& request);
  // What a statement or a connection meets is an answer, and last_error(). Throws Error where the
  // run must not go on, and std::exception of the JSON library for a message that is none.
  nlohmann::json answer(const nlohmann::json& request);

  // From any thread: what runs ends with Interrupted, and what comes next, too.
  void cancel() noexcept;
  // Null: there is none, or none any more.
  Connection* find(int connection);
  // Of the last statement that failed, and was not followed by one that did not.
  const std::optional<Error>& last_error() const { return last_error_; }

 private:
  using Json = nlohmann::json;
  struct Session;

  Json perform(const Json& request);
  Session& session_of(const Json& request);
  Json open(const Json& request);
  Json execute(Session&, const Json& request);
  Json execute_many(Session&, const Json& request);
  Json fetch(Session&, const Json& request);
  Json close(Session&, const Json& request);
  Json autocommit(Session&, const Json& request);
  Json commit(Session&);
  Json rollback(Session&);
  Json disconnect(Session&);
  void begin_for(Session&, const Json& request, const std::string& sql);
  void look_after(Session&, bool was_open, const std::string& sql);

  Open open_;
  TransactionWatch& watch_;
  std::mutex mutex_ = {};  // of what cancel() reads
  std::map<int, std::unique_ptr<Session>> sessions_;
  int last_number_ = 0;
  std::optional<Error> last_error_ = {};
};

// It cannot be had, or is lost.
bool is_of_connection(const Error&);
// {"error":{...}} of an Error that a request has met.
nlohmann::json error_answer(const Error&);

}  // namespace engine
