// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/hosted_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "engine/cli/inputs.h"
#include "engine/cli/migrate.h"
#include "engine/cli/prepare.h"
#include "engine/cli/print.h"
#include "engine/cli/run_history.h"
#include "engine/cli/run_hooks.h"
#include "engine/cli/script_host.h"
#include "engine/cli/stored_scripts.h"
#include "engine/cli/workplace.h"
#include "engine/db/journal_table.h"
#include "engine/run/migrator.h"
#include "engine/run/timestamp.h"
#include "engine/script/script_dir.h"

namespace engine {
namespace {

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

Json list_of(const std::vector<RevisionId>& revisions) { return Json(revisions); }

// For the child; `alembic` itself is asked for nothing that it does not know.
std::vector<std::string> alembic_words(const Options& options) {
  std::vector<std::string> words = options.alembic_arguments;
  const bool down = std::holds_alternative<Downgrade>(options.command);
  words.emplace_back(down ? "downgrade" : "upgrade");
  words.push_back(options.target);
  words.insert(words.end(), options.alembic_command_arguments.begin(),
               options.alembic_command_arguments.end());
  return words;
}

// One database that env.py migrates: a call of its run_migrations().
struct Unit {
  int connection = 0;  // as the child numbers it; 0: the project's own driver
  std::unique_ptr<Options> options = {};
  std::optional<RevisionGraph> scripts = {};  // of folders that env.py names
  std::unique_ptr<Workplace> workplace = {};
  bool is_inside = false;  // the workplace, in a transaction that env.py has begun
  std::unique_ptr<MigrationLock> lock = {};
  std::optional<std::vector<RevisionId>> told_rows = {};  // of a transaction that is not ours
  RunPlan planned = {};
  std::vector<PreparedStep> steps = {};
  std::optional<RunHistory> history = {};
  std::size_t next = 0;                  // of `steps`
  std::vector<std::size_t> ended = {};   // and not committed
  std::vector<StepReport> reports = {};  // of `ended`
  std::optional<StepReport> running = {};
  Clock::time_point begun = {};
  std::string started_at = {};

  const Plan& plan() const { return planned.plan; }
};

class HostedRun : private TransactionWatch {
 public:
  HostedRun(const Options& options, Observer& observer, const std::stop_token& stop,
            RunReport& report, const Environment& environment, const RevisionGraph& graph)
      : options_(options),
        observer_(observer),
        stop_(stop),
        report_(report),
        environment_(environment),
        graph_(graph),
        host_(options, observer, stop, environment, *this) {}

  void run() {
    try {
      host_.run(
          "migrate", alembic_words(options_), graph_,
          [this](const std::string& what, const Json& request) { return answer(what, request); },
          [this] { return place(); });
      settle_units();
    } catch (const Error& error) {
      if (hooks_) hooks_->after_run(&error);
      throw;
    }
    if (hooks_) hooks_->after_run(nullptr);
    if (!report_.steps.empty()) report_.message = message();
  }

 private:
  Json answer(const std::string& what, const Json& request) {
    if (what == "begin_run") return begin_run(request);
    if (what == "begin_step") return begin_step(request);
    if (what == "end_step") return end_step(request);
    return Json::object();
  }

  // --- a call of run_migrations() ---

  Json begin_run(const Json& request) {
    Unit& unit = units_.emplace_back();
    const Json& number = request.at("connection");
    unit.connection = number.is_null() ? 0 : number.get<int>();
    if (request.contains("rows")) {
      unit.told_rows = request.at("rows").get<std::vector<RevisionId>>();
    }
    read_other_folders(unit, request);
    Connection* const scripts = host_.connection(unit.connection);
    // It would keep our own lock waiting, and every other process.
    const bool suspended = host_.suspend(unit.connection);
    make_workplace(unit, request);
    std::vector<RevisionId> rows = rows_of(unit);
    plan(unit, rows);
    if (unit.plan().steps.empty()) {
      report_.message = fmt::format("already at {}", revisions_text(unit.plan().finish));
      if (suspended) scripts->resume_transaction();
      return {{"heads", list_of(rows)}, {"steps", Json::array()}};
    }
    release_idle_units();
    unit.lock = scripts == nullptr ? unit.workplace->lock() : unit.workplace->lock_for(*scripts);
    rows = rows_of(unit);
    plan(unit, rows);
    if (unit.plan().steps.empty()) {
      report_.message = fmt::format("already at {}: another run got there first",
                                    revisions_text(unit.plan().finish));
    }
    prepare_steps(unit);
    unit.history.emplace(*unit.options, *unit.workplace, report_, observer_);
    const RevisionSet start = unit.plan().start;
    unit.history->check_scripts(graph_of(unit), start, unit.planned.stored_revisions());
    // Rows that the caller may still take back are not for the history.
    if (!unit.told_rows) {
      unit.history->adopt(graph_of(unit), start, unit.planned.stored_revisions());
    }
    begin_hooks(unit);
    Json steps = Json::array();
    for (const PreparedStep& step : unit.steps) {
      steps.push_back({{"revision", step.step.revision}, {"direction", direction_of(step)}});
    }
    if (suspended) scripts->resume_transaction();
    Json answer = {{"heads", list_of(rows)}, {"steps", std::move(steps)}};
    if (unit.scripts) answer["revisions"] = revisions_json(*unit.scripts);
    return answer;
  }

  // Hooks whose programs are not there have nothing to say at the end, either.
  void begin_hooks(const Unit& unit) {
    if (hooks_) return;
    const HookContext context{
        options_.settings.run_hooks(), environment_, observer_, stop_, report_,
        unit.workplace->url().display};
    RunHooks(context).check();
    hooks_.emplace(context);
    hooks_->before_run(unit.steps);
  }

  void read_other_folders(Unit& unit, const Json& request) {
    const std::vector<std::string> folders = version_locations_in(request);
    if (folders.empty()) return;
    const bool recursive = options_.settings.flag(Key::RecursiveVersionLocations);
    unit.scripts.emplace(read_scripts({{folders.begin(), folders.end()}, recursive, true}));
    const RevisionSet heads = unit.scripts->effective_heads();
    report_.source_heads = {heads.begin(), heads.end()};
    report_.source_revisions = static_cast<int>(unit.scripts->size());
  }

  // SQLite: what env.py has changed in its transaction nobody else sees before it ends, and nobody
  // else can write. So all of the run is done in it.
  void work_inside(Unit& unit, Connection& scripts) {
    if (!scripts.holds_write_lock()) {
      throw Error(Reason::InvalidUsage,
                  "env.py has set a savepoint on the SQLite file before run_migrations()",
                  "let it end before: `context.begin_transaction()` begins the run's own");
    }
    unit.workplace->work_inside(scripts);
    unit.is_inside = true;
  }

  void make_workplace(Unit& unit, const Json& request) {
    VersionTableName table = version_table_in(request);
    refuse_other_table(table);
    DatabaseUrl url = parse_database_url(text_of(request, "url"));
    check_version_table_name(table, url.flavour);
    unit.options = std::make_unique<Options>(options_);
    unit.workplace = std::make_unique<Workplace>(*unit.options, observer_, stop_,
                                                 Workplace::WhenMissing::Create, url, table);
    // The search path of env.py's session may lead to another schema than that of a new one.
    if (Connection* const scripts = host_.connection(unit.connection);
        scripts != nullptr && table.schema.empty()) {
      const std::string theirs = schema_in(*scripts, table);
      if (!theirs.empty() && theirs != schema_in(unit.workplace->connection(), table)) {
        table.schema = theirs;
        unit.workplace = std::make_unique<Workplace>(*unit.options, observer_, stop_,
                                                     Workplace::WhenMissing::Create, url, table);
      }
    }
    unit.options->version_table = table;
    if (Connection* const scripts = host_.connection(unit.connection);
        scripts != nullptr && scripts->in_transaction() && url.flavour == SqlFlavour::Sqlite) {
      work_inside(unit, *scripts);
    }
  }

  static std::string schema_in(Connection& connection, const VersionTableName& table) {
    const Dialect& dialect = connection.dialect();
    if (dialect.flavour() == SqlFlavour::Sqlite) return {};
    const auto rows = connection.query(fmt::format(
        "SELECT coalesce((SELECT relnamespace::regnamespace::name FROM pg_catalog.pg_class "
        "WHERE oid = to_regclass({})), current_schema())",
        dialect.quote_literal(dialect.qualified(table))));
    return rows.at(0).at(0).value_or("");
  }

  void refuse_other_table(const VersionTableName& table) const {
    const Settings& settings = options_.settings;
    const VersionTableName& own = options_.version_table;
    for (const auto& [key, theirs, ours] :
         {std::tuple{Key::VersionTable, table.name, own.name},
          std::tuple{Key::VersionTableSchema, table.schema, own.schema}}) {
      if (!is_explicit(settings, key) || theirs == ours) continue;
      throw Error(Reason::InvalidUsage,
                  fmt::format("env.py names the version table '{}', and {} names '{}'", theirs,
                              settings.origin(key), ours),
                  "let both name the same, or leave it to env.py");
    }
  }

  // Where the scripts' session sees them, if it is one of ours.
  std::vector<RevisionId> rows_of(Unit& unit) {
    if (Connection* const scripts = host_.connection(unit.connection)) {
      return unit.workplace->versions().read_in_order(*scripts);
    }
    if (unit.told_rows) return *unit.told_rows;
    return unit.workplace->rows();
  }

  void plan(Unit& unit, const std::vector<RevisionId>& rows) {
    const RevisionSet set(rows.begin(), rows.end());
    report_.from = report_.to = {set.begin(), set.end()};
    unit.planned = plan_run(options_.command, scripts_of(unit), rows, *unit.workplace);
    for (const std::string& warning : unit.plan().warnings) observer_.warned(warning);
    const RevisionSet& targets = unit.plan().targets;
    report_.target_revisions = {targets.begin(), targets.end()};
    report_.pending = static_cast<int>(unit.plan().steps.size());
  }

  const RevisionGraph& scripts_of(const Unit& unit) const {
    return unit.scripts ? *unit.scripts : graph_;
  }
  const RevisionGraph& graph_of(const Unit& unit) const {
    return unit.planned.graph_or(scripts_of(unit));
  }

  void prepare_steps(Unit& unit) {
    const Dialect& dialect = unit.workplace->dialect();
    unit.workplace->versions().check_width(unit.workplace->connection(), written_by(unit.plan()));
    unit.steps = prepare(unit.plan(), graph_of(unit), dialect, options_, unit.planned.stored);
    for (const PreparedStep& step : unit.steps) refuse_own_transactions(step);
  }

  // They run in the transaction of env.py.
  static void refuse_own_transactions(const PreparedStep& step) {
    for (const Statement& statement : step.statements) {
      if (statement.transactional && statement.kind != StatementKind::Batch) continue;
      throw Error(
          Reason::InvalidScripts,
          fmt::format("{}:{}: a statement that commits by itself cannot run beside pending "
                      "Python scripts, which share a transaction of env.py",
                      base_name(step.revision.file), statement.line),
          fmt::format("upgrade to the revision before {}, to it, and then on", step.step.revision));
    }
  }

  // Their locks could be in the way of the next one's.
  void release_idle_units() {
    for (Unit& unit : units_) {
      if (!unit.ended.empty()) continue;
      unit.history.reset();
      unit.lock.reset();
    }
  }

  // --- steps ---

  Unit& unit_of_step(const Json& request) {
    Unit& unit = units_.back();
    const std::string revision = request.at("revision");
    if (unit.next < unit.steps.size() && unit.steps[unit.next].step.revision == revision) {
      return unit;
    }
    throw Error(Reason::Bug, fmt::format("the script host is at {}, which is not next", revision));
  }

  static const char* direction_of(const PreparedStep& step) {
    return step.step.direction == Direction::Up ? "upgrade" : "downgrade";
  }

  Json begin_step(const Json& request) {
    Unit& unit = unit_of_step(request);
    go_on_or_throw(stop_, *unit.lock);
    const PreparedStep& step = unit.steps[unit.next];
    const int number = static_cast<int>(unit.next) + 1;
    const int count = static_cast<int>(unit.steps.size());
    hooks_->before_step(step.step, step.revision, number, count);
    observer_.before_step(step.step, step.revision, number, count);
    observer_.step_started(step.step, step.revision, number, count);
    StepReport report;
    report.revision = step.step.revision;
    report.direction = direction_of(step);
    report.message = step.revision.message;
    report.statement_count = static_cast<int>(step.statements.size());
    unit.running = std::move(report);
    unit.begun = Clock::now();
    unit.started_at = timestamp_now();
    if (step.revision.format == ScriptFormat::Python) return Json::object();
    return run_own(unit, step);
  }

  // A script that is not Python.
  Json run_own(Unit& unit, const PreparedStep& step) {
    Connection* const scripts = host_.connection(unit.connection);
    if (scripts == nullptr) {
      Json statements = Json::array();
      for (const Statement& statement : step.statements) statements.push_back(statement.sql);
      return {{"statements", std::move(statements)}};
    }
    if (!scripts->in_transaction()) scripts->begin();
    int number = 0;
    for (const Statement& statement : step.statements) {
      ++number;
      const auto begin = Clock::now();
      const long rows = scripts->execute(statement.sql);
      unit.running->statements.push_back({number, statement.line, rows, elapsed_ms(begin)});
    }
    return {{"ran", true}};
  }

  Json end_step(const Json& request) {
    Unit& unit = unit_of_step(request);
    const PreparedStep& step = unit.steps[unit.next];
    Connection* const scripts = host_.connection(unit.connection);
    if (scripts != nullptr && !scripts->in_transaction()) {
      check_rows(unit, request, unit.workplace->versions().read(*scripts));  // nothing goes back
    }
    check_rows(unit, request, rows_behind_history(unit, step, scripts, request));
    unit.running->duration_ms = elapsed_ms(unit.begun);
    unit.ended.push_back(unit.next++);
    unit.reports.push_back(*std::exchange(unit.running, std::nullopt));
    if (scripts != nullptr && !scripts->in_transaction()) take_as_done(unit);
    return Json::object();
  }

  // Writes what the step has to say of itself, where that is in its transaction.
  RevisionSet rows_behind_history(Unit& unit, const PreparedStep& step, Connection* scripts,
                                  const Json& request) {
    if (scripts == nullptr) {
      return request.value("rows", Json::array()).get<RevisionSet>();
    }
    const Dialect& dialect = scripts->dialect();
    const HistoryTable& history = unit.history->table();
    return unit.workplace->versions().read_behind(
        *scripts, {JournalTable(history).clear_statement(dialect, step.step.revision),
                   history.statement(dialect, history_row(unit, step))});
  }

  static void check_rows(const Unit& unit, const Json& request, const RevisionSet& found) {
    const RevisionSet wanted = rows_after(unit.plan(), unit.next + 1);
    if (found == wanted) return;
    throw Error(Reason::VersionConflict,
                fmt::format("after {} the version table should be at {}, and is at {}",
                            request.at("revision").get<std::string>(), revisions_text(wanted),
                            revisions_text(found)),
                "another program changed the version table during the run: run the same command "
                "again; or the script itself did: take that out");
  }

  HistoryRow history_row(const Unit& unit, const PreparedStep& step) const {
    return history_row_of(step, identity_of(report_), unit.started_at);
  }

  static long elapsed_ms(Clock::time_point begin) {
    return static_cast<long>(
        std::chrono::duration_cast<milliseconds>(Clock::now() - begin).count());
  }

  // --- transactions of the child ---

  // One transaction may hold several calls of run_migrations(), and several may be open at once.
  std::vector<Unit*> units_with(int connection) {
    std::vector<Unit*> found;
    for (Unit& unit : units_) {
      if (unit.connection == connection && unit.lock) found.push_back(&unit);
    }
    return found;
  }

  void before_commit(int connection) override {
    for (const Unit* unit : units_with(connection)) {
      go_on_or_throw(stop_, *unit->lock);
      if (unit->running) tell_of_commit(*unit, "commits in its middle");
    }
  }
  void committed(int connection) override {
    for (Unit* unit : units_with(connection)) take_as_done(*unit);
  }
  void rolled_back(int connection) override {
    for (Unit* unit : units_with(connection)) {
      unit->next -= unit->ended.size();
      unit->ended.clear();
      unit->reports.clear();
    }
  }
  void ended_by_statement(int connection, const std::string& /*sql*/) override {
    for (const Unit* unit : units_with(connection)) {
      if (unit->running) tell_of_commit(*unit, "ends its transaction by a statement");
    }
  }

  void tell_of_commit(const Unit& unit, const char* what) {
    observer_.warned(fmt::format("revision {} {}: what it did so far stays if it fails behind that",
                                 unit.running->revision, what));
  }

  void take_as_done(Unit& unit) {
    if (unit.ended.empty()) return;
    for (const std::size_t index : std::exchange(unit.ended, {})) {
      const PreparedStep& step = unit.steps[index];
      StepReport& report = unit.reports[index - (unit.next - unit.reports.size())];
      hooks_->step_finished(step.step, step.revision, milliseconds(report.duration_ms));
      observer_.step_finished(step.step, step.revision, milliseconds(report.duration_ms));
      report_.steps.push_back(std::move(report));
    }
    unit.reports.clear();
    const RevisionSet rows = rows_after(unit.plan(), unit.next);
    report_.to = {rows.begin(), rows.end()};
  }

  // --- the end ---

  std::string message() const {
    const Plan& plan = units_.back().plan();
    const bool down = !plan.steps.empty() && plan.steps.front().direction == Direction::Down;
    const std::size_t count = report_.steps.size();
    return fmt::format("{} to {}: {} revision{} in {}", down ? "downgraded" : "upgraded",
                       revisions_text(plan.finish), count, count == 1 ? "" : "s",
                       duration_text(elapsed_ms(begun_)));
  }

  // Nothing may be left that was not committed.
  void settle_units() {
    for (Unit& unit : units_) {
      if (unit.connection == 0 && !unit.ended.empty()) {
        const RevisionSet rows = unit.workplace->versions().read(unit.workplace->connection());
        if (rows == rows_after(unit.plan(), unit.next)) {
          write_history(unit);
          take_as_done(unit);
        } else if (host_.is_left_open()) {
          take_as_done(unit);  // the next run takes them into the history, as it does Alembic's
        }
      }
      if (!unit.ended.empty()) {
        throw Error(Reason::MigrationFailed,
                    fmt::format("{} has ended without a COMMIT: what it ran is rolled back",
                                env_py_path(options_.settings)),
                    "let env.py call context.run_migrations() inside `with "
                    "context.begin_transaction():`");
      }
      // SQLite, where a workplace may be inside, has no rights to grant.
      if (unit.history && !unit.is_inside && unit.plan().start.empty()) unit.history->grant();
    }
  }

  void write_history(Unit& unit) {
    std::vector<HistoryRow> rows;
    for (const std::size_t index : unit.ended) rows.push_back(history_row(unit, unit.steps[index]));
    Transaction transaction(unit.workplace->connection());
    unit.history->table().insert(unit.workplace->connection(), rows);
    transaction.commit();
  }

  ScriptPlace place() const {
    if (units_.empty() || !units_.back().running) return {};
    const StepReport& step = *units_.back().running;
    return {fmt::format("{} {}", step.direction == "upgrade" ? "upgrade to" : "downgrade of",
                        step.revision),
            step.revision, base_name(graph_of(units_.back()).at(step.revision).file)};
  }

  const Options& options_;
  Observer& observer_;
  const std::stop_token stop_;
  RunReport& report_;
  const Environment& environment_;
  const RevisionGraph& graph_;
  ScriptHost host_;
  std::deque<Unit> units_ = {};
  std::optional<RunHooks> hooks_ = {};
  const Clock::time_point begun_ = Clock::now();
};

}  // namespace

void migrate_hosted(const Options& options, Observer& observer, const std::stop_token& stop,
                    RunReport& report, const Environment& environment, const RevisionGraph& graph) {
  if (!has_env_py(options.settings)) {
    const auto script =
        std::ranges::find(graph.revisions(), ScriptFormat::Python, &Revision::format);
    if (script != graph.revisions().end()) refuse_python(*script);
  }
  HostedRun(options, observer, stop, report, environment, graph).run();
}

}  // namespace engine
