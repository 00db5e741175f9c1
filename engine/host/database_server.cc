// SPDX-License-Identifier: Apache-2.0
#include "engine/host/database_server.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <deque>
#include <nlohmann/json.hpp>
#include <utility>

#include "engine/host/base64.h"
#include "engine/sql/sql_words.h"
#include "engine/sql/statement_kind.h"

namespace engine {

// A result whose rest is still to be fetched.
struct OpenCursor {
  int number = 0;
  bool is_live = false;               // the rest is still at the database
  std::deque<ResultPart> parts = {};  // read ahead, because another statement had to run
};

struct DatabaseServer::Session {
  int number = 0;
  std::unique_ptr<Connection> connection = {};
  bool autocommit = false;
  std::vector<OpenCursor> cursors = {};
  int last_cursor = 0;

  bool is_sqlite() const { return connection->dialect().flavour() == SqlFlavour::Sqlite; }
  // The connection can hold one open result: the rest of it is read before anything else is sent.
  void read_ahead() {
    for (OpenCursor& cursor : cursors) {
      while (cursor.is_live) {
        cursor.parts.push_back(connection->next_part());
        cursor.is_live = cursor.parts.back().more;
      }
    }
  }
};

namespace {

using Json = nlohmann::json;

constexpr std::array<std::string_view, 9> kRequests = {"connect", "execute",  "execute_many",
                                                       "fetch",   "close",    "autocommit",
                                                       "commit",  "rollback", "disconnect"};

Json json_of(const SqlValue& value, bool is_sqlite) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (!is_sqlite) return nullptr;
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return *integer;
  if (const auto* blob = std::get_if<Blob>(&value)) return {{"blob", to_base64(blob->bytes)}};
  const auto* real = std::get_if<double>(&value);
  if (real == nullptr) return nullptr;
  if (std::isinf(*real)) return {{"real", *real > 0 ? "inf" : "-inf"}};
  return *real;
}

SqlValue value_of(const Json& json) {
  if (json.is_null()) return nullptr;
  if (json.is_boolean()) return static_cast<std::int64_t>(json.get<bool>() ? 1 : 0);
  if (json.is_number_unsigned() && json.get<std::uint64_t>() > INT64_MAX) {
    Failure failure;
    failure.message = "Python int too large to convert to SQLite INTEGER";
    throw Error(Reason::MigrationFailed, failure.message, failure);
  }
  if (json.is_number_integer()) return json.get<std::int64_t>();
  if (json.is_number_float()) return json.get<double>();
  if (json.is_string()) return json.get<std::string>();
  if (json.contains("real")) {
    const std::string text = json.at("real");
    if (text == "nan") return nullptr;  // SQLite has none
    return text == "inf" ? HUGE_VAL : -HUGE_VAL;
  }
  return Blob{from_base64(json.at("blob").get<std::string>())};
}

std::vector<SqlValue> values_of(const Json& list) {
  std::vector<SqlValue> values;
  for (const Json& value : list) values.push_back(value_of(value));
  return values;
}

Json rows_of(const ResultPart& part, bool is_sqlite) {
  Json rows = Json::array();
  for (const std::vector<SqlValue>& values : part.rows) {
    Json& row = rows.emplace_back(Json::array());
    for (const SqlValue& value : values) row.push_back(json_of(value, is_sqlite));
  }
  return rows;
}

Json columns_of(const ResultPart& part, bool is_sqlite) {
  Json columns = Json::array();
  for (const Column& column : part.columns) {
    if (is_sqlite) {
      Json made = {{"name", column.name}};
      if (!column.declared.empty()) made["declared"] = column.declared;
      columns.push_back(std::move(made));
    } else {
      columns.push_back(
          {{"name", column.name}, {"type", column.type}, {"modifier", column.modifier}});
    }
  }
  return columns;
}

// As Python's sqlite3, reading and settings do not begin a transaction; other than there, a change
// of a definition does, so that it is rolled back with its revision.
bool begins_transaction(const std::string& sql, SqlFlavour flavour) {
  if (flavour == SqlFlavour::PostgreSql) return true;
  try {
    if (shuns_transactions(sql, flavour)) return false;
    return !SqlWords(sql, flavour).at_any({"select", "explain", "values", "begin"});
  } catch (const Error&) {
    return true;  // it is no statement, as the database will say
  }
}

}  // namespace

bool is_of_connection(const Error& error) {
  return error.reason() == Reason::DatabaseUnreachable ||
         error.reason() == Reason::AuthenticationFailed;
}

Json error_answer(const Error& error) {
  Json told = {{"message", error.failure() && !error.failure()->message.empty()
                               ? error.failure()->message
                               : error.message()}};
  const Failure failure = error.failure().value_or(Failure{});
  if (is_of_connection(error)) {
    told["kind"] = "connection";
  } else if (error.reason() == Reason::Interrupted || error.reason() == Reason::RunTimeout) {
    told["kind"] = "interrupted";
  } else {
    told["kind"] = error.failure() ? "database" : "refused";
  }
  const std::array<std::pair<const char*, const std::string*>, 4> members = {
      {{"sqlstate", &failure.sqlstate},
       {"detail", &failure.detail},
       {"hint", &failure.hint},
       {"constraint", &failure.constraint}}};
  for (const auto& [name, text] : members) {
    if (!text->empty()) told[name] = *text;
  }
  return {{"error", std::move(told)}};
}

DatabaseServer::DatabaseServer(Open open, TransactionWatch& watch)
    : open_(std::move(open)), watch_(watch) {}
DatabaseServer::~DatabaseServer() = default;

bool DatabaseServer::serves(const std::string& request) {
  return std::ranges::find(kRequests, request) != kRequests.end();
}

Json DatabaseServer::answer(const Json& request) {
  try {
    return perform(request);
  } catch (const Error& error) {
    // What a statement or a connection meets is for the script to handle; a refusal is not.
    if (!error.failure() && !is_of_connection(error)) throw;
    last_error_ = error;
    return error_answer(error);
  }
}

Json DatabaseServer::perform(const Json& request) {
  const std::string what = request.at("do");
  if (what == "connect") return open(request);
  Session& session = session_of(request);
  if (what == "execute") return execute(session, request);
  if (what == "execute_many") return execute_many(session, request);
  if (what == "fetch") return fetch(session, request);
  if (what == "close") return close(session, request);
  if (what == "autocommit") return autocommit(session, request);
  if (what == "commit") return commit(session);
  if (what == "rollback") return rollback(session);
  return disconnect(session);
}

Connection* DatabaseServer::find(int connection) {
  const auto found = sessions_.find(connection);
  return found == sessions_.end() ? nullptr : found->second->connection.get();
}

bool DatabaseServer::suspend(int connection) {
  const auto found = sessions_.find(connection);
  if (found == sessions_.end()) return false;
  found->second->read_ahead();
  return found->second->connection->suspend_transaction();
}

DatabaseServer::Session& DatabaseServer::session_of(const Json& request) {
  const auto found = sessions_.find(request.at("connection").get<int>());
  if (found != sessions_.end()) return *found->second;
  throw Error(Reason::Bug, "the script host names a connection that is closed");
}

Json DatabaseServer::open(const Json& request) {
  auto made = std::make_unique<Session>();
  Session& session = *made;
  session.connection = open_(request.at("url").get<std::string>());
  session.number = ++last_number_;
  Json told = {{"connection", session.number}};
  told["flavour"] = session.is_sqlite() ? "sqlite" : "postgresql";
  // Values are read as these settings write them.
  const char* question =
      session.is_sqlite() ? "SELECT sqlite_version()"
                          : "SELECT current_setting('server_version_num'), set_config('DateStyle', "
                            "'ISO', false), set_config('IntervalStyle', 'postgres', false)";
  const std::string version = session.connection->query(question).at(0).at(0).value_or("0");
  if (session.is_sqlite()) {
    std::array<int, 3> parts{};
    std::sscanf(version.c_str(), "%d.%d.%d", &parts[0], &parts[1], &parts[2]);
    told["server_version"] = parts[0] * 1'000'000 + parts[1] * 1'000 + parts[2];
  } else {
    told["server_version"] = std::stoi(version);
  }
  const std::lock_guard lock(mutex_);
  sessions_.emplace(session.number, std::move(made));
  return told;
}

void DatabaseServer::begin_for(Session& session, const Json& request, const std::string& sql) {
  session.read_ahead();
  if (session.autocommit || !request.value("begin", true) || session.connection->in_transaction())
    return;
  if (begins_transaction(sql, session.connection->dialect().flavour())) session.connection->begin();
}

void DatabaseServer::look_after(Session& session, bool was_open, const std::string& sql) {
  if (was_open && !session.connection->in_transaction()) {
    watch_.ended_by_statement(session.number, sql);
  }
}

Json DatabaseServer::execute(Session& session, const Json& request) {
  const std::string sql = request.at("sql");
  begin_for(session, request, sql);
  const bool was_open = session.connection->in_transaction();
  const ResultPart part =
      session.connection->open_result(sql, values_of(request.value("parameters", Json::array())));
  last_error_.reset();
  look_after(session, was_open, sql);
  const bool is_sqlite = session.is_sqlite();
  Json result = {{"rowcount", part.more ? -1 : part.row_count},
                 {"transaction", session.connection->in_transaction() ? "open" : "idle"}};
  if (!part.status.empty()) result["status"] = part.status;
  if (is_sqlite) result["lastrowid"] = part.last_row_id;
  if (!part.has_rows) return result;
  result["columns"] = columns_of(part, is_sqlite);
  result["rows"] = rows_of(part, is_sqlite);
  if (part.more) {
    session.cursors.push_back({++session.last_cursor, true});
    result["cursor"] = session.last_cursor;
    result["more"] = true;
  }
  return result;
}

Json DatabaseServer::execute_many(Session& session, const Json& request) {
  long touched = 0;
  if (session.is_sqlite()) {
    const std::string sql = request.at("sql");
    begin_for(session, request, sql);
    for (const Json& row : request.at("rows")) {
      const ResultPart part = session.connection->open_result(sql, values_of(row));
      session.connection->close_result();
      touched += std::max(part.row_count, 0L);
    }
  } else {
    const auto statements = request.at("statements").get<std::vector<std::string>>();
    if (statements.empty()) return {{"rowcount", 0}};
    begin_for(session, request, statements.front());
    std::size_t at = 0;
    for (const long rows : session.connection->execute_all(statements, at)) touched += rows;
  }
  last_error_.reset();
  return {{"rowcount", touched}};
}

Json DatabaseServer::fetch(Session& session, const Json& request) {
  const auto found =
      std::ranges::find(session.cursors, request.at("cursor").get<int>(), &OpenCursor::number);
  if (found == session.cursors.end()) return {{"rows", Json::array()}, {"more", false}};
  ResultPart part;
  if (!found->parts.empty()) {
    part = std::move(found->parts.front());
    found->parts.pop_front();
  } else {
    part = session.connection->next_part();
    found->is_live = part.more;
  }
  const bool more = !found->parts.empty() || found->is_live;
  if (!more) session.cursors.erase(found);
  return {{"rows", rows_of(part, session.is_sqlite())}, {"more", more}};
}

Json DatabaseServer::close(Session& session, const Json& request) {
  const auto found =
      std::ranges::find(session.cursors, request.at("cursor").get<int>(), &OpenCursor::number);
  if (found == session.cursors.end()) return Json::object();
  if (found->is_live) session.connection->close_result();
  session.cursors.erase(found);
  return Json::object();
}

Json DatabaseServer::autocommit(Session& session, const Json& request) {
  if (session.connection->in_transaction()) {
    Failure failure;
    failure.message = "set_session cannot be used inside a transaction";
    throw Error(Reason::MigrationFailed, failure.message, failure);
  }
  session.autocommit = request.at("value");
  return Json::object();
}

Json DatabaseServer::commit(Session& session) {
  if (!session.connection->in_transaction()) return Json::object();
  session.read_ahead();
  watch_.before_commit(session.number);
  try {
    session.connection->commit();
  } catch (const CommitInDoubt&) {
    throw;
  } catch (const Error&) {
    if (!session.connection->in_transaction()) watch_.rolled_back(session.number);
    throw;
  }
  watch_.committed(session.number);
  return Json::object();
}

Json DatabaseServer::rollback(Session& session) {
  session.read_ahead();  // a script may fetch them afterwards
  if (!session.connection->in_transaction()) return Json::object();
  session.connection->rollback();
  watch_.rolled_back(session.number);
  return Json::object();
}

Json DatabaseServer::disconnect(Session& session) {
  const int number = session.number;
  rollback(session);
  const std::lock_guard lock(mutex_);
  sessions_.erase(number);
  return Json::object();
}

void DatabaseServer::cancel() noexcept {
  const std::lock_guard lock(mutex_);
  for (const auto& [number, session] : sessions_) session->connection->cancel();
}

}  // namespace engine
