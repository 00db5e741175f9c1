// SPDX-License-Identifier: Apache-2.0
//
// The only file that knows libpq and libpqxx. pqxx opens and closes the connection through a policy
// of ours; statements go to the PGconn itself, because pqxx 6 hides detail, hint, constraint and
// transaction state, and reconnects behind the caller's back.
#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cctype>
#include <cerrno>
#include <condition_variable>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <pqxx/pqxx>
#include <system_error>
#include <thread>
#include <utility>

#include "engine/db/connection.h"
#include "engine/db/postgres_errors.h"
#include "engine/db/postgres_keywords.h"

namespace engine {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr const char* kAgain = "run the same command again";
constexpr milliseconds kSlice{100};  // how soon an abandoned attempt to connect ends
constexpr milliseconds kCancelAgain{
    1'000};  // a cancel request may meet a server between statements
constexpr milliseconds kCancelGrace{5'000};  // then the connection is given up

struct Deleter {
  void operator()(PGconn* p) const { PQfinish(p); }
  void operator()(PGresult* p) const { PQclear(p); }
  void operator()(PGcancel* p) const { PQfreeCancel(p); }
  void operator()(PQconninfoOption* p) const { PQconninfoFree(p); }
  void operator()(char* p) const { PQfreemem(p); }
};
using Result = std::unique_ptr<PGresult, Deleter>;

// --- connecting ----------------------------------------------------------------------------------

Keywords keywords_of(const DatabaseUrl& url, const ConnectOptions& options) {
  char* raw_error = nullptr;
  const std::unique_ptr<PQconninfoOption, Deleter> parsed(
      PQconninfoParse(url.conninfo.c_str(), &raw_error));
  const std::unique_ptr<char, Deleter> error(raw_error);
  if (!parsed) {
    // libpq's own text may quote the string, and with it the password.
    throw Error(
        Reason::InvalidUsage,
        fmt::format("cannot connect to {}: libpq does not know one of its parameters", url.display),
        "parameters newer than the installed libpq cannot be used");
  }
  Keywords keywords;
  for (const PQconninfoOption* option = parsed.get(); option->keyword != nullptr; ++option) {
    if (option->val == nullptr || std::string_view(option->keyword) == "client_encoding") continue;
    keywords.set(option->keyword, option->val);
  }
  keywords.set("client_encoding", "UTF8");
  keywords.set("fallback_application_name", options.application_name);
  keywords.set_default("keepalives_idle", "30");
  keywords.set_default("keepalives_interval", "10");
  keywords.set_default("keepalives_count", "3");
  keywords.set_default("tcp_user_timeout", "60000");
  return keywords;
}

// One try to connect, shared between the caller and a thread: libpq resolves host names by a call
// that nothing interrupts, so a caller out of time leaves the thread to itself.
struct Attempt {
  std::mutex mutex = {};
  std::condition_variable_any changed = {};
  bool done = false;
  std::unique_ptr<PGconn, Deleter> connection = {};
  std::atomic<bool> abandoned = false;
};

std::unique_ptr<PGconn, Deleter> start(const Keywords& keywords) {
  std::vector<const char*> names;
  std::vector<const char*> values;
  for (const auto& [name, value] : keywords.entries()) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  return std::unique_ptr<PGconn, Deleter>(PQconnectStartParams(names.data(), values.data(), 0));
}

// Until the connection stands or has failed, the caller has gone, or one host has used up its
// share: a host that swallows packets would keep libpq from the others. True: try those.
bool poll_to_end(const Attempt& attempt, PGconn* connection, Keywords& keywords,
                 milliseconds share) {
  auto wanted = PGRES_POLLING_WRITING;
  std::string tried;
  Clock::time_point share_ends;
  while ((wanted == PGRES_POLLING_WRITING || wanted == PGRES_POLLING_READING) &&
         !attempt.abandoned) {
    const std::string host = PQhost(connection);
    const std::string port = PQport(connection);
    if (std::string endpoint = fmt::format("{}:{}", host, port); endpoint != tried) {
      tried = std::move(endpoint);
      share_ends = Clock::now() + share;
    }
    if (Clock::now() >= share_ends && keywords.drop_host(host, port)) return true;
    pollfd waiting{PQsocket(connection),
                   static_cast<short>(wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT), 0};
    const int ready = poll(&waiting, 1, static_cast<int>(kSlice.count()));
    if (ready > 0 || (ready < 0 && errno != EINTR)) wanted = PQconnectPoll(connection);
  }
  return false;
}

void drive(Attempt& attempt, Keywords keywords, milliseconds share) {
  std::unique_ptr<PGconn, Deleter> connection;
  for (bool again = true; again;) {
    connection = start(keywords);
    again = false;
    if (!connection || PQstatus(connection.get()) == CONNECTION_BAD) break;
    PQsetErrorVerbosity(connection.get(), PQERRORS_VERBOSE);  // the only way to see a SQLSTATE here
    again = poll_to_end(attempt, connection.get(), keywords, share);
    PQsetErrorVerbosity(connection.get(), PQERRORS_DEFAULT);
  }
  const std::lock_guard lock(attempt.mutex);
  attempt.connection = std::move(connection);
  attempt.done = true;
  attempt.changed.notify_all();
}

[[noreturn]] void fail_to_connect(PGconn* connection, const DatabaseUrl& url,
                                  std::string_view password) {
  auto [text, sqlstate] =
      read_connect_error(connection == nullptr ? "out of memory" : PQerrorMessage(connection));
  // libpq never shows a password; this is the second line of defence.
  for (auto at = password.size() < 8 ? std::string::npos : text.find(password);
       at != std::string::npos; at = text.find(password)) {
    text.replace(at, password.size(), "***");
  }
  if (text.empty()) text = "no reason given";
  const std::string message = fmt::format("cannot connect to {}: {}{}", url.display, text,
                                          sqlstate.empty() ? "" : fmt::format(" ({})", sqlstate));
  const Reason reason = reason_of_connect_error(text, sqlstate);
  throw Error(reason, message, hint_of_connect_error(reason, sqlstate));
}

PGconn* open(const DatabaseUrl& url, const ConnectOptions& options, const std::stop_token& stop) {
  const Keywords keywords = keywords_of(url, options);
  const Patience patience = patience_of(keywords, options.timeout);
  const auto attempt = std::make_shared<Attempt>();
  std::thread([attempt, keywords, share = patience.each] {
    drive(*attempt, keywords, share);
  }).detach();

  std::unique_lock lock(attempt->mutex);
  if (!attempt->changed.wait_for(lock, stop, patience.total, [&] { return attempt->done; })) {
    attempt->abandoned = true;
    if (stop.stop_requested()) {
      throw Error(Reason::Interrupted,
                  fmt::format("interrupted while connecting to {}", url.display), kAgain);
    }
    throw Error(Reason::DatabaseUnreachable,
                fmt::format("cannot connect to {}: no answer within {} ms", url.display,
                            patience.total.count()),
                "check host and port, name resolution and firewalls");
  }
  if (!attempt->connection || PQstatus(attempt->connection.get()) != CONNECTION_OK) {
    fail_to_connect(attempt->connection.get(), url, keywords.get("password"));
  }
  return attempt->connection.release();
}

class Policy : public pqxx::connectionpolicy {
 public:
  Policy(const DatabaseUrl& url, const ConnectOptions& options, std::stop_token stop)
      : pqxx::connectionpolicy(""), url_(url), options_(options), stop_(std::move(stop)) {}

  handle do_startconnect(handle old) override {
    if (old == nullptr) handle_ = open(url_, options_, stop_);
    return old == nullptr ? handle_ : old;
  }
  handle do_completeconnect(handle old) override { return old; }
  handle raw() const { return handle_; }

 private:
  const DatabaseUrl& url_;  // used while the session is made, not later
  const ConnectOptions& options_;
  std::stop_token stop_;
  handle handle_ = nullptr;
};

class Session : public pqxx::connection_base {
 public:
  Session(const DatabaseUrl& url, const ConnectOptions& options, std::stop_token stop)
      : pqxx::connection_base(policy_), policy_(url, options, std::move(stop)) {
    init();
    PQsetNoticeReceiver(
        raw(), [](void*, const PGresult*) {}, nullptr);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    inhibit_reactivation(true);  // a new session would have neither lock nor transaction
#pragma GCC diagnostic pop
  }
  ~Session() { close(); }
  PGconn* raw() const { return policy_.raw(); }

 private:
  Policy policy_;
};

std::unique_ptr<Session> open_session(const DatabaseUrl& url, const ConnectOptions& options,
                                      const std::stop_token& stop) {
  try {
    return std::make_unique<Session>(url, options, stop);
  } catch (const pqxx::pqxx_exception& failure) {
    throw Error(Reason::DatabaseUnreachable, fmt::format("cannot connect to {}: {}", url.display,
                                                         one_line(failure.base().what())));
  } catch (const std::system_error& failure) {
    throw Error(Reason::DatabaseUnreachable,
                fmt::format("cannot connect to {}: no thread: {}", url.display, failure.what()));
  }
}

// --- cancelling ----------------------------------------------------------------------------------

// PQcancel opens a connection of its own and may hang as long as the network does: each runs in a
// thread.
class Canceller {
 public:
  explicit Canceller(PGconn* connection) : handle_(PQgetCancel(connection)) {}

  static void send(const std::shared_ptr<Canceller>& self) {
    if (!self->handle_) return;
    {
      const std::lock_guard lock(self->mutex_);
      ++self->running_;
    }
    try {
      std::thread([self] { self->run(); }).detach();
    } catch (const std::system_error&) {
      self->run();
    }
  }

  // A request that arrives late would hit the next statement.
  void settle() {
    std::unique_lock lock(mutex_);
    ended_.wait_for(lock, kCancelAgain, [this] { return running_ == 0; });
  }

 private:
  void run() {
    std::array<char, 256> ignored{};
    PQcancel(handle_.get(), ignored.data(), static_cast<int>(ignored.size()));
    const std::lock_guard lock(mutex_);
    --running_;
    ended_.notify_all();
  }

  std::unique_ptr<PGcancel, Deleter> handle_;
  std::mutex mutex_;
  std::condition_variable ended_;
  int running_ = 0;
};

// Wakes a poll() of another thread.
class Wakeup {
 public:
  Wakeup() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (fd_ < 0) throw Error(Reason::Bug, "cannot make an eventfd: too many open files?");
  }
  ~Wakeup() { ::close(fd_); }
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;

  int fd() const { return fd_; }
  void raise() noexcept { eventfd_write(fd_, 1); }
  void clear() noexcept {
    eventfd_t ignored = 0;
    eventfd_read(fd_, &ignored);
  }

 private:
  int fd_;
};

// --- statements ----------------------------------------------------------------------------------

std::string field(const PGresult* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text == nullptr ? std::string{} : std::string(text);
}

// In characters of what was sent, from 1; 0: not known.
long position_of(const PGresult* result) {
  return std::strtol(field(result, PG_DIAG_STATEMENT_POSITION).c_str(), nullptr, 10);
}

// Statements that are sent as one text.
class Message {
 public:
  void add(std::string_view statement) {
    if (!text_.empty()) text_ += "\n;\n";  // what is before may end in a comment
    begins_.push_back(text_.size());
    text_ += statement;
  }
  const std::string& text() const { return text_; }
  std::size_t size() const { return begins_.size(); }
  // The statement in which a position lies, as the server counts: characters of the text, from 1.
  std::size_t statement_at(long position) const {
    const std::size_t offset = offset_of_position(text_, position);
    const auto next = std::upper_bound(begins_.begin(), begins_.end(), offset);
    return static_cast<std::size_t>(next - begins_.begin()) - 1;
  }
  // 1-based, from the first line of the statement.
  int line_at(long position) const {
    const std::size_t begin = begins_[statement_at(position)];
    const std::size_t end = offset_of_position(text_, position);
    return 1 + static_cast<int>(std::count(text_.begin() + static_cast<std::ptrdiff_t>(begin),
                                           text_.begin() + static_cast<std::ptrdiff_t>(end), '\n'));
  }

 private:
  std::string text_ = {};
  std::vector<std::size_t> begins_ = {};
};

class PostgresConnection : public Connection {
 public:
  PostgresConnection(const DatabaseUrl& url, const ConnectOptions& options, std::stop_token stop)
      : url_(url), options_(options), stop_(std::move(stop)) {
    PostgresConnection::reconnect();
  }

  void reconnect() override {
    canceller_.reset();
    session_.reset();
    session_ = open_session(url_, options_, stop_);
    handle_ = session_->raw();
    canceller_ = std::make_shared<Canceller>(handle_);
    given_up_ = begin_pending_ = false;
  }

  long execute(const std::string& sql) override { return touched(run(sql).get()); }
  std::vector<long> execute_all(const std::vector<std::string>& statements,
                                std::size_t& at) override {
    return touched(run_all(statements, at), statements.size());
  }
  std::vector<long> commit_with(const std::vector<std::string>& statements,
                                std::size_t& at) override;

  std::vector<Row> query(const std::string& sql) override {
    const Result result = run(sql);
    std::vector<Row> rows(static_cast<std::size_t>(PQntuples(result.get())));
    const int columns = PQnfields(result.get());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      for (int column = 0; column < columns; ++column) {
        const int row = static_cast<int>(i);
        if (PQgetisnull(result.get(), row, column) != 0) {
          rows[i].emplace_back();
        } else {
          rows[i].emplace_back(PQgetvalue(result.get(), row, column));
        }
      }
    }
    return rows;
  }

  ResultPart open_result(const std::string& sql, const std::vector<SqlValue>& parameters) override;
  ResultPart next_part() override;
  void close_result() noexcept override;

  void begin() override { begin_pending_ = true; }
  void commit() override;
  void rollback() noexcept override;
  bool in_transaction() const noexcept override {
    if (begin_pending_) return true;
    const auto state = PQtransactionStatus(handle_);
    return state == PQTRANS_INTRANS || state == PQTRANS_INERROR;
  }

  bool alive() noexcept override {
    if (is_lost()) return false;
    pollfd socket{PQsocket(handle_), POLLRDHUP, 0};
    return poll(&socket, 1, 0) == 0;
  }

  void cancel() noexcept override {
    cancelled_ = true;
    wakeup_.raise();
  }

  void while_waiting(const WhileWaiting& call, milliseconds interval) override {
    while_waiting_ = call;
    call_interval_ = interval;
  }
  int server_pid() const noexcept override { return PQbackendPID(handle_); }

  const Dialect& dialect() const override { return postgres_dialect(); }

 private:
  static long touched(PGresult* result) { return std::strtol(PQcmdTuples(result), nullptr, 10); }
  static std::vector<long> touched(const std::vector<Result>& results, std::size_t count) {
    std::vector<long> rows;
    for (const Result& result : results) rows.push_back(touched(result.get()));
    rows.resize(count);
    return rows;
  }
  Result run(const std::string& sql);
  std::vector<Result> run_all(const std::vector<std::string>& statements, std::size_t& at);
  void send(const std::string& text);
  std::vector<Result> collect();
  Result next_result();
  void add_to_part(ResultPart&, PGresult*);
  void wait_for_answer();
  int longest_wait() const;
  void check_result(const PGresult*, const Message&, std::size_t at);
  void finish_copy(PGresult*);
  [[noreturn]] void fail_lost(const std::string& cause, const std::string& sqlstate);
  [[noreturn]] void fail_interrupted(const std::string& hint = kAgain);
  bool is_lost() const { return given_up_ || PQstatus(handle_) != CONNECTION_OK; }
  static CommitInDoubt in_doubt(const Error&);
  static void check_commit(PGresult*);

  const DatabaseUrl url_;
  const ConnectOptions options_;
  const std::stop_token stop_;
  std::unique_ptr<Session> session_ = {};
  PGconn* handle_ = nullptr;
  std::shared_ptr<Canceller> canceller_ = {};
  Wakeup wakeup_ = {};
  std::atomic<bool> cancelled_ = false;
  bool begin_pending_ = false;  // it goes with the first statement
  WhileWaiting while_waiting_ = {};
  milliseconds call_interval_{0};
  Clock::time_point sent_at_ = {};  // both: of the statement that runs
  Clock::time_point call_at_ = Clock::time_point::max();
  bool given_up_ = false;  // the server did not answer a cancel request; the socket is of no use
  Clock::time_point give_up_at_ = Clock::time_point::max();  // both: of the statement that runs
  Clock::time_point request_at_ = Clock::time_point::min();  // the next cancel request
  struct OpenResult {
    Message message = {};
    std::size_t at = 0;  // the statement of the message whose result is read
    std::size_t part_bytes = 0;
    bool may_pause = false;  // what is behind is of the same statement
  };
  std::optional<OpenResult> open_ = {};
};

void PostgresConnection::fail_lost(const std::string& cause, const std::string& sqlstate) {
  Failure failure;
  failure.sqlstate = sqlstate;
  failure.message = cause;
  throw Error(Reason::DatabaseUnreachable,
              fmt::format("connection to {} lost: {}{}", url_.display, cause,
                          sqlstate.empty() ? "" : fmt::format(" ({})", sqlstate)),
              failure, kAgain);
}

void PostgresConnection::fail_interrupted(const std::string& hint) {
  cancelled_ = false;
  wakeup_.clear();
  throw Error(Reason::Interrupted, "interrupted; the statement was cancelled", hint);
}

// Until the server says something. A cancel request is sent from here, so that it never hits a
// statement that it was not meant for.
void PostgresConnection::wait_for_answer() {
  for (;;) {
    const auto now = Clock::now();
    if (now >= give_up_at_) {
      given_up_ = true;
      fail_interrupted(
          fmt::format("the server did not answer the cancel request within {} s, so the "
                      "connection was dropped; run the same command again",
                      kCancelGrace.count() / 1000));
    }
    if (cancelled_ && now >= request_at_) {
      give_up_at_ = std::min(give_up_at_, now + kCancelGrace);
      request_at_ = now + kCancelAgain;
      Canceller::send(canceller_);
    }
    if (now >= call_at_ && !cancelled_) {
      while_waiting_(std::chrono::duration_cast<milliseconds>(now - sent_at_));
      call_at_ = Clock::now() + call_interval_;
    }
    std::array<pollfd, 2> waiting{{{PQsocket(handle_), POLLIN, 0}, {wakeup_.fd(), POLLIN, 0}}};
    const int ready = poll(waiting.data(), cancelled_ ? 1 : 2, longest_wait());
    if (ready < 0 && errno != EINTR) fail_lost("poll failed on its socket", "");
    if (ready > 0 && waiting[0].revents != 0) return;
  }
}

// In milliseconds; -1: until something comes.
int PostgresConnection::longest_wait() const {
  if (give_up_at_ != Clock::time_point::max()) return static_cast<int>(kSlice.count());
  if (call_at_ == Clock::time_point::max()) return -1;
  const auto left = std::chrono::ceil<milliseconds>(call_at_ - Clock::now());
  return static_cast<int>(std::max(left, milliseconds{0}).count());
}

void PostgresConnection::finish_copy(PGresult* result) {
  if (PQresultStatus(result) == PGRES_COPY_IN) {
    PQputCopyEnd(handle_, "COPY ... FROM stdin: there is no client to send the rows");
    return;
  }
  char* row = nullptr;
  while (PQgetCopyData(handle_, &row, 0) > 0) PQfreemem(row);
}

// Of what was sent; null: there is none.
Result PostgresConnection::next_result() {
  while (PQisBusy(handle_) != 0) {
    wait_for_answer();
    if (PQconsumeInput(handle_) == 0) break;  // PQgetResult has the reason
  }
  return Result(PQgetResult(handle_));
}

// All results of what was sent, in order, up to the first error.
std::vector<Result> PostgresConnection::collect() {
  std::vector<Result> results;
  bool failed = false;
  for (;;) {
    Result next = next_result();
    if (!next) return results;
    const auto status = PQresultStatus(next.get());
    if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT) finish_copy(next.get());
    if (status != PGRES_COPY_IN && !failed) results.push_back(std::move(next));
    failed = failed || status == PGRES_FATAL_ERROR || status == PGRES_COPY_OUT;
  }
}

// `at`: of the message.
void PostgresConnection::check_result(const PGresult* result, const Message& message,
                                      std::size_t at) {
  const auto status = PQresultStatus(result);
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY)
    return;
  Failure failure;
  if (status == PGRES_COPY_OUT) {
    failure.message =
        "COPY ... TO stdout cannot be used in a script: there is no client to take the rows";
    throw Error(Reason::MigrationFailed, failure.message, failure);
  }
  failure.sqlstate = field(result, PG_DIAG_SQLSTATE);
  failure.message = one_line(field(result, PG_DIAG_MESSAGE_PRIMARY));
  if (failure.message.empty()) failure.message = one_line(PQerrorMessage(handle_));
  if (PQstatus(handle_) != CONNECTION_OK) fail_lost(failure.message, failure.sqlstate);
  if (failure.sqlstate == "57014" && cancelled_) fail_interrupted();
  failure.detail = field(result, PG_DIAG_MESSAGE_DETAIL);
  failure.hint = field(result, PG_DIAG_MESSAGE_HINT);
  failure.constraint = field(result, PG_DIAG_CONSTRAINT_NAME);
  const long position = position_of(result);
  if (position > 0 && message.statement_at(position) == at)
    failure.line = message.line_at(position);
  std::string hint = one_line(failure.hint);
  if (hint.empty()) hint = hint_of_sqlstate(failure.sqlstate, failure.message);
  throw Error(reason_of_sqlstate(failure.sqlstate),
              fmt::format("{} ({})", failure.message, failure.sqlstate), failure, hint);
}

void PostgresConnection::send(const std::string& text) {
  if (given_up_) fail_lost("it was dropped after a cancel request without an answer", "");
  if (cancelled_) fail_interrupted();
  if (text.find('\0') != std::string::npos) {
    Failure failure;
    failure.message = "the statement holds a NUL byte";
    throw Error(Reason::MigrationFailed, failure.message, failure);
  }
  if (PQsendQuery(handle_, text.c_str()) == 0) fail_lost(one_line(PQerrorMessage(handle_)), "");
  give_up_at_ = Clock::time_point::max();
  request_at_ = Clock::time_point::min();
  sent_at_ = Clock::now();
  call_at_ = while_waiting_ ? sent_at_ + call_interval_ : Clock::time_point::max();
}

std::vector<Result> PostgresConnection::run_all(const std::vector<std::string>& statements,
                                                std::size_t& at) {
  at = 0;
  Message message;
  const std::size_t before = begin_pending_ ? 1 : 0;
  if (begin_pending_) message.add("BEGIN");
  for (const std::string& statement : statements) message.add(statement);
  send(message.text());
  begin_pending_ = false;
  std::vector<Result> results = collect();
  if (cancelled_) canceller_->settle();
  if (results.empty()) fail_lost("the server gave no answer", "");
  // What cannot be parsed is found before anything runs; what is said to be behind its place in the
  // text is elsewhere, in a function.
  std::size_t last = results.size() - 1;
  const PGresult* answer = results.back().get();
  if (PQresultStatus(answer) == PGRES_FATAL_ERROR && last == 0) {
    if (const long position = position_of(answer); position > 0) {
      last = message.statement_at(position);
    }
  }
  at = std::min(last, message.size() - 1) - std::min(last, before);
  check_result(answer, message, last);
  results.erase(results.begin(), results.begin() + static_cast<std::ptrdiff_t>(before));
  return results;
}

Result PostgresConnection::run(const std::string& sql) {
  std::size_t at = 0;
  std::vector<Result> results = run_all({sql}, at);
  if (results.empty()) return Result(PQmakeEmptyPGresult(handle_, PGRES_EMPTY_QUERY));
  return std::move(results.front());
}

// --- results for drivers ---

// A text of several statements is read to its end: only the last result counts.
bool is_one_statement(std::string_view sql) {
  const std::size_t at = sql.find(';');
  return at == std::string_view::npos ||
         sql.find_first_not_of(" \t\r\n;", at) == std::string_view::npos;
}

std::vector<Column> columns_of(const PGresult* result) {
  std::vector<Column> columns(static_cast<std::size_t>(PQnfields(result)));
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const int column = static_cast<int>(i);
    columns[i] = {PQfname(result, column), static_cast<long>(PQftype(result, column)),
                  PQfmod(result, column), ""};
  }
  return columns;
}

ResultPart PostgresConnection::open_result(const std::string& sql,
                                           const std::vector<SqlValue>& parameters) {
  if (!parameters.empty()) {
    throw Error(Reason::Bug, "parameters for PostgreSQL stand in the statement's text");
  }
  OpenResult opened;
  if (begin_pending_) opened.message.add("BEGIN");
  opened.message.add(sql);
  opened.may_pause = is_one_statement(sql);
  send(opened.message.text());
  begin_pending_ = false;
  PQsetSingleRowMode(handle_);
  open_ = std::move(opened);
  return next_part();
}

// In single-row mode each row is a result of its own, and one without rows follows them.
void PostgresConnection::add_to_part(ResultPart& part, PGresult* result) {
  const auto status = PQresultStatus(result);
  if (part.columns.empty()) part.columns = columns_of(result);
  part.has_rows = status != PGRES_COMMAND_OK;
  for (int row = 0; row < PQntuples(result); ++row) {
    std::vector<SqlValue>& values = part.rows.emplace_back();
    for (int column = 0; column < PQnfields(result); ++column) {
      if (PQgetisnull(result, row, column) != 0) {
        values.emplace_back(nullptr);
        continue;
      }
      const auto length = static_cast<std::size_t>(PQgetlength(result, row, column));
      values.emplace_back(std::string(PQgetvalue(result, row, column), length));
      open_->part_bytes += length;
    }
  }
  if (status == PGRES_SINGLE_TUPLE) return;
  part.status = PQcmdStatus(result);
  const char* touched = PQcmdTuples(result);
  part.row_count = *touched == '\0' ? -1 : std::strtol(touched, nullptr, 10);
}

ResultPart PostgresConnection::next_part() {
  ResultPart part;
  if (!open_) return part;
  open_->part_bytes = 0;
  bool complete = false;  // the next result is of another statement
  for (;;) {
    const Result next = next_result();
    if (!next) break;
    const auto status = PQresultStatus(next.get());
    if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT) finish_copy(next.get());
    if (status != PGRES_SINGLE_TUPLE && status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK &&
        status != PGRES_EMPTY_QUERY) {
      const OpenResult failed = *std::exchange(open_, std::nullopt);
      while (next_result()) {
      }
      if (cancelled_) canceller_->settle();
      const long position = position_of(next.get());
      check_result(next.get(), failed.message,
                   position > 0 ? failed.message.statement_at(position) : failed.at);
      continue;
    }
    if (std::exchange(complete, status != PGRES_SINGLE_TUPLE)) {
      part = {};
      ++open_->at;
    }
    add_to_part(part, next.get());
    if (open_->may_pause && !complete &&
        (part.rows.size() >= kPartRows || open_->part_bytes >= kPartBytes)) {
      part.more = true;
      return part;
    }
  }
  open_.reset();
  return part;
}

void PostgresConnection::close_result() noexcept {
  try {
    while (open_ && next_result()) {
    }
  } catch (const Error&) {
    // A rest that nobody wants failed: the next statement meets the reason.
  } catch (const std::exception&) {
  }
  open_.reset();
}

void PostgresConnection::commit() {
  if (std::exchange(begin_pending_, false)) return;
  const auto state = PQtransactionStatus(handle_);
  if (state == PQTRANS_IDLE) {
    throw Error(Reason::VersionConflict,
                "cannot commit: the transaction is gone; a statement of the script has ended it",
                "leave BEGIN, COMMIT and ROLLBACK out of scripts and of what they call");
  }
  if (state == PQTRANS_UNKNOWN) fail_lost("before COMMIT, so the transaction is rolled back", "");
  try {
    check_commit(run("COMMIT").get());
  } catch (const Error& error) {
    if (is_lost()) throw in_doubt(error);
    rollback();
    throw;
  }
}

std::vector<long> PostgresConnection::commit_with(const std::vector<std::string>& statements,
                                                  std::size_t& at) {
  std::vector<std::string> message = statements;
  message.emplace_back("COMMIT");
  try {
    const std::vector<Result> results = run_all(message, at);
    check_commit(results.back().get());
    return touched(results, statements.size());
  } catch (const Error& error) {
    if (is_lost()) throw in_doubt(error);
    throw;
  }
}

void PostgresConnection::check_commit(PGresult* result) {
  if (std::string_view(PQcmdStatus(result)) != "ROLLBACK") return;
  throw Error(
      Reason::MigrationFailed,
      "the transaction was rolled back instead of committed: an earlier statement had failed");
}

CommitInDoubt PostgresConnection::in_doubt(const Error& error) {
  return {Reason::DatabaseUnreachable, "outcome unknown: " + error.message() + ", during COMMIT",
          "run the same command again: it looks at the version table first"};
}

void PostgresConnection::rollback() noexcept {
  close_result();
  cancelled_ = begin_pending_ = false;
  wakeup_.clear();
  for (int tries = 0; tries < 3 && !given_up_ && in_transaction(); ++tries) {
    if (PQsendQuery(handle_, "ROLLBACK") == 0) return;
    give_up_at_ = Clock::now() + kCancelGrace;
    try {
      collect();
    } catch (const Error&) {
      return;  // no answer or no connection: the server rolls back by itself
    } catch (const std::exception&) {
      return;
    }
  }
}

}  // namespace

std::unique_ptr<Connection> connect_postgres(const DatabaseUrl& url, const ConnectOptions& options,
                                             std::stop_token stop) {
  return std::make_unique<PostgresConnection>(url, options, std::move(stop));
}

}  // namespace engine
