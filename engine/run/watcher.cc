// SPDX-License-Identifier: Apache-2.0
#include "engine/run/watcher.h"

#include <fmt/format.h>

#include <cstdlib>
#include <utility>

#include "engine/run/server_session.h"

namespace engine {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstLook{50};  // before the shortest lock_timeout of ours is over
constexpr milliseconds kPause{500};

double number(const std::optional<std::string>& text) {
  return text ? std::strtod(text->c_str(), nullptr) : 0;
}

}  // namespace

StatementWatcher::StatementWatcher(Connection& connection, MigrationLock& lock, Observer& observer,
                                   int pid)
    : connection_(connection), asked_(lock.connection()), observer_(observer), pid_(pid) {
  if (asked_ != nullptr && pid_ != 0)
    connection_.while_waiting([this](milliseconds elapsed) { look(elapsed); }, kFirstLook);
}

StatementWatcher::~StatementWatcher() { connection_.while_waiting({}, milliseconds{0}); }

std::string StatementWatcher::take_blockers() { return std::exchange(blockers_, {}); }

void StatementWatcher::look(milliseconds elapsed) {
  const bool another = elapsed < std::exchange(elapsed_, elapsed);
  if (asked_ == nullptr || (!another && elapsed < next_look_)) return;
  try {
    blockers_ = ask_blockers();
    StatementProgress progress;
    progress.waits_for = blockers_;
    if (ask_progress(progress) || !blockers_.empty()) observer_.progressed(progress);
  } catch (const Error&) {
    asked_ = nullptr;  // whether the lock is still held, is asked before the next commit
  }
  next_look_ = elapsed + kPause;
}

std::string StatementWatcher::ask_blockers() {
  const auto rows = asked_->query(fmt::format(
      "SELECT b.pid, a.application_name, host(a.client_addr), a.state, "
      "extract(epoch FROM clock_timestamp() - a.xact_start)::bigint "
      "FROM (SELECT DISTINCT unnest(pg_blocking_pids({})) AS pid) b "
      "LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = b.pid ORDER BY a.xact_start LIMIT 5",
      pid_));
  std::string text;
  for (const Row& row : rows) {
    if (!text.empty()) text += "; ";
    if (row.at(0) == "0") {
      text += "a prepared transaction";
      continue;
    }
    text += describe_session(row);
    if (row.at(3)) text += ", " + *row[3];
    if (row.at(4)) text += fmt::format(", its transaction is {} s old", *row[4]);
  }
  return text;
}

bool StatementWatcher::ask_progress(StatementProgress& progress) {
  const auto rows = asked_->query(fmt::format(
      "SELECT phase, blocks_done, blocks_total, tuples_done, tuples_total, lockers_done, "
      "lockers_total FROM pg_catalog.pg_stat_progress_create_index WHERE pid = {}",
      pid_));
  if (rows.empty()) return false;
  const Row& row = rows.front();
  progress.phase = row.at(0).value_or("");
  const std::pair<std::size_t, const char*> counters[] = {
      {1, "blocks"}, {3, "tuples"}, {5, "transactions to wait for"}};
  for (const auto& [column, unit] : counters) {
    if (number(row.at(column + 1)) <= 0) continue;
    progress.done = number(row.at(column));
    progress.total = number(row.at(column + 1));
    progress.unit = unit;
    break;
  }
  return true;
}

}  // namespace engine
