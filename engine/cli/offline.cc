// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/offline.h"

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/cli/inputs.h"
#include "engine/cli/migrate.h"
#include "engine/cli/prepare.h"
#include "engine/cli/print.h"
#include "engine/core/error.h"
#include "engine/core/target.h"
#include "engine/db/offline_connection.h"
#include "engine/run/migrator.h"

namespace engine {
namespace {

class NoLock : public MigrationLock {
 public:
  bool held() noexcept override { return true; }
};

// Tells the log, and writes the same as a comment between the statements: without the message,
// which may hold anything.
class OfflineObserver : public Observer {
 public:
  OfflineObserver(Observer& log, OfflineConnection& connection)
      : log_(log), connection_(connection) {}

  void step_started(const Step& step, const Revision& revision, int number, int count) override {
    log_.step_started(step, revision, number, count);
    connection_.comment(running_text_short(step, revision));
  }
  void step_finished(const Step& step, const Revision& revision,
                     std::chrono::milliseconds duration) override {
    log_.step_finished(step, revision, duration);
  }
  void stamp_started(const StampStep& step) override {
    log_.stamp_started(step);
    connection_.comment(running_text(step));
  }

 private:
  Observer& log_;
  OfflineConnection& connection_;
};

struct Range {
  std::optional<std::string> from = {};
  std::string to = {};
};

Range range_of(const std::string& target) {
  const std::size_t colon = target.find(':');
  if (colon == std::string::npos) return {std::nullopt, target};
  return {target.substr(0, colon), target.substr(colon + 1)};
}

[[noreturn]] void refuse(std::string message) {
  throw Error(Reason::InvalidUsage, std::move(message));
}

class Offline {
 public:
  Offline(const Options& options, Observer& log, RunReport& report)
      : options_(options),
        graph_(read_graph(options, report)),
        dialect_(dialect_of(find_database(options).flavour)),
        connection_(
            dialect_,
            options.transactional_ddl.value_or(dialect_.flavour() == SqlFlavour::PostgreSql),
            [this](std::string_view text) { text_ += text; }),
        observer_(log, connection_),
        context_{connection_, lock_, versions_,           nullptr, nullptr, observer_,
                 {},          {},    options.transactions} {}

  std::string operator()(const Upgrade& command) {
    const Range range = range_of(command.target);
    return run(plan_upgrade(graph_, start_of(range), range.to));
  }

  std::string operator()(const Downgrade& command) {
    const Range range = range_of(command.target);
    if (!range.from) refuse("downgrade with --sql requires <fromrev>:<torev>");
    return run(plan_downgrade(graph_, start_of(range), range.to));
  }

  std::string operator()(const Stamp& command) {
    if (command.purge) refuse("Can't use --purge with --sql mode");
    Range range{std::nullopt, {}};
    std::vector<std::string> targets;
    for (const std::string& target : command.targets) {
      const Range one = range_of(target);
      if (one.from && range.from && *one.from != *range.from) {
        refuse("Stamp operation with --sql only supports a single starting revision at a time");
      }
      if (one.from) range.from = one.from;
      targets.push_back(one.to);
    }
    const RevisionSet start = start_of(range);
    execute(plan_stamp(graph_, {start.begin(), start.end()}, targets), {}, context_);
    return text_;
  }

  std::string operator()(const EnsureVersion&) {
    const bool one_transaction = options_.transactions == TransactionMode::Single;
    if (one_transaction) connection_.begin();
    versions_.create(connection_);
    if (one_transaction) connection_.commit();
    return text_;
  }

  template <typename Other>
  std::string operator()(const Other&) {
    throw Error(Reason::Bug, "this command has no --sql");
  }

 private:
  RevisionSet start_of(const Range& range) const {
    if (!range.from) return {};
    const std::vector<RevisionId> start = resolve_many(graph_, {*range.from});
    return {start.begin(), start.end()};
  }

  std::string run(const Plan& plan) {
    const std::vector<PreparedStep> steps = prepare(plan, graph_, dialect_, options_);
    for (const PreparedStep& step : steps) {  // without an env.py that could run them
      if (step.revision.format == ScriptFormat::Python) refuse_python(step.revision);
    }
    std::vector<StepReport> done;
    execute(plan.start, steps, context_, done);
    if (steps.empty() && options_.transactions == TransactionMode::Single) {
      connection_.begin();
      connection_.commit();
    }
    return text_;
  }

  const Options& options_;
  RevisionGraph graph_;
  const Dialect& dialect_;
  std::string text_ = {};
  OfflineConnection connection_;
  OfflineObserver observer_;
  NoLock lock_ = {};
  VersionTable versions_{options_.version_table};
  MigrationContext context_;
};

}  // namespace

std::string print_sql(const Options& options, Observer& log, RunReport& report) {
  return std::visit(Offline(options, log, report), options.command);
}

bool wants_sql(const Command& command) {
  return std::visit(
      [](const auto& one) {
        if constexpr (requires { one.sql; }) return one.sql;
        return false;
      },
      command);
}

}  // namespace engine
