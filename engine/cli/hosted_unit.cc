// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/hosted_unit.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <tuple>
#include <utility>

#include "engine/cli/migrate.h"
#include "engine/cli/script_host.h"
#include "engine/db/journal_table.h"
#include "engine/run/lock.h"
#include "engine/run/migrator.h"
#include "engine/run/timestamp.h"
#include "engine/script/script_dir.h"

namespace engine {
namespace {

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;

long elapsed_ms(Clock::time_point begin) {
  return static_cast<long>(
      std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin).count());
}

void refuse_other_table(const Options& options, const VersionTableName& table) {
  const Settings& settings = options.settings;
  const VersionTableName& own = options.version_table;
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

// They run in the transaction of env.py.
void refuse_own_transactions(const PreparedStep& step) {
  for (const Statement& statement : step.statements) {
    if (statement.transactional && statement.kind != StatementKind::Batch) continue;
    const std::string& file = step.revision.file;
    throw Error(
        Reason::InvalidScripts,
        fmt::format("{}:{}: a statement that commits by itself cannot run beside pending "
                    "Python scripts, which share a transaction of env.py",
                    file.substr(file.rfind('/') + 1), statement.line),
        fmt::format("upgrade to the revision before {}, to it, and then on", step.step.revision));
  }
}

}  // namespace

const char* direction_of(const PreparedStep& step) {
  return step.step.direction == Direction::Up ? "upgrade" : "downgrade";
}

HostedUnit::HostedUnit(const HostedContext& context, const Json& request, int number,
                       Connection* scripts)
    : context_(context), options_(context.options), number_(number), scripts_(scripts) {
  if (request.contains("rows")) {
    told_rows_ = request.at("rows").get<std::vector<RevisionId>>();
  }
  read_other_folders(request);
  open_workplace(request);
}

void HostedUnit::read_other_folders(const Json& request) {
  const std::vector<std::string> folders = version_locations_in(request);
  if (folders.empty()) return;
  const bool recursive = options_.settings.flag(Key::RecursiveVersionLocations);
  scripts_graph_.emplace(read_scripts({{folders.begin(), folders.end()}, recursive, true}));
  const RevisionSet heads = scripts_graph_->effective_heads();
  context_.report.source_heads = {heads.begin(), heads.end()};
  context_.report.source_revisions = static_cast<int>(scripts_graph_->size());
}

void HostedUnit::open_workplace(const Json& request) {
  VersionTableName table = version_table_in(request);
  refuse_other_table(options_, table);
  const DatabaseUrl url = parse_database_url(text_of(request, "url"));
  check_version_table_name(table, url.flavour);
  const auto open = [&] {
    workplace_ = std::make_unique<Workplace>(options_, context_.observer, context_.stop,
                                             Workplace::WhenMissing::Create, url, table);
  };
  open();
  // The search path of env.py's session may lead to another schema than that of a new one.
  if (scripts_ != nullptr && table.schema.empty()) {
    const std::string theirs = VersionTable(table).schema_in(*scripts_);
    if (!theirs.empty() && theirs != workplace_->versions().schema_in(workplace_->connection())) {
      table.schema = theirs;
      open();
    }
  }
  options_.version_table = table;
  if (scripts_ != nullptr && scripts_->in_transaction() && url.flavour == SqlFlavour::Sqlite) {
    work_inside();
  }
}

// SQLite: what env.py has changed in its transaction nobody else sees before it ends, and nobody
// else can write. So all of the run is done in it.
void HostedUnit::work_inside() {
  if (!scripts_->holds_write_lock()) {
    throw Error(Reason::InvalidUsage,
                "env.py has set a savepoint on the SQLite file before run_migrations()",
                "let it end before: `context.begin_transaction()` begins the run's own");
  }
  workplace_->work_inside(*scripts_);
  is_inside_ = true;
}

// Where the scripts' session sees them, if it is one of ours.
std::vector<RevisionId> HostedUnit::read_rows() {
  if (scripts_ != nullptr) return workplace_->versions().read_in_order(*scripts_);
  return told_rows_ ? *told_rows_ : workplace_->rows();
}

bool HostedUnit::make_plan() {
  rows_ = read_rows();
  RunReport& report = context_.report;
  const RevisionSet set(rows_.begin(), rows_.end());
  report.from = report.to = {set.begin(), set.end()};
  planned_ = plan_run(options_.command, scripts_graph(), rows_, *workplace_);
  for (const std::string& warning : plan().warnings) context_.observer.warned(warning);
  report.target_revisions = {plan().targets.begin(), plan().targets.end()};
  report.pending = static_cast<int>(plan().steps.size());
  return !plan().steps.empty();
}

void HostedUnit::lock() {
  lock_ = scripts_ == nullptr ? workplace_->lock() : workplace_->lock_for(*scripts_);
}

void HostedUnit::unlock() {
  history_.reset();
  lock_.reset();
}

void HostedUnit::go_on_or_throw() const { engine::go_on_or_throw(context_.stop, *lock_); }

void HostedUnit::prepare() {
  workplace_->versions().check_width(workplace_->connection(), written_by(plan()));
  steps_ = engine::prepare(plan(), graph(), workplace_->dialect(), options_, planned_.stored);
  for (const PreparedStep& step : steps_) refuse_own_transactions(step);
  history_.emplace(options_, *workplace_, context_.report, context_.observer);
  history_->check_scripts(graph(), plan().start, planned_.stored_revisions());
  // Rows that the caller may still take back are not for the history.
  if (!told_rows_) history_->adopt(graph(), plan().start, planned_.stored_revisions());
}

Json HostedUnit::answer() const {
  Json steps = Json::array();
  for (const PreparedStep& step : steps_) {
    steps.push_back({{"revision", step.step.revision}, {"direction", direction_of(step)}});
  }
  Json told = {{"heads", rows_}, {"steps", std::move(steps)}};
  if (scripts_graph_ && !steps_.empty()) told["revisions"] = revisions_json(*scripts_graph_);
  return told;
}

const PreparedStep& HostedUnit::next_step(const Json& request) const {
  const std::string revision = request.at("revision");
  if (next_ < steps_.size() && steps_[next_].step.revision == revision) return steps_[next_];
  throw Error(Reason::Bug, fmt::format("the script host is at {}, which is not next", revision));
}

Json HostedUnit::begin_step() {
  const PreparedStep& step = steps_[next_];
  StepReport report;
  report.revision = step.step.revision;
  report.direction = direction_of(step);
  report.message = step.revision.message;
  report.statement_count = static_cast<int>(step.statements.size());
  running_ = std::move(report);
  begun_ = Clock::now();
  started_at_ = timestamp_now();
  return step.revision.format == ScriptFormat::Python ? Json::object() : run_own(step);
}

Json HostedUnit::run_own(const PreparedStep& step) {
  if (scripts_ == nullptr) {
    Json statements = Json::array();
    for (const Statement& statement : step.statements) statements.push_back(statement.sql);
    return {{"statements", std::move(statements)}};
  }
  if (!scripts_->in_transaction()) scripts_->begin();
  int number = 0;
  for (const Statement& statement : step.statements) {
    ++number;
    const auto begin = Clock::now();
    const long rows = scripts_->execute(statement.sql);
    running_->statements.push_back({number, statement.line, rows, elapsed_ms(begin)});
  }
  return {{"ran", true}};
}

void HostedUnit::end_step(const Json& request) {
  const PreparedStep& step = next_step(request);
  if (scripts_ != nullptr && !scripts_->in_transaction()) {
    check_rows(request, workplace_->versions().read(*scripts_));  // nothing goes back
  }
  check_rows(request, rows_behind_history(step, request));
  running_->duration_ms = elapsed_ms(begun_);
  ended_.push_back({&step, *std::exchange(running_, std::nullopt), started_at_});
  ++next_;
}

RevisionSet HostedUnit::rows_behind_history(const PreparedStep& step, const Json& request) {
  if (scripts_ == nullptr) return request.value("rows", Json::array()).get<RevisionSet>();
  const Dialect& dialect = scripts_->dialect();
  const HistoryTable& history = history_->table();
  return workplace_->versions().read_behind(
      *scripts_, {JournalTable(history).clear_statement(dialect, step.step.revision),
                  history.statement(dialect, history_row(step, started_at_))});
}

void HostedUnit::check_rows(const Json& request, const RevisionSet& found) const {
  const RevisionSet wanted = rows_after(plan(), next_ + 1);
  if (found == wanted) return;
  throw Error(Reason::VersionConflict,
              fmt::format("after {} the version table should be at {}, and is at {}",
                          request.at("revision").get<std::string>(), revisions_text(wanted),
                          revisions_text(found)),
              "another program changed the version table during the run: run the same command "
              "again; or the script itself did: take that out");
}

HistoryRow HostedUnit::history_row(const PreparedStep& step, const std::string& started_at) const {
  return history_row_of(step, identity_of(context_.report), started_at);
}

std::vector<HostedUnit::EndedStep> HostedUnit::take_ended() {
  const RevisionSet rows = rows_after(plan(), next_);
  context_.report.to = {rows.begin(), rows.end()};
  return std::exchange(ended_, {});
}

std::size_t HostedUnit::take_back() {
  next_ -= ended_.size();
  return std::exchange(ended_, {}).size();
}

bool HostedUnit::is_at_ended_steps() {
  return workplace_->versions().read(workplace_->connection()) == rows_after(plan(), next_);
}

void HostedUnit::write_history() {
  std::vector<HistoryRow> rows;
  for (const EndedStep& step : ended_) rows.push_back(history_row(*step.prepared, step.started_at));
  Transaction transaction(workplace_->connection());
  history_->table().insert(workplace_->connection(), rows);
  transaction.commit();
}

void HostedUnit::grant() {
  // SQLite, where a workplace may be inside, has no rights to grant.
  if (history_ && !is_inside_ && plan().start.empty()) history_->grant();
}

}  // namespace engine
