// SPDX-License-Identifier: Apache-2.0
#include "engine/run/timeouts.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "engine/core/sqlstate.h"
#include "engine/sql/statement_kind.h"

namespace engine {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kShortestTry{100};
constexpr int kShorterTries = 3;  // each twice as long as the one before

bool sets(const PreparedStep& step, std::string_view parameter) {
  return std::ranges::any_of(step.statements, [&](const Statement& statement) {
    return sets_parameter(statement.sql, parameter);
  });
}

std::vector<std::string> for_both(const OwnTimeouts& own, std::string_view before,
                                  std::string_view after) {
  std::vector<std::string> statements;
  if (!own.lock) statements.push_back(fmt::format("{} lock_timeout{}", before, after));
  if (!own.statement) statements.push_back(fmt::format("{} statement_timeout{}", before, after));
  return statements;
}

}  // namespace

milliseconds lock_timeout_of(const Timeouts& timeouts, int attempt) {
  const milliseconds whole = timeouts.lock_timeout;
  const int halvings = std::max(kShorterTries + 1 - attempt, 0);
  return std::min(whole, std::max(whole / (1 << halvings), kShortestTry));
}

milliseconds pause_after(const Timeouts& timeouts, int attempt, double random) {
  constexpr int kMostDoublings = 20;
  const milliseconds whole =
      std::min(timeouts.longest_pause,
               timeouts.first_pause * (1 << std::clamp(attempt - 1, 0, kMostDoublings)));
  const auto half = static_cast<double>(whole.count()) / 2;
  return milliseconds(static_cast<long>(half + half * random));
}

milliseconds pause_after(const Timeouts& timeouts, int attempt) {
  static thread_local std::mt19937 generator{std::random_device{}()};
  return pause_after(timeouts, attempt, std::uniform_real_distribution<double>(0, 1)(generator));
}

bool may_be_tried_again(const Error& error) {
  return has_sqlstate(error, {"55P03", "40P01", "40001"});
}

OwnTimeouts own_timeouts(const PreparedStep& step) {
  return {sets(step, "LOCK_TIMEOUT"), sets(step, "STATEMENT_TIMEOUT")};
}

std::vector<std::string> LocalTimeouts::before(const OwnTimeouts& own, const Statement& statement) {
  std::vector<std::string> statements;
  const LockClass kind = lock_class(statement.sql);
  if (timeouts_.lock_timeout.count() > 0 && !own.lock) {
    const bool limited = !lock_timeout_.empty() && lock_timeout_ != "0";
    if (kind == LockClass::Short) {
      want("lock_timeout", fmt::format("{}ms", lock_timeout_of(timeouts_, attempt_).count()),
           lock_timeout_, statements);
    } else if (kind == LockClass::Long && !limited) {
      want("lock_timeout", "0", lock_timeout_, statements);
    }
  }
  if (timeouts_.statement_timeout.count() > 0 && !own.statement) {
    const bool bounded = kind != LockClass::Long;
    want("statement_timeout",
         bounded ? fmt::format("{}ms", timeouts_.statement_timeout.count()) : "0",
         statement_timeout_, statements);
  }
  return statements;
}

void LocalTimeouts::want(const char* parameter, const std::string& value, std::string& current,
                         std::vector<std::string>& statements) {
  if (current == value) return;
  current = value;
  statements.push_back(fmt::format("SET LOCAL {} = '{}'", parameter, value));
}

std::vector<std::string> unlimited_timeouts(const OwnTimeouts& own) {
  return for_both(own, "SET", " = 0");
}

std::vector<std::string> reset_timeouts(const OwnTimeouts& own) {
  return for_both(own, "RESET", "");
}

}  // namespace engine
