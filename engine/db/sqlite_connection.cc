// SPDX-License-Identifier: Apache-2.0
//
// The only file that knows SQLite. Transactions are explicit and take the write lock at once (BEGIN
// IMMEDIATE), so that a step never loses its snapshot half-way.
#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <system_error>
#include <thread>
#include <utility>

#include "engine/db/connection.h"
#include "engine/db/sqlite_file.h"
#include "engine/sql/sql_words.h"

namespace engine {
namespace {

using Clock = std::chrono::steady_clock;

using std::chrono::milliseconds;

constexpr const char* kAgain = "run the same command again";
constexpr milliseconds kBusyPatience{5'000};
constexpr milliseconds kFirstPause{10};
constexpr milliseconds kLongestPause{200};
constexpr milliseconds kTellAfter{100};  // most locks are gone in a moment
constexpr milliseconds kTellAgain{1'000};
constexpr int kInstructionsBetweenLooks = 1'000;  // of SQLite's virtual machine; well below 1 ms

struct Deleter {
  void operator()(sqlite3* p) const { sqlite3_close_v2(p); }
  void operator()(sqlite3_stmt* p) const { sqlite3_finalize(p); }
};
using Database = std::unique_ptr<sqlite3, Deleter>;
using Prepared = std::unique_ptr<sqlite3_stmt, Deleter>;

int line_at(std::string_view sql, int offset) {
  if (offset < 0) return 0;
  const auto end = std::min(static_cast<std::size_t>(offset), sql.size());
  return 1 + static_cast<int>(
                 std::count(sql.begin(), sql.begin() + static_cast<std::ptrdiff_t>(end), '\n'));
}

// VACUUM, ATTACH, DETACH and some PRAGMAs.
std::string hint_of(std::string_view message) {
  const bool wants_none = message.find("within a transaction") != std::string_view::npos ||
                          message.find("within transaction") != std::string_view::npos ||
                          message.find("inside a transaction") != std::string_view::npos;
  if (!wants_none) return {};
  return "such a statement stands by itself: put `-- stillhead:autocommit` before it and "
         "`-- stillhead:end` behind it";
}

[[noreturn]] void fail_to_open(const DatabaseUrl& url, std::string_view cause,
                               std::string_view hint) {
  throw Error(Reason::DatabaseUnreachable, fmt::format("cannot open {}: {}", url.display, cause),
              std::string(hint));
}

bool is_savepoint(std::string_view sql) {
  try {
    return SqlWords(sql, SqlFlavour::Sqlite).at("savepoint");
  } catch (const Error&) {
    return true;  // nothing can be said about it
  }
}

// One statement's wait for another process.
struct BusyWait {
  Clock::time_point ends;
  milliseconds pause = kFirstPause;
  Clock::time_point tell_at = Clock::now() + kTellAfter;
  std::string told = {};
};

class SqliteConnection : public Connection {
 public:
  SqliteConnection(const DatabaseUrl& url, const ConnectOptions& options, std::stop_token stop);

  long execute(const std::string& sql) override {
    const auto before = sqlite3_total_changes64(database_.get());
    run(sql, nullptr, kBusyPatience);
    if (sqlite3_total_changes64(database_.get()) == before) return 0;
    return static_cast<long>(sqlite3_changes64(database_.get()));  // without those of triggers
  }
  std::vector<Row> query(const std::string& sql) override {
    std::vector<Row> rows;
    run(sql, &rows, in_transaction() ? kBusyPatience : read_patience_);
    return rows;
  }

  ResultPart open_result(const std::string& sql, const std::vector<SqlValue>& parameters) override;
  ResultPart next_part() override;
  void close_result() noexcept override { open_.reset(); }

  // Throws Error(LockUnavailable) at once when somebody reads or writes.
  void begin_exclusive() { run("BEGIN EXCLUSIVE", nullptr, milliseconds(0)); }
  void begin() override { run("BEGIN IMMEDIATE", nullptr, kBusyPatience); }
  void commit() override;
  void rollback() noexcept override;
  bool in_transaction() const noexcept override {
    return sqlite3_get_autocommit(database_.get()) == 0;
  }

  bool suspend_transaction() override;
  void resume_transaction() override { run(std::string(begun_by_), nullptr, kBusyPatience); }
  bool holds_write_lock() const noexcept override {
    return sqlite3_txn_state(database_.get(), "main") == SQLITE_TXN_WRITE;
  }

  bool alive() noexcept override { return true; }
  void cancel() noexcept override {
    cancelled_ = true;
    sqlite3_interrupt(database_.get());
  }
  const Dialect& dialect() const override { return sqlite_dialect(); }

 private:
  void run(std::string_view sql, std::vector<Row>* rows, milliseconds patience);
  void step_to_end(sqlite3_stmt*, std::vector<Row>* rows, BusyWait& wait);
  int step(sqlite3_stmt*);
  bool may_retry(int code, BusyWait& wait);
  void tell_who_is_waited_for(BusyWait& wait);
  [[noreturn]] void fail(int code, std::string_view sql);
  [[noreturn]] void fail_interrupted();

  DatabaseUrl url_;
  milliseconds read_patience_;  // of queries outside of a transaction
  std::function<void(const std::string&)> on_busy_;
  Database database_ = {};
  Prepared open_ = {};  // a result that is read in parts; behind the database, which outlives it
  std::string begun_by_ = {};      // the statement that has begun the transaction
  bool may_have_changed_ = false;  // in it
  std::atomic<bool> cancelled_ = false;
};

SqliteConnection::SqliteConnection(const DatabaseUrl& url, const ConnectOptions& options,
                                   std::stop_token stop)
    : url_(url),
      read_patience_(std::max(options.busy_patience, kBusyPatience)),
      on_busy_(options.on_busy) {
  check_sqlite_file(url, options.create);
  const bool in_memory = url.conninfo == ":memory:";
  sqlite3* raw = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                    (options.create || in_memory ? SQLITE_OPEN_CREATE : 0);
  const int code = sqlite3_open_v2(url.conninfo.c_str(), &raw, flags, nullptr);
  database_.reset(raw);
  if (code != SQLITE_OK) {
    fail_to_open(url, raw == nullptr ? "out of memory" : sqlite3_errmsg(raw),
                 "check the rights of the file and of the directories above it");
  }
  sqlite3_busy_timeout(raw, 0);
  sqlite3_progress_handler(
      raw, kInstructionsBetweenLooks,
      [](void* self) { return static_cast<SqliteConnection*>(self)->cancelled_.load() ? 1 : 0; },
      this);
  if (options.create && sqlite3_db_readonly(raw, "main") == 1) {
    fail_to_open(url, "the file cannot be written",
                 "check the rights of the file and of the directories above it");
  }
  const std::stop_callback on_stop(std::move(stop), [this] { cancel(); });
  // SQLite reads the file only now.
  run("SELECT count(*) FROM sqlite_master", nullptr, options.busy_patience);
}

void SqliteConnection::fail_interrupted() {
  cancelled_ = false;
  throw Error(Reason::Interrupted, "interrupted; the statement was cancelled", kAgain);
}

void SqliteConnection::fail(int code, std::string_view sql) {
  const int primary = code & 0xff;
  if (primary == SQLITE_INTERRUPT || (cancelled_ && primary == SQLITE_BUSY)) fail_interrupted();
  Failure failure;
  failure.sqlstate = fmt::format("{}", code);
  failure.message = sqlite3_errmsg(database_.get());
  failure.line = line_at(sql, sqlite3_error_offset(database_.get()));
  std::replace(failure.message.begin(), failure.message.end(), '\n', ' ');
  const std::string text = fmt::format("{} (SQLite error {})", failure.message, code);
  switch (primary) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      throw Error(
          Reason::LockUnavailable,
          fmt::format("{} is locked by {}: {}", url_.display, sqlite_lock_holder(url_), text),
          failure, "wait until that transaction has ended, or end its process");
    case SQLITE_NOTADB:
      throw Error(
          Reason::InvalidUsage, fmt::format("cannot use {}: {}", url_.display, text), failure,
          "the URL names a file of another kind, or a database that is encrypted: check the "
          "path");
    case SQLITE_CORRUPT:  // also after a read that failed: another try may do
      throw Error(Reason::DatabaseUnreachable, fmt::format("cannot use {}: {}", url_.display, text),
                  failure,
                  "a read failed, or the file is damaged: `PRAGMA integrity_check` says; if it is, "
                  "restore it from a backup");
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR:
    case SQLITE_FULL:
    case SQLITE_READONLY:
      throw Error(Reason::DatabaseUnreachable, fmt::format("cannot use {}: {}", url_.display, text),
                  failure, "check the file, its rights, those of its directory, and free space");
    default:
      throw Error(Reason::MigrationFailed, text, failure, hint_of(failure.message));
  }
}

// Waits a moment before another try. SQLITE_BUSY_SNAPSHOT does not go away by waiting.
bool SqliteConnection::may_retry(int code, BusyWait& wait) {
  if ((code & 0xff) != SQLITE_BUSY || code == SQLITE_BUSY_SNAPSHOT) return false;
  const auto left = std::chrono::ceil<milliseconds>(wait.ends - Clock::now());
  if (cancelled_ || left <= milliseconds(0)) return false;
  tell_who_is_waited_for(wait);
  std::this_thread::sleep_for(std::min(wait.pause, left));
  wait.pause = std::min(wait.pause * 3 / 2, kLongestPause);
  return true;
}

void SqliteConnection::tell_who_is_waited_for(BusyWait& wait) {
  if (!on_busy_ || Clock::now() < wait.tell_at) return;
  wait.tell_at = Clock::now() + kTellAgain;
  std::string holder = sqlite_lock_holder(url_);
  if (holder == wait.told) return;
  wait.told = std::move(holder);
  on_busy_(wait.told);
}

// Notes how a transaction has begun, and whether it may have changed anything.
int SqliteConnection::step(sqlite3_stmt* statement) {
  const bool was_outside = !in_transaction();
  const int code = sqlite3_step(statement);
  if (was_outside && in_transaction()) {
    begun_by_ = sqlite3_sql(statement);
    may_have_changed_ = is_savepoint(begun_by_);
  } else if (!was_outside && !may_have_changed_) {
    may_have_changed_ =
        sqlite3_stmt_readonly(statement) == 0 ||
        (sqlite3_column_count(statement) == 0 && is_savepoint(sqlite3_sql(statement)));
  }
  return code;
}

void SqliteConnection::step_to_end(sqlite3_stmt* statement, std::vector<Row>* rows,
                                   BusyWait& wait) {
  for (;;) {
    const int code = step(statement);
    if (code == SQLITE_DONE) return;
    if (code != SQLITE_ROW) {
      if (!may_retry(code, wait)) fail(code, sqlite3_sql(statement));
      sqlite3_reset(statement);
      if (rows != nullptr) rows->clear();
      continue;
    }
    if (rows == nullptr) continue;
    Row row;
    for (int column = 0; column < sqlite3_column_count(statement); ++column) {
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
      if (text == nullptr) {
        row.emplace_back();
      } else {
        row.emplace_back(
            std::string(text, static_cast<std::size_t>(sqlite3_column_bytes(statement, column))));
      }
    }
    rows->push_back(std::move(row));
  }
}

void SqliteConnection::run(std::string_view sql, std::vector<Row>* rows, milliseconds patience) {
  if (cancelled_) fail_interrupted();
  if (sql.find('\0') != std::string_view::npos) {
    Failure failure;
    failure.message = "the statement holds a NUL byte";
    throw Error(Reason::MigrationFailed, failure.message, failure);
  }
  BusyWait wait{Clock::now() + patience};
  while (!sql.empty()) {
    sqlite3_stmt* raw = nullptr;
    const char* tail = nullptr;
    const int code =
        sqlite3_prepare_v2(database_.get(), sql.data(), static_cast<int>(sql.size()), &raw, &tail);
    const Prepared statement(raw);
    if (code != SQLITE_OK) {
      if (may_retry(code, wait)) continue;
      fail(code, sql);
    }
    if (statement) step_to_end(statement.get(), rows, wait);
    sql.remove_prefix(static_cast<std::size_t>(tail - sql.data()));
  }
}

// --- results for drivers ---

void bind(sqlite3_stmt* statement, int index, const SqlValue& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    sqlite3_bind_int64(statement, index, *integer);
  } else if (const auto* real = std::get_if<double>(&value)) {
    sqlite3_bind_double(statement, index, *real);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    sqlite3_bind_text64(statement, index, text->data(), text->size(), SQLITE_TRANSIENT,
                        SQLITE_UTF8);
  } else if (const auto* blob = std::get_if<Blob>(&value)) {
    sqlite3_bind_blob64(statement, index, blob->bytes.data(), blob->bytes.size(), SQLITE_TRANSIENT);
  }
}

SqlValue value_of(sqlite3_stmt* statement, int column) {
  const auto length = [&] {
    return static_cast<std::size_t>(sqlite3_column_bytes(statement, column));
  };
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
      return static_cast<std::int64_t>(sqlite3_column_int64(statement, column));
    case SQLITE_FLOAT:
      return sqlite3_column_double(statement, column);
    case SQLITE_TEXT: {
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
      return std::string(text, length());
    }
    case SQLITE_BLOB: {
      const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement, column));
      return Blob{bytes == nullptr ? std::string() : std::string(bytes, length())};
    }
    default:
      return nullptr;
  }
}

std::size_t size_of(const SqlValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return text->size();
  if (const auto* blob = std::get_if<Blob>(&value)) return blob->bytes.size();
  return sizeof(double);
}

Error misuse(const std::string& message) {
  Failure failure;
  failure.sqlstate = "21";  // SQLITE_MISUSE
  failure.message = message;
  return {Reason::MigrationFailed, message, failure};
}

ResultPart SqliteConnection::open_result(const std::string& sql,
                                         const std::vector<SqlValue>& parameters) {
  open_.reset();
  if (cancelled_) fail_interrupted();
  if (sql.find('\0') != std::string::npos) throw misuse("the statement holds a NUL byte");
  BusyWait wait{Clock::now() + kBusyPatience};
  sqlite3_stmt* raw = nullptr;
  const char* tail = nullptr;
  int code = SQLITE_OK;
  do {
    code =
        sqlite3_prepare_v2(database_.get(), sql.c_str(), static_cast<int>(sql.size()), &raw, &tail);
  } while (code != SQLITE_OK && may_retry(code, wait));
  if (code != SQLITE_OK) fail(code, sql);
  open_.reset(raw);
  if (!open_) return {};
  if (std::string_view(tail).find_first_not_of(" \t\r\n;") != std::string_view::npos) {
    open_.reset();
    throw misuse("You can only execute one statement at a time.");
  }
  const int wanted = sqlite3_bind_parameter_count(raw);
  if (static_cast<std::size_t>(wanted) != parameters.size()) {
    open_.reset();
    throw misuse(fmt::format(
        "Incorrect number of bindings supplied. The current statement uses {}, and there are {} "
        "supplied.",
        wanted, parameters.size()));
  }
  for (int i = 0; i < wanted; ++i) bind(raw, i + 1, parameters[static_cast<std::size_t>(i)]);
  return next_part();
}

ResultPart SqliteConnection::next_part() {
  ResultPart part;
  sqlite3_stmt* const statement = open_.get();
  if (statement == nullptr) return part;
  const int count = sqlite3_column_count(statement);
  part.has_rows = count > 0;
  for (int i = 0; i < count; ++i) {
    const char* declared = sqlite3_column_decltype(statement, i);
    part.columns.push_back(
        {sqlite3_column_name(statement, i), 0, -1, declared == nullptr ? "" : declared});
  }
  const bool fresh = sqlite3_stmt_busy(statement) == 0;
  const auto before = sqlite3_total_changes64(database_.get());
  BusyWait wait{Clock::now() + kBusyPatience};
  for (std::size_t bytes = 0; part.rows.size() < kPartRows && bytes < kPartBytes;) {
    const int code = step(statement);
    if (code == SQLITE_DONE) {
      if (count == 0) {
        const bool changed = sqlite3_total_changes64(database_.get()) != before;
        part.row_count = changed ? static_cast<long>(sqlite3_changes64(database_.get())) : 0;
      }
      part.last_row_id = sqlite3_last_insert_rowid(database_.get());
      open_.reset();
      return part;
    }
    if (code != SQLITE_ROW) {
      if (!fresh || !part.rows.empty() || !may_retry(code, wait)) {
        const Prepared failed = std::move(open_);
        fail(code, sqlite3_sql(failed.get()));
      }
      sqlite3_reset(statement);
      continue;
    }
    std::vector<SqlValue>& values = part.rows.emplace_back();
    for (int i = 0; i < count; ++i) {
      values.push_back(value_of(statement, i));
      bytes += size_of(values.back());
    }
  }
  part.more = true;
  return part;
}

bool SqliteConnection::suspend_transaction() {
  if (!in_transaction() || may_have_changed_) return false;
  open_.reset();
  run("ROLLBACK", nullptr, kBusyPatience);
  return true;
}

void SqliteConnection::commit() {
  if (!in_transaction()) {
    throw Error(Reason::VersionConflict,
                "cannot commit: the transaction is gone; a statement of the script has ended it",
                "leave BEGIN, COMMIT, ROLLBACK and ON CONFLICT ROLLBACK out of scripts");
  }
  try {
    run("COMMIT", nullptr, kBusyPatience);
  } catch (const Error&) {
    rollback();
    throw;
  }
}

void SqliteConnection::rollback() noexcept {
  open_.reset();
  cancelled_ = false;
  if (database_ && in_transaction()) {
    sqlite3_exec(database_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
  }
}

}  // namespace

std::unique_ptr<Connection> connect_sqlite(const DatabaseUrl& url, const ConnectOptions& options,
                                           std::stop_token stop) {
  if (stop.stop_requested()) {
    throw Error(Reason::Interrupted, "interrupted before opening " + url.display, kAgain);
  }
  try {
    return std::make_unique<SqliteConnection>(url, options, std::move(stop));
  } catch (const Error& error) {
    if (error.reason() != Reason::Interrupted) throw;
    throw Error(Reason::Interrupted, "interrupted while opening " + url.display, kAgain);
  }
}

bool sqlite_file_is_idle(const DatabaseUrl& url, std::stop_token stop) {
  ConnectOptions one_try;
  one_try.busy_patience = milliseconds(0);
  try {
    SqliteConnection connection(url, one_try, std::move(stop));
    connection.begin_exclusive();
    connection.rollback();
    return true;
  } catch (const Error& error) {
    if (error.reason() != Reason::LockUnavailable) throw;
    return false;
  }
}

}  // namespace engine
